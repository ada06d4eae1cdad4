package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Freeze grants a user a freeze, which keeps a streak alive over one missed day.
// Its key is (UserID, GrantID).
type Freeze struct {
	UserID  int64  `json:"user_id"`  // not 0
	GrantID string `json:"grant_id"` // 1 to 256 bytes of UTF-8 without control characters
}

// FreezeReceipt is what granting a freeze came to.
type FreezeReceipt struct {
	Status Status `json:"status"` // Recorded or Duplicate
}

// GrantedFreeze is a freeze that a user was granted.
type GrantedFreeze struct {
	GrantID    string    `json:"grant_id"`
	GrantedDay Day       `json:"granted_day"` // it covers no day before
	GrantedAt  time.Time `json:"granted_at"`  // UTC
	SpentDay   *Day      `json:"spent_day"`   // the missed day that it covers; nil while it covers none
}

// GrantFreeze grants a user a freeze. Repeating the call is safe: the same grant
// again is Duplicate and changes nothing.
//
// A freeze covers one missed day, from the day of its grant on, that is no rest
// day: the streak stays alive and does not become longer. Freezes are spent by
// themselves, the earliest granted first, on each missed day until there is none
// and the streak breaks; the days after that take none. A late fire on a covered
// day gives its freeze back.
//
// ErrNotFound for a user who has neither fired nor traded. ErrConflict, which
// changes nothing, if the user holds as many unspent freezes as the rules allow
// (see [StreakRules]); freezes that were given back count, and are never taken.
func (db *DB) GrantFreeze(ctx context.Context, f Freeze) (result FreezeReceipt, err error) {
	err = db.writeKeyed(ctx, "grant a freeze", func(tx *Tx) (int, error) {
		result, err = tx.grantFreeze(ctx, f)
		return 1, err
	})
	return result, err
}

// GrantFreeze does what [DB.GrantFreeze] does, as part of the transaction.
func (tx *Tx) GrantFreeze(ctx context.Context, f Freeze) (result FreezeReceipt, err error) {
	err = tx.joined(ctx, "grant a freeze", func() (int, error) {
		result, err = tx.grantFreeze(ctx, f)
		return 1, err
	})
	return result, err
}

func (tx *Tx) grantFreeze(ctx context.Context, f Freeze) (FreezeReceipt, error) {
	if err := checkUserID(f.UserID); err != nil {
		return FreezeReceipt{}, err
	}
	if err := checkID("grant id", f.GrantID); err != nil {
		return FreezeReceipt{}, err
	}
	user, err := tx.q.LockUser(ctx, f.UserID)
	if errors.Is(err, sql.ErrNoRows) {
		err = notFound("user", f.UserID)
	}
	if err != nil {
		return FreezeReceipt{}, err
	}
	freezes, err := tx.freezes(ctx, user)
	if err != nil {
		return FreezeReceipt{}, err
	}
	unspent := 0
	for _, known := range freezes {
		if known.GrantID == f.GrantID {
			return FreezeReceipt{Duplicate}, nil
		}
		if known.SpentDay == nil {
			unspent++
		}
	}
	rules, err := tx.streakRules(ctx)
	if err != nil {
		return FreezeReceipt{}, err
	}
	if unspent >= rules.FreezeCap {
		return FreezeReceipt{}, fmt.Errorf("%w: user %d holds %d unspent freezes, and the rules allow %d",
			ErrConflict, f.UserID, unspent, rules.FreezeCap)
	}
	err = tx.q.InsertFreeze(ctx, dbgen.InsertFreezeParams{
		UserID: f.UserID, GrantID: f.GrantID, GrantedDay: int64(tx.Today()), GrantedAt: tx.now,
	})
	if err == nil {
		_, err = tx.recount(ctx, []int64{f.UserID})
	}
	return FreezeReceipt{Recorded}, err
}

// Freezes returns the freezes that a user was granted, with the days that they
// cover as of today, in the order in which they are spent: by the day of the
// grant, and of the same day by grant id. None for a user without any.
func (r *Reader) Freezes(ctx context.Context, userID int64) (freezes []GrantedFreeze, err error) {
	err = r.snapshot(ctx, "list a user's freezes", func(r *Reader) (int, error) {
		user, err := r.userRow(ctx, userID)
		if errors.Is(err, ErrNotFound) {
			freezes = []GrantedFreeze{}
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		freezes, err = r.freezes(ctx, user)
		return len(freezes), err
	})
	return freezes, err
}

// freezes returns a user's freezes. They are stored as the last active day has
// left them: what has been missed since is spent here, and stored by the next
// fire.
func (r *Reader) freezes(ctx context.Context, user dbgen.UserStat) ([]GrantedFreeze, error) {
	rows, err := r.q.UserFreezes(ctx, user.UserID)
	if err != nil || len(rows) == 0 {
		return []GrantedFreeze{}, err
	}
	rules, err := r.streakRules(ctx)
	if err != nil {
		return nil, err
	}
	freezes := make([]freeze, len(rows))
	for i, row := range rows {
		freezes[i] = freeze{id: row.GrantID, granted: Day(row.GrantedDay), spent: Day(row.SpentDay)}
	}
	left := freezes
	for len(left) > 0 && left[0].spent >= 0 {
		left = left[1:]
	}
	if user.StreakLength > 0 {
		rules.spend(left, Day(user.StreakEnd), r.Today())
	}
	granted := make([]GrantedFreeze, len(rows))
	for i, row := range rows {
		granted[i] = GrantedFreeze{GrantID: row.GrantID, GrantedDay: Day(row.GrantedDay), GrantedAt: row.GrantedAt}
		if freezes[i].spent >= 0 {
			granted[i].SpentDay = &freezes[i].spent
		}
	}
	return granted, nil
}
