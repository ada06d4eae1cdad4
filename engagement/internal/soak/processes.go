package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// processes lets several children record and do different upkeep on one
// database at once. Some of them are killed; the others must not notice.
func processes(ctx context.Context, a *attack) (err error) {
	s, err := a.newScene([]string{opNone, opNone, opAdopt, opNew}[a.IntN(4)], false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	upkeep := []string{opNone, opNone, opErase, opRebuild, opRules}
	if s.op == opNone {
		upkeep = append(upkeep, opCleanup) // elsewhere there may be no fires to decide the horizon
	}
	runs := make([]childRun, 2+a.IntN(3))
	failures := make([]error, len(runs))
	var running sync.WaitGroup
	for i := range runs {
		s.op = upkeep[a.IntN(len(upkeep))]
		runs[i] = childRun{orders: s.orders(fmt.Sprint(i)), ledger: newLedger()}
		runs[i].Units = 10 + a.IntN(30)
		if a.IntN(4) == 0 {
			runs[i].killAfter = time.Duration(1+a.IntN(200_000)) * time.Microsecond
		}
		running.Go(func() {
			what, err := a.runChild(ctx, runs[i])
			if err == nil && len(what.complaints) > 0 {
				err = fmt.Errorf("the child complains: %s", what.complaints[0])
			}
			failures[i] = err
		})
	}
	running.Wait()
	a.count += len(runs)
	for i, run := range runs {
		if failures[i] != nil {
			return fmt.Errorf("%s: process %d of %d, with op %q: %w", s, i, len(runs), run.Op, failures[i])
		}
		s.ledger.add(run.ledger)
	}
	s.op = opNone
	return s.inspect(ctx, s.dsn, s.ledger)
}

// add takes what another ledger says, whenever that was.
func (l *ledger) add(other *ledger) {
	for name := range other.begun {
		l.begin(name)
	}
	for name := range other.done {
		l.end(name)
	}
}
