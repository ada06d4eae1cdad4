package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// soak is what all cases of a run share.
type soak struct {
	dir         string // of all files
	root        string // of the repository
	nothing     *place
	community   *place
	predecessor []*place

	out  io.Writer
	cuts int  // power cuts that are tried on one log
	lax  bool // children do not wait for the disk, which power cuts must find out

	interposer string // the path of the compiled library, "" if it cannot be used
	server     *pgtest.Server
	template   *pgtest.Template // of schemas with the community
	made       map[string]error // what once has made
	kept       []string         // the folders of failed cases
}

// prepare makes what every attack begins with.
func prepare(ctx context.Context, out io.Writer) (s *soak, err error) {
	s = &soak{out: out, cuts: 25, made: map[string]error{}}
	if s.root, err = rootFolder(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "soak-*"); err != nil {
		return nil, err
	}
	if s.dir, err = filepath.EvalSymlinks(s.dir); err != nil { // as SQLite names it
		return nil, err
	}
	if s.nothing, err = makeNothing(ctx, filepath.Join(s.dir, "new.db")); err != nil {
		return nil, fmt.Errorf("make a database: %w", err)
	}
	if s.community, err = makeCommunity(ctx, filepath.Join(s.dir, "community.db")); err != nil {
		return nil, fmt.Errorf("make a community: %w", err)
	}
	for i, name := range []string{"predecessor.db", "predecessor-settled.db"} {
		dir := filepath.Join(s.dir, fmt.Sprint("predecessor", i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
		p, err := makePredecessor(ctx, filepath.Join(s.root, "engagement", "testdata", name), filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("make a file of the predecessor: %w", err)
		}
		s.predecessor = append(s.predecessor, p)
	}
	return s, nil
}

// close ends what runs, and deletes all but the folders of failed cases.
func (s *soak) close() error {
	var errs []error
	if s.server != nil {
		errs = append(errs, s.server.Stop())
	}
	left, err := os.ReadDir(s.dir)
	errs = append(errs, err)
	for _, entry := range left {
		if path := filepath.Join(s.dir, entry.Name()); !slices.Contains(s.kept, path) {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	if len(s.kept) == 0 {
		errs = append(errs, os.Remove(s.dir))
	}
	return errors.Join(errs...)
}

// rootFolder returns the folder of the repository that this file is in.
func rootFolder() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..")
	_, err := os.Stat(filepath.Join(root, "go.mod"))
	return root, err
}

//go:embed interpose/interpose.c
var interposeSource []byte

// errMissing is why a campaign cannot run on this machine.
var errMissing = errors.New("skipped")

// once returns what make returned when it was called first for name.
func (s *soak) once(name string, make func() error) error {
	err, made := s.made[name]
	if !made {
		err = make()
		s.made[name] = err
	}
	return err
}

// mayHave makes what a campaign does with if it is there, and without if not.
func mayHave(needs ...func(context.Context, *soak) error) func(context.Context, *soak) error {
	return func(ctx context.Context, s *soak) error {
		for _, need := range needs {
			if err := need(ctx, s); err != nil && !errors.Is(err, errMissing) {
				return err
			}
		}
		return nil
	}
}

// needInterposer compiles the library that stands between SQLite and the C
// library, and sees whether it does.
func needInterposer(ctx context.Context, s *soak) error {
	return s.once("interposer", func() error {
		if runtime.GOOS != "linux" {
			return fmt.Errorf("%w: the C library is interposed on Linux only", errMissing)
		}
		compiler, err := exec.LookPath("cc")
		if err != nil {
			return fmt.Errorf("%w: there is no C compiler: %w", errMissing, err)
		}
		source, library := filepath.Join(s.dir, "interpose.c"), filepath.Join(s.dir, "interpose.so")
		if err := os.WriteFile(source, interposeSource, 0o600); err != nil {
			return err
		}
		out, err := exec.CommandContext(ctx, compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-lpthread").CombinedOutput()
		if err = errors.Join(err, os.Remove(source)); err != nil {
			return fmt.Errorf("compile the interposer: %w: %s", err, bytes.TrimSpace(out))
		}
		probe := filepath.Join(s.dir, "probe")
		if err := os.Mkdir(probe, 0o755); err != nil {
			return err
		}
		s.interposer = library
		said, err := s.runChild(ctx, childRun{
			orders: orders{DSN: filepath.Join(probe, "probe.db")}, ledger: newLedger(),
			fault: &fault{dir: probe, kinds: "w", failAt: 1, failFor: 1, errno: int(syscall.ENOSPC)},
		})
		if err = errors.Join(err, os.RemoveAll(probe)); err != nil {
			return err
		}
		if said.faults == 0 {
			s.interposer = ""
			return fmt.Errorf("%w: this program is linked statically, so its C library cannot be interposed", errMissing)
		}
		return nil
	})
}

// needServer starts a server and makes a schema with the community to copy.
func needServer(ctx context.Context, s *soak) error {
	return s.once("server", func() (err error) {
		s.server, err = pgtest.Start(ctx, "fsync=off", "full_page_writes=off")
		if errors.Is(err, pgtest.ErrNotInstalled) {
			return fmt.Errorf("%w: %w", errMissing, err)
		}
		if err != nil {
			return err
		}
		s.template, err = s.server.Template(ctx, func(dsn string) (err error) {
			db, err := engagement.Open(ctx, s.community.path, clock(), engagement.WithReadOnly())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			_, err = db.CopyTo(ctx, dsn)
			return err
		})
		return err
	})
}

// needSuite compiles the test suite, whose random histories and concurrent tests
// are campaigns too.
func needSuite(ctx context.Context, s *soak) error {
	return s.once("suite", func() error {
		build := exec.CommandContext(ctx, "go", "test", "-c", "-o", filepath.Join(s.dir, "suite.test"), "./engagement")
		build.Dir = s.root
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("compile the suite: %w: %s", err, bytes.TrimSpace(out))
		}
		return nil
	})
}
