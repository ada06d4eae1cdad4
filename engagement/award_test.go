package engagement_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestMilestonesAreAwardedOnce(t *testing.T) {
	day := func(n int) time.Time { return noon.AddDate(0, 0, n-20) }
	for _, tt := range []struct {
		name   string
		fires  []int // days, one after another
		awards string
		by     string // the fires that reached them
	}{
		{"a day at a time", []int{1, 2, 3, 4, 5, 6, 7}, "3@1 7@1", "3:3 7:7"},
		{"two days are not three", []int{1, 2, 4, 5}, "", ""},
		{"a late fire that joins two runs", []int{1, 2, 3, 5, 6, 7, 4}, "3@1 7@1 3@5", "3:3 7:3 4:7"},
		{"a late fire that starts the streak earlier", []int{3, 4, 5, 2, 1}, "3@3", "5:3"},
		{"a day lengthening an old run", []int{1, 2, 10, 3}, "3@1", "3:3"},
		{"a new streak is awarded anew", []int{1, 2, 3, 5, 6, 7}, "3@1 3@5", "3:3 7:3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				epoch := db.Today() - 20
				var by []string
				for i, n := range tt.fires {
					f := engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), At: day(n)}
					result := must(db.RecordFire(ctx, f))(t)
					for _, milestone := range result.Milestones {
						by = append(by, fmt.Sprintf("%d:%d", n, milestone))
					}
					unchanged(t, db, func() {
						same(t, "the same fire again", must(db.RecordFire(ctx, f))(t), engagement.FireReceipt{Status: engagement.Duplicate})
					})
				}
				awards := func() string {
					var all []string
					for _, a := range must(db.Awards(ctx, 1))(t) {
						all = append(all, fmt.Sprintf("%d@%d", a.Milestone, a.StreakStart-epoch))
					}
					return strings.Join(all, " ")
				}
				same(t, "fires and their milestones", strings.Join(by, " "), tt.by)
				same(t, "awards", awards(), tt.awards)
				must(db.Cleanup(ctx, 1))(t)
				must(db.Rebuild(ctx))(t)
				setRules(t, db, weekend)
				setRules(t, db, func(rules *engagement.StreakRules) { rules.RestDays, rules.Milestones = nil, nil })
				same(t, "awards are never taken back", strings.HasPrefix(awards(), strings.SplitN(tt.awards, " ", 2)[0]), true)
				must(db.EraseUser(ctx, 1))(t)
				same(t, "awards of an erased user", awards(), "")
			})
		})
	}
}

func TestABatchIsAwardedAsItsFiresOneByOne(t *testing.T) {
	for _, c := range []struct {
		name       string
		milestones []int64
		ago        []int // days before today of each fire
		want       [][]int64
		awards     []engagement.Award // their days as days ago
	}{
		{"the third day of a run in any order", nil, []int{3, 1, 2},
			[][]int64{nil, nil, {3}}, []engagement.Award{{Milestone: 3, StreakStart: -3, Day: -1}}},
		{"the first fire of a day has its milestone, and a later start takes it not back", nil, []int{2, 0, 0, 1, 3},
			[][]int64{nil, nil, nil, {3}, nil}, []engagement.Award{{Milestone: 3, StreakStart: -2, Day: 0}}},
		{"two runs that a late day joins keep both awards", []int64{2}, []int{10, 9, 7, 6, 8},
			[][]int64{nil, {2}, nil, {2}, nil},
			[]engagement.Award{{Milestone: 2, StreakStart: -10, Day: -9}, {Milestone: 2, StreakStart: -7, Day: -6}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				if c.milestones != nil {
					setRules(t, db, func(rules *engagement.StreakRules) { rules.Milestones = c.milestones })
				}
				var batch []engagement.Fire
				for i, ago := range c.ago {
					f := engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), At: noon.AddDate(0, 0, -ago)}
					batch = append(batch, f)
					f.UserID = 2
					same(t, f.String(), must(db.RecordFire(ctx, f))(t).Milestones, c.want[i])
				}
				var got [][]int64
				for _, receipt := range must(db.RecordFires(ctx, batch))(t) {
					got = append(got, receipt.Milestones)
				}
				same(t, "milestones of each fire of the batch", got, c.want)
				awards := slices.Clone(c.awards)
				for i := range awards {
					awards[i].StreakStart += db.Today()
					awards[i].Day += db.Today()
					awards[i].AwardedAt = noon
				}
				for user := int64(1); user <= 2; user++ {
					same(t, "awards", must(db.Awards(ctx, user))(t), awards)
				}
			})
		})
	}
}

func TestADuplicateReachesNoMilestone(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "S_0", At: noon.AddDate(0, 0, -2)})
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "S_1", At: noon.AddDate(0, 0, -1)})
		got := must(db.RecordFires(context.Background(), []engagement.Fire{
			{UserID: 1, SignalID: "S_0"}, // again, with another time
			{UserID: 1, SignalID: "S_2"},
		}))(t)
		same(t, "results", got, []engagement.FireReceipt{
			{Status: engagement.Duplicate}, {Status: engagement.Recorded, Milestones: []int64{3}},
		})
	})
}
