package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
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
	found, err := latest(ctx, db.Reader, "look for uncounted facts", func(v *view) (pending, error) { return v.pending(ctx) })
	if err == nil && found.fires+found.trades > 0 {
		db.core.log.Info("counting facts that no counter holds yet", "fires", found.fires, "trades", found.trades)
		err = db.countFacts(ctx, found.fires+found.trades)
	}
	if err == nil && found.unbounded > 0 {
		err = db.boundWinRates(ctx)
	}
	if err == nil && found.streaks {
		err = db.recountStreaks(ctx)
	}
	return err
}

// pending is what Open has yet to finish.
type pending struct {
	fires, trades int64 // that no counter holds
	unbounded     int64 // users without the bound of their win rate
	streaks       bool  // streaks are being counted again
}

func (v *view) pending(ctx context.Context) (p pending, err error) {
	if p.fires, err = v.q.CountUncountedFires(ctx); err != nil {
		return p, err
	}
	if p.trades, err = v.q.CountUncountedTrades(ctx); err != nil {
		return p, err
	}
	if p.unbounded, err = v.q.CountUsersWithoutBound(ctx); err != nil {
		return p, err
	}
	p.streaks, err = v.isSet(ctx, settingStreakRecount)
	return p, err
}

// countFacts counts the facts that no counter holds yet, of which there are
// about so many.
func (db *DB) countFacts(ctx context.Context, total int64) error {
	_, err := write(ctx, db, "normalize facts", idempotent, func(w *writing) (int64, error) {
		return w.q.NormalizeUncountedFires(ctx)
	})
	if err != nil {
		return err
	}
	p := progressOf(ctx, total)
	for {
		chunk, err := write(ctx, db, "count facts", idempotent, func(w *writing) (chunk, error) {
			return w.countChunk(ctx, pendingChunk)
		})
		if err != nil {
			return err
		}
		if chunk.found == 0 {
			db.core.log.Info("counted all facts", "facts", p.done)
			return nil
		}
		p.add(chunk.counted)
		db.core.log.Info("counting facts", "done", p.done, "total", p.total)
	}
}

// chunk is how many uncounted facts were found and counted.
type chunk struct{ found, counted int }

// countChunk looks for at most limit facts of each kind and counts those that
// no other process counts first.
func (w *writing) countChunk(ctx context.Context, limit int64) (c chunk, err error) {
	fires, err := w.q.UncountedFires(ctx, limit)
	if err != nil {
		return c, err
	}
	trades, err := w.q.UncountedTrades(ctx, limit)
	if err != nil {
		return c, err
	}
	unknown := 0
	facts := make([]*fact, 0, len(fires)+len(trades))
	for _, fire := range fires {
		if w.placeInTime(&fire.Timestamp, &fire.Day) {
			unknown++
		}
		facts = append(facts, &fact{fire: fire, stored: true})
	}
	for _, trade := range trades {
		if w.placeInTime(&trade.ClosedAt, &trade.Day) {
			unknown++
		}
		facts = append(facts, &fact{trade: trade, isTrade: true, stored: true})
	}
	if c.found = len(facts); c.found == 0 {
		return c, nil
	}
	if unknown > 0 {
		w.log.Warn("facts whose time cannot be read or is in the future are counted on 1970-01-01", "facts", unknown)
	}
	c.counted, err = w.countStored(ctx, facts)
	return c, err
}

// countStored counts facts whose rows are there, unless another process has
// counted them first.
func (w *writing) countStored(ctx context.Context, facts []*fact) (counted int, err error) {
	l, err := w.load(ctx, facts)
	if err != nil {
		return 0, err
	}
	placed := facts[:0]
	for _, f := range facts {
		var here bool
		if f.isTrade {
			here, err = w.placeTrade(ctx, f.trade, uncounted)
		} else {
			here, err = w.placeFire(ctx, &f.fire, uncounted)
		}
		if err != nil {
			return 0, err
		}
		if here {
			placed = append(placed, f)
		}
	}
	d := decide(l, placed, w.now)
	for i, r := range d.receipts {
		if r.err != nil {
			return 0, fmt.Errorf("%s: %w", placed[i].trade.TradeID, r.err)
		}
	}
	return len(placed), w.store(ctx, d.changes)
}

