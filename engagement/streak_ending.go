package engagement

import (
	"context"
	"math"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// EndingStreaks are the streaks that break at the end of today unless their users
// fire before, all freezes spent.
type EndingStreaks struct {
	Users int64 `json:"users"` // how many there are, on all pages
	Page[Streak]
}

// EndingStreaks lists the users whose streaks break at the end of today unless they
// fire before: the longest current streak first, ties by user id. A user who has fired
// today is not among them, nor one whom a freeze or a day of rest gives more time.
//
// It reads the rows that it shows and counts the others by an index.
func (r *Reader) EndingStreaks(ctx context.Context, q PageQuery) (EndingStreaks, error) {
	return snapshot(ctx, r, "list the streaks that end today", func(v *view) (EndingStreaks, error) {
		return v.endingStreaks(ctx, q)
	})
}

func (v *view) endingStreaks(ctx context.Context, q PageQuery) (ending EndingStreaks, err error) {
	p, err := q.of("ending streaks", position{numbers: []int64{math.MaxInt64, math.MinInt64}}, highFirst)
	if err != nil {
		return ending, err
	}
	today := int64(v.today())
	if ending.Users, err = v.q.CountLongerStreaksUntil(ctx, dbgen.CountLongerStreaksUntilParams{StreakUntil: today}); err != nil {
		return ending, err
	}
	rows, err := v.q.StreaksUntil(ctx, dbgen.StreaksUntilParams{
		StreakUntil: today, AfterLength: p.after.numbers[0], AfterUser: p.after.numbers[1], MaxRows: p.rows(),
	})
	if err != nil {
		return ending, err
	}
	rows, ending.Next, err = cut(p, rows, func(user dbgen.UserStat) position {
		return position{numbers: []int64{user.StreakLength, user.UserID}}
	})
	if err != nil {
		return ending, err
	}
	ending.Items, err = v.streaks(ctx, rows...)
	return ending, err
}
