package engagement

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Streak is a user's latest run of days with at least one fire, as of today. No
// day between is missed, except days of rest (see [StreakRules]) and days that a
// freeze covers (see [DB.GrantFreeze]), which do not count. It is alive while a
// fire today would prolong it. Cleanup does not change it.
type Streak struct {
	UserID  int64      `json:"user_id"`
	Current int64      `json:"current_streak"` // active days; 0 unless alive
	Longest int64      `json:"longest_streak"` // active days, of the longest streak ever
	Expires *time.Time `json:"streak_expires"` // when it breaks unless the user fires, all freezes spent; nil unless alive
	Freezes int64      `json:"freezes"`        // not spent
}

// StreakRow is one row of a streak leaderboard.
type StreakRow struct {
	Rank int64 `json:"rank"` // 1 + how many have a longer current streak
	Streak
}

// StreakLeaderboard returns the users with the longest current streaks,
// longest first, ties by user id; none if no streak is alive. limit is 1 to
// MaxLimit, or 0 for DefaultLimit.
func (r *Reader) StreakLeaderboard(ctx context.Context, limit int) (board []StreakRow, err error) {
	err = r.snapshot(ctx, "streak leaderboard", func(r *Reader) (int, error) {
		board, err = r.streakLeaderboard(ctx, limit)
		return len(board), err
	})
	return board, err
}

func (r *Reader) streakLeaderboard(ctx context.Context, limit int) ([]StreakRow, error) {
	maxRows, err := checkLimit(limit)
	if err != nil {
		return nil, err
	}
	ends, err := r.q.StreakEnds(ctx, int64(r.Today()))
	if err != nil {
		return nil, err
	}
	// Each day's list is read in order off the index; the best of the whole
	// are among the best of each.
	var users []dbgen.UserStat
	for _, until := range ends {
		rows, err := r.q.StreaksUntil(ctx, dbgen.StreaksUntilParams{StreakUntil: until, MaxRows: maxRows})
		if err != nil {
			return nil, err
		}
		users = append(users, rows...)
	}
	slices.SortFunc(users, func(a, b dbgen.UserStat) int {
		return cmp.Or(cmp.Compare(b.StreakLength, a.StreakLength), cmp.Compare(a.UserID, b.UserID))
	})
	streaks, err := r.streaks(ctx, users[:min(int64(len(users)), maxRows)]...)
	board := make([]StreakRow, len(streaks))
	for i, streak := range streaks {
		board[i] = StreakRow{Rank: int64(i) + 1, Streak: streak}
		if i > 0 && streak.Current == board[i-1].Current {
			board[i].Rank = board[i-1].Rank
		}
	}
	return board, err
}

// streaks reads stored streaks as of today.
func (r *Reader) streaks(ctx context.Context, users ...dbgen.UserStat) ([]Streak, error) {
	today := r.Today()
	streaks := make([]Streak, len(users))
	var rules *storedRules // for those who hold freezes
	for i, user := range users {
		s := Streak{UserID: user.UserID, Longest: user.StreakLongest, Freezes: user.Freezes}
		until := Day(user.StreakUntil)
		if user.StreakLength > 0 && until >= today {
			s.Current = user.StreakLength
			expires := (until + 1).Start(r.core.loc).UTC()
			s.Expires = &expires
		}
		if user.StreakLength > 0 && user.Freezes > 0 {
			if rules == nil {
				var err error
				if rules, err = r.streakRules(ctx); err != nil {
					return nil, err
				}
			}
			s.Freezes -= rules.missed(Day(user.StreakEnd), min(today, until))
		}
		streaks[i] = s
	}
	return streaks, nil
}

// Streak returns a user's streak, or ErrNotFound for a user who has neither
// fired nor traded.
func (r *Reader) Streak(ctx context.Context, userID int64) (streak Streak, err error) {
	err = r.snapshot(ctx, "read a user's streak", func(r *Reader) (int, error) {
		row, err := r.userRow(ctx, userID)
		if err != nil {
			return 0, err
		}
		streaks, err := r.streaks(ctx, row)
		if err == nil {
			streak = streaks[0]
		}
		return 1, err
	})
	return streak, err
}

// StreakDayKind says what a day is to a streak.
type StreakDayKind string

// The kinds of days.
const (
	ActiveDay StreakDayKind = "active" // with a fire; it counts
	RestDay   StreakDayKind = "rest"   // of rest, without a fire
	FrozenDay StreakDayKind = "frozen" // without a fire, covered by a freeze
	OpenDay   StreakDayKind = "open"   // today, while there is no fire yet
)

// StreakDay is one day of a streak.
type StreakDay struct {
	Day  Day           `json:"day"`
	Kind StreakDayKind `json:"kind"`
}

// StreakDays explains a user's current streak: its days from the first on up to
// today, or up to a later one with a fire; none unless a streak is alive.
func (r *Reader) StreakDays(ctx context.Context, userID int64) (days []StreakDay, err error) {
	err = r.snapshot(ctx, "explain a user's streak", func(r *Reader) (int, error) {
		days, err = r.streakDays(ctx, userID)
		return len(days), err
	})
	return days, err
}

func (r *Reader) streakDays(ctx context.Context, userID int64) ([]StreakDay, error) {
	days := []StreakDay{}
	if err := checkUserID(userID); err != nil {
		return days, err
	}
	row, err := r.userRow(ctx, userID)
	if errors.Is(err, ErrNotFound) || (err == nil && (row.StreakEnd < 0 || Day(row.StreakUntil) < r.Today())) {
		return days, nil
	}
	if err != nil {
		return nil, err
	}
	rules, err := r.streakRules(ctx)
	if err != nil {
		return nil, err
	}
	active, err := r.q.UserActiveDays(ctx, dbgen.UserActiveDaysParams{UserID: userID, FromDay: row.StreakStart})
	if err != nil {
		return nil, err
	}
	// The streak is alive: what was missed was a day of rest or is covered.
	for day := Day(row.StreakStart); day <= max(Day(row.StreakEnd), r.Today()); day++ {
		kind := FrozenDay
		switch {
		case len(active) > 0 && active[0] == int64(day):
			kind, active = ActiveDay, active[1:]
		case rules.rests(day):
			kind = RestDay
		case day > Day(row.StreakEnd) && day == r.Today():
			kind = OpenDay
		}
		days = append(days, StreakDay{day, kind})
	}
	return days, nil
}
