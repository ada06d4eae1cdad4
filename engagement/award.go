package engagement

import (
	"context"
	"time"
)

// Award is a milestone that a streak has reached. Nothing takes it back, neither
// facts recorded later nor a cleanup.
type Award struct {
	Milestone   int64     `json:"milestone"`    // the streak's length, in active days
	StreakStart Day       `json:"streak_start"` // as it was when it was awarded
	Day         Day       `json:"day"`          // the active day on which the length was reached
	AwardedAt   time.Time `json:"awarded_at"`   // when the fire that reached it was recorded, UTC
}

// Awards returns the milestones that a user's streaks have been awarded, the earliest
// streak first and its milestones upwards; none for a user without any. They come all
// at once: there are at most MaxMilestones for each day with a fire, and usually far
// fewer.
//
// A milestone is awarded in the transaction that reaches it, also by fires of long
// ago, and once for the same days. The days of an award are those from StreakStart to
// Day, whether active, of rest or frozen. A streak that contains one of them is not
// awarded the same milestone again, also when a late fire has lengthened it, joined
// it with another or given it an earlier start.
func (r *Reader) Awards(ctx context.Context, userID int64) ([]Award, error) {
	return latest(ctx, r, "list a user's awards", func(v *view) ([]Award, error) {
		return v.awards(ctx, userID)
	})
}

func (v *view) awards(ctx context.Context, userID int64) ([]Award, error) {
	if err := checkUserID(userID); err != nil {
		return nil, err
	}
	rows, err := v.q.UserAwards(ctx, userID)
	awards := make([]Award, len(rows))
	for i, row := range rows {
		awards[i] = Award{row.Milestone, Day(row.StreakStart), Day(row.Day), row.AwardedAt}
	}
	return awards, err
}
