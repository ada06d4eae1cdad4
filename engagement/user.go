package engagement

import (
	"context"
	"crypto/rand"
	"math"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// UserStats are a user's totals since the beginning; cleanup does not change
// them.
//
// LastUpdated is when the latest of the user's facts was recorded, whatever time
// the fact itself has; a fact that another program stored counts with its own
// time. Neither a repeated call nor one that marks a fire executed changes it.
type UserStats struct {
	UserID      int64     `json:"user_id"`
	TotalFires  int64     `json:"total_fires"`
	Executed    int64     `json:"executed"`
	Wins        int64     `json:"wins"`
	Losses      int64     `json:"losses"`
	Draws       int64     `json:"draws"`
	WinRate     float64   `json:"win_rate"` // Wins / (Wins + Losses), 0 while there are none
	PnL         float64   `json:"pnl"`
	LastUpdated time.Time `json:"last_updated"` // UTC
}

// UserStats returns a user's totals, or ErrNotFound for a user who has neither
// fired nor traded.
func (r *Reader) UserStats(ctx context.Context, userID int64) (UserStats, error) {
	return latest(ctx, r, "read a user's totals", func(v *view) (UserStats, error) {
		return v.userStats(ctx, userID)
	})
}

func (v *view) userStats(ctx context.Context, userID int64) (UserStats, error) {
	row, err := v.userRow(ctx, userID)
	return userStats(row), err
}

func userStats(row dbgen.UserStat) UserStats {
	return UserStats{
		UserID: row.UserID, TotalFires: row.TotalFires, Executed: row.Executed,
		Wins: row.Wins, Losses: row.Losses, Draws: row.Draws,
		WinRate: row.WinRate, PnL: row.Pnl, LastUpdated: row.LastUpdated,
	}
}

// Users lists the totals of all users by user id; an empty page if there are none.
// See [Reader.Leaderboard] for the best ones.
func (r *Reader) Users(ctx context.Context, q PageQuery) (Page[UserStats], error) {
	return latest(ctx, r, "list users", func(v *view) (Page[UserStats], error) {
		return userPage(q, "users", func(from, most int64) ([]dbgen.UserStat, error) {
			return v.q.UsersFrom(ctx, dbgen.UsersFromParams{FromUser: from, MaxRows: most})
		})
	})
}

// userPage returns a page of a list of users by id. read returns at most so many of the
// list, from a user on.
func userPage(q PageQuery, list string, read func(from, most int64) ([]dbgen.UserStat, error)) (Page[UserStats], error) {
	p, err := q.of(list, position{numbers: []int64{math.MinInt64}}, ascending)
	if err != nil {
		return Page[UserStats]{}, err
	}
	rows, err := read(p.after.numbers[0], p.rows())
	if err != nil {
		return Page[UserStats]{}, err
	}
	rows, next, err := cut(p, rows, func(row dbgen.UserStat) position {
		return position{numbers: []int64{row.UserID + 1}} // another follows, so it is not the highest number
	})
	if err != nil {
		return Page[UserStats]{}, err
	}
	page := Page[UserStats]{make([]UserStats, len(rows)), next}
	for i, row := range rows {
		page.Items[i] = userStats(row)
	}
	return page, nil
}

// UserSummary is what a community shows of one user.
type UserSummary struct {
	UserStats
	ExecutionRate  float64     `json:"execution_rate"`  // Executed / TotalFires, 0 while there are none
	RecentFires7d  int64       `json:"recent_fires_7d"` // today and the six days before
	FavoriteSignal SignalCount `json:"favorite_signal"` // the family fired most among the fires still kept
	CurrentStreak  int64       `json:"current_streak"`  // days; 0 once it is broken
	LongestStreak  int64       `json:"longest_streak"`  // days
	StreakExpires  *time.Time  `json:"streak_expires"`  // when it breaks unless the user fires; null without one
	Timestamp      time.Time   `json:"timestamp"`       // UTC
}

// SignalCount is a signal, or a family of signals, and how often it was fired.
// Both are zero (SignalID null in JSON) when nothing was fired.
type SignalCount struct {
	SignalID  *string `json:"signal_id"`
	FireCount int64   `json:"fire_count"`
}

const recentDays = 7

// NewUsers lists the totals of the users who fired for the first time on a day, by user
// id; an empty page if there are none. [DayFigures] has how many they are.
func (r *Reader) NewUsers(ctx context.Context, day Day, q PageQuery) (Page[UserStats], error) {
	return latest(ctx, r, "list new users", func(v *view) (Page[UserStats], error) {
		if !day.known() {
			return Page[UserStats]{}, invalid("day", day, "want one of the years 1 to 9999")
		}
		return userPage(q, "new users of "+day.String(), func(from, most int64) ([]dbgen.UserStat, error) {
			if day < firstDay { // who has only traded has no first day, which is stored as one before
				return nil, nil
			}
			return v.q.NewUsersFrom(ctx, dbgen.NewUsersFromParams{Day: int64(day), FromUser: from, MaxRows: most})
		})
	})
}

// CountUsers returns how many users have fired or traded.
func (r *Reader) CountUsers(ctx context.Context) (int64, error) {
	return latest(ctx, r, "count users", func(v *view) (int64, error) { return v.q.CountUsers(ctx) })
}

// UserSummary returns a user's totals, recent activity, favorite signal family
// and streak, all of one moment, or ErrNotFound for a user who has neither
// fired nor traded. A family is a signal id without its trailing number and the
// underscores before that, EURUSD_LONG for EURUSD_LONG_001, or the id itself if
// nothing else is left or if it ends with no number.
func (r *Reader) UserSummary(ctx context.Context, userID int64) (UserSummary, error) {
	return snapshot(ctx, r, "summarize a user", func(v *view) (UserSummary, error) {
		return v.userSummary(ctx, userID)
	})
}

func (v *view) userSummary(ctx context.Context, userID int64) (UserSummary, error) {
	row, err := v.userRow(ctx, userID)
	if err != nil {
		return UserSummary{}, err
	}
	return v.summaryOf(ctx, row)
}

func (v *view) summaryOf(ctx context.Context, row dbgen.UserStat) (UserSummary, error) {
	userID, today := row.UserID, v.today()
	recent, err := v.q.UserRecentFires(ctx, dbgen.UserRecentFiresParams{
		UserID: userID, FirstDay: int64(today - recentDays + 1), LastDay: int64(today),
	})
	if err != nil {
		return UserSummary{}, err
	}
	favorites, err := v.q.FavoriteFamily(ctx, userID)
	if err != nil {
		return UserSummary{}, err
	}
	summary := UserSummary{
		UserStats:     userStats(row),
		ExecutionRate: stats.RatioOrZero(row.Executed, row.TotalFires),
		RecentFires7d: recent,
		Timestamp:     v.now,
	}
	if len(favorites) > 0 {
		summary.FavoriteSignal = SignalCount{&favorites[0].Family, favorites[0].Fires}
	}
	current, err := v.streaks(ctx, row)
	if err != nil {
		return UserSummary{}, err
	}
	summary.CurrentStreak, summary.LongestStreak, summary.StreakExpires = current[0].Current, current[0].Longest, current[0].Expires
	return summary, nil
}

// UpdateUserPnL adds change to a user's P&L as a trade that followed no signal, and
// returns the user's new totals. With isWin the trade is a win, whatever the change:
// UpdateUserPnL(ctx, user, 0, true) records a win. Without, it is a loss, or a draw
// for a change of 0. It is the predecessor's call; unlike [DB.RecordTrade] it has no
// key, so repeating it adds again.
func (db *DB) UpdateUserPnL(ctx context.Context, userID int64, change float64, isWin bool) (UserStats, error) {
	key := newTradeID()
	return write(ctx, db, "update a user's P&L", idempotent, func(w *writing) (UserStats, error) {
		return w.updateUserPnL(ctx, userID, key, change, isWin)
	})
}

// newTradeID returns the key of a trade whose caller has none.
func newTradeID() string { return "pnl-" + rand.Text() }

// UpdateUserPnL does what [DB.UpdateUserPnL] does, as part of the transaction.
func (tx *Tx) UpdateUserPnL(ctx context.Context, userID int64, change float64, isWin bool) (UserStats, error) {
	return join(ctx, tx, "update a user's P&L", func(w *writing) (UserStats, error) {
		return w.updateUserPnL(ctx, userID, newTradeID(), change, isWin)
	})
}

func (w *writing) updateUserPnL(ctx context.Context, userID int64, tradeID string, change float64, isWin bool) (UserStats, error) {
	t := Trade{UserID: userID, TradeID: tradeID, PnL: change, Outcome: Win}
	switch {
	case isWin:
	case change == 0:
		t.Outcome = Draw
	default:
		t.Outcome = Loss
	}
	if _, err := w.recordTrades(ctx, []Trade{t}); err != nil {
		return UserStats{}, err
	}
	return w.userStats(ctx, userID)
}
