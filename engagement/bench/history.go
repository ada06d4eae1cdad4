package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// history is a community that has fired and traded for historyDays days. Its
// leaders, who come first on all boards and are spread over all user ids, are
// the same in histories of all sizes.
type history struct {
	name  string
	users int
	most  int // fires of a user who is no leader; they have 1 to that many

	signals int // that are published a day
}

const (
	historyDays    = 120
	leaders        = 1_200 // most of them with more fires than anybody else
	leadingStreaks = 8     // of those, fired on each of the days
	leadingTraders = 300   // of those, traded after each of their fires
	signalOfDay    = "XAUUSD_LONG_"
)

// historyFile is kept from run to run if there is a place for it.
func (b *bench) historyFile(ctx context.Context, h history) (string, error) {
	dir := b.data
	if dir == "" {
		dir = b.dir
	} else if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	path, err := b.fileIn(dir, "history-"+strconv.Itoa(h.users), func(path string) error { return h.fill(ctx, path) })
	if err != nil {
		return "", err
	}
	// One that was kept may be of an older schema, and it is only read from here on. The
	// backup that Open makes before it migrates is not needed: history can be made again.
	db, err := engagement.Open(ctx, path, engagement.WithClock(communityClock))
	if err != nil {
		return "", err
	}
	copies, err := filepath.Glob(path + ".v*.bak")
	for _, copied := range copies {
		err = errors.Join(err, os.Remove(copied))
	}
	return path, errors.Join(err, db.Close())
}

// makeData makes the files that are kept.
func (b *bench) makeData(ctx context.Context) error {
	for _, h := range []history{b.sizes.smallHistory, b.sizes.middleHistory, b.sizes.largeHistory} {
		path, err := b.historyFile(ctx, h)
		if err != nil {
			return err
		}
		b.logf("%s: %s", h.name, filepath.ToSlash(path))
	}
	return nil
}

// fill makes the database. It goes from user to user, not from day to day, so
// that each user's counters are moved once and together.
func (h history) fill(ctx context.Context, path string) error {
	db, err := engagement.Open(ctx, path, engagement.WithSynchronous(engagement.SyncOff), engagement.WithClock(communityClock))
	if err != nil {
		return err
	}
	err = withoutIndexes(ctx, path, func() error {
		if err := storeFires(ctx, db, h.fires); err != nil {
			return err
		}
		return h.fillTrades(ctx, db)
	})
	return errors.Join(err, db.Close())
}

// readByWrites is the index that a fire is decided with if it is not of the user's
// latest day.
const readByWrites = "idx_user_days_user"

// withoutIndexes runs fn while a database lacks the indexes that no write reads. They
// are made much faster afterwards, all at once, than row by row.
func withoutIndexes(ctx context.Context, path string, fn func() error) (err error) {
	db, err := openPool("sqlite3", path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	indexes, err := indexesOf(ctx, db)
	if err != nil {
		return err
	}
	indexes = slices.DeleteFunc(indexes, func(i index) bool { return i.name == readByWrites })
	for _, i := range indexes {
		if _, err := db.ExecContext(ctx, "DROP INDEX "+i.name); err != nil {
			return err
		}
	}
	if err := fn(); err != nil {
		return err
	}
	for _, i := range indexes {
		if _, err := db.ExecContext(ctx, i.text); err != nil {
			return err
		}
	}
	return nil
}

// fillTrades stores the trades of some thousand users a transaction.
func (h history) fillTrades(ctx context.Context, db *engagement.DB) error {
	const batch = 10_000
	for from := 1; from <= h.users; from += batch {
		err := db.Tx(ctx, func(tx *engagement.Tx) (err error) {
			for user := from; user < min(from+batch, h.users+1); user++ {
				for t := range h.tradesOf(int64(user)) {
					if _, err := tx.RecordTrade(ctx, t); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// leader returns the user who is at a place of the leaders, from 0.
func (h history) leader(place int) int64 { return int64(place*h.users/leaders) + 1 }

// place returns the place of a user among the leaders, or -1.
func (h history) place(user int64) int {
	place := (int(user-1)*leaders + h.users - 1) / h.users
	if place < leaders && h.leader(place) == user {
		return place
	}
	return -1
}

// scatter returns a number below n that seems to have nothing to do with the
// user.
func scatter(user int64, salt, n uint64) int {
	x := (uint64(user) + salt<<32) * 0x9e3779b97f4a7c15
	x = (x ^ x>>31) * 0xbf58476d1ce4e5b9
	return int((x ^ x>>29) % n)
}

// ages returns how many days ago a user fired, no day twice.
func (h history) ages(user int64) []int {
	place := h.place(user)
	count, first, step := 1+scatter(user, 1, uint64(h.most)), scatter(user, 2, historyDays), 1+scatter(user, 3, 9)
	switch {
	case place >= 0 && place < leadingStreaks:
		count, step = historyDays, 1
	case place >= 0:
		count, step = 10+(leaders-place)/120, 1+place%5
	}
	ages := make([]int, count)
	for i := range ages {
		ages[i] = (first + i*step) % historyDays
	}
	return ages
}

// firesOf returns a user's fires, one a day at most.
func (h history) firesOf(user int64) []engagement.Fire {
	ages := h.ages(user)
	fires := make([]engagement.Fire, len(ages))
	for i, age := range ages {
		// Before noon, so that those of today are not of the future.
		second := scatter(user, uint64(10+age), 12*60*60)
		fires[i] = engagement.Fire{
			UserID:   user,
			SignalID: signalOfDay + strconv.Itoa(age*h.signals+second%h.signals),
			At:       communityNow.Truncate(24*time.Hour).AddDate(0, 0, -age).Add(time.Duration(second) * time.Second),
			Executed: (int(user)+age)%2 == 0,
		}
	}
	return fires
}

func (h history) fires(yield func(engagement.Fire) bool) {
	for user := range int64(h.users) {
		for _, f := range h.firesOf(user + 1) {
			if !yield(f) {
				return
			}
		}
	}
}

// tradesOf calls yield with a user's trades: after a fifth of the fires, and of
// the leading traders after each.
func (h history) tradesOf(user int64) func(yield func(engagement.Trade) bool) {
	place := h.place(user)
	leading := place >= 0 && place < leadingTraders
	return func(yield func(engagement.Trade) bool) {
		for i, f := range h.firesOf(user) {
			dice := scatter(user, uint64(1_000+i), 500)
			if !leading && dice >= 100 {
				continue
			}
			pnl := float64(dice%100-40) / 8 // at most 7.375
			if leading {
				pnl = float64(leadingTraders-place) + float64(i)
				if i%10 == 9 {
					pnl = -1
				}
			}
			t := engagement.Trade{
				UserID: user, TradeID: "trade-" + strconv.Itoa(i), SignalID: f.SignalID, PnL: pnl,
				ClosedAt: f.At.Add(time.Minute),
			}
			if t.ClosedAt.After(communityNow) {
				t.ClosedAt = communityNow
			}
			if !yield(t) {
				return
			}
		}
	}
}
