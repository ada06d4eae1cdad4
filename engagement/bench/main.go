// Command bench measures the library against hand-written code, other ways to
// write it, and what SQLite itself costs, and prints a table in Markdown.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// bench is one run.
type bench struct {
	dir         string
	data        string // where files are kept from run to run; empty: nowhere
	rounds      int
	duration    time.Duration // of a measurement
	sizes       sizes
	only        *regexp.Regexp
	progress    io.Writer
	copies      int
	compare     string // another commit to measure; empty: none
	citus       string // the DSN of a cluster; empty: there is none
	withIndexes bool   // measure what each index costs
	other       string // the program of that commit; empty: it is not built yet

	// startServer is pgtest.Start, with the server's own settings.
	startServer func(ctx context.Context, settings ...string) (*pgtest.Server, error)
	pg          *pgtest.Server // nil until it is asked for
	remote      map[int]string // the DSNs of histories that were copied to it, by their users
}

func (b *bench) logf(format string, args ...any) {
	fmt.Fprintf(b.progress, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

// group is rows that are measured in turn with one another.
type group struct {
	name string
	run  func(context.Context) ([]row, error)
}

// section is a table and the groups that fill it.
type section struct {
	table
	groups []group
}

func (b *bench) sections() []*section {
	return []*section{
		b.noise(), b.writes(), b.bulk(), b.trades(), b.million(), b.pagesWritten(), b.indexes(), b.comparisons(),
		b.postgres(), b.onCitus(), b.overHTTP(), b.streams(), b.reads(), b.figures(), b.figuresByHand(), b.growth(), b.cleanups(), b.exports(),
	}
}

// run measures all groups that were asked for, and goes on after one that
// fails.
func (b *bench) run(ctx context.Context) (tables []*table, err error) {
	defer func() { err = errors.Join(err, b.stopServer()) }()
	for _, s := range b.sections() {
		t := s.table
		var noServer error
		for _, g := range s.groups {
			if !b.only.MatchString(g.name) || ctx.Err() != nil {
				continue
			}
			b.logf("%s", g.name)
			rows, failed := g.run(ctx)
			if errors.Is(failed, pgtest.ErrNotInstalled) {
				noServer = failed
				continue
			}
			t.rows = append(t.rows, rows...)
			if failed != nil {
				failed = fmt.Errorf("%s: %w", g.name, failed)
				t.errs = append(t.errs, failed)
				err = errors.Join(err, failed)
			}
		}
		switch t.skipped = noServer != nil && len(t.rows)+len(t.errs) == 0; {
		case t.skipped:
			t.note = "Not measured: " + noServer.Error() + "."
		case noServer != nil:
			t.note += " Without PostgreSQL: " + noServer.Error() + "."
		}
		if len(t.rows)+len(t.errs) > 0 || t.skipped {
			tables = append(tables, &t)
		}
	}
	return tables, errors.Join(err, ctx.Err())
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// command is the program: it parses args, measures, and writes the table to
// stdout.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	if len(args) == 2 && args[0] == exportOnce {
		return printExport(ctx, args[1], stdout)
	}
	if len(args) == 2 && args[0] == askServer {
		return runClient(args[1], os.Stdin, stdout)
	}
	if len(args) == 1 && args[0] == beSubject {
		return runSubject(os.Stdin, stdout)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "tiny sizes and short measurements: does it run? The figures mean nothing")
	only := flags.String("only", "", "measure only the groups whose names match this `pattern`")
	rounds := flags.Int("rounds", 5, "how often each row is measured")
	seconds := flags.Float64("seconds", 1, "how long a measurement takes")
	dir := flags.String("dir", ".", "where the databases are made, in a directory that is removed afterwards")
	data := flags.String("data", "data", "where the databases of the community's figures are kept; --quick keeps none")
	makeOnly := flags.Bool("make-data", false, "only make the databases that are kept, unless they are there")
	compare := flags.String("compare", "", "also measure the library of this `commit`, in turn with this one's")
	indexes := flags.Bool("indexes", false, "also measure what each index of a SQLite file costs (takes minutes)")
	citus := flags.String("citus", os.Getenv(citusVariable), "also measure the Citus cluster whose coordinator this `DSN` names; $"+citusVariable)
	out := flags.String("out", "", "also write the table to this `file`")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if flags.NArg() > 0 || *rounds < 1 || *seconds <= 0 {
		return errors.New("want no arguments, at least one round and some seconds")
	}
	b := &bench{rounds: *rounds, duration: time.Duration(*seconds * float64(time.Second)), sizes: fullSizes,
		progress: stderr, startServer: pgtest.Start, data: *data, compare: *compare, withIndexes: *indexes, citus: *citus}
	if *quick {
		b.rounds, b.duration, b.sizes, b.data = min(*rounds, 2), 20*time.Millisecond, quickSizes, ""
	}
	if *makeOnly {
		return b.makeData(ctx)
	}
	if b.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(*dir, ".bench-*"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	tables, err := b.run(ctx)
	if len(tables) == 0 {
		return errors.Join(err, fmt.Errorf("no group's name matches %q", *only))
	}
	return errors.Join(err, report(b.dir, args, tables, stdout, *out))
}

// report writes the tables to stdout and, if it is named, to a file.
func report(dir string, args []string, tables []*table, stdout io.Writer, file string) error {
	if err := writeReport(stdout, dir, args, tables); err != nil || file == "" {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(writeReport(f, dir, args, tables), f.Close())
}

func writeReport(w io.Writer, dir string, args []string, tables []*table) error {
	if err := writeHeader(w, dir, args); err != nil {
		return err
	}
	for _, t := range tables {
		if err := t.write(w); err != nil {
			return err
		}
	}
	return nil
}
