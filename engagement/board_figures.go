package engagement

import (
	"context"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// UserFigures are what a user did in a window of days, or since the beginning.
// Cleanup does not change them.
type UserFigures struct {
	UserID        int64     `json:"user_id"`
	TotalFires    int64     `json:"total_fires"`
	Executed      int64     `json:"executed"`
	Wins          int64     `json:"wins"`
	Losses        int64     `json:"losses"`
	Draws         int64     `json:"draws"`
	Decided       int64     `json:"decided"`        // Wins + Losses
	WinRate       float64   `json:"win_rate"`       // Wins / Decided, 0 while there are none
	WinRateBound  float64   `json:"win_rate_bound"` // see [WinRateBound], 0 while there are none
	PnL           float64   `json:"pnl"`
	LongestStreak int64     `json:"longest_streak"` // days: ever, or the longest run of days with a fire inside the window
	LastUpdated   time.Time `json:"last_updated"`   // of the user, not of the window: see [UserStats]
}

func (f *UserFigures) derive() {
	f.Decided = f.Wins + f.Losses
	f.WinRate = stats.RatioOrZero(f.Wins, f.Decided)
	f.WinRateBound = WinRateBound(f.Wins, f.Losses)
}

func lifetimeFigures(row dbgen.UserStat) UserFigures {
	f := UserFigures{
		UserID: row.UserID, TotalFires: row.TotalFires, Executed: row.Executed,
		Wins: row.Wins, Losses: row.Losses, Draws: row.Draws,
		PnL: row.Pnl, LongestStreak: row.StreakLongest, LastUpdated: row.LastUpdated,
	}
	f.derive()
	return f
}

func allLifetimeFigures(rows []dbgen.UserStat) []UserFigures {
	figures := make([]UserFigures, len(rows))
	for i, row := range rows {
		figures[i] = lifetimeFigures(row)
	}
	return figures
}

// figuresOf returns the figures of some users, by user id, without those who are not
// known.
func (v *view) figuresOf(ctx context.Context, users []int64, w Window) ([]UserFigures, error) {
	users = slices.Compact(slices.Sorted(slices.Values(users)))
	known, err := v.q.StatsOfUsers(ctx, ids(users))
	if err != nil || w.IsAllTime() {
		return allLifetimeFigures(known), err
	}
	first, last := w.days().bounds()
	days, err := v.q.DaysOfUsers(ctx, dbgen.DaysOfUsersParams{Users: ids(users), FirstDay: first, LastDay: last})
	if err != nil {
		return nil, err
	}
	figures := make([]UserFigures, len(known))
	for i, row := range known {
		own := 0
		for own < len(days) && days[own].UserID == row.UserID {
			own++
		}
		figures[i] = v.windowFigures(row, days[:own])
		days = days[own:]
	}
	return figures, nil
}

// windowFigures adds up a user's days, which are in order.
func (v *view) windowFigures(user dbgen.UserStat, days []dbgen.UserDay) UserFigures {
	f := UserFigures{UserID: user.UserID, LastUpdated: user.LastUpdated}
	streak := longestRun{skipped: v.skipped}
	var pnl stats.Amount
	for _, d := range days {
		f.TotalFires += d.Fires
		f.Executed += d.Executed
		f.Wins += d.Wins
		f.Losses += d.Losses
		f.Draws += d.Draws
		pnl = pnl.Add(d.PnlMicros)
		if d.Fires > 0 {
			streak.add(d.Day)
		}
	}
	f.PnL = pnl.Units()
	f.LongestStreak = streak.longest
	f.derive()
	return f
}

// longestRun is the longest run of consecutive days among those added in order.
type longestRun struct {
	skipped               []int64 // days that the time zone left out
	last, length, longest int64
}

func (l *longestRun) add(day int64) {
	next := l.last + 1
	for next < day && slices.Contains(l.skipped, next) {
		next++
	}
	if day != next {
		l.length = 0
	}
	l.last = day
	l.length++
	l.longest = max(l.longest, l.length)
}
