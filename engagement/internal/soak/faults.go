package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
)

// faults lets the calls of SQLite fail while a child records and does upkeep,
// once or from then on: a disk that fails, or is full.
func faults(ctx context.Context, a *attack) error {
	s, err := a.newScene(ops[a.IntN(len(ops))], true)
	if err != nil {
		return err
	}
	if s.op == opRebuild {
		if err := s.spoil(ctx); err != nil {
			return err
		}
	}
	f := &fault{dir: a.dir, kinds: someKinds(a), failAt: logUniform(a, 1000), errno: int(syscall.EIO), half: a.IntN(2) == 0}
	f.failFor = []int{1, 1, 3, 50, 1 << 30}[a.IntN(5)]
	if a.IntN(2) == 0 {
		f.errno = int(syscall.ENOSPC)
		if a.IntN(2) == 0 {
			f.kinds = "w" // what a full disk refuses
		}
	}
	run := childRun{orders: s.orders("fault"), ledger: s.ledger, fault: f}
	run.Units, run.Callers = 60, 1+a.IntN(2)
	what, err := a.runChild(ctx, run)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", s, f, err)
	}
	a.count += what.faults
	for _, c := range what.complaints {
		if what.faults == 0 || !f.tells(c) {
			return fmt.Errorf("%s, %s: the child complains: %s", s, f, c)
		}
	}
	if err := s.inspect(ctx, s.dsn, s.ledger); err != nil {
		return fmt.Errorf("%s, %s: %w", s, f, err)
	}
	if err := s.finish(ctx); err != nil {
		return fmt.Errorf("%s, %s, in the end: %w", s, f, err)
	}
	return nil
}

// tells reports whether an error tells of a disk that fails so, and not of a file
// that is damaged or a handle that has ended. SQLite itself calls a read corrupt
// that fails with EIO.
func (f *fault) tells(c complaint) bool {
	readFails := strings.Contains(f.kinds, "r") && f.errno == int(syscall.EIO)
	return len(c.Kinds) > 0 && !slices.Contains(c.Kinds, "closed") && (readFails || !slices.Contains(c.Kinds, "corrupt"))
}

// someKinds draws which calls of the C library count.
func someKinds(a *attack) string {
	return []string{"orwtsu", "w", "w", "s", "r", "otu", "ws"}[a.IntN(7)]
}

// logUniform draws a number up to most, small ones as often as large ones.
func logUniform(a *attack, most int) int {
	return int(math.Exp(a.Float64() * math.Log(float64(most))))
}
