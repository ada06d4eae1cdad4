package engagement_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestRealTimeStats(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		for i, f := range []engagement.Fire{
			{UserID: 1, SignalID: "B", Executed: true},
			{UserID: 2, SignalID: "B"},
			{UserID: 1, SignalID: "A"},
			{UserID: 3, SignalID: "A", Executed: true},
			{UserID: 1, SignalID: "C", At: noon.Add(-11 * time.Hour)},
			{UserID: 4, SignalID: "D", At: noon.Add(-13 * time.Hour)}, // yesterday
			{UserID: 5, SignalID: "D", At: noon.Add(13 * time.Hour)},  // tomorrow
		} {
			same(t, fmt.Sprint("fire ", i), fire(t, db, f), engagement.Recorded)
		}
		trade(t, db, engagement.Trade{UserID: 9, TradeID: "t", PnL: 1})
		first := "A" // as often as B
		same(t, "RealTimeStats", must(db.RealTimeStats(ctx))(t), engagement.RealTimeStats{
			TotalFiresToday: 5, ExecutedFiresToday: 2, ActiveUsersToday: 3,
			MostFiredSignal: engagement.SignalCount{SignalID: &first, FireCount: 2},
			AvgFiresPerUser: 5.0 / 3, ExecutionRate: 0.4, Day: day(t, "2026-01-14"), Timestamp: noon,
		})
		clock.Advance(12 * time.Hour)
		tomorrow := "D"
		same(t, "RealTimeStats at midnight", must(db.RealTimeStats(ctx))(t), engagement.RealTimeStats{
			TotalFiresToday: 1, ActiveUsersToday: 1, MostFiredSignal: engagement.SignalCount{SignalID: &tomorrow, FireCount: 1},
			AvgFiresPerUser: 1, Day: day(t, "2026-01-15"), Timestamp: clock.Now(),
		})
		clock.Advance(48 * time.Hour)
		same(t, "RealTimeStats on a quiet day", must(db.RealTimeStats(ctx))(t), engagement.RealTimeStats{Day: day(t, "2026-01-17"), Timestamp: clock.Now()})
	})
}

func TestDailyMetrics(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		today := db.Today()
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A", At: noon.AddDate(0, 0, -2), Executed: true})
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "B", At: noon.AddDate(0, 0, -2)})
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "C"})
		fire(t, db, engagement.Fire{UserID: 2, SignalID: "A"})
		want := []engagement.DayFigures{
			{Day: today - 3},
			{Day: today - 2, Fires: 2, Executed: 1, ActiveUsers: 1, NewUsers: 1, ExecutionRate: 0.5},
			{Day: today - 1},
			{Day: today, Fires: 2, ActiveUsers: 2, NewUsers: 1, Partial: true},
			{Day: today + 1, Partial: true},
		}
		same(t, "DailyMetrics", must(db.DailyFigures(ctx, engagement.Days(today-3, today+1)))(t), want)
		same(t, "DailyMetrics of one day", must(db.DailyFigures(ctx, engagement.Days(today-2, today-2)))(t), want[1:2])
		must(db.Cleanup(ctx, 1))(t)
		same(t, "DailyMetrics after a cleanup", must(db.DailyFigures(ctx, engagement.Days(today-3, today+1)))(t), want)
		same(t, "the longest range", len(must(db.DailyFigures(ctx, engagement.Days(today-engagement.MaxLimit+1, today)))(t)), engagement.MaxLimit)
	})
}

func TestARangeOfDaysThatIsNoneIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from, to engagement.Day
	}{
		{"one that ends before it starts", 20467, 20466},
		{"one that is longer than the limit", 10_000, 20_000},
		{"one so long that its length is no number", math.MinInt64, math.MaxInt64},
		{"one from the beginning of numbers to day 0", math.MinInt64, 0},
		{"one from day -2 to the end of numbers", -2, math.MaxInt64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				fireOn(t, db, 1, noon)
				defer func() {
					if r := recover(); r != nil {
						t.Errorf("panic: %v", r)
					}
				}()
				_, err := db.DailyFigures(ctx, engagement.Days(tt.from, tt.to))
				wantError(t, err, engagement.ErrInvalid)
				contains(t, err, "invalid window")
				_, err = db.PopularSignals(ctx, engagement.Days(tt.from, tt.to), anyPage)
				wantError(t, err, engagement.ErrInvalid)
			})
		})
	}
}
