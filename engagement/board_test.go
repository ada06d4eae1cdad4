package engagement_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// place is a row of a leaderboard, cut down to what matters to its order.
type place struct {
	Rank, User int64
	Value      float64
}

func places(ranking engagement.Ranking, rows []engagement.BoardRow) []place {
	got := []place{}
	for _, row := range rows {
		got = append(got, place{row.Rank, row.UserID, shown(ranking, row.UserFigures)})
	}
	return got
}

// shown is the figure that a board shows: of a win rate not its bound.
func shown(ranking engagement.Ranking, f engagement.UserFigures) float64 {
	if ranking == engagement.ByWinRate {
		return f.WinRate
	}
	return valueOf(ranking, f)
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
			fire(t, db, engagement.Fire{
				UserID: user.id, SignalID: fmt.Sprint("S_", i), At: noon.AddDate(0, 0, -i), Executed: i >= 2 || i == 1 && user.fires == 2,
			})
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

var boards = map[engagement.Ranking][]place{
	engagement.ByFires:         {{1, 6, 5}, {2, -4, 2}, {2, 3, 2}, {2, 8, 2}, {5, 1, 1}, {5, 9, 1}, {7, 2, 0}},
	engagement.ByWinRate:       {{1, 8, 1}, {2, 1, 1}, {3, 3, 0.5}, {4, 6, 0.5}, {5, 2, 1.0 / 3}, {6, -4, 0}},
	engagement.ByPnL:           {{1, 1, 3}, {1, 8, 3}, {3, 3, 0}, {3, 6, 0}, {3, 9, 0}, {6, -4, -1}, {7, 2, -5}},
	engagement.ByExecuted:      {{1, 6, 3}, {2, -4, 1}, {2, 3, 1}, {2, 8, 1}, {5, 1, 0}, {5, 2, 0}, {5, 9, 0}},
	engagement.ByLongestStreak: {{1, 6, 5}, {2, -4, 2}, {2, 3, 2}, {2, 8, 2}, {5, 1, 1}, {5, 9, 1}, {7, 2, 0}},
}

func TestLeaderboard(t *testing.T) {
	for _, ranking := range engagement.Rankings() {
		t.Run("by "+ranking.String()+", equals share a rank and are in the order of their ids", func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), openBoards(t, open)
				board := engagement.Board{Ranking: ranking, MinDecided: 1}
				all := must(db.Leaderboard(ctx, board, anyPage))(t).Items
				same(t, "Leaderboard", places(ranking, all), boards[ranking])
				for limit := 1; limit <= len(all)+1; limit++ {
					same(t, fmt.Sprintf("in pages of %d", limit), inPages(t, limit, listBoard(db.Reader, board)), all)
				}
				for i, want := range all {
					same(t, "UserRank", must(db.UserRank(ctx, board, want.UserID))(t), want)
					for n := 1; n <= len(all); n++ {
						same(t, fmt.Sprintf("%d around user %d", n, want.UserID), must(db.Around(ctx, board, want.UserID, n))(t),
							all[max(0, i-n):min(len(all), i+n+1)])
					}
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
			all := must(db.Leaderboard(context.Background(), engagement.Board{Ranking: engagement.ByFires}, anyPage))(t).Items
			same(t, "ranks", []int64{all[0].Rank, all[4].Rank, all[5].Rank, all[14].Rank, all[15].Rank, all[24].Rank}, []int64{1, 1, 6, 6, 16, 16})
			for limit := 1; limit <= 26; limit++ {
				same(t, fmt.Sprintf("in pages of %d", limit), inPages(t, limit, listBoard(db.Reader, engagement.Board{Ranking: engagement.ByFires})), all)
			}
		})
	})
	t.Run("a page whose last user is gone is followed by the same next page", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			ctx, db := context.Background(), openBoards(t, open)
			first := must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, engagement.PageQuery{Limit: 3}))(t)
			must(db.EraseUser(ctx, first.Items[2].UserID))(t)
			next := must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, engagement.PageQuery{Limit: 3, After: first.Next}))(t).Items
			same(t, "the next page", places(engagement.ByFires, next), []place{{2, 8, 2}, {4, 1, 1}, {4, 9, 1}})
		})
	})
}

