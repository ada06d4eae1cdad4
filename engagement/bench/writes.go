package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (b *bench) writes() *section {
	s := &section{table: table{
		title: "Writes",
		note: "One fire a call, durable when the call returns (synchronous = FULL), 20,000 users and 30 live signals. " +
			"The library keeps all counters and so does one of the hand-written transactions, with the same statements; the " +
			"others and GORM keep the predecessor's few. " +
			"The C floor runs the library's statements row by row in C, with as many fires a commit as the library " +
			"had in that round. CPU is user and system time of the whole process.",
		columns: []string{"writer", "fires/s", "÷ hand-written", "÷ C floor", "÷ all counters by hand",
			"fires a commit", "CPU µs a fire", "target"},
	}}
	for _, n := range b.sizes.callers {
		s.groups = append(s.groups, group{
			name: "writes: " + plural(n, "caller"),
			run:  func(ctx context.Context) ([]row, error) { return b.writesOf(ctx, n) },
		})
	}
	return s
}

// writesOf measures all writers with n callers.
func (b *bench) writesOf(ctx context.Context, n int) ([]row, error) {
	ours, err := b.libraryFile(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := b.plainFile(ctx)
	if err != nil {
		return nil, err
	}
	r := &rivals{bench: b}
	peer := func(open func(path string) (recorder, error)) func(string) (measuring, func() error, error) {
		return func(path string) (measuring, func() error, error) { return b.openPeer(path, n, open) }
	}
	var lib *library
	library := r.add("library", ours, func(path string) (measuring, func() error, error) {
		var run measuring
		lib, run, err = b.openMeasured(ctx, path, n)
		return run, func() error { return lib.close() }, err
	}, b.verifyWarm)
	floor := r.add("C floor", ours, func(path string) (measuring, func() error, error) {
		f, err := openFloor(path, b.sizes.users)
		return func(ctx context.Context, d time.Duration) (sample, error) {
			return f.measure(ctx, d, lib.lastBatch)
		}, func() error { return f.close() }, err
	}, b.verifyWarm)
	same := r.add("hand-written with all counters, mattn", ours,
		peer(func(path string) (recorder, error) { return openSameStatements(path) }), b.verifyWarm)
	hand := r.add("hand-written, mattn", plain,
		peer(func(path string) (recorder, error) { return openHandWritten("sqlite3", path) }), b.countWarm)
	if n <= 16 { // what writes one by one gets no faster with more callers
		r.add("hand-written, modernc", plain,
			peer(func(path string) (recorder, error) { return openHandWritten("sqlite", path) }), b.countWarm)
		r.add("GORM", plain, peer(func(path string) (recorder, error) { return openGORM(path) }), b.countWarm)
	}
	if err := r.measure(ctx, turnsOf(n)); err != nil {
		return nil, err
	}
	return writeRows(n, r.all, library, hand, floor, same), nil
}

// floorTargets are what the library is to reach of the same statements in C.
var floorTargets = map[int]float64{1: 0.9, 16: 0.85}

func writeRows(n int, all []*rival, library, hand, floor, same *rival) []row {
	rows := make([]row, len(all))
	for i, c := range all {
		rate := c.figures(sample.rate)
		ofC := rate.over(floor.figures(sample.rate))
		rows[i] = row{plural(n, "caller") + ": " + c.name, []cell{
			figure(rate), figure(rate.over(hand.figures(sample.rate))), figure(ofC),
			figure(rate.over(same.figures(sample.rate))), figure(c.figures(sample.batch)), figure(c.figures(sample.cpuPerOp)), blank,
		}}
		if least, ok := floorTargets[n]; ok && c == library {
			rows[i].cells[6] = atLeast(least, ofC)
		}
	}
	return rows
}

// openMeasured opens the library for n callers.
func (b *bench) openMeasured(ctx context.Context, path string, n int) (*library, measuring, error) {
	lib, err := openLibrary(ctx, path)
	var next atomic.Int64
	return lib, func(ctx context.Context, d time.Duration) (sample, error) {
		return lib.measure(func() (sample, error) {
			return load(ctx, n, d, &next, func(i int) error { return lib.record(ctx, b.sizes.users.fireAt(i)) })
		})
	}, err
}

// openPeer opens a contender that commits each fire alone.
func (b *bench) openPeer(path string, n int, open func(path string) (recorder, error)) (measuring, func() error, error) {
	peer, err := open(path)
	var next atomic.Int64
	return func(ctx context.Context, d time.Duration) (sample, error) {
		return commitEach(load(ctx, n, d, &next, func(i int) error { return peer.record(ctx, b.sizes.users.fireAt(i)) }))
	}, func() error { return peer.close() }, err
}

// verifyWarm proves a database that was a copy of libraryFile.
func (b *bench) verifyWarm(ctx context.Context, path string, fires int64) error {
	return verify(ctx, path, int64(b.sizes.users)+fires)
}

// countWarm counts the fires of a database that was a copy of plainFile.
func (b *bench) countWarm(ctx context.Context, path string, fires int64) error {
	db, err := openPool("sqlite3", path)
	if err != nil {
		return err
	}
	return errors.Join(b.checkCounts(db.QueryRowContext(ctx, countFires), fires), db.Close())
}

// countFires counts the fires of the predecessor's schema in three ways.
const countFires = `SELECT (SELECT COUNT(*) FROM signal_fires), (SELECT SUM(total_fires) FROM user_stats),
(SELECT SUM(total_fires) FROM signal_metrics)`

// checkCounts takes the row of countFires.
func (b *bench) checkCounts(row interface{ Scan(...any) error }, fires int64) error {
	var stored, counted, ofSignals int64
	if err := row.Scan(&stored, &counted, &ofSignals); err != nil {
		return err
	}
	if want := int64(b.sizes.users) + fires; stored != want || counted != want || ofSignals != fires {
		return fmt.Errorf("%d fires are stored, %d and %d counted, want %d", stored, counted, ofSignals, want)
	}
	return nil
}

// bulk is RecordFires.
func (b *bench) bulk() *section {
	return &section{
		table: table{
			title: "Many fires a call",
			note: "RecordFires, all fires of a call in one durable commit. The C floor runs the library's statements " +
				"row by row in C with as many fires a commit.",
			columns: []string{"writer", "fires/s", "÷ C floor", "fires a commit", "CPU µs a fire"},
		},
		groups: []group{{name: "bulk", run: b.bulkWrites}},
	}
}

func (b *bench) bulkWrites(ctx context.Context) ([]row, error) {
	ours, err := b.libraryFile(ctx)
	if err != nil {
		return nil, err
	}
	r := &rivals{bench: b}
	r.add("library, RecordFires", ours, func(path string) (measuring, func() error, error) {
		lib, err := openLibrary(ctx, path)
		next := 0
		return func(ctx context.Context, d time.Duration) (sample, error) {
			s, err := until(ctx, d, func() (int, error) { return lib.recordMany(ctx, b.sizes.users, &next, b.sizes.bulk) })
			s.commits = s.ops / int64(b.sizes.bulk)
			return s, err
		}, func() error { return lib.close() }, err
	}, b.verifyWarm)
	floor := r.add("C floor", ours, func(path string) (measuring, func() error, error) {
		f, err := openFloor(path, b.sizes.users)
		return func(ctx context.Context, d time.Duration) (sample, error) {
			return f.measure(ctx, d, b.sizes.bulk)
		}, func() error { return f.close() }, err
	}, b.verifyWarm)
	if err := r.measure(ctx, 1); err != nil {
		return nil, err
	}
	rows := make([]row, len(r.all))
	for i, c := range r.all {
		rate := c.figures(sample.rate)
		rows[i] = row{c.name, []cell{
			figure(rate), figure(rate.over(floor.figures(sample.rate))), figure(c.figures(sample.batch)),
			figure(c.figures(sample.cpuPerOp)),
		}}
	}
	return rows, nil
}

// recordMany stores the next n fires of users in one call.
func (l *library) recordMany(ctx context.Context, users workload, next *int, n int) (int, error) {
	fires := make([]engagement.Fire, n)
	for i := range fires {
		fires[i] = users.fireAt(*next).facade()
		*next++
	}
	results, err := l.db.RecordFires(ctx, fires)
	for _, result := range results {
		if err == nil {
			err = recorded(result.Status, nil)
		}
	}
	return n, err
}
