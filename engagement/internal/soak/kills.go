package main

import (
	"context"
	"errors"
	"fmt"
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
			most := []int{20_000, 120_000, 800_000}[a.IntN(3)] // opening, recording, long upkeep
			run.killAfter = time.Duration(1+a.IntN(most)) * time.Microsecond
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
