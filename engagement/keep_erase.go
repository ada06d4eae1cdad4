package engagement

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// EraseReceipt says what was erased.
type EraseReceipt struct {
	UserID   int64     `json:"user_id"`
	Fires    int64     `json:"fires"` // deleted one by one; older ones were cleaned up before
	Trades   int64     `json:"trades"`
	Days     int64     `json:"days"`
	ErasedAt time.Time `json:"erased_at"` // UTC
}

// EraseUser deletes everything kept about a user, own tokens and the agreement to be
// public too, and subtracts it from the community's days. Fires that are still kept
// one by one are subtracted from their signals too, whose CreatedAt becomes the time
// of the earliest fire left. Older fires stay in the totals of their signals, since
// nobody can tell any more whose they were. ErrNotFound if nothing is kept about the
// user. Backups are not changed, and free pages of the file contain what was deleted
// until they are used again.
func (db *DB) EraseUser(ctx context.Context, userID int64) (EraseReceipt, error) {
	return write(ctx, db, "erase a user", once, func(w *writing) (EraseReceipt, error) {
		return w.eraseUser(ctx, userID)
	})
}

// EraseUser does what [DB.EraseUser] does, as part of the transaction.
func (tx *Tx) EraseUser(ctx context.Context, userID int64) (EraseReceipt, error) {
	return join(ctx, tx, "erase a user", func(w *writing) (EraseReceipt, error) {
		return w.eraseUser(ctx, userID)
	})
}

func (w *writing) eraseUser(ctx context.Context, userID int64) (EraseReceipt, error) {
	done := EraseReceipt{UserID: userID, ErasedAt: w.now}
	if err := checkUserID(userID); err != nil {
		return done, err
	}
	if err := w.holdKept(ctx, userID); err != nil {
		return done, err
	}
	if _, err := w.countRepair(ctx); err != nil {
		return done, err
	}
	firstDays, err := w.q.DeleteUserTotals(ctx, userID)
	if err != nil {
		return done, err
	}
	if err := w.q.DeleteUserAwards(ctx, userID); err != nil {
		return done, err
	}
	if err := w.q.DeleteUserFreezes(ctx, userID); err != nil {
		return done, err
	}
	if err := w.q.DeleteUserTokens(ctx, userID); err != nil {
		return done, err
	}
	if err := w.q.DeletePublicUser(ctx, userID); err != nil {
		return done, err
	}
	erased := newChanges(0)
	if done.Fires, err = w.deleteFires(ctx, userID, &erased); err != nil {
		return done, err
	}
	if done.Trades, err = w.q.DeleteUserTrades(ctx, userID); err != nil {
		return done, err
	}
	days, err := w.q.DeleteUserDays(ctx, userID)
	if err != nil {
		return done, err
	}
	done.Days = int64(len(days))
	subtractDays(&erased, firstDays, days)
	if err := w.store(ctx, erased); err != nil {
		return done, err
	}
	return done, w.forget(ctx, &erased)
}

// holdKept holds a user: whoever records facts of the user, even the first ones,
// waits until the transaction ends. A user about whom nothing is kept is ErrNotFound,
// and nothing is changed.
func (w *writing) holdKept(ctx context.Context, userID int64) error {
	_, missing := w.userRow(ctx, userID)
	if missing != nil && !errors.Is(missing, ErrNotFound) {
		return missing
	}
	l, err := w.hold(ctx, []int64{userID}, jsonRows{}, jsonRows{})
	if err != nil || missing == nil {
		return err
	}
	kept, err := w.q.IsKept(ctx, userID)
	if err != nil || kept > 0 {
		return err
	}
	return errors.Join(missing, w.store(ctx, changes{unused: l.created}))
}

// deleteFires deletes a user's fires and subtracts them from their signals.
func (w *writing) deleteFires(ctx context.Context, userID int64, erased *changes) (deleted int64, err error) {
	// These may contain anything, and are in no counter.
	if deleted, err = w.q.DeleteUncountedFires(ctx, userID); err != nil {
		return deleted, err
	}
	for {
		fires, err := w.q.DeleteUserFires(ctx, dbgen.DeleteUserFiresParams{UserID: userID, MaxRows: MaxLimit})
		if err != nil || len(fires) == 0 {
			return deleted, err
		}
		deleted += int64(len(fires))
		for _, fire := range fires {
			if fire.Day >= 0 { // otherwise it is in no counter yet
				erased.addSignalFire(fire, -1)
			}
		}
	}
}

// forget deletes the days and the signals that have no fires left, and gives the
// other signals another CreatedAt where it was the time of an erased fire.
func (w *writing) forget(ctx context.Context, erased *changes) error {
	for _, day := range sortedKeys(erased.days, cmp.Compare) {
		if err := w.later().DeleteEmptyDay(ctx, int64(day)); err != nil {
			return err
		}
	}
	var days, signals jsonRows
	for key := range erased.signalDays {
		days.begin().str(key.signal).int(int64(key.day))
	}
	for signal := range erased.signals {
		signals.begin().str(signal)
	}
	if err := storeEach(ctx, storing{w.q.DeleteEmptySignalDays, days}, storing{w.q.DeleteEmptySignals, signals}); err != nil {
		return err
	}
	return w.forgetFires(ctx, erased.signals)
}

// subtractDays subtracts a user's totals and days from the community's days.
func subtractDays(erased *changes, firstDays []int64, userDays []dbgen.UserDay) {
	for _, row := range userDays {
		erased.addDay(Day(row.Day), counts{fires: -row.Fires, executed: -row.Executed, wins: -row.Wins, losses: -row.Losses})
		if row.Fires != 0 {
			erased.day(Day(row.Day)).activeUsers--
		}
	}
	for _, day := range firstDays {
		if day >= 0 {
			erased.day(Day(day)).newUsers--
		}
	}
}
