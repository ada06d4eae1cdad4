package engagement

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Streak is a user's run of consecutive days with at least one fire. It is
// alive if its last day is today or yesterday. Cleanup does not change it.
type Streak struct {
	UserID  int64      `json:"user_id"`
	Current int64      `json:"current_streak"` // days; 0 unless alive
	Longest int64      `json:"longest_streak"` // days, the current one included
	Expires *time.Time `json:"streak_expires"` // when it breaks unless the user fires; nil unless alive
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

// daysAhead is how many days ahead of today a fire's time may lie: 24 hours
// reach the day after tomorrow across a day of 23.
const daysAhead = 2

func (r *Reader) streakLeaderboard(ctx context.Context, limit int) ([]StreakRow, error) {
	maxRows, err := checkLimit(limit)
	if err != nil {
		return nil, err
	}
	board := []StreakRow{}
	// Each day's list is read in order off the index; the best of the whole
	// are among the best of each.
	for until := r.Today(); until <= r.Today()+daysAhead+1; until++ {
		rows, err := r.q.StreaksUntil(ctx, dbgen.StreaksUntilParams{StreakUntil: int64(until), MaxRows: maxRows})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			board = append(board, StreakRow{Streak: r.streak(row)})
		}
	}
	slices.SortFunc(board, func(a, b StreakRow) int {
		return cmp.Or(cmp.Compare(b.Current, a.Current), cmp.Compare(a.UserID, b.UserID))
	})
	board = board[:min(int64(len(board)), maxRows)]
	for i := range board {
		board[i].Rank = int64(i) + 1
		if i > 0 && board[i].Current == board[i-1].Current {
			board[i].Rank = board[i-1].Rank
		}
	}
	return board, nil
}

// streak reads the stored streak as of now.
func (r *Reader) streak(row dbgen.UserStat) Streak {
	s := Streak{UserID: row.UserID, Longest: row.StreakLongest}
	if row.StreakEnd < 0 || Day(row.StreakUntil) < r.Today() {
		return s
	}
	s.Current = row.StreakLength
	expires := (Day(row.StreakUntil) + 1).Start(r.core.loc).UTC()
	s.Expires = &expires
	return s
}
