package engagement_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestUserSummary(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		day := 24 * time.Hour
		for i, f := range []engagement.Fire{
			{SignalID: "EURUSD_LONG_001", At: noon, Executed: true},
			{SignalID: "EURUSD_LONG_002", At: noon.Add(-time.Hour), Executed: true},
			{SignalID: "GBPUSD_SHORT_001", At: noon.Add(-day)},
			{SignalID: "XAUUSD", At: noon.Add(-6 * day)},                    // the seventh day
			{SignalID: "EURUSD_SHORT_9", At: noon.Add(-7 * day)},            // the eighth
			{SignalID: "EURUSD_LONG_003", At: noon.Add(12*time.Hour + 1e6)}, // tomorrow, by a clock ahead
		} {
			f.UserID = 1
			same(t, fmt.Sprint("fire ", i), fire(t, db, f), engagement.Recorded)
		}
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", PnL: 2.5})
		family, expires := "EURUSD_LONG", time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC)
		same(t, "UserSummary", must(db.UserSummary(ctx, 1))(t), engagement.UserSummary{
			UserStats:     engagement.UserStats{UserID: 1, TotalFires: 6, Executed: 2, Wins: 1, WinRate: 1, PnL: 2.5, LastUpdated: noon},
			ExecutionRate: 1.0 / 3, RecentFires7d: 4,
			FavoriteSignal: engagement.SignalCount{SignalID: &family, FireCount: 3},
			CurrentStreak:  3, LongestStreak: 3, StreakExpires: &expires, Timestamp: noon,
		})
	})
}

func TestFavoriteSignalIsTheFirstByNameAmongEquals(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		for _, signal := range []string{"B_1", "B_2", "A_1", "A_22", "C_1"} {
			fire(t, db, engagement.Fire{UserID: 1, SignalID: signal})
		}
		got := must(db.UserSummary(context.Background(), 1))(t).FavoriteSignal
		family := "A"
		same(t, "FavoriteSignal", got, engagement.SignalCount{SignalID: &family, FireCount: 2})
	})
}

func TestTheFamilyOfASignal(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for i, tt := range []struct{ signal, family string }{
			{"EURUSD_LONG_001", "EURUSD_LONG"}, {"US30", "US"}, {"A__7", "A"}, {"A_1_2", "A_1"}, {"A-1", "A-"},
			{"A_", "A_"}, {"A__", "A__"}, {"LONG_", "LONG_"}, {"_", "_"}, {"_7", "_7"}, {"__", "__"}, {"123", "123"}, {"1_2", "1"}, {"7A", "7A"}, {"7_", "7_"},
		} {
			user := int64(i + 1)
			fire(t, db, engagement.Fire{UserID: user, SignalID: tt.signal})
			got := must(db.UserSummary(ctx, user))(t).FavoriteSignal
			same(t, "family of "+tt.signal, got, engagement.SignalCount{SignalID: &tt.family, FireCount: 1})
			same(t, "the model's family of "+tt.signal, familyOf(tt.signal), tt.family)
		}
	})
}

func TestAUserWhoOnlyTraded(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", PnL: -2})
		same(t, "UserSummary", must(db.UserSummary(ctx, 1))(t), engagement.UserSummary{
			UserStats: engagement.UserStats{UserID: 1, Losses: 1, PnL: -2, LastUpdated: noon}, Timestamp: noon,
		})
		same(t, "UserFires", must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, anyPage))(t).Items, []engagement.SignalFire{})
		same(t, "StreakLeaderboard", must(db.StreakLeaderboard(ctx, anyPage))(t).Items, []engagement.StreakRow{})
		proven(t, db)
	})
}

func TestWhatAnEmptyDatabaseAnswers(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for name, read := range map[string]func() error{
			"UserStats":   func() error { _, err := db.UserStats(ctx, 12345); return err },
			"UserSummary": func() error { _, err := db.UserSummary(ctx, 12345); return err },
			"UserRank": func() error {
				_, err := db.UserRank(ctx, engagement.Board{Ranking: engagement.ByPnL}, 12345)
				return err
			},
			"ExportUser":      func() error { _, err := db.ExportUser(ctx, 12345); return err },
			"EraseUser":       func() error { _, err := db.EraseUser(ctx, 12345); return err },
			"WriteUserExport": func() error { return db.WriteUserExport(ctx, nil, 12345) },
		} {
			err := read()
			wantError(t, err, engagement.ErrNotFound)
			contains(t, err, "user 12345")
			if t.Failed() {
				t.Fatal(name)
			}
		}
		_, err := db.SignalMetrics(ctx, "nobody's")
		wantError(t, err, engagement.ErrNotFound)
		contains(t, err, `signal "nobody's"`)

		today := db.Today()
		same(t, "UserFires", must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, anyPage))(t).Items, []engagement.SignalFire{})
		same(t, "SignalFires", must(db.Fires(ctx, engagement.FireFilter{SignalID: "A"}, anyPage))(t).Items, []engagement.SignalFire{})
		same(t, "RecentTrades", must(db.Trades(ctx, engagement.TradeFilter{}, anyPage))(t).Items, []engagement.ClosedTrade{})
		same(t, "RecentTrades of a user", must(db.Trades(ctx, engagement.TradeFilter{UserID: 1}, anyPage))(t).Items, []engagement.ClosedTrade{})
		same(t, "PopularSignals", must(db.PopularSignals(ctx, engagement.Days(today-6, today), anyPage))(t).Items, []engagement.PopularSignal{})
		same(t, "StreakLeaderboard", must(db.StreakLeaderboard(ctx, anyPage))(t).Items, []engagement.StreakRow{})
		for _, ranking := range engagement.Rankings() {
			same(t, "Leaderboard", must(db.Leaderboard(ctx, engagement.Board{Ranking: ranking}, anyPage))(t).Items, []engagement.BoardRow{})
		}
		same(t, "DailyMetrics", must(db.DailyFigures(ctx, engagement.Days(today-1, today)))(t), []engagement.DayFigures{
			{Day: today - 1}, {Day: today, Partial: true},
		})
		same(t, "RealTimeStats", must(db.RealTimeStats(ctx))(t), engagement.RealTimeStats{Day: today, Timestamp: noon})
		same(t, "PlanCleanup", must(db.PlanCleanup(ctx, 90))(t), engagement.CleanupReport{Horizon: 1})
		same(t, "Horizon", must(db.Horizon(ctx))(t), engagement.Day(1))
		same(t, "Verify", proven(t, db), engagement.Report{Horizon: 1, Findings: []engagement.Finding{}, Timestamp: noon})
	})
}

