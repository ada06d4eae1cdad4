package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// campaign is one way to attack.
type campaign struct {
	name  string
	what  string // what it counts
	share int    // how much of the time it gets, beside the others
	most  int    // cases, if more would be the same again; 0: any number
	// need makes what the campaign needs, and fails with errMissing if this machine
	// cannot have it.
	need func(ctx context.Context, s *soak) error
	run  func(ctx context.Context, a *attack) error

	skipped  error
	cases    int
	count    int
	failures int
	took     time.Duration
}

var campaigns = []*campaign{
	{name: "kills", what: "kills", share: 4, need: mayHave(needInterposer, needServer), run: kills},
	{name: "faults", what: "faults", share: 4, need: needInterposer, run: faults},
	{name: "power", what: "power cuts", share: 4, need: needInterposer, run: powerCuts},
	{name: "damage", what: "damaged files", share: 3, run: damage},
	{name: "processes", what: "processes at once", share: 2, need: mayHave(needServer), run: processes},
	{name: "servers", what: "server losses", share: 3, need: needServer, run: serverLosses},
	{name: "calls", what: "random steps", share: 5, need: mayHave(needSuite, needServer), run: calls},
	{name: "fuzz", what: "fuzzed inputs", share: 1, run: fuzz},
	{name: "columns", what: "runs with each column damaged", share: 1, most: 1, need: needColumns, run: columns},
	{name: "suite", what: "runs of concurrent tests", share: 2, need: needSuite, run: concurrentTests},
}

func campaignNames() (names []string) {
	for _, c := range campaigns {
		names = append(names, c.name)
	}
	return names
}

// choose returns the campaigns of the given names, or all.
func choose(names string) (chosen []*campaign, err error) {
	if names == "" {
		return campaigns, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.Index(campaignNames(), name)
		if i < 0 {
			return nil, fmt.Errorf("there is no campaign %q, only %s", name, strings.Join(campaignNames(), ", "))
		}
		chosen = append(chosen, campaigns[i])
	}
	return chosen, nil
}

// attack is one case of a campaign.
type attack struct {
	*soak
	*rand.Rand // of the case's seed
	seed       uint64
	dir        string // its own; kept if it fails
	count      int    // of what the campaign counts
}

// path returns the path of a file in the folder of the case.
func (a *attack) path(name string) string { return filepath.Join(a.dir, name) }

// tooMany failures end a run: what follows would be more of the same.
const tooMany = 20

// attack runs cases of the campaigns until their time is over, each campaign as
// much as its share, prints what it did and returns how many cases failed.
func (s *soak) attack(ctx context.Context, chosen []*campaign, seed uint64, length time.Duration, cases int) int {
	fmt.Fprintf(s.out, "soak: seed %d\n", seed)
	for _, c := range chosen {
		if c.need == nil {
			continue
		}
		if c.skipped = c.need(ctx, s); c.skipped != nil {
			fmt.Fprintf(s.out, "%s: %v\n", c.name, c.skipped)
			if !errors.Is(c.skipped, errMissing) {
				c.failures++
			}
		}
	}
	begin := time.Now()
	told := begin
	for ctx.Err() == nil && failuresOf(chosen) < tooMany {
		c := next(chosen, cases)
		if c == nil || (cases == 0 && time.Since(begin) > length) {
			break
		}
		s.attackOnce(ctx, c, seedOf(seed, c.cases))
		if time.Since(told) > time.Minute {
			told = time.Now()
			fmt.Fprintf(s.out, "%s: %s\n", time.Since(begin).Round(time.Second), tally(chosen))
		}
	}
	for _, c := range chosen {
		if c.skipped == nil {
			fmt.Fprintf(s.out, "| %s | %s | %s %s | %s | %d |\n", c.name, humanize.Comma(int64(c.cases)),
				humanize.Comma(int64(c.count)), c.what, c.took.Round(time.Second), c.failures)
		}
	}
	failures := failuresOf(chosen)
	fmt.Fprintf(s.out, "soak: %s, seed %d: %s: %d failures\n", time.Since(begin).Round(time.Second), seed, tally(chosen), failures)
	return failures
}

// seedOf returns the seed of a campaign's n-th case. The first is the run's own,
// so that a case can be repeated as the first one.
func seedOf(seed uint64, n int) uint64 {
	if n == 0 {
		return seed
	}
	return uint64(rand.New(rand.NewPCG(seed, uint64(n))).Uint32())
}

// next returns the campaign that has had the least of its time, nil if all have
// had their cases.
func next(chosen []*campaign, cases int) (least *campaign) {
	for _, c := range chosen {
		if c.skipped != nil || (cases > 0 && c.cases >= cases) || (c.most > 0 && c.cases >= c.most) {
			continue
		}
		if least == nil || c.took*time.Duration(least.share) < least.took*time.Duration(c.share) {
			least = c
		}
	}
	return least
}

func (s *soak) attackOnce(ctx context.Context, c *campaign, seed uint64) {
	begin := time.Now()
	a := &attack{soak: s, Rand: rand.New(rand.NewPCG(seed, 0)), seed: seed}
	err := a.run(ctx, c)
	c.cases++
	c.count += a.count
	c.took += time.Since(begin)
	if err != nil && ctx.Err() == nil {
		c.failures++
		s.kept = append(s.kept, a.dir)
		fmt.Fprintf(s.out, "FAILED: %s: %v\n  its files: %s\n  again: go run ./engagement/internal/soak -only %s -seed %d -cases 1\n",
			c.name, err, a.dir, c.name, seed)
	}
}

// run runs the case in a folder of its own.
func (a *attack) run(ctx context.Context, c *campaign) (err error) {
	if a.dir, err = os.MkdirTemp(a.soak.dir, c.name+"-*"); err != nil {
		return err
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
		if err == nil {
			err = os.RemoveAll(a.dir)
		}
	}()
	return c.run(ctx, a)
}

func failuresOf(chosen []*campaign) (n int) {
	for _, c := range chosen {
		n += c.failures
	}
	return n
}

// tally says what the campaigns have counted and which were skipped.
func tally(chosen []*campaign) string {
	var parts []string
	for _, c := range chosen {
		if c.skipped == nil {
			parts = append(parts, humanize.Comma(int64(c.count))+" "+c.what)
		} else {
			parts = append(parts, c.name+" skipped")
		}
	}
	return strings.Join(parts, ", ")
}
