package engagement_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestATotalBeyondTheRangeIsRefused(t *testing.T) {
	day := 24 * time.Hour
	for _, tt := range []struct {
		name   string
		trades []engagement.Trade // all but the last are good
	}{
		{"on one day", []engagement.Trade{{TradeID: "a", PnL: 9e12}, {TradeID: "b", PnL: 9e12}}},
		{"of losses", []engagement.Trade{{TradeID: "a", PnL: -9e12}, {TradeID: "b", PnL: -9e12}}},
		{"over two days", []engagement.Trade{{TradeID: "a", PnL: 9e12, ClosedAt: noon.Add(-day)}, {TradeID: "b", PnL: 9e12}}},
		{"by little", []engagement.Trade{{TradeID: "a", PnL: 9e12}, {TradeID: "b", PnL: 0.5}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				last := tt.trades[len(tt.trades)-1]
				last.UserID = 1
				for _, tr := range tt.trades[:len(tt.trades)-1] {
					tr.UserID = 1
					trade(t, db, tr)
				}
				unchanged(t, db, func() {
					_, err := db.RecordTrade(ctx, last)
					wantError(t, err, engagement.ErrInvalid)
					contains(t, err, last.TradeID, "user 1")
					noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
						_, err := tx.RecordTrade(ctx, last)
						wantError(t, err, engagement.ErrInvalid)
						return nil
					}))
				})
				other := last
				other.UserID = 2
				same(t, "the same trade of another user", trade(t, db, other), engagement.Recorded)
			})
		})
	}
}

func TestATradeBeyondWhatItsDayHoldsIsRefusedAlone(t *testing.T) {
	ctx, yesterday := context.Background(), noon.AddDate(0, 0, -1)
	trades := []engagement.Trade{ // the user's sum stays within the range
		{UserID: 1, TradeID: "a", PnL: engagement.MaxPnL, ClosedAt: yesterday},
		{UserID: 1, TradeID: "b", PnL: -engagement.MaxPnL},
		{UserID: 1, TradeID: "c", PnL: engagement.MaxPnL, ClosedAt: yesterday},
	}
	refused := func(t *testing.T, err error) {
		t.Helper()
		var refusal *engagement.InvalidError
		if !errors.As(err, &refusal) || refusal.Field != "P&L" || refusal.Value != engagement.MaxPnL {
			t.Errorf("got error %v, want a refused P&L", err)
		}
		contains(t, err, `trade "c" of user 1`, "2026-01-13")
	}
	holds := func(t *testing.T, db *engagement.DB) {
		t.Helper()
		same(t, "trades", proven(t, db).Trades, int64(2))
		same(t, "P&L", must(db.UserStats(ctx, 1))(t).PnL, 0.0)
		days := must(db.ExplainUser(ctx, 1, engagement.FigurePnL, anyPage))(t).Days
		same(t, "days", days, []engagement.FigureDay{
			{Day: day(t, "2026-01-13"), Value: engagement.MaxPnL}, {Day: day(t, "2026-01-14"), Value: -engagement.MaxPnL},
		})
		must(db.Rebuild(ctx))(t)
		must(db.EraseUser(ctx, 1))(t)
	}
	t.Run("one after another", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			trade(t, db, trades[0])
			trade(t, db, trades[1])
			_, err := db.RecordTrade(ctx, trades[2])
			refused(t, err)
			holds(t, db)
		})
	})
	t.Run("in one batch", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			release := hold(t, db)
			defer release()
			calls := make([]*call, len(trades))
			for i, tr := range trades {
				calls[i] = sendTrade(ctx, db, tr)
				waiting(t, db, int64(i+1))
			}
			release()
			for i, c := range calls {
				if _, err := c.wait(t); i < 2 {
					noError(t, err)
				} else {
					refused(t, err)
				}
			}
			same(t, "commits of all but the trades' own", db.CommitStats().Batches, int64(1))
			holds(t, db)
		})
	})
	t.Run("in a transaction, which goes on", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
				trade(t, tx, trades[0])
				trade(t, tx, trades[1])
				_, err := tx.RecordTrade(ctx, trades[2])
				refused(t, err)
				fire(t, tx, engagement.Fire{UserID: 2, SignalID: "A"})
				return nil
			}))
			same(t, "fires", proven(t, db).Fires, int64(1))
			holds(t, db)
		})
	})
}

// In one batch a user's sum and day go from one end of the range to the other.
func TestTradesOfABatchFromOneEndOfTheRangeToTheOther(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "low", PnL: -engagement.MaxPnL})
		release := hold(t, db)
		defer release()
		calls := []*call{
			sendTrade(ctx, db, engagement.Trade{UserID: 1, TradeID: "a", PnL: engagement.MaxPnL}),
			sendTrade(ctx, db, engagement.Trade{UserID: 1, TradeID: "b", PnL: engagement.MaxPnL}),
		}
		waiting(t, db, 2)
		release()
		for _, c := range calls {
			_, err := c.wait(t)
			noError(t, err)
		}
		same(t, "batches", db.CommitStats().Batches, int64(2))
		want := engagement.UserStats{UserID: 1, Wins: 2, Losses: 1, WinRate: 2. / 3, PnL: engagement.MaxPnL, LastUpdated: noon}
		same(t, "UserStats", must(db.UserStats(ctx, 1))(t), want)
		proven(t, db)
	})
}

// Each day is within the range, and so is their sum, but not while they are added
// up in their order.
func TestDaysThatLeaveTheRangeWhenAddedUpInTheirOrder(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "a", PnL: engagement.MaxPnL, ClosedAt: noon.AddDate(0, 0, -3)})
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "b", PnL: -engagement.MaxPnL})
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "c", PnL: engagement.MaxPnL, ClosedAt: noon.AddDate(0, 0, -2)})
		e := must(db.ExplainUser(ctx, 1, engagement.FigurePnL, anyPage))(t)
		same(t, "explained", []any{e.Sum, e.Exact}, []any{engagement.MaxPnL, true})
		proven(t, db)
		must(db.Rebuild(ctx))(t)
		must(db.EraseUser(ctx, 1))(t)
	})
}

func TestTradesThatShareACommitStayWithinTheRange(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		errs := make(chan error, 2)
		noError(t, db.Tx(ctx, func(*engagement.Tx) error { // whoever comes now waits, and shares the next commit
			for _, id := range []string{"a", "b"} {
				go func() {
					_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: id, PnL: 9e12})
					errs <- err
				}()
			}
			waitUntil(t, func() bool { return db.CommitStats().Waiting == 2 })
			return nil
		}))
		refused := 0
		for range 2 {
			if err := <-errs; err != nil {
				wantError(t, err, engagement.ErrInvalid)
				refused++
			}
		}
		same(t, "refused trades", refused, 1)
		same(t, "P&L", must(db.UserStats(ctx, 1))(t).PnL, 9e12)
		proven(t, db)
	})
}
