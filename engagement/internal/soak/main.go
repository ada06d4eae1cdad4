// Command soak attacks the database with all that must not harm it, for as long
// as it is told to: killed processes, failing disks, power cuts, damaged files,
// lost servers, random calls. After each attack it looks whether what was
// acknowledged is there, once and whole, and whether Verify finds nothing.
//
// Everything random in a case follows from its seed. A case that fails keeps its
// folder and prints the command that repeats it.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	asChild()
	length := flag.Duration("for", 10*time.Minute, "how long to attack")
	seed := flag.Uint64("seed", 0, "the seed of the first case of each campaign (default: a random one)")
	only := flag.String("only", "", "the campaigns to run, separated by commas, of: "+strings.Join(campaignNames(), ", "))
	cases := flag.Int("cases", 0, "how many cases of each campaign to run, instead of -for")
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(rand.Uint32())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	chosen, err := choose(*only)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("what is %q?", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(2)
	}
	s, err := prepare(ctx, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
	failures := s.attack(ctx, chosen, *seed, *length, *cases)
	if err := s.close(); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		failures++
	}
	if failures > 0 {
		os.Exit(1)
	}
}
