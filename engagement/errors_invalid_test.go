package engagement_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestArgumentsThatAreRefused(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		name string
		call func(db *engagement.DB) error
		says string // the field and its value
	}{
		{"a fire of user 0", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{SignalID: "A"})
			return err
		}, "user id 0"},
		{"a fire of no signal", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1})
			return err
		}, `signal id ""`},
		{"a fire before 1970", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A", At: time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)})
			return err
		}, `timestamp "1969-12-31T23:59:59Z"`},
		{"a fire on the first day of 1970, which stands for unknown", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A", At: time.Date(1970, 1, 1, 23, 59, 59, 0, time.UTC)})
			return err
		}, `timestamp "1970-01-01T23:59:59Z"`},
		{"a fire in the year 0", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A", At: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)})
			return err
		}, `timestamp "0000-01-01T00:00:00Z"`},
		{"a fire more than a day ahead", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A", At: noon.Add(24*time.Hour + time.Microsecond)})
			return err
		}, `timestamp "2026-01-15T12:00:00`},
		{"a fire in the year 10000", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A", At: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)})
			return err
		}, `timestamp "10000-01-01T00:00:00Z"`},
		{"a trade of user 0", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{TradeID: "t"})
			return err
		}, "user id 0"},
		{"a trade without an id", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1})
			return err
		}, `trade id ""`},
		{"a trade that is not a number", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", PnL: math.NaN()})
			return err
		}, "P&L NaN"},
		{"a trade with an unknown outcome", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", Outcome: 4})
			return err
		}, "outcome 4"},
		{"a trade with a negative outcome", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", Outcome: -1})
			return err
		}, "outcome -1"},
		{"a trade more than a day ahead", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", ClosedAt: noon.Add(25 * time.Hour)})
			return err
		}, `closing time "2026-01-15T13:00:00Z"`},
		{"a P&L of user 0", func(db *engagement.DB) error { _, err := db.UpdateUserPnL(ctx, 0, 1, true); return err }, "user id 0"},
		{"an infinite P&L", func(db *engagement.DB) error { _, err := db.UpdateUserPnL(ctx, 1, math.Inf(1), true); return err }, "P&L +Inf"},
		{"erasing user 0", func(db *engagement.DB) error { _, err := db.EraseUser(ctx, 0); return err }, "user id 0"},
		{"the fire of user 0", func(db *engagement.DB) error { _, err := db.Fire(ctx, 0, "A"); return err }, "user id 0"},
		{"the fire for no signal", func(db *engagement.DB) error { _, err := db.Fire(ctx, 1, ""); return err }, "signal id"},
		{"the trade of user 0", func(db *engagement.DB) error { _, err := db.Trade(ctx, 0, "t"); return err }, "user id 0"},
		{"the trade of no id", func(db *engagement.DB) error { _, err := db.Trade(ctx, 1, ""); return err }, "trade id"},
		{"the totals of user 0", func(db *engagement.DB) error { _, err := db.UserStats(ctx, 0); return err }, "user id 0"},
		{"the summary of user 0", func(db *engagement.DB) error { _, err := db.UserSummary(ctx, 0); return err }, "user id 0"},
		{"the rank of user 0", func(db *engagement.DB) error {
			_, err := db.UserRank(ctx, engagement.Board{Ranking: engagement.ByPnL}, 0)
			return err
		}, "user id 0"},
		{"the export of user 0", func(db *engagement.DB) error { _, err := db.ExportUser(ctx, 0); return err }, "user id 0"},
		{"fewer fires than none", func(db *engagement.DB) error {
			_, err := db.Fires(ctx, engagement.FireFilter{UserID: 1}, engagement.PageQuery{Limit: -1})
			return err
		}, "limit -1"},
		{"more fires than the limit", func(db *engagement.DB) error {
			_, err := db.Fires(ctx, engagement.FireFilter{SignalID: "A"}, engagement.PageQuery{Limit: engagement.MaxLimit + 1})
			return err
		}, "limit 10001"},
		{"more users than the limit", func(db *engagement.DB) error {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, engagement.PageQuery{Limit: engagement.MaxLimit + 1})
			return err
		}, "limit 10001"},
		{"a freeze of user 0", func(db *engagement.DB) error {
			_, err := db.GrantFreeze(ctx, engagement.Freeze{GrantID: "g"})
			return err
		}, "user id 0"},
		{"a freeze without a grant id", func(db *engagement.DB) error {
			_, err := db.GrantFreeze(ctx, engagement.Freeze{UserID: 1})
			return err
		}, `grant id ""`},
		{"streak rules without a day to fire on", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{RestDays: []time.Weekday{0, 1, 2, 3, 4, 5, 6}})
		}, "rest days"},
		{"an eighth day of the week", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{RestDays: []time.Weekday{7}})
		}, "rest day 7"},
		{"milestones that do not ascend", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{Milestones: []int64{3, 3}})
		}, "milestones [3 3]"},
		{"a milestone of no day", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{Milestones: []int64{0}})
		}, "milestones [0]"},
		{"too many milestones", func(db *engagement.DB) error {
			var milestones []int64
			for i := range engagement.MaxMilestones + 1 {
				milestones = append(milestones, int64(i)+1)
			}
			return db.SetStreakRules(ctx, engagement.StreakRules{Milestones: milestones})
		}, "milestones"},
		{"a freeze cap below 0", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{FreezeCap: -1})
		}, "freeze cap -1"},
		{"a freeze cap above the bound", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{FreezeCap: engagement.MaxFreezeCap + 1})
		}, "freeze cap 31"},
		{"more streaks than the limit", func(db *engagement.DB) error {
			_, err := db.StreakLeaderboard(ctx, engagement.PageQuery{Limit: 10_001})
			return err
		}, "limit 10001"},
		{"new users of no day", func(db *engagement.DB) error {
			_, err := db.NewUsers(ctx, -1_000_000, engagement.PageQuery{})
			return err
		}, "invalid day"},
		{"more ending streaks than the limit", func(db *engagement.DB) error {
			_, err := db.EndingStreaks(ctx, engagement.PageQuery{Limit: 10_001})
			return err
		}, "limit 10001"},
		{"more signals than the limit", func(db *engagement.DB) error {
			_, err := db.PopularSignals(ctx, engagement.Days(1, 2), engagement.PageQuery{Limit: -2})
			return err
		}, "limit -2"},
		{"more trades than the limit", func(db *engagement.DB) error {
			_, err := db.Trades(ctx, engagement.TradeFilter{}, engagement.PageQuery{Limit: 10_001})
			return err
		}, "limit 10001"},
		{"the trades of an unknown outcome", func(db *engagement.DB) error {
			_, err := db.Trades(ctx, engagement.TradeFilter{Outcome: 7}, anyPage)
			return err
		}, "outcome 7"},
		{"a board of no ranking", func(db *engagement.DB) error { _, err := db.Leaderboard(ctx, engagement.Board{}, anyPage); return err }, "ranking 0"},
		{"a board of a window that ends before it starts", func(db *engagement.DB) error {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires, Window: engagement.Days(20_001, 20_000)}, anyPage)
			return err
		}, "window \"2024-10-05..2024-10-04\""},
		{"a board of less than one decided trade", func(db *engagement.DB) error {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByWinRate, MinDecided: -1}, anyPage)
			return err
		}, "minimum of decided trades -1"},
		{"a board of no users", func(db *engagement.DB) error {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires, Users: []int64{}}, anyPage)
			return err
		}, "number of users 0"},
		{"a board of too many users", func(db *engagement.DB) error {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires, Users: make([]int64, engagement.MaxLimit+1)}, anyPage)
			return err
		}, "number of users 10001"},
		{"a board of user 0", func(db *engagement.DB) error {
			_, err := db.UserRank(ctx, engagement.Board{Ranking: engagement.ByFires, Users: []int64{1, 0}}, 1)
			return err
		}, "user id 0"},
		{"around a user, nobody", func(db *engagement.DB) error {
			_, err := db.Around(ctx, engagement.Board{Ranking: engagement.ByFires}, 1, 0)
			return err
		}, "number of neighbours 0"},
		{"around user 0", func(db *engagement.DB) error {
			_, err := db.Around(ctx, engagement.Board{Ranking: engagement.ByFires}, 0, 1)
			return err
		}, "user id 0"},
		{"a user head to head with himself", func(db *engagement.DB) error {
			_, err := db.HeadToHead(ctx, 1, 1, engagement.AllTime())
			return err
		}, "user id 1"},
		{"user 0 head to head", func(db *engagement.DB) error {
			_, err := db.HeadToHead(ctx, 1, 0, engagement.AllTime())
			return err
		}, "user id 0"},
		{"head to head backwards in time", func(db *engagement.DB) error {
			_, err := db.HeadToHead(ctx, 1, 2, engagement.Days(2, 1))
			return err
		}, "window"},
		{"keeping no days", func(db *engagement.DB) error { _, err := db.Cleanup(ctx, 0); return err }, "days to keep 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				db := open(newClock(noon).option())
				fireOn(t, db, 1, noon)
				unchanged(t, db, func() {
					err := tt.call(db)
					only(t, err, engagement.ErrInvalid)
					contains(t, err, tt.says, refusal(t, err).Field)
				})
			})
		})
	}
}

func TestTheLargestLimitIsAccepted(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		var fires []engagement.Fire
		for i := range engagement.DefaultLimit + 20 {
			fires = append(fires, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i)}, engagement.Fire{UserID: int64(i + 2), SignalID: "same"})
		}
		must(db.RecordFires(ctx, fires))(t)
		for limit, want := range map[int]int{0: engagement.DefaultLimit, 1: 1, engagement.MaxLimit: engagement.DefaultLimit + 20} {
			same(t, "UserFires", len(must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, engagement.PageQuery{Limit: limit}))(t).Items), want)
			same(t, "SignalFires", len(must(db.Fires(ctx, engagement.FireFilter{SignalID: "same"}, engagement.PageQuery{Limit: limit}))(t).Items), want)
		}
	})
}
