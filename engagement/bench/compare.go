package main

import (
	"archive/tar"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// program is the library of a commit, in a program that is told what to do.
type program struct {
	name string
	path string // "": this one
}

// subject is a running program with a database of its own.
type subject struct {
	program
	process *process
	drop    func() error // removes the database; nil: it stays
}

// start starts a program, which opens the database at path.
func (p program) start(path string) (*subject, error) {
	s := &subject{program: p}
	var err error
	if p.path == "" {
		s.process, err = startSelf(beSubject)
	} else {
		s.process, err = startProcess(p.path)
	}
	if err != nil {
		return nil, err
	}
	if _, err := s.obey(order{Do: "open", Path: path}); err != nil {
		return nil, errors.Join(err, s.process.close())
	}
	return s, nil
}

func (s *subject) obey(o order) (answered, error) {
	var a answered
	err := s.process.ask(o, &a)
	if err == nil && a.Failure != "" {
		err = errors.New(a.Failure)
	}
	if err != nil {
		err = fmt.Errorf("%s: %s: %w", s.name, o.Do, err)
	}
	return a, err
}

// close proves the database, ends the program and removes the database.
func (s *subject) close() error {
	_, err := s.obey(order{Do: "close"})
	err = errors.Join(err, s.process.close())
	if s.drop != nil {
		err = errors.Join(err, s.drop())
	}
	return err
}

// fires is how a subject fires with n callers.
func (s *subject) fires(users workload, random bool, n int) measuring {
	return func(ctx context.Context, d time.Duration) (sample, error) {
		a, err := s.obey(order{Do: "fire", Users: users, Random: random, N: n, For: d})
		return a.sample(), errors.Join(err, ctx.Err())
	}
}

// subjectSources make a program of a subject.
//
//go:embed subject.go workload.go cputime_unix.go cputime_windows.go
var subjectSources embed.FS

const subjectMain = "package main\n\nimport \"os\"\n\nfunc main() {\n\tif err := runSubject(os.Stdin, os.Stdout); err != nil {\n\t\tpanic(err)\n\t}\n}\n"

// programs returns this commit's library and, if another commit is named, its too.
// That one is built from an archive in the run's directory with this commit's
// subject.go: the library of long ago knows nothing of what is measured today, but has
// always recorded fires.
func (b *bench) programs(ctx context.Context) ([]program, error) {
	if b.compare == "" {
		return []program{{name: "this commit"}}, nil
	}
	if b.other == "" {
		path, err := b.buildOther(ctx)
		if err != nil {
			return nil, fmt.Errorf("build the library of %s: %w", b.compare, err)
		}
		b.other = path
	}
	return []program{{name: "this commit"}, {name: b.compare, path: b.other}}, nil
}

func (b *bench) buildOther(ctx context.Context) (string, error) {
	b.logf("building the library of %s", b.compare)
	tree, err := filepath.Abs(filepath.Join(b.dir, "other"))
	if err != nil {
		return "", err
	}
	if err := checkOut(ctx, b.compare, tree); err != nil {
		return "", err
	}
	return b.buildSubject(ctx, tree)
}

// buildSubject builds a subject with the library of a tree, in which nothing is written:
// Go is told that the sources are there.
func (b *bench) buildSubject(ctx context.Context, tree string) (string, error) {
	sources, err := filepath.Abs(filepath.Join(b.dir, "subject"))
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(sources, subjectSources); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(sources, "main.go"), []byte(subjectMain), 0o666); err != nil {
		return "", err
	}
	files, err := os.ReadDir(sources)
	if err != nil {
		return "", err
	}
	module := filepath.Join(tree, "engagement", "bench") // which has all that is needed
	there := map[string]string{}
	for _, f := range files {
		there[filepath.Join(module, "subject", f.Name())] = filepath.Join(sources, f.Name())
	}
	text, err := json.Marshal(map[string]any{"Replace": there})
	if err != nil {
		return "", err
	}
	overlay, built := filepath.Join(sources, "overlay.json"), filepath.Join(sources, "built")
	if err := os.WriteFile(overlay, text, 0o666); err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-overlay", overlay, "-o", built, "./subject")
	build.Dir = module
	_, err = output(build)
	return built, err
}

// checkOut writes the files of a commit of this repository to a new folder.
func checkOut(ctx context.Context, commit, dir string) error {
	top, err := output(exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel"))
	if err != nil {
		return err
	}
	archive, err := output(exec.CommandContext(ctx, "git", "-C", strings.TrimSpace(string(top)), "archive", "--format=tar", commit))
	if err != nil {
		return err
	}
	return unpack(archive, dir)
}

// output runs a command and returns what it prints; its error says what it complains
// of.
func output(c *exec.Cmd) ([]byte, error) {
	out, err := c.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %w: %s", filepath.Base(c.Path), err, bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}

// unpack unpacks the folders and files of an archive; nothing else is needed to build.
func unpack(archive []byte, dir string) error {
	entries := tar.NewReader(bytes.NewReader(archive))
	for {
		e, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(e.Name) {
			return fmt.Errorf("the archive holds %q", e.Name)
		}
		path := filepath.Join(dir, e.Name)
		switch e.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o777)
		case tar.TypeReg:
			err = writeFrom(path, entries)
		}
		if err != nil {
			return err
		}
	}
}

