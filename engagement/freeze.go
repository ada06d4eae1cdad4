package engagement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/streaks"
)

// Freeze grants a user a freeze, which keeps a streak alive over one missed day.
// Its key is (UserID, GrantID).
type Freeze struct {
	UserID  int64  `json:"user_id"`  // not 0
	GrantID string `json:"grant_id"` // 1 to 256 bytes of UTF-8 without control characters
}

// FreezeReceipt says what granting a freeze did.
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
// A freeze covers one missed day that is no rest day, not before the day of its
// grant: the streak stays alive and does not become longer. Freezes are spent
// automatically, the earliest granted first, one on each missed day. When none is
// left the streak breaks, and the days after that take no freeze. A late fire on a
// covered day gives the freeze back.
//
// ErrNotFound for a user who has neither fired nor traded. ErrConflict, which changes
// nothing, if the user has as many unspent freezes as the rules allow (see
// [StreakRules]). Freezes that a late fire gave back count too, and may exceed what
// the rules allow: none is taken away.
func (db *DB) GrantFreeze(ctx context.Context, f Freeze) (FreezeReceipt, error) {
	return write(ctx, db, "grant a freeze", idempotent, func(w *writing) (FreezeReceipt, error) {
		return w.grantFreeze(ctx, f)
	})
}

// GrantFreeze does what [DB.GrantFreeze] does, as part of the transaction.
func (tx *Tx) GrantFreeze(ctx context.Context, f Freeze) (FreezeReceipt, error) {
	return join(ctx, tx, "grant a freeze", func(w *writing) (FreezeReceipt, error) {
		return w.grantFreeze(ctx, f)
	})
}

func (w *writing) grantFreeze(ctx context.Context, f Freeze) (FreezeReceipt, error) {
	if err := checkUserID(f.UserID); err != nil {
		return FreezeReceipt{}, err
	}
	if err := checkID("grant id", f.GrantID); err != nil {
		return FreezeReceipt{}, err
	}
	if _, err := w.userRow(ctx, f.UserID); err != nil {
		return FreezeReceipt{}, err
	}
	l, err := w.holdHistories(ctx, []int64{f.UserID})
	if err != nil {
		return FreezeReceipt{}, err
	}
	user := l.users[f.UserID]
	covering(l.counting(), user.streak, user.history.freezes, w.today())
	unspent := 0
	for _, known := range user.history.freezes {
		if known.ID == f.GrantID {
			return FreezeReceipt{Duplicate}, nil
		}
		if known.Spent == streaks.None {
			unspent++
		}
	}
	if unspent >= l.rules.FreezeCap {
		return FreezeReceipt{}, fmt.Errorf("%w: user %d holds %d unspent freezes, and the rules allow %d",
			ErrConflict, f.UserID, unspent, l.rules.FreezeCap)
	}
	err = w.q.InsertFreeze(ctx, dbgen.InsertFreezeParams{
		UserID: f.UserID, GrantID: f.GrantID, GrantedDay: int64(w.today()), GrantedAt: w.now,
	})
	if err != nil {
		return FreezeReceipt{}, err
	}
	user.history.freezes = append(user.history.freezes, streaks.Freeze{ID: f.GrantID, Granted: int64(w.today())})
	user.history.spent[f.GrantID] = streaks.None
	return FreezeReceipt{Recorded}, w.store(ctx, recount(l, []int64{f.UserID}, true, w.now))
}

// Freezes returns the freezes that a user was granted, with the days that they
// cover as of today, in the order in which they are spent: by the day of the
// grant, and of the same day by grant id. None for a user without any. They come
// all at once: each covers a day of its own, or is one of at most MaxFreezeCap.
func (r *Reader) Freezes(ctx context.Context, userID int64) ([]GrantedFreeze, error) {
	return snapshot(ctx, r, "list a user's freezes", func(v *view) ([]GrantedFreeze, error) {
		user, err := v.userRow(ctx, userID)
		if errors.Is(err, ErrNotFound) {
			return []GrantedFreeze{}, nil
		}
		if err != nil {
			return nil, err
		}
		return v.freezes(ctx, user)
	})
}

// freezes returns a user's freezes.
func (v *view) freezes(ctx context.Context, user dbgen.UserStat) ([]GrantedFreeze, error) {
	rows, err := v.q.UserFreezes(ctx, user.UserID)
	if err != nil || len(rows) == 0 {
		return []GrantedFreeze{}, err
	}
	rules, err := v.streakRules(ctx)
	if err != nil {
		return nil, err
	}
	freezes := make([]streaks.Freeze, len(rows))
	for i, row := range rows {
		freezes[i] = streaks.Freeze{ID: row.GrantID, Granted: row.GrantedDay, Spent: row.SpentDay}
	}
	covering(rules.pure(v.skipped), streakState(user), freezes, v.today())
	granted := make([]GrantedFreeze, len(rows))
	for i, row := range rows {
		granted[i] = GrantedFreeze{GrantID: row.GrantID, GrantedDay: Day(row.GrantedDay), GrantedAt: row.GrantedAt}
		if freezes[i].Spent != streaks.None {
			day := Day(freezes[i].Spent)
			granted[i].SpentDay = &day
		}
	}
	return granted, nil
}

// covering spends freezes, which are in order, on the days missed up to today. What
// is stored is how the last active day left them; the next fire stores what is spent
// here.
func covering(rules streaks.Rules, streak streaks.State, freezes []streaks.Freeze, today Day) {
	for len(freezes) > 0 && freezes[0].Spent != streaks.None {
		freezes = freezes[1:]
	}
	if streak.Length > 0 {
		rules.Spend(freezes, streak.End, int64(today))
	}
}
