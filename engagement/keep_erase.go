package engagement

import (
	"context"
	"database/sql"
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
// their signals; what older fires added to a signal stays, since it cannot be
// told whose it was. ErrNotFound if nothing is kept about the user. Backups
// keep what they have, and freed pages of the file keep it until they are used
// again.
func (db *DB) EraseUser(ctx context.Context, userID int64) (receipt EraseReceipt, err error) {
	err = db.write(ctx, "erase a user", func(tx *Tx) (int, error) {
		receipt, err = tx.eraseUser(ctx, userID)
		return int(receipt.Fires + receipt.Trades + receipt.Days), err
	})
	return receipt, err
}

// EraseUser does what [DB.EraseUser] does, as part of the transaction.
func (tx *Tx) EraseUser(ctx context.Context, userID int64) (receipt EraseReceipt, err error) {
	err = tx.joined(ctx, "erase a user", func() (int, error) {
		receipt, err = tx.eraseUser(ctx, userID)
		return int(receipt.Fires + receipt.Trades + receipt.Days), err
	})
	return receipt, err
}

func (tx *Tx) eraseUser(ctx context.Context, userID int64) (EraseReceipt, error) {
	receipt := EraseReceipt{UserID: userID, ErasedAt: tx.now}
	if err := checkUserID(userID); err != nil {
		return receipt, err
	}
	if _, err := tx.countRepair(ctx); err != nil {
		return receipt, err
	}
	known, totals, err := tx.deleteTotals(ctx, userID)
	if err != nil {
		return receipt, err
	}
	if err := tx.q.DeleteUserAwards(ctx, userID); err != nil {
		return receipt, err
	}
	if err := tx.q.DeleteUserFreezes(ctx, userID); err != nil {
		return receipt, err
	}
	t := newTally()
	if receipt.Fires, err = tx.deleteFires(ctx, userID, t); err != nil {
		return receipt, err
	}
	if receipt.Trades, err = tx.q.DeleteUserTrades(ctx, userID); err != nil {
		return receipt, err
	}
	days, err := tx.q.DeleteUserDays(ctx, userID)
	if err != nil {
		return receipt, err
	}
	receipt.Days = int64(len(days))
	if !known && receipt.Fires+receipt.Trades+receipt.Days == 0 {
		return receipt, notFound("user", userID)
	}
	if err := tx.subtractSignals(ctx, t); err != nil {
		return receipt, err
	}
	return receipt, tx.subtractDays(ctx, totals, days)
}

// deleteTotals deletes a user's totals and says whether there were any. Whoever
// adds facts of the user waits from here on; holding the user first makes those
// wait too who are about to record the first ones.
func (tx *Tx) deleteTotals(ctx context.Context, userID int64) (known bool, totals []dbgen.UserStat, err error) {
	_, err = tx.q.GetUserStats(ctx, userID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, nil, err
	}
	known = err == nil
	if _, err := tx.holdUsers(ctx, []int64{userID}); err != nil {
		return known, nil, err
	}
	totals, err = tx.q.DeleteUserStats(ctx, userID)
	return known, totals, err
}

// deleteFires deletes a user's fires and counts in t what that takes away.
func (tx *Tx) deleteFires(ctx context.Context, userID int64, t *tally) (deleted int64, err error) {
	for {
		fires, err := tx.q.DeleteUserFires(ctx, dbgen.DeleteUserFiresParams{UserID: userID, MaxRows: MaxLimit})
		if err != nil || len(fires) == 0 {
			return deleted, err
		}
		deleted += int64(len(fires))
		for _, fire := range fires {
			if fire.Day < 0 {
				continue // in no counter yet
			}
			delta := counts{fires: -1}
			if fire.Executed {
				delta.executed = -1
			}
			t.addSignal(fire.SignalID, Day(fire.Day), delta)
			s := t.signals[fire.SignalID]
			s.fires--
			s.first = fire.Timestamp
			t.signals[fire.SignalID] = s
		}
	}
}

// subtractSignals takes fires out of their signals' counters. A signal that
// nobody has fired any more goes too, with the time of the erased fire.
func (tx *Tx) subtractSignals(ctx context.Context, t *tally) error {
	if len(t.signalDays) == 0 {
		return nil
	}
	if err := t.applySignals(ctx, tx.q); err != nil {
		return err
	}
	var days, signals rows
	for key := range t.signalDays {
		days.begin().str(key.signal).int(int64(key.day))
	}
	for signal := range t.signals {
		signals.begin().str(signal)
	}
	if err := tx.q.DeleteEmptySignalDays(ctx, days.String()); err != nil {
		return err
	}
	return tx.q.DeleteEmptySignals(ctx, signals.String())
}

// subtractDays takes a user's totals and days out of the community's days.
func (tx *Tx) subtractDays(ctx context.Context, totals []dbgen.UserStat, userDays []dbgen.UserDay) error {
	days := map[Day]dayCounts{}
	for _, day := range userDays {
		if day.Fires != 0 {
			days[Day(day.Day)] = dayCounts{fires: -day.Fires, executed: -day.Executed, activeUsers: -1}
		}
	}
	for _, total := range totals {
		if first := Day(total.FirstDay); first >= 0 {
			day := days[first]
			day.newUsers--
			days[first] = day
		}
	}
	return addDays(ctx, tx.q, days)
}
