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

// EraseUser deletes everything kept about a user and takes it out of the
// counters of the community's days and, for fires still kept one by one, of
// their signals, whose CreatedAt becomes the time of the earliest fire left; what
// older fires added to a signal stays, since it cannot be told whose it was.
// ErrNotFound if nothing is kept about the user. Backups
// keep what they have, and freed pages of the file keep it until they are used
// again.
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
	receipt := EraseReceipt{UserID: userID, ErasedAt: w.now}
	if err := checkUserID(userID); err != nil {
		return receipt, err
	}
	if err := w.holdKept(ctx, userID); err != nil {
		return receipt, err
	}
	if _, err := w.countRepair(ctx); err != nil {
		return receipt, err
	}
	totals, err := w.q.DeleteUserStats(ctx, userID)
	if err != nil {
		return receipt, err
	}
	if err := w.q.DeleteUserAwards(ctx, userID); err != nil {
		return receipt, err
	}
	if err := w.q.DeleteUserFreezes(ctx, userID); err != nil {
		return receipt, err
	}
	if err := w.q.DeleteUserTokens(ctx, userID); err != nil {
		return receipt, err
	}
	if err := w.q.DeletePublicUser(ctx, userID); err != nil {
		return receipt, err
	}
	erased := newChanges(0)
	if receipt.Fires, err = w.deleteFires(ctx, userID, &erased); err != nil {
		return receipt, err
	}
	if receipt.Trades, err = w.q.DeleteUserTrades(ctx, userID); err != nil {
		return receipt, err
	}
	days, err := w.q.DeleteUserDays(ctx, userID)
	if err != nil {
		return receipt, err
	}
	receipt.Days = int64(len(days))
	subtractDays(&erased, totals, days)
	if err := w.store(ctx, erased); err != nil {
		return receipt, err
	}
	return receipt, w.forget(ctx, &erased)
}

// holdKept holds a user, so that whoever adds facts of the user waits until the
// transaction ends, also who is about to record the first ones. A user of whom
// nothing is kept is ErrNotFound, and then nothing is changed.
func (w *writing) holdKept(ctx context.Context, userID int64) error {
	_, missing := w.userRow(ctx, userID)
	if missing != nil && !errors.Is(missing, ErrNotFound) {
		return missing
	}
	l, err := w.hold(ctx, []int64{userID}, rows{}, rows{})
	if err != nil || missing == nil {
		return err
	}
	facts, err := w.q.HasFacts(ctx, userID)
	if err != nil || facts > 0 {
		return err
	}
	return errors.Join(missing, w.store(ctx, changes{unused: l.created}))
}

// deleteFires deletes a user's fires and takes them out of their signals.
func (w *writing) deleteFires(ctx context.Context, userID int64, erased *changes) (deleted int64, err error) {
	// Those may hold anything, and are in no counter.
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

// forget deletes the days and signals that nobody has fired on any more, and the
// times of erased fires since when there are the others.
func (w *writing) forget(ctx context.Context, erased *changes) error {
	for _, day := range sortedKeys(erased.days, cmp.Compare) {
		if err := w.later().DeleteEmptyDay(ctx, int64(day)); err != nil {
			return err
		}
	}
	var days, signals rows
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

// subtractDays takes a user's totals and days out of the community's days.
func subtractDays(erased *changes, totals []dbgen.UserStat, userDays []dbgen.UserDay) {
	for _, row := range userDays {
		if row.Fires != 0 {
			day := erased.day(Day(row.Day))
			day.fires -= row.Fires
			day.executed -= row.Executed
			day.activeUsers--
		}
	}
	for _, total := range totals {
		if total.FirstDay >= 0 {
			erased.day(Day(total.FirstDay)).newUsers--
		}
	}
}
