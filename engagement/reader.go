package engagement

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// Reader answers questions. The one inside a [DB] reads the latest committed state in
// each call; the one that [DB.View] hands out reads one snapshot; the one inside a
// [Tx] also sees what the transaction has written.
type Reader struct {
	core *core
	view *view // nil: each call has a view of its own
}

// view is one state of the database at one time, with the queries that read it.
type view struct {
	*core
	q   dbgen.Querier
	now time.Time
}

func (v *view) today() Day { return DayOf(v.now, v.loc) }

// shared returns the core, or nil for a zero Reader.
func (r *Reader) shared() *core {
	if r == nil {
		return nil
	}
	return r.core
}

// Location returns the time zone in which the database's days begin and end; UTC for
// a database that was never opened.
func (r *Reader) Location() *time.Location {
	if r.shared() == nil {
		return time.UTC
	}
	return r.core.loc
}

// Today returns the day of the present time or, in a snapshot or transaction, of the
// time when it began. For a database that was never opened it is the day in UTC by
// the machine's clock.
func (r *Reader) Today() Day { return DayOf(r.instant(), r.Location()) }

// instant is the time that the reader's answers refer to.
func (r *Reader) instant() time.Time {
	switch {
	case r.shared() == nil:
		return stored(time.Now())
	case r.view != nil:
		return r.view.now
	}
	return r.core.instant()
}

// latest answers a question of one query. fn may run several times.
func latest[T any](ctx context.Context, r *Reader, doing string, fn func(*view) (T, error)) (T, error) {
	return ask(ctx, r, doing, fn, func(ctx context.Context) (T, error) {
		return fn(&view{core: r.core, q: r.core.engine.Queries(), now: r.core.instant()})
	})
}

// snapshot answers a question of several queries, which see the same state: of a
// database on several nodes, each its own latest. fn may run several times.
func snapshot[T any](ctx context.Context, r *Reader, doing string, fn func(*view) (T, error)) (T, error) {
	return ask(ctx, r, doing, fn, func(ctx context.Context) (T, error) {
		return inSnapshot(ctx, r.core, engine.EnterGate, fn)
	})
}

// wholeSnapshot is snapshot of one moment, whatever nodes the database is on.
func wholeSnapshot[T any](ctx context.Context, r *Reader, doing string, fn func(*view) (T, error)) (T, error) {
	return ask(ctx, r, doing, fn, func(ctx context.Context) (T, error) {
		return inSnapshot(ctx, r.core, engine.CloseGate, fn)
	})
}

// snapshotOnce is wholeSnapshot for an fn that must not run twice.
func snapshotOnce[T any](ctx context.Context, r *Reader, doing string, fn func(*view) (T, error)) (T, error) {
	return ask(ctx, r, doing, fn, func(ctx context.Context) (T, error) {
		return inSnapshot(ctx, r.core, engine.CloseGate, func(v *view) (T, error) {
			answer, err := fn(v)
			return answer, final(err)
		})
	})
}

// ask runs fn in the reader's view. If it has none, own runs fn in a new view, and
// again if that failed for a reason that may pass.
func ask[T any](ctx context.Context, r *Reader, doing string, fn func(*view) (T, error), own func(context.Context) (T, error)) (T, error) {
	if r.shared() != nil && r.view != nil {
		return observe(ctx, r.core, doing, func() (T, error) { return fn(r.view) })
	}
	return run(ctx, r.shared(), doing, func() (T, error) { return retry(ctx, r.core, doing, own) })
}

// inSnapshot runs fn in a snapshot of its own.
func inSnapshot[T any](ctx context.Context, c *core, gate engine.Gate, fn func(*view) (T, error)) (T, error) {
	if c.inThisTx() {
		gate = engine.EnterGate // the transaction would be waited for
	}
	tx, err := c.engine.BeginRead(ctx, gate)
	if err != nil {
		return *new(T), err
	}
	defer func() { _ = tx.End(ctx) }() // nothing was written
	return fn(&view{core: c, q: tx, now: c.instant()})
}

// View runs fn with a Reader of one snapshot: all that it reads is of the same
// moment, which is also its present time. The Reader cannot be used after fn; inside
// fn, use the Reader and not the DB. fn runs at most once; its error is returned as
// it is.
//
// A process reads with at most 64 connections at a time from a file, 32 from a
// server, and each View keeps one until it ends: more calls wait for one, or until
// their context ends.
func (db *DB) View(ctx context.Context, fn func(*Reader) error) error {
	var failed error
	_, err := snapshotOnce(ctx, db.Reader, "view", func(v *view) (struct{}, error) {
		failed = fn(&Reader{v.core, v})
		return struct{}{}, byCaller(failed)
	})
	if failed != nil {
		return failed
	}
	return err
}

func (v *view) userRow(ctx context.Context, userID int64) (dbgen.UserStat, error) {
	if err := checkUserID(userID); err != nil {
		return dbgen.UserStat{}, err
	}
	row, err := v.q.GetUserStats(ctx, userID)
	if errors.Is(err, sql.ErrNoRows) {
		err = notFound("user", userID)
	}
	return row, err
}

// ParseWindow reads a window by its name as of today: "today", "week" (from Monday to
// Sunday), "month", or a number of days up to today such as "30d"; or a text that the
// function [ParseWindow] reads. Anything else is ErrInvalid.
func (r *Reader) ParseWindow(s string) (Window, error) {
	if r.shared() == nil {
		return Window{}, errNotOpened
	}
	return parseWindow(s, r.Today())
}

// TodayWindow is the window of [Reader.Today] alone.
func (r *Reader) TodayWindow() Window { return Days(r.Today(), r.Today()) }

// ThisWeek is the window of the ISO week that [Reader.Today] is in, Monday to Sunday.
func (r *Reader) ThisWeek() Window { return weekOf(r.Today()) }

// ThisMonth is the window of the calendar month that [Reader.Today] is in.
func (r *Reader) ThisMonth() Window { return monthOf(r.Today()) }