func TestWindowedLeaderboards(t *testing.T) {
	today := engagement.DayOf(noon, time.UTC)
	at := func(daysAgo int) time.Time { return noon.AddDate(0, 0, -daysAgo) }
	fill := func(t *testing.T, open openFunc) *engagement.DB {
		db := open(newClock(noon).option())
		fireOn(t, db, 1, at(0), at(1), at(3), at(4), at(5), at(9)) // 5 fires in the window, 3 days in a row
		fireOn(t, db, 2, at(2), at(2).Add(time.Hour))
		fireOn(t, db, 3, at(7)) // before the window
		fire(t, db, engagement.Fire{UserID: 4, SignalID: "X", At: at(6), Executed: true})
		trade(t, db, engagement.Trade{UserID: 3, TradeID: "in", PnL: -0.1, ClosedAt: at(6)})
		trade(t, db, engagement.Trade{UserID: 3, TradeID: "before", PnL: 100, ClosedAt: at(7)})
		trade(t, db, engagement.Trade{UserID: 2, TradeID: "in", PnL: 0, ClosedAt: at(0)})
		return db
	}
	window := engagement.Days(today-6, today)
	for ranking, want := range map[engagement.Ranking][]place{
		engagement.ByFires:         {{1, 1, 5}, {2, 2, 2}, {3, 4, 1}},
		engagement.ByExecuted:      {{1, 4, 1}, {2, 1, 0}, {2, 2, 0}},
		engagement.ByLongestStreak: {{1, 1, 3}, {2, 2, 1}, {2, 4, 1}},
		engagement.ByPnL:           {{1, 2, 0}, {2, 3, -0.1}},
		engagement.ByWinRate:       {{1, 3, 0}},
	} {
		t.Run("by "+ranking.String()+", what is outside the window neither counts nor puts a user on the board", func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), fill(t, open)
				board := engagement.Board{Ranking: ranking, Window: window, MinDecided: 1}
				all := must(db.Leaderboard(ctx, board, anyPage))(t).Items
				same(t, "Leaderboard", places(ranking, all), want)
				for limit := 1; limit <= len(all); limit++ {
					same(t, fmt.Sprintf("in pages of %d", limit), inPages(t, limit, listBoard(db.Reader, board)), all)
				}
				must(db.Cleanup(ctx, 1))(t)
				same(t, "after a cleanup", must(db.Leaderboard(ctx, board, anyPage))(t).Items, all)
			})
		})
	}
	t.Run("a user's P&L of some days may add up to more than 64 bits hold", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			ctx, db := context.Background(), open(newClock(noon).option())
			const most = engagement.MaxPnL
			for i, pnl := range []float64{most, -most, most, 0} {
				trade(t, db, engagement.Trade{UserID: 1, TradeID: fmt.Sprint(i), PnL: pnl, ClosedAt: at(2 * i)})
			}
			trade(t, db, engagement.Trade{UserID: 1, TradeID: "back", PnL: -most, ClosedAt: at(5)})
			trade(t, db, engagement.Trade{UserID: 1, TradeID: "again", PnL: most, ClosedAt: at(3)})
			board := engagement.Board{Ranking: engagement.ByPnL, Window: engagement.Days(today-4, today-3)}
			same(t, "in the window", places(engagement.ByPnL, must(db.Leaderboard(ctx, board, anyPage))(t).Items), []place{{1, 1, 2 * most}})
		})
	})
}

func TestAWinRateOfManyTradesComesBeforeOneOfFew(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for user, results := range map[int64][2]int{1: {3, 0}, 2: {18, 2}, 3: {10, 0}, 4: {8, 1}} {
			for i := range results[0] {
				trade(t, db, engagement.Trade{UserID: user, TradeID: fmt.Sprint("w", i), PnL: 1})
			}
			for i := range results[1] {
				trade(t, db, engagement.Trade{UserID: user, TradeID: fmt.Sprint("l", i), PnL: -1})
			}
		}
		for _, window := range []engagement.Window{engagement.AllTime(), db.ThisWeek()} {
			for minimum, want := range map[int64][]place{
				0:  {{1, 3, 1}, {2, 2, 0.9}}, // 10
				9:  {{1, 3, 1}, {2, 2, 0.9}, {3, 4, 8.0 / 9}},
				1:  {{1, 3, 1}, {2, 2, 0.9}, {3, 4, 8.0 / 9}, {4, 1, 1}},
				11: {{1, 2, 0.9}},
				21: {},
			} {
				board := engagement.Board{Ranking: engagement.ByWinRate, Window: window, MinDecided: minimum}
				same(t, fmt.Sprintf("with %d decided trades", minimum), places(engagement.ByWinRate, must(db.Leaderboard(ctx, board, anyPage))(t).Items), want)
			}
			board := engagement.Board{Ranking: engagement.ByWinRate, Window: window}
			_, err := db.UserRank(ctx, board, 1)
			wantError(t, err, engagement.ErrNotFound)
			contains(t, err, "user 1 is not on the leaderboard")
		}
	})
}

func TestALeaderboardOfSomeUsersRanksThemAmongThemselves(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), openBoards(t, open)
		friends := []int64{9, 2, 3, 8, 3, 404} // one twice, one who is not known
		for window, want := range map[engagement.Window][]place{
			engagement.AllTime(): {{1, 3, 2}, {1, 8, 2}, {3, 9, 1}, {4, 2, 0}},
			db.TodayWindow():     {{1, 3, 1}, {1, 8, 1}, {1, 9, 1}},
		} {
			board := engagement.Board{Ranking: engagement.ByFires, Users: friends, Window: window}
			all := must(db.Leaderboard(ctx, board, anyPage))(t).Items
			same(t, "Leaderboard", places(engagement.ByFires, all), want)
			same(t, "in pages of one", inPages(t, 1, listBoard(db.Reader, board)), all)
			for _, row := range all {
				same(t, "UserRank", must(db.UserRank(ctx, board, row.UserID))(t), row)
			}
			same(t, "around the second", must(db.Around(ctx, board, 8, 1))(t), all[:3])
			_, err := db.UserRank(ctx, board, 6)
			wantError(t, err, engagement.ErrNotFound)
			contains(t, err, "user 6 is not on the leaderboard")
		}
	})
}

