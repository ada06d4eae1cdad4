package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

const (
	cleanupCallers = 64
	keepDays       = 90
)

func (b *bench) cleanups() *section {
	return &section{
		table: table{
			title: "Writes while a cleanup runs",
			note: "64 callers fire, one fire a call, while Cleanup deletes all fires of the large community, and before " +
				"that in quiet; synchronous = FULL. Waits are of single calls, from the call until it is on disk.",
			columns: []string{"load", "fires/s", "÷ quiet", "wait p50, ms", "wait p99, ms", "longest wait, ms",
				"fires deleted", "fires deleted/s", "target"},
		},
		groups: []group{{name: "cleanup", run: b.cleanupRounds}},
	}
}

// pressure is what the callers got through, and how long each call took.
type pressure struct {
	rate           float64
	p50, p99, most float64 // milliseconds
}

// cleanupRound is what one round came to.
type cleanupRound struct {
	quiet, cleaning pressure
	deleted         int64
	took            time.Duration
}

func (b *bench) cleanupRounds(ctx context.Context) ([]row, error) {
	original, err := b.communityFile(ctx, b.sizes.large)
	if err != nil {
		return nil, err
	}
	var rounds []cleanupRound
	for i := range b.rounds {
		path, err := b.copyOf(original)
		if err != nil {
			return nil, err
		}
		last := i == b.rounds-1 // verifying takes long
		round, err := b.cleanupRound(ctx, path, last)
		if err := errors.Join(err, remove(path)); err != nil {
			return nil, err
		}
		rounds = append(rounds, round)
	}
	return cleanupRows(rounds), nil
}

func cleanupRows(rounds []cleanupRound) []row {
	of := func(get func(cleanupRound) float64) series {
		s := make(series, len(rounds))
		for i, round := range rounds {
			s[i] = get(round)
		}
		return s
	}
	line := func(name string, get func(cleanupRound) pressure) row {
		return row{name, []cell{
			figure(of(func(r cleanupRound) float64 { return get(r).rate })),
			figure(of(func(r cleanupRound) float64 { return get(r).rate / r.quiet.rate })),
			figure(of(func(r cleanupRound) float64 { return get(r).p50 })),
			figure(of(func(r cleanupRound) float64 { return get(r).p99 })),
			figure(of(func(r cleanupRound) float64 { return get(r).most })),
		}}
	}
	quiet := line("in quiet", func(r cleanupRound) pressure { return r.quiet })
	cleaning := line("while cleaning up", func(r cleanupRound) pressure { return r.cleaning })
	worst := slices.Max(cleaning.cells[4].figure)
	cleaning.cells = append(cleaning.cells,
		figure(of(func(r cleanupRound) float64 { return float64(r.deleted) })),
		figure(of(func(r cleanupRound) float64 { return float64(r.deleted) / r.took.Seconds() })),
		atLeast(0.5, cleaning.cells[1].figure).and(verdict(worst <= 250, "no wait over 250 ms")))
	return []row{quiet, cleaning}
}

// cleanupRound measures one copy of the community. It is opened so much later
// that none of the community's fires is kept.
func (b *bench) cleanupRound(ctx context.Context, path string, verified bool) (round cleanupRound, err error) {
	later := communityNow.AddDate(0, 0, keepDays+1)
	start := time.Now()
	clock := func() time.Time { return later.Add(time.Since(start)) }
	db, err := engagement.Open(ctx, path, engagement.WithClock(clock))
	if err != nil {
		return round, err
	}
	defer func() {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	lib, next := &library{db: db}, &atomic.Int64{}
	if _, err := b.press(ctx, lib, next, waitFor(b.duration/5)); err != nil { // to warm up
		return round, err
	}
	// A cleanup takes some seconds, in which the WAL is moved into the file more
	// than once; the quiet is to know that too.
	if round.quiet, err = b.press(ctx, lib, next, waitFor(3*b.duration)); err != nil {
		return round, err
	}
	plan, err := db.PlanCleanup(ctx, keepDays)
	if err != nil {
		return round, err
	}
	round.cleaning, err = b.press(ctx, lib, next, func() error {
		began := time.Now()
		report, err := db.Cleanup(ctx, keepDays)
		round.deleted, round.took = report.FiresDeleted, time.Since(began)
		return err
	})
	if err == nil && (round.deleted != plan.FiresDeleted || round.deleted < int64(b.sizes.large.users)) {
		err = fmt.Errorf("%d fires were deleted, want %d", round.deleted, plan.FiresDeleted)
	}
	if err != nil || !verified {
		return round, err
	}
	err = db.Close()
	db = nil
	return round, errors.Join(err, verify(ctx, path, next.Load()))
}

func waitFor(d time.Duration) func() error {
	return func() error { time.Sleep(d); return nil }
}

// press lets many callers fire while fn runs.
func (b *bench) press(ctx context.Context, lib *library, next *atomic.Int64, fn func() error) (pressure, error) {
	var over atomic.Bool
	failed := make(chan error, 1)
	start := time.Now()
	go func() {
		failed <- fn()
		over.Store(true)
	}()
	waits := make([][]time.Duration, cleanupCallers)
	ops, err := callers(cleanupCallers, next, over.Load, func(caller, i int) error {
		began := time.Now()
		err := lib.record(ctx, b.sizes.users.fireAt(i))
		waits[caller] = append(waits[caller], time.Since(began))
		return err
	})
	took := time.Since(start)
	err = errors.Join(err, <-failed)
	all := slices.Sorted(slices.Values(slices.Concat(waits...)))
	if err == nil && len(all) == 0 {
		err = errors.New("nobody could fire")
	}
	if err != nil {
		return pressure{}, err
	}
	at := func(share float64) float64 {
		return float64(all[int(share*float64(len(all)-1))].Microseconds()) / 1e3
	}
	return pressure{rate: float64(ops) / took.Seconds(), p50: at(0.5), p99: at(0.99), most: at(1)}, nil
}
