package engagement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// pendingChunk is how many facts are counted in one transaction, so that other
// writers do not wait long.
const pendingChunk = 1_000

// countPending counts the facts that are not counted yet: those of a predecessor's
// file, and those that another program inserted with plain SQL. It looks again at
// rows that are set aside, and finishes what a migration or a change of the streak
// rules left undone.
func (db *DB) countPending(ctx context.Context) error {
	found, err := latest(ctx, db.Reader, "look for uncounted facts", func(v *view) (pending, error) { return v.pending(ctx) })
	if err == nil && found.aside > 0 {
		err = db.lookAgain(ctx)
	}
	if err == nil && found.facts > 0 {
		db.core.log.Info("counting facts that are not counted yet", "facts", found.facts)
		err = db.countFacts(ctx, found.facts)
	}
	if err == nil && found.unbounded > 0 {
		err = db.boundWinRates(ctx)
	}
	if err == nil && found.streaks {
		if err = db.recountStreaks(ctx); err == nil {
			err = db.settleAdopted(ctx)
		}
	}
	return err
}

// pending is what Open has yet to finish.
type pending struct {
	facts     int64 // not counted yet
	aside     int64 // rows set aside, which may have been mended
	unbounded int64 // users without the bound of their win rate
	streaks   bool  // streaks are being counted again
}

func (v *view) pending(ctx context.Context) (p pending, err error) {
	if p.facts, err = v.countNoDay(ctx, uncounted); err != nil {
		return p, err
	}
	if p.aside, err = v.countNoDay(ctx, setAside); err != nil {
		return p, err
	}
	if p.unbounded, err = v.q.CountUsersWithoutBound(ctx); err != nil {
		return p, err
	}
	p.streaks, err = v.isSet(ctx, settingStreakRecount)
	return p, err
}

// countNoDay counts the rows of facts whose day is uncounted or setAside.
func (v *view) countNoDay(ctx context.Context, day Day) (int64, error) {
	fires, err := v.q.CountFiresOfNoDay(ctx, int64(day))
	if err != nil {
		return 0, err
	}
	trades, err := v.q.CountTradesOfNoDay(ctx, int64(day))
	return fires + trades, err
}

// countFacts counts the facts that are not counted yet, about total of them, and sets
// aside the rows that cannot be facts.
func (db *DB) countFacts(ctx context.Context, total int64) error {
	p := progressOf(ctx, total)
	var aside int64
	err := db.eachPage(ctx, uncounted, func(sound []*fact, refused []refusal) error {
		more, err := db.countTogether(ctx, sound)
		if err != nil {
			return err
		}
		set, err := db.setAside(ctx, slices.Concat(refused, more))
		if err != nil {
			return err
		}
		aside += set
		p.add(len(sound) + len(refused))
		db.core.log.Info("counting facts", "done", p.done, "total", p.total)
		return nil
	})
	if err == nil {
		db.core.log.Info("counted all facts", "facts", p.done-aside, "set_aside", aside)
	}
	return err
}

// eachPage reads the rows whose day is uncounted or setAside and hands them to use
// page by page: the facts, and the rows that cannot be facts.
func (db *DB) eachPage(ctx context.Context, day Day, use func(sound []*fact, refused []refusal) error) error {
	for _, table := range []string{firesTable, tradesTable} {
		for after := noRow; ; {
			page, err := latest(ctx, db.Reader, "read uncounted facts", func(v *view) ([]factRow, error) {
				return v.rowsOf(ctx, table, day, after, pendingChunk)
			})
			if err != nil {
				return err
			}
			var sound []*fact
			var refused []refusal
			for _, row := range page {
				if f, err := db.core.read(row, db.core.instant()); err == nil {
					sound = append(sound, f)
				} else {
					refused = append(refused, refusal{row, err})
				}
			}
			if err := use(sound, refused); err != nil {
				return err
			}
			if len(page) < pendingChunk {
				break
			}
			after = page[len(page)-1].position()
		}
	}
	return nil
}

// countTogether counts facts that are stored already, in one transaction if none of
// them is refused, and returns those that are refused. A sound fact may be refused
// because of others: the sum of a user's trades has a bound.
func (db *DB) countTogether(ctx context.Context, facts []*fact) ([]refusal, error) {
	if len(facts) == 0 {
		return nil, nil
	}
	_, err := write(ctx, db, "count facts", idempotent, func(w *writing) (int, error) {
		return w.countStored(ctx, facts)
	})
	switch {
	case err == nil || !errors.Is(err, ErrInvalid):
		return nil, err
	case len(facts) == 1:
		return []refusal{{*facts[0].row, err}}, nil
	}
	first, err := db.countTogether(ctx, facts[:len(facts)/2])
	if err != nil {
		return nil, err
	}
	rest, err := db.countTogether(ctx, facts[len(facts)/2:])
	return append(first, rest...), err
}

// countStored counts facts that are stored already, unless another process has
// counted them first.
func (w *writing) countStored(ctx context.Context, facts []*fact) (counted int, err error) {
	l, err := w.load(ctx, facts)
	if err != nil {
		return 0, err
	}
	placed := make([]*fact, 0, len(facts))
	for _, f := range facts {
		here, err := w.place(ctx, f)
		if err != nil {
			return 0, err
		}
		if here {
			placed = append(placed, f)
		}
	}
	d := decide(l, placed, w.now)
	for _, r := range d.receipts {
		if r.err != nil {
			return 0, r.err
		}
	}
	return len(placed), w.store(ctx, d.changes)
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
		if slices.Equal(found, before) { // otherwise it would never end
			return fmt.Errorf("bound win rates: %w: user %d has none even after it was stored", ErrCorrupt, found[0])
		}
		before = found
	}
}

// storeBounds stores what follows from users' totals: win rate, its bound, and P&L.
// It holds the users.
func (w *writing) storeBounds(ctx context.Context, users []int64) error {
	if len(users) == 0 {
		return nil
	}
	l, err := w.hold(ctx, users, jsonRows{}, jsonRows{})
	if err != nil {
		return err
	}
	var bounds jsonRows
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

// unchanged is earlier than every stored time, so it leaves a user's last_updated as
// it is.
var unchanged = time.Unix(0, 0).UTC()
