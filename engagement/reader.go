package engagement

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Reader answers questions. The one inside a [DB] reads the latest committed
// state, each call its own; the one that [DB.View] hands out reads one
// snapshot; the one inside a [Tx] also sees what the transaction has written.
type Reader struct {
	core *core
	view *view // nil: each call has its own
}

// view is one state of the database at one time, with the queries that read it.
type view struct {
	*core
	q   dbgen.Querier
	now time.Time
}

func (v *view) today() Day { return DayOf(v.now, v.loc) }

// shared returns the core, or nil of a zero value.
func (r *Reader) shared() *core {
	if r == nil {
		return nil
	}
	return r.core
}

// Location returns the time zone in which the database's days begin and end; UTC
// for one that was never opened.
func (r *Reader) Location() *time.Location {
	if r.shared() == nil {
		return time.UTC
	}
	return r.core.loc
}

// Today returns the current day: of now or, in a snapshot or transaction, of its
// beginning; in UTC by the machine's clock for a database that was never opened.
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

// snapshot answers a question of several queries, which see the same state. fn
// may run several times.
func snapshot[T any](ctx context.Context, r *Reader, doing string, fn func(*view) (T, error)) (T, error) {
	return ask(ctx, r, doing, fn, func(ctx context.Context) (T, error) {
		return inSnapshot(ctx, r.core, fn)
	})
}

// snapshotOnce is snapshot for an fn that must not run twice.
func snapshotOnce[T any](ctx context.Context, r *Reader, doing string, fn func(*view) (T, error)) (T, error) {
	return ask(ctx, r, doing, fn, func(ctx context.Context) (T, error) {
		return inSnapshot(ctx, r.core, func(v *view) (T, error) {
			answer, err := fn(v)
			return answer, final(err)
		})
	})
}

// ask runs fn in the reader's view or, if it has none, asks in a view of its own,
// again if it failed for a reason that may pass.
func ask[T any](ctx context.Context, r *Reader, doing string, fn func(*view) (T, error), own func(context.Context) (T, error)) (T, error) {
	if r.shared() != nil && r.view != nil {
		return observe(ctx, r.core, doing, func() (T, error) { return fn(r.view) })
	}
	return run(ctx, r.shared(), doing, func() (T, error) { return retry(ctx, r.core, doing, own) })
}

// inSnapshot runs fn in a snapshot of its own.
func inSnapshot[T any](ctx context.Context, c *core, fn func(*view) (T, error)) (T, error) {
	tx, err := c.engine.BeginRead(ctx)
	if err != nil {
		return *new(T), err
	}
	defer func() { _ = tx.End(ctx) }() // nothing was written
	return fn(&view{core: c, q: tx, now: c.instant()})
}

// View runs fn with a Reader of one snapshot: whatever it reads belongs
// together, and its time stands still. The Reader ends with fn; inside it, use
// the Reader and not the DB. fn runs at most once; its error is returned as it
// is.
//
// A process reads with at most 64 connections at a time from a file, 32 from a
// server, and each View holds one: more calls wait until one ends, or their
// context does.
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

// ParseWindow reads a window by its name as of today: "today", "week" (from
// Monday to Sunday), "month", or a number of days up to today such as "30d"; or
// what the function [ParseWindow] reads. Anything else is ErrInvalid.
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
