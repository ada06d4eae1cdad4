package engagement_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// place is a row of a leaderboard, cut down to what matters to its order.
type place struct {
	Rank, User int64
	Value      float64
}

func places(metric engagement.Metric, rows []engagement.BoardRow) []place {
	got := []place{}
	for _, row := range rows {
		got = append(got, place{row.Rank, row.UserID, valueOf(metric, row.UserStats)})
	}
	return got
}

// openBoards fills a database in which every board has ties.
func openBoards(t *testing.T, open openFunc) *engagement.DB {
	t.Helper()
	db := open(newClock(noon).option())
	for _, user := range []struct {
		id                  int64
		fires, wins, losses int
		pnl                 float64 // of each trade, negative for a loss
	}{
		{id: 6, fires: 5, wins: 1, losses: 1, pnl: 10},
		{id: 3, fires: 2, wins: 2, losses: 2, pnl: 2.5},
		{id: 8, fires: 2, wins: 3, pnl: 1},
		{id: -4, fires: 2, losses: 4, pnl: 0.25},
		{id: 1, fires: 1, wins: 1, pnl: 3},
		{id: 2, wins: 1, losses: 2, pnl: 5},
		{id: 9, fires: 1},
	} {
		for i := range user.fires {
			fire(t, db, engagement.Fire{UserID: user.id, SignalID: fmt.Sprint("S_", i)})
		}
		for i := range user.wins {
			trade(t, db, engagement.Trade{UserID: user.id, TradeID: fmt.Sprint("w", i), PnL: user.pnl})
		}
		for i := range user.losses {
			trade(t, db, engagement.Trade{UserID: user.id, TradeID: fmt.Sprint("l", i), PnL: -user.pnl})
		}
	}
	return db
}

var boards = map[engagement.Metric][]place{
	engagement.ByFires:   {{1, 6, 5}, {2, -4, 2}, {2, 3, 2}, {2, 8, 2}, {5, 1, 1}, {5, 9, 1}, {7, 2, 0}},
	engagement.ByWinRate: {{1, 8, 1}, {2, 1, 1}, {3, 3, 0.5}, {4, 6, 0.5}, {5, 2, 1.0 / 3}, {6, -4, 0}, {6, 9, 0}},
	engagement.ByPnL:     {{1, 1, 3}, {1, 8, 3}, {3, 3, 0}, {3, 6, 0}, {3, 9, 0}, {6, -4, -1}, {7, 2, -5}},
}

func TestLeaderboard(t *testing.T) {
	for _, metric := range engagement.Metrics() {
		t.Run("by "+metric.String()+", equals share a rank and are in the order of their ids", func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), openBoards(t, open)
				all := must(db.Leaderboard(ctx, engagement.Board{Metric: metric}))(t)
				same(t, "Leaderboard", places(metric, all), boards[metric])
				for limit := 1; limit <= len(all)+1; limit++ {
					same(t, fmt.Sprintf("in pages of %d", limit), boardInPages(t, db.Reader, metric, limit), all)
				}
				for _, want := range all {
					same(t, "UserRank", must(db.UserRank(ctx, metric, want.UserID))(t), want)
				}
			})
		})
	}
	t.Run("a tie may span several pages", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			var fires []engagement.Fire
			for user := range 25 {
				for i := range 1 + user/10 { // 10, 10 and 5 users with the same
					fires = append(fires, engagement.Fire{UserID: int64(user + 1), SignalID: fmt.Sprint("S_", i)})
				}
			}
			must(db.RecordFires(context.Background(), fires))(t)
			all := must(db.Leaderboard(context.Background(), engagement.Board{Metric: engagement.ByFires}))(t)
			same(t, "ranks", []int64{all[0].Rank, all[4].Rank, all[5].Rank, all[14].Rank, all[15].Rank, all[24].Rank}, []int64{1, 1, 6, 6, 16, 16})
			for limit := 1; limit <= 26; limit++ {
				same(t, fmt.Sprintf("in pages of %d", limit), boardInPages(t, db.Reader, engagement.ByFires, limit), all)
			}
		})
	})
	t.Run("a page whose last user is gone is followed by the same next page", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			ctx, db := context.Background(), openBoards(t, open)
			first := must(db.Leaderboard(ctx, engagement.Board{Metric: engagement.ByFires, Limit: 3}))(t)
			must(db.EraseUser(ctx, first[2].UserID))(t)
			next := must(db.Leaderboard(ctx, engagement.Board{Metric: engagement.ByFires, Limit: 3, After: &first[2]}))(t)
			same(t, "the next page", places(engagement.ByFires, next), []place{{2, 8, 2}, {4, 1, 1}, {4, 9, 1}})
		})
	})
}

func TestAnUnknownMetricIsRefused(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), openBoards(t, open)
		for _, metric := range []engagement.Metric{0, -1, 4} {
			_, err := db.Leaderboard(ctx, engagement.Board{Metric: metric})
			wantError(t, err, engagement.ErrInvalid)
			contains(t, err, fmt.Sprintf("metric %d", int(metric)), "total_fires win_rate pnl")
			_, err = db.UserRank(ctx, metric, 1)
			wantError(t, err, engagement.ErrInvalid)
		}
	})
}

func TestMetricNames(t *testing.T) {
	for _, metric := range engagement.Metrics() {
		same(t, "ParseMetric", must(engagement.ParseMetric(metric.String()))(t), metric)
	}
	for _, bad := range []string{"", "fires", "PNL", "Metric(1)"} {
		_, err := engagement.ParseMetric(bad)
		wantError(t, err, engagement.ErrInvalid)
		contains(t, err, fmt.Sprintf("metric %q", bad))
	}
}
