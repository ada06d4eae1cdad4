package engagement

import (
	"context"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// Reader answers questions. The one inside a [DB] reads the latest committed
// state, each call its own; the one that [DB.View] hands out reads one
// snapshot; the one inside a [Tx] also sees what the transaction has written.
type Reader struct {
	core *core
	// q and now are set inside a snapshot or transaction.
	q   dbgen.Querier
	now time.Time
}

// instant is the time that the reader's answers refer to: fixed in a snapshot
// or transaction, otherwise now.
func (r *Reader) instant() time.Time {
	if r.q != nil {
		return r.now
	}
	return r.core.instant()
}

// single runs an operation that asks one question. fn may run several times.
func (r *Reader) single(ctx context.Context, doing string, fn func(*Reader) (rows int, err error)) error {
	if r.q != nil {
		return r.core.observe(ctx, doing, func() (int, error) { return fn(r) })
	}
	return r.core.do(ctx, doing, func() (rows int, err error) {
		err = r.core.retry(ctx, doing, func() error {
			rows, err = fn(&Reader{core: r.core, q: r.core.engine.Queries(), now: r.core.instant()})
			return err
		})
		return rows, err
	})
}

// snapshot runs an operation whose questions must see the same state. fn may
// run several times.
func (r *Reader) snapshot(ctx context.Context, doing string, fn func(*Reader) (rows int, err error)) error {
	if r.q != nil {
		return r.core.observe(ctx, doing, func() (int, error) { return fn(r) })
	}
	return r.core.do(ctx, doing, func() (rows int, err error) {
		err = r.core.retry(ctx, doing, func() error {
			rows, err = r.read(ctx, fn)
			return err
		})
		return rows, err
	})
}

// snapshotOnce is snapshot for an fn that must not run twice.
func (r *Reader) snapshotOnce(ctx context.Context, doing string, fn func(*Reader) (rows int, err error)) error {
	if r.q != nil {
		return r.core.observe(ctx, doing, func() (int, error) { return fn(r) })
	}
	return r.core.do(ctx, doing, func() (int, error) { return r.read(ctx, fn) })
}

// read runs fn in a snapshot of its own.
func (r *Reader) read(ctx context.Context, fn func(*Reader) (rows int, err error)) (rows int, err error) {
	var tx *engine.Tx
	err = r.core.retry(ctx, "begin a snapshot", func() (err error) {
		tx, err = r.core.engine.BeginRead(ctx)
		return err
	})
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(ctx) }() // nothing was written
	return fn(&Reader{core: r.core, q: tx, now: r.core.instant()})
}

// View runs fn with a Reader of one snapshot: whatever it reads belongs
// together, and its time stands still. The Reader ends with fn; inside it, use
// the Reader and not the DB. An error of fn is returned as it is.
//
// A process reads with at most 64 connections at a time from a file, 32 from a
// server, and each View holds one: more calls wait until one ends, or their
// context does.
func (db *DB) View(ctx context.Context, fn func(*Reader) error) error {
	var failed error
	err := db.snapshotOnce(ctx, "view", func(r *Reader) (int, error) {
		failed = fn(r)
		return 0, byCaller(failed)
	})
	if failed != nil {
		return failed
	}
	return err
}

// Location returns the time zone in which the database's days begin and end.
func (r *Reader) Location() *time.Location { return r.core.loc }

// Today returns the current day.
func (r *Reader) Today() Day { return DayOf(r.instant(), r.core.loc) }