func writeFrom(path string, from io.Reader) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, file.Close())
}

func (b *bench) comparisons() *section {
	s := &section{table: table{
		title: "Against " + b.compare,
		note: "One fire a call, durable when the call returns, 20,000 users and 30 live signals: the library of this " +
			"commit and of " + b.compare + ", each in a process of its own, in turn. CPU is that of the process, " +
			"without a server's.",
		columns: []string{"writer", "fires/s", "÷ " + b.compare, "fires a commit", "CPU µs a fire", "CPU ÷ " + b.compare, "target"},
	}}
	if b.compare == "" {
		return s
	}
	for _, n := range b.sizes.callersRemote {
		s.groups = append(s.groups, group{
			name: "compare: SQLite, " + plural(n, "caller"),
			run: func(ctx context.Context) ([]row, error) {
				return b.compareOn(ctx, "SQLite, "+plural(n, "caller"), n, b.emptyFile)
			},
		})
	}
	for _, delay := range []time.Duration{0, time.Millisecond} {
		for _, n := range b.sizes.callersRemote {
			name := "PostgreSQL, " + plural(n, "caller")
			if delay > 0 {
				name += ", 1 ms away"
			}
			s.groups = append(s.groups, group{
				name: "compare: " + name,
				run: func(ctx context.Context) ([]row, error) {
					return b.compareOn(ctx, name, n, func(ctx context.Context) (string, func() error, error) { return b.emptySchema(ctx, delay) })
				},
			})
		}
	}
	return s
}

// emptyFile returns where a database is to be made, and what removes it.
func (b *bench) emptyFile(context.Context) (string, func() error, error) {
	b.copies++
	path := filepath.Join(b.dir, fmt.Sprintf("empty-%d.db", b.copies))
	return path, func() error { return remove(path) }, nil
}

// emptySchema returns a DSN that leads to an empty schema, over so long a way.
func (b *bench) emptySchema(ctx context.Context, delay time.Duration) (string, func() error, error) {
	server, err := b.server(ctx)
	if err != nil {
		return "", nil, err
	}
	dsn, drop, err := pgtest.NewSchema(ctx, server.URL())
	if err != nil || delay == 0 {
		return dsn, drop, err
	}
	way, err := startProxy(server.Addr(), delay/2)
	return throughProxy(dsn, way), func() error { return errors.Join(way.close(), drop()) }, err
}

// compareOn measures all programs with n callers, each in a database of its own.
func (b *bench) compareOn(ctx context.Context, name string, n int, empty func(context.Context) (string, func() error, error)) ([]row, error) {
	programs, err := b.programs(ctx)
	if err != nil {
		return nil, err
	}
	r := &rivals{bench: b}
	for _, p := range programs {
		if r.err != nil {
			break
		}
		path, drop, err := empty(ctx)
		if err != nil {
			r.err = err
			break
		}
		r.addAt(p.name, path, func(path string) (measuring, func() error, error) {
			s, err := p.start(path)
			if err != nil {
				return nil, nil, err
			}
			if _, err := s.obey(order{Do: "warm", Users: b.sizes.users}); err != nil {
				return nil, nil, errors.Join(err, s.close())
			}
			return s.fires(b.sizes.users, false, n), s.close, nil
		}, func(context.Context, string, int64) error { return drop() })
	}
	if err := r.measure(ctx, turnsOf(n)); err != nil {
		return nil, err
	}
	ours, theirs := r.all[0], r.all[1]
	rate, cpu := ours.figures(sample.rate), ours.figures(sample.cpuPerOp)
	ratio, cpuRatio := rate.over(theirs.figures(sample.rate)), cpu.over(theirs.figures(sample.cpuPerOp))
	target := blank
	if strings.HasPrefix(name, "SQLite") && n >= 256 {
		target = atMost(0.75, cpuRatio)
	}
	name += ": "
	return []row{
		{name + ours.name, []cell{figure(rate), figure(ratio), figure(ours.figures(sample.batch)), figure(cpu), figure(cpuRatio), target}},
		{name + theirs.name, []cell{figure(theirs.figures(sample.rate)), blank, figure(theirs.figures(sample.batch)),
			figure(theirs.figures(sample.cpuPerOp)), blank, blank}},
	}, nil
}
