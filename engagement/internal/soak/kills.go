package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"
)

// kills kills children that record and do upkeep, some times on one database.
// The children are killed at a random moment or in a random call of SQLite's.
func kills(ctx context.Context, a *attack) (err error) {
	s, err := a.newScene(ops[a.IntN(len(ops))], false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for round := range 1 + a.IntN(5) {
		if s.op == opRebuild {
			if err := s.spoil(ctx); err != nil {
				return err
			}
		}
		run := childRun{orders: s.orders(fmt.Sprint(round)), ledger: s.ledger}
		if !s.onServer() && a.interposer != "" && a.IntN(2) == 0 {
			run.fault = &fault{dir: a.dir, kinds: someKinds(a), killAt: logUniform(a, 1000), half: a.IntN(2) == 0}
			run.Units = 200
		} else {
			run.killAfter = time.Duration(1+a.IntN(120_000)) * time.Microsecond
		}
		what, err := a.runChild(ctx, run)
		if err == nil && len(what.complaints) > 0 && !s.expected(what) {
			err = fmt.Errorf("the child complains: %s", what.complaints[0])
		}
		if err != nil {
			return fmt.Errorf("%s, round %d: %w", s, round, err)
		}
		if what.killed {
			a.count++
		}
		if err := s.inspect(ctx, s.dsn, s.ledger); err != nil {
			return fmt.Errorf("%s, round %d: %w", s, round, err)
		}
	}
	if err := s.finish(ctx); err != nil {
		return fmt.Errorf("%s, in the end: %w", s, err)
	}
	return nil
}

func (s *scene) String() string {
	return fmt.Sprintf("op %q on %s", s.op, map[bool]string{true: "a server", false: "a file"}[s.onServer()])
}

// expected reports whether all that failed is that a backup or a copy is there
// already, from a child before.
func (s *scene) expected(what *said) bool {
	for _, c := range what.complaints {
		if (c.What != opBackup && c.What != opCopy) || len(c.Kinds) != 1 || c.Kinds[0] != "invalid" {
			return false
		}
	}
	return true
}

// someKinds draws which calls of the C library count.
func someKinds(a *attack) string {
	return []string{"orwtsu", "w", "w", "s", "r", "otu", "ws"}[a.IntN(7)]
}

// logUniform draws a number up to most, small ones as often as large ones.
func logUniform(a *attack, most int) int {
	return int(math.Exp(a.Float64() * math.Log(float64(most))))
}

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
	f := &fault{dir: a.dir, kinds: someKinds(a), failAt: logUniform(a, 3000), errno: int(syscall.EIO), half: a.IntN(2) == 0}
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
		if what.faults == 0 || !c.isFault() {
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

// isFault reports whether an error tells of a disk that fails, and not of a file
// that is damaged or a handle that has ended.
func (c complaint) isFault() bool {
	for _, kind := range c.Kinds {
		if kind == "closed" || kind == "corrupt" {
			return false
		}
	}
	return true
}