// placeInTime sets a fact's day. A time that could not be read, or lies before
// the days that are counted, becomes the start of 1970; such a fact and one of
// the future belong to unknownDay, which it reports.
func (w *writing) placeInTime(at *time.Time, day *int64) (unknown bool) {
	*at = stored(*at)
	counted := DayOf(*at, w.loc)
	if at.Year() > 9999 || counted <= unknownDay {
		*at, counted = time.Unix(0, 0).UTC(), unknownDay
	}
	if at.After(w.now.Add(maxAhead)) {
		counted = unknownDay
	}
	*day = int64(counted)
	return counted == unknownDay
}

// uncounted is the day of a fact that no counter holds yet.
const uncounted Day = -1

// placeFire stores a fire's time and day, unless another process has moved it
// from the day where it was seen. It updates whether the fire is executed.
func (w *writing) placeFire(ctx context.Context, f *dbgen.SignalFire, seen Day) (placed bool, err error) {
	f.Executed, err = w.q.PlaceFire(ctx, dbgen.PlaceFireParams{
		Day: f.Day, Timestamp: f.Timestamp, UserID: f.UserID, SignalID: f.SignalID, SeenDay: int64(seen),
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, w.mayMiss("fire", f.ID)
	}
	return err == nil, err
}

// placeTrade stores a trade's time and day, unless another process has moved it
// from the day where it was seen.
func (w *writing) placeTrade(ctx context.Context, t dbgen.Trade, seen Day) (placed bool, err error) {
	rows, err := w.q.PlaceTrade(ctx, dbgen.PlaceTradeParams{
		Day: t.Day, ClosedAt: t.ClosedAt, UserID: t.UserID, TradeID: t.TradeID, SeenDay: int64(seen),
	})
	if err == nil && rows == 0 {
		err = w.mayMiss("trade", t.ID)
	}
	return rows == 1, err
}

// mayMiss refuses to go on looking for a fact that nobody else can have moved.
func (w *writing) mayMiss(fact string, id int64) error {
	if w.engine.Remote() {
		return nil
	}
	return fmt.Errorf("%w: %s %d is not found by its own key", ErrCorrupt, fact, id)
}

// boundWinRates computes the bounds of win rates that a migration left open.
func (db *DB) boundWinRates(ctx context.Context) error {
	for before := []int64(nil); ; {
		found, err := write(ctx, db, "bound win rates", idempotent, func(w *writing) ([]int64, error) {
			users, err := w.q.UsersWithoutBound(ctx, pendingChunk)
			if err != nil {
				return nil, err
			}
			return users, w.storeBounds(ctx, users)
		})
		if err != nil || len(found) == 0 {
			return err
		}
		if slices.Equal(found, before) { // it would go round for ever
			return fmt.Errorf("bound win rates: %w: user %d has none even after it was stored", ErrCorrupt, found[0])
		}
		before = found
	}
}

// storeBounds stores the bounds of users' win rates, and their rates and P&L,
// as these follow from their totals now.
func (w *writing) storeBounds(ctx context.Context, users []int64) error {
	if len(users) == 0 {
		return nil
	}
	l, err := w.hold(ctx, users, rows{}, rows{})
	if err != nil {
		return err
	}
	var bounds rows
	for _, user := range users {
		if u := l.users[user]; !slices.Contains(l.created, user) {
			bounds.begin().int(user, 0, 0, 0, 0).time(unchanged).int(winBound(u.wins, u.losses))
		}
	}
	if err := storeEach(ctx, storing{w.q.AddUserTrades, bounds}); err != nil {
		return err
	}
	return w.store(ctx, changes{unused: l.created})
}

// unchanged is a time before all others, which leaves a user's last_updated.
var unchanged = time.Unix(0, 0).UTC()
