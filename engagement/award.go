package engagement

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Award says that a streak has reached a milestone. It is a fact: what is
// recorded later takes it back no more than cleanup does.
type Award struct {
	Milestone   int64     `json:"milestone"`    // the streak's length, in active days
	StreakStart Day       `json:"streak_start"` // as it was when it was awarded
	Day         Day       `json:"day"`          // the active day on which the length was reached
	AwardedAt   time.Time `json:"awarded_at"`   // when the fire that reached it was recorded, UTC
}

// Awards returns the milestones that a user's streaks have been awarded, the
// earliest streak first and its milestones upwards; none for a user without any.
//
// A milestone is awarded in the transaction that reaches it, also by fires of
// long ago, and once for the same days. The days of an award are those from
// StreakStart to Day, whether active, of rest or frozen. A streak that holds one
// of them is not awarded the same milestone again, also when a late fire has
// lengthened it, joined it with another or given it an earlier start.
func (r *Reader) Awards(ctx context.Context, userID int64) (awards []Award, err error) {
	err = r.single(ctx, "list a user's awards", func(r *Reader) (int, error) {
		awards, err = r.awards(ctx, userID)
		return len(awards), err
	})
	return awards, err
}

func (r *Reader) awards(ctx context.Context, userID int64) ([]Award, error) {
	if err := checkUserID(userID); err != nil {
		return nil, err
	}
	rows, err := r.q.UserAwards(ctx, userID)
	awards := make([]Award, len(rows))
	for i, row := range rows {
		awards[i] = Award{row.Milestone, Day(row.StreakStart), Day(row.Day), row.AwardedAt}
	}
	return awards, err
}

// awards are the milestones that have just been awarded, by the day whose
// becoming active has reached them.
type awards map[userDay][]int64

// award awards what users have reached. days are the days of these users that
// have just become active, ascending. An award belongs to the last of them up to
// the day on which the length was reached, or to the first if they are all
// later.
func (tx *Tx) award(ctx context.Context, users map[int64]history, days map[int64][]Day) (awards, error) {
	var params rows
	for _, user := range sortedKeys(users, cmp.Compare) {
		for _, m := range users[user].milestones {
			params.begin().int(user, int64(m.start), int64(m.end), m.length, int64(m.day)).time(tx.now)
		}
	}
	if params.empty() {
		return nil, nil
	}
	rows, err := tx.q.InsertAwards(ctx, params.String())
	awarded := awards{}
	for _, row := range rows {
		active := days[row.UserID]
		if len(active) == 0 {
			continue
		}
		i, found := slices.BinarySearch(active, Day(row.Day))
		if !found {
			i = max(i-1, 0)
		}
		key := userDay{row.UserID, active[i]}
		awarded[key] = append(awarded[key], row.Milestone)
		slices.Sort(awarded[key])
	}
	return awarded, err
}

// take returns the milestones that a fire has reached: the first new one of its
// user's day has them all.
func (a awards) take(f dbgen.SignalFire, status Status) []int64 {
	key := userDay{f.UserID, Day(f.Day)}
	if status != Recorded || a[key] == nil {
		return nil
	}
	milestones := a[key]
	delete(a, key)
	return milestones
}
