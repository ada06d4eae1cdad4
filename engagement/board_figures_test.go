package engagement_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Above some 5.8e11 the last digits of a P&L depend on how it is computed. A
// board would repeat users or leave them out if its pages did not all agree.
// Run it with GOAMD64=v3 too, where a product and a sum may be one step.
func TestAWindowsBoardOfLargeSumsHasEachUserOnce(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		random := rand.New(rand.NewPCG(1, 2))
		const users = 200
		var days []engagement.Trade
		for user := range int64(users) {
			for ago := range 3 {
				pnl := (random.Float64() - 0.4) * 9e12 / 3
				days = append(days, engagement.Trade{
					UserID: user + 1, TradeID: fmt.Sprint(ago), PnL: pnl, ClosedAt: noon.AddDate(0, 0, -ago),
				})
			}
		}
		noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
			for _, day := range days {
				trade(t, tx, day)
			}
			return nil
		}))
		board := engagement.Board{Ranking: engagement.ByPnL, Window: lastDays(db, 3)}
		all := must(db.Leaderboard(ctx, board, engagement.PageQuery{Limit: engagement.MaxLimit}))(t).Items
		same(t, "users", len(all), users)
		same(t, "in pages", inPages(t, 7, listBoard(db.Reader, board)), all)
		for _, row := range all {
			same(t, "rank", must(db.UserRank(ctx, board, row.UserID))(t), row)
		}
	})
}

// What a float64 cannot tell apart is a tie on every page, although the sums
// differ by a millionth.
func TestSumsThatLookAlikeAreATie(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for user := int64(1); user <= 4; user++ {
			trade(t, db, engagement.Trade{UserID: user, TradeID: "large", PnL: 8e12, ClosedAt: noon})
			trade(t, db, engagement.Trade{UserID: user, TradeID: "small", PnL: float64(user) / 1e6, ClosedAt: noon.AddDate(0, 0, -1)})
		}
		trade(t, db, engagement.Trade{UserID: 5, TradeID: "large", PnL: -8e12, ClosedAt: noon})
		board := engagement.Board{Ranking: engagement.ByPnL, Window: lastDays(db, 2)}
		want := []place{{1, 1, 8e12}, {1, 2, 8e12}, {1, 3, 8e12}, {1, 4, 8e12}, {5, 5, -8e12}}
		for limit := 1; limit <= 5; limit++ {
			same(t, fmt.Sprintf("the first %d", limit), places(board.Ranking, must(db.Leaderboard(ctx, board, engagement.PageQuery{Limit: limit}))(t).Items), want[:limit])
			same(t, fmt.Sprintf("in pages of %d", limit), places(board.Ranking, inPages(t, limit, listBoard(db.Reader, board))), want)
		}
	})
}
