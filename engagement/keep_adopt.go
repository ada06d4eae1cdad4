package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// pendingChunk is how many facts of each kind are counted in one transaction,
// so that other writers are not kept waiting for long.
const pendingChunk = 1_000

// countPending counts the facts that no counter holds yet: those of a
// predecessor's file, and those that another program inserted with plain SQL.
// It also finishes what a migration or a change of the streak rules has left.
func (db *DB) countPending(ctx context.Context) error {
	var fires, trades, users int64
	var streaks bool
	err := db.single(ctx, "look for uncounted facts", func(r *Reader) (_ int, err error) {
		if fires, err = r.q.CountUncountedFires(ctx); err != nil {
			return 0, err
		}
		if trades, err = r.q.CountUncountedTrades(ctx); err != nil {
			return 0, err
		}
		if users, err = r.q.CountUsersWithoutBound(ctx); err != nil {
			return 0, err
		}
		streaks, err = r.isSet(ctx, settingStreakRecount)
		return 0, err
	})
	if err == nil && fires+trades > 0 {
		db.core.log.Info("counting facts that no counter holds yet", "fires", fires, "trades", trades)
		err = db.countFacts(ctx, fires+trades)
	}
	if err == nil && users > 0 {
		err = db.boundWinRates(ctx)
	}
	if err == nil && streaks {
		err = db.recountStreaks(ctx)
	}
	return err
}

// countFacts counts the facts that no counter holds yet, of which there are
// about so many.
func (db *DB) countFacts(ctx context.Context, total int64) error {
	err := db.writeKeyed(ctx, "normalize facts", func(tx *Tx) (int, error) {
		normalized, err := tx.q.NormalizeUncountedFires(ctx)
		return int(normalized), err
	})
	if err != nil {
		return err
	}
	p := progressOf(ctx, total)
	for {
		found, counted := 0, 0
		err := db.writeKeyed(ctx, "count facts", func(tx *Tx) (int, error) {
			found, counted, err = tx.countChunk(ctx, pendingChunk)
			return counted, err
		})
		if err != nil {
			return err
		}
		if found == 0 {
			db.core.log.Info("counted all facts", "facts", p.done)
			return nil
		}
		p.add(counted)
		db.core.log.Info("counting facts", "done", p.done, "total", p.total)
	}
}

// countChunk looks for at most limit facts of each kind and counts those that
// no other process counts first.
func (tx *Tx) countChunk(ctx context.Context, limit int64) (found, counted int, err error) {
	t := newTally()
	fires, err := tx.q.UncountedFires(ctx, limit)
	if err != nil {
		return 0, 0, err
	}
	unknown := 0
	for _, fire := range fires {
		if tx.placeInTime(&fire.Timestamp, &fire.Day) {
			unknown++
		}
		placed, err := tx.placeFire(ctx, &fire, uncounted)
		if err != nil {
			return 0, 0, err
		}
		if placed {
			counted++
			t.fire(fire, fire.Timestamp)
		}
	}
	trades, err := tx.q.UncountedTrades(ctx, limit)
	if err != nil {
		return 0, 0, err
	}
	for _, trade := range trades {
		if tx.placeInTime(&trade.ClosedAt, &trade.Day) {
			unknown++
		}
		placed, err := tx.placeTrade(ctx, trade, uncounted)
		if err != nil {
			return 0, 0, err
		}
		if !placed {
			continue
		}
		counted++
		if t.trade(trade, trade.ClosedAt) == nil {
			continue
		}
		// Too much for one tally: move the counters and begin another.
		if _, err := t.apply(ctx, tx); err != nil {
			return 0, 0, err
		}
		t = newTally()
		if err := t.trade(trade, trade.ClosedAt); err != nil {
			return 0, 0, err
		}
	}
	if unknown > 0 {
		tx.core.log.Warn("facts whose time cannot be read or is in the future are counted on 1970-01-01", "facts", unknown)
	}
	_, err = t.apply(ctx, tx)
	return len(fires) + len(trades), counted, err
}

// placeInTime sets a fact's day. A time that could not be read, or lies before
// the days that are counted, becomes the start of 1970; such a fact and one of
// the future belong to unknownDay, which it reports.
func (tx *Tx) placeInTime(at *time.Time, day *int64) (unknown bool) {
	*at = stored(*at)
	counted := DayOf(*at, tx.core.loc)
	if at.Year() > 9999 || counted <= unknownDay {
		*at, counted = time.Unix(0, 0).UTC(), unknownDay
	}
	if at.After(tx.now.Add(maxAhead)) {
		counted = unknownDay
	}
	*day = int64(counted)
	return counted == unknownDay
}

// uncounted is the day of a fact that no counter holds yet.
const uncounted Day = -1

// placeFire stores a fire's time and day, unless another process has moved it
// from the day where it was seen. It updates whether the fire is executed.
func (tx *Tx) placeFire(ctx context.Context, f *dbgen.SignalFire, seen Day) (placed bool, err error) {
	f.Executed, err = tx.q.PlaceFire(ctx, dbgen.PlaceFireParams{
		Day: f.Day, Timestamp: f.Timestamp, UserID: f.UserID, SignalID: f.SignalID, SeenDay: int64(seen),
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, tx.mayMiss("fire", f.ID)
	}
	return err == nil, err
}

// placeTrade stores a trade's time and day, unless another process has moved it
// from the day where it was seen.
func (tx *Tx) placeTrade(ctx context.Context, t dbgen.Trade, seen Day) (placed bool, err error) {
	rows, err := tx.q.PlaceTrade(ctx, dbgen.PlaceTradeParams{
		Day: t.Day, ClosedAt: t.ClosedAt, UserID: t.UserID, TradeID: t.TradeID, SeenDay: int64(seen),
	})
	if err == nil && rows == 0 {
		err = tx.mayMiss("trade", t.ID)
	}
	return rows == 1, err
}

// mayMiss refuses to go on looking for a fact that nobody else can have moved.
func (tx *Tx) mayMiss(fact string, id int64) error {
	if tx.core.engine.Remote() {
		return nil
	}
	return fmt.Errorf("%w: %s %d is not found by its own key", ErrCorrupt, fact, id)
}

// boundWinRates computes the bounds of win rates that a migration left open.
func (db *DB) boundWinRates(ctx context.Context) error {
	for {
		found := 0
		err := db.writeKeyed(ctx, "bound win rates", func(tx *Tx) (int, error) {
			users, err := tx.q.UsersWithoutBound(ctx, pendingChunk)
			if found = len(users); err != nil || found == 0 {
				return 0, err
			}
			// Adding nothing sets the bounds of what is stored now, of users who have
			// not been erased meanwhile.
			held, err := tx.q.HoldUsers(ctx, ids(users))
			var traded rows
			for _, user := range held {
				traded.begin().int(user.UserID, 0, 0, 0, 0).time(time.Unix(0, 0))
			}
			if err != nil || traded.empty() {
				return 0, err
			}
			return found, addUserTrades(ctx, tx.q, traded)
		})
		if err != nil || found == 0 {
			return err
		}
	}
}