func TestAnUnknownRankingIsRefused(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), openBoards(t, open)
		for _, ranking := range []engagement.Ranking{0, -1, 6} {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: ranking}, anyPage)
			wantError(t, err, engagement.ErrInvalid)
			contains(t, err, fmt.Sprintf("ranking %d", int(ranking)), "total_fires, win_rate, pnl, executed, longest_streak")
			_, err = db.UserRank(ctx, engagement.Board{Ranking: ranking}, 1)
			wantError(t, err, engagement.ErrInvalid)
		}
	})
}

func TestRankingNames(t *testing.T) {
	for _, ranking := range engagement.Rankings() {
		same(t, "ParseRanking", must(engagement.ParseRanking(ranking.String()))(t), ranking)
	}
	for _, bad := range []string{"", "fires", "PNL", "Ranking(1)"} {
		_, err := engagement.ParseRanking(bad)
		wantError(t, err, engagement.ErrInvalid)
		contains(t, err, fmt.Sprintf("ranking %q", bad))
	}
}

func TestAUserZeroOfAnotherProgramLeavesTheRanksOfOthers(t *testing.T) {
	t.Parallel()
	ctx, dsn := t.Context(), freshFile(t)
	clock := newClock(noon)
	db := openAt(t, dsn, clock.option())
	fireOn(t, db, 1, noon)
	fireOn(t, db, 2, noon, noon.Add(-time.Hour))
	fireOn(t, db, 3, noon, noon.Add(-time.Hour))
	fireOn(t, db, 4, noon, noon.Add(-time.Hour), noon.Add(-2*time.Hour))
	execute(t, dsn, "INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (0, 'A', '2025-01-01 00:00:00'), (0, 'B', '2025-01-01 00:00:00')")
	noError(t, db.Close())
	db = openAt(t, dsn, clock.option())
	proven(t, db)
	for _, ranking := range engagement.Rankings() {
		whole := must(db.Leaderboard(ctx, engagement.Board{Ranking: ranking}, anyPage))(t).Items
		paged := inPages(t, 1, listBoard(db.Reader, engagement.Board{Ranking: ranking}))
		same(t, ranking.String()+": the board in pages of one", paged, whole)
		for _, row := range whole {
			if row.UserID != 0 {
				same(t, fmt.Sprintf("%s: UserRank of %d", ranking, row.UserID), must(db.UserRank(ctx, engagement.Board{Ranking: ranking}, row.UserID))(t), row)
			}
		}
	}
	ranks := map[int64]int64{}
	for _, row := range must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, anyPage))(t).Items {
		ranks[row.UserID] = row.Rank
	}
	same(t, "ranks by fires", ranks, map[int64]int64{4: 1, 2: 2, 3: 2, 1: 4})
}

// Large sums lie closer together than a float64 tells apart; a processor that
// fuses a product and a sum must not come to others (try it with GOAMD64=v3).
func TestABoardOfLargePnLIsReadOnceInPagesOfOne(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
			for i := range 60 {
				user, sign := int64(i+1), float64(1-i%3) // 1, 0 and -1
				trade(t, tx, engagement.Trade{UserID: user, TradeID: "a", PnL: sign*8.99e12 - float64(i/6)*0.000001, ClosedAt: noon})
				trade(t, tx, engagement.Trade{UserID: user, TradeID: "b", PnL: sign*9876.543 + float64(i/6)*0.0005, ClosedAt: noon.AddDate(0, 0, -1)})
				trade(t, tx, engagement.Trade{UserID: user, TradeID: "c", PnL: sign * 5.8e11 / 1e6, ClosedAt: noon.AddDate(0, 0, -2)})
			}
			return nil
		}))
		for _, board := range []engagement.Board{
			{Ranking: engagement.ByPnL},
			{Ranking: engagement.ByPnL, Window: lastDays(db, 1)},
			{Ranking: engagement.ByPnL, Window: lastDays(db, 7)},
			{Ranking: engagement.ByPnL, Window: lastDays(db, 7), Users: []int64{1, 4, 7, 10, 13, 16, 19, 3, 6, 9, 12}},
		} {
			all := must(db.Leaderboard(ctx, board, anyPage))(t).Items
			same(t, "in pages of one", inPages(t, 1, listBoard(db.Reader, board)), all)
			same(t, "in pages of seven", inPages(t, 7, listBoard(db.Reader, board)), all)
			for i, row := range all {
				if i > 0 && (row.PnL > all[i-1].PnL || (row.PnL == all[i-1].PnL) != (row.Rank == all[i-1].Rank)) {
					t.Errorf("place %d has %.17g and rank %d, the one before %.17g and rank %d", i, row.PnL, row.Rank, all[i-1].PnL, all[i-1].Rank)
				}
			}
			same(t, "a user's place", must(db.UserRank(ctx, board, all[len(all)/2].UserID))(t), all[len(all)/2])
		}
		proven(t, db)
	})
}