func TestTheLargestUserIDs(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		ids := []int64{math.MinInt64, -1, 1, math.MaxInt64}
		for _, id := range ids {
			fire(t, db, engagement.Fire{UserID: id, SignalID: "A"})
			trade(t, db, engagement.Trade{UserID: id, TradeID: "t", PnL: 1})
			same(t, "UserID", must(db.UserStats(ctx, id))(t).UserID, id)
		}
		var onBoard, onStreaks, listed []int64
		for _, row := range inPages(t, 1, listBoard(db.Reader, engagement.Board{Ranking: engagement.ByFires})) {
			onBoard = append(onBoard, row.UserID)
		}
		for _, row := range inPages(t, 1, db.StreakLeaderboard) {
			onStreaks = append(onStreaks, row.UserID)
		}
		for _, user := range inPages(t, 1, db.Users) {
			listed = append(listed, user.UserID)
		}
		same(t, "users on the leaderboard", onBoard, ids)
		same(t, "users on that of streaks", onStreaks, ids)
		same(t, "users listed", listed, ids)
		same(t, "fires listed", len(inPages(t, 1, listFires(db.Reader, engagement.FireFilter{}))), len(ids))
		proven(t, db)
	})
}

func TestNamesInJSONAreThePredecessors(t *testing.T) {
	at := time.Date(2026, 1, 14, 12, 0, 0, 0, time.UTC)
	signal := "EURUSD_LONG"
	for _, tt := range []struct {
		value any
		want  string
	}{
		{
			engagement.UserStats{UserID: 1, TotalFires: 2, WinRate: 0.5, PnL: -1.5, Wins: 1, Losses: 1, LastUpdated: at},
			`{"user_id":1,"total_fires":2,"executed":0,"wins":1,"losses":1,"draws":0,"win_rate":0.5,"pnl":-1.5,"last_updated":"2026-01-14T12:00:00Z"}`,
		},
		{
			engagement.UserSummary{UserStats: engagement.UserStats{UserID: 1, LastUpdated: at}, Timestamp: at},
			`{"user_id":1,"total_fires":0,"executed":0,"wins":0,"losses":0,"draws":0,"win_rate":0,"pnl":0,"last_updated":"2026-01-14T12:00:00Z",` +
				`"execution_rate":0,"recent_fires_7d":0,"favorite_signal":{"signal_id":null,"fire_count":0},` +
				`"current_streak":0,"longest_streak":0,"streak_expires":null,"timestamp":"2026-01-14T12:00:00Z"}`,
		},
		{
			engagement.RealTimeStats{TotalFiresToday: 3, MostFiredSignal: engagement.SignalCount{SignalID: &signal, FireCount: 2}, Day: 20467, Timestamp: at},
			`{"total_fires_today":3,"executed_fires_today":0,"active_users_today":0,"most_fired_signal":{"signal_id":"EURUSD_LONG","fire_count":2},` +
				`"avg_fires_per_user":0,"execution_rate":0,"day":"2026-01-14","timestamp":"2026-01-14T12:00:00Z"}`,
		},
		{
			engagement.SignalMetrics{SignalID: "A", TotalFires: 1, ActiveUsers: 1, CreatedAt: at},
			`{"signal_id":"A","total_fires":1,"active_users":1,"created_at":"2026-01-14T12:00:00Z"}`,
		},
		{
			engagement.SignalFire{ID: 5, UserID: 1, SignalID: "A", Timestamp: at, Executed: true},
			`{"id":5,"user_id":1,"signal_id":"A","timestamp":"2026-01-14T12:00:00Z","executed":true}`,
		},
		{
			engagement.ClosedTrade{ID: 5, UserID: 1, TradeID: "t", PnL: 1, Outcome: engagement.Win, ClosedAt: at},
			`{"id":5,"user_id":1,"trade_id":"t","signal_id":"","pnl":1,"outcome":"win","closed_at":"2026-01-14T12:00:00Z"}`,
		},
		{
			engagement.BoardRow{Rank: 2},
			`{"rank":2,"user_id":0,"total_fires":0,"executed":0,"wins":0,"losses":0,"draws":0,"decided":0,` +
				`"win_rate":0,"win_rate_bound":0,"pnl":0,"longest_streak":0,"last_updated":"0001-01-01T00:00:00Z"}`,
		},
		{engagement.FireReceipt{Status: engagement.MarkedExecuted}, `{"status":"marked_executed"}`},
		{engagement.TradeReceipt{Status: engagement.Duplicate}, `{"status":"duplicate"}`},
		{engagement.CleanupReport{Horizon: 20467, FiresDeleted: 1}, `{"horizon":"2026-01-14","fires_deleted":1}`},
	} {
		t.Run(fmt.Sprintf("%T", tt.value), func(t *testing.T) {
			same(t, "JSON", string(must(json.Marshal(tt.value))(t)), tt.want)
		})
	}
}
