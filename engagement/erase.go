package engagement

import (
	"cmp"
	"context"
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
	if err := tx.countRepair(ctx); err != nil {
		return receipt, err
	}
	if err := tx.subtractSignals(ctx, userID); err != nil {
		return receipt, err
	}
	if err := tx.subtractDays(ctx, userID); err != nil {
		return receipt, err
	}
	var stats int64
	for _, step := range []struct {
		remove func(context.Context, int64) (int64, error)
		count  *int64
	}{
		{tx.q.DeleteUserFires, &receipt.Fires},
		{tx.q.DeleteUserTrades, &receipt.Trades},
		{tx.q.DeleteUserDays, &receipt.Days},
		{tx.q.DeleteUserStats, &stats},
	} {
		deleted, err := step.remove(ctx, userID)
		if err != nil {
			return receipt, err
		}
		*step.count = deleted
	}
	if receipt.Fires+receipt.Trades+receipt.Days+stats == 0 {
		return receipt, notFound("user", userID)
	}
	return receipt, nil
}

// subtractSignals takes a user's fires out of their signals' counters.
func (tx *Tx) subtractSignals(ctx context.Context, userID int64) error {
	t := newTally()
	page := FirePage{Limit: MaxLimit}
	for {
		fires, err := tx.userFires(ctx, userID, page)
		if err != nil {
			return err
		}
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
		if len(fires) < MaxLimit {
			return tx.subtract(ctx, t)
		}
		last := signalFire(fires[len(fires)-1])
		page.After = &last
	}
}

// subtract applies a tally of what is taken away. A signal that nobody has fired
// any more goes too, with the time of the erased fire.
func (tx *Tx) subtract(ctx context.Context, t *tally) error {
	if err := t.applySignals(ctx, tx.q); err != nil {
		return err
	}
	for _, signal := range sortedKeys(t.signals, cmp.Compare) {
		if err := tx.q.DeleteEmptySignalDays(ctx, signal); err != nil {
			return err
		}
		if err := tx.q.DeleteSignalIfEmpty(ctx, signal); err != nil {
			return err
		}
	}
	return nil
}

// subtractDays takes a user's days out of the community's.
func (tx *Tx) subtractDays(ctx context.Context, userID int64) error {
	days, err := tx.q.DaysOfUser(ctx, userID)
	if err != nil {
		return err
	}
	for _, day := range days {
		if day.Fires == 0 {
			continue
		}
		err := tx.q.AddDay(ctx, dbgen.AddDayParams{
			Day: day.Day, Fires: -day.Fires, Executed: -day.Executed, ActiveUsers: -1,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
