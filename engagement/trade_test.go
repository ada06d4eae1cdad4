package engagement_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestRecordTrade(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for _, tr := range []engagement.Trade{
			{UserID: 1, TradeID: "a", SignalID: "S", PnL: 150.75, ClosedAt: noon.Add(-time.Hour)},
			{UserID: 1, TradeID: "b", PnL: -50.25},
			{UserID: 1, TradeID: "c"},
			{UserID: 1, TradeID: "d", PnL: -0.5, Outcome: engagement.Win, ClosedAt: noon.Add(-2 * time.Hour)},
			{UserID: 2, TradeID: "a", PnL: 1},
		} {
			same(t, fmt.Sprintf("RecordTrade(%+v)", tr), trade(t, db, tr), engagement.Recorded)
		}
		same(t, "UserStats", must(db.UserStats(ctx, 1))(t), engagement.UserStats{
			UserID: 1, Wins: 2, Losses: 1, Draws: 1, WinRate: 2.0 / 3, PnL: 100, LastUpdated: noon,
		})
		same(t, "RecentTrades of the user", must(db.Trades(ctx, engagement.TradeFilter{UserID: 1}, anyPage))(t).Items, []engagement.ClosedTrade{
			{UserID: 1, TradeID: "c", Outcome: engagement.Draw, ClosedAt: noon},
			{UserID: 1, TradeID: "b", PnL: -50.25, Outcome: engagement.Loss, ClosedAt: noon},
			{UserID: 1, TradeID: "a", SignalID: "S", PnL: 150.75, Outcome: engagement.Win, ClosedAt: noon.Add(-time.Hour)},
			{UserID: 1, TradeID: "d", PnL: -0.5, Outcome: engagement.Win, ClosedAt: noon.Add(-2 * time.Hour)},
		}, withoutIDs)
		var wins []string
		for _, tr := range must(db.Trades(ctx, engagement.TradeFilter{Outcome: engagement.Win}, anyPage))(t).Items {
			wins = append(wins, fmt.Sprint(tr.UserID, tr.TradeID))
		}
		same(t, "the winning trades of all", wins, []string{"2a", "1a", "1d"})
		same(t, "trades make no one active", must(db.RealTimeStats(ctx))(t).ActiveUsersToday, int64(0))
		proven(t, db)
	})
}

func TestManyTradesAreRecordedTogetherOrNotAtAll(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		a := engagement.Trade{UserID: 1, TradeID: "a", SignalID: "S", PnL: 150.75, ClosedAt: noon.Add(-time.Hour)}
		b := engagement.Trade{UserID: 2, TradeID: "b", PnL: -50.25, ClosedAt: noon.Add(-48 * time.Hour)}
		other := a
		other.PnL = 1
		got := must(db.RecordTrades(ctx, []engagement.Trade{a, b, a}))(t)
		same(t, "receipts", got, []engagement.TradeReceipt{{Status: engagement.Recorded}, {Status: engagement.Recorded}, {Status: engagement.Duplicate}})
		same(t, "none", len(must(db.RecordTrades(ctx, nil))(t)), 0)
		for name, tt := range map[string]struct {
			last engagement.Trade
			want error
		}{
			"a conflict with what is stored": {other, engagement.ErrConflict},
			"one that cannot be stored":      {engagement.Trade{UserID: 3, TradeID: "c", PnL: math.NaN()}, engagement.ErrInvalid},
		} {
			for where, record := range map[string]func([]engagement.Trade) error{
				"by itself": func(trades []engagement.Trade) error { _, err := db.RecordTrades(ctx, trades); return err },
				"in a transaction": func(trades []engagement.Trade) (err error) {
					noError(t, db.Tx(ctx, func(tx *engagement.Tx) error { _, err = tx.RecordTrades(ctx, trades); return nil }))
					return err
				},
			} {
				err := record([]engagement.Trade{{UserID: 3, TradeID: "new"}, tt.last})
				wantError(t, err, tt.want)
				if !strings.Contains(err.Error(), "number 2 of 2") {
					t.Errorf("%s, %s: it does not say which: %v", name, where, err)
				}
			}
		}
		same(t, "trades", len(must(db.Trades(ctx, engagement.TradeFilter{}, anyPage))(t).Items), 2)
		same(t, "P&L", must(db.UserStats(ctx, 1))(t).PnL, 150.75)
		proven(t, db)
	})
}

func TestARepeatedTrade(t *testing.T) {
	first := engagement.Trade{UserID: 1, TradeID: "mt5-1", SignalID: "S", PnL: 1.5, ClosedAt: noon.Add(-time.Hour)}
	with := func(change func(*engagement.Trade)) engagement.Trade {
		again := first
		change(&again)
		return again
	}
	for _, tt := range []struct {
		name     string
		again    engagement.Trade
		conflict []string // none: a duplicate
	}{
		{"to the letter is a duplicate", first, nil},
		{"without its time is a duplicate", with(func(t *engagement.Trade) { t.ClosedAt = time.Time{} }), nil},
		{"with the result that its P&L had implied is a duplicate", with(func(t *engagement.Trade) { t.Outcome = engagement.Win }), nil},
		{"with a P&L that rounds to the same is a duplicate", with(func(t *engagement.Trade) { t.PnL = 1.500_000_4 }), nil},
		{"with a time of the same microsecond is a duplicate", with(func(t *engagement.Trade) { t.ClosedAt = t.ClosedAt.Add(999) }), nil},
		{"of another signal is a conflict", with(func(t *engagement.Trade) { t.SignalID = "R" }), []string{"signal id", `"S"`, `"R"`}},
		{"of no signal is a conflict", with(func(t *engagement.Trade) { t.SignalID = "" }), []string{"signal id", `"S"`, `""`}},
		{"of another P&L is a conflict", with(func(t *engagement.Trade) { t.PnL = 1.6 }), []string{"P&L", "1.5", "1.6"}},
		{"of another outcome is a conflict", with(func(t *engagement.Trade) { t.Outcome = engagement.Draw }), []string{"outcome", `"win"`, `"draw"`}},
		{"of another time is a conflict", with(func(t *engagement.Trade) { t.ClosedAt = noon }), []string{"closing time", "2026-01-14T11:00:00Z", "2026-01-14T12:00:00Z"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				clock := newClock(noon)
				db := open(clock.option())
				trade(t, db, first)
				unchanged(t, db, func() {
					result, err := db.RecordTrade(context.Background(), tt.again)
					if tt.conflict == nil {
						noError(t, err)
						same(t, "RecordTrade", result, engagement.TradeReceipt{Status: engagement.Duplicate})
						return
					}
					wantError(t, err, engagement.ErrConflict)
					contains(t, err, append(tt.conflict, `trade "mt5-1" of user 1`)...)
				})
			})
		})
	}
}

func TestUpdateUserPnL(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for _, step := range []struct {
			change float64
			isWin  bool
			want   engagement.UserStats
		}{
			{10, true, engagement.UserStats{Wins: 1, WinRate: 1, PnL: 10}},
			{10, true, engagement.UserStats{Wins: 2, WinRate: 1, PnL: 20}},
			{-5, false, engagement.UserStats{Wins: 2, Losses: 1, WinRate: 2.0 / 3, PnL: 15}},
			{0, false, engagement.UserStats{Wins: 2, Losses: 1, Draws: 1, WinRate: 2.0 / 3, PnL: 15}},
			{-1, true, engagement.UserStats{Wins: 3, Losses: 1, Draws: 1, WinRate: 0.75, PnL: 14}},
			{3, false, engagement.UserStats{Wins: 3, Losses: 2, Draws: 1, WinRate: 0.6, PnL: 17}},
		} {
			got, err := db.UpdateUserPnL(ctx, 7, step.change, step.isWin)
			noError(t, err)
			step.want.UserID, step.want.LastUpdated = 7, noon
			same(t, fmt.Sprintf("UpdateUserPnL(%v, %t)", step.change, step.isWin), got, step.want)
		}
		proven(t, db)
	})
}

func TestMoney(t *testing.T) {
	for _, tt := range []struct {
		name string
		pnl  float64
		want float64
	}{
		{"half a millionth rounds away from zero", 0.000_000_5, 0.000_001},
		{"half a millionth of loss rounds away from zero", -0.000_000_5, -0.000_001},
		{"one and a half millionths round to two", 0.000_001_5, 0.000_002},
		{"two and a half millionths round to three", 0.000_002_5, 0.000_003},
		{"less than half a millionth is nothing", 0.000_000_49, 0},
		{"a negative zero is zero", math.Copysign(0, -1), 0},
		{"the smallest number is nothing", math.SmallestNonzeroFloat64, 0},
		{"the most is accepted", engagement.MaxPnL, engagement.MaxPnL},
		{"the least is accepted", -engagement.MaxPnL, -engagement.MaxPnL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", PnL: tt.pnl})
				same(t, "P&L of the user", must(db.UserStats(ctx, 1))(t).PnL, tt.want)
				trades := must(db.Trades(ctx, engagement.TradeFilter{}, anyPage))(t).Items
				same(t, "P&L of the trade", trades[0].PnL, tt.want)
				if math.Signbit(trades[0].PnL) != (tt.want < 0) {
					t.Error("P&L of the trade has the wrong sign")
				}
				result := map[bool]engagement.Outcome{true: engagement.Win, false: engagement.Loss}[tt.want > 0]
				if tt.want == 0 {
					result = engagement.Draw
				}
				same(t, "result", trades[0].Outcome, result)
				proven(t, db)
			})
		})
	}
	t.Run("ten thousand times 0.1 is exactly 1000", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			ctx, db := context.Background(), open(newClock(noon).option())
			// A hundred at a time: PostgreSQL keeps every version of a row that one
			// transaction has changed, so that ten thousand would be slow. And most of
			// them in one call, since each call asks the server several times.
			for part := range 100 {
				noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
					var together []engagement.Trade
					for i := part * 100; i < (part+1)*100; i++ {
						tenth := engagement.Trade{UserID: 1, TradeID: fmt.Sprint(i), PnL: 0.1, ClosedAt: noon.Add(-time.Duration(i) * time.Minute)}
						if i%10 == 0 {
							trade(t, tx, tenth)
						} else {
							together = append(together, tenth)
						}
					}
					_, err := tx.RecordTrades(ctx, together)
					return err
				}))
			}
			same(t, "P&L", must(db.UserStats(ctx, 1))(t).PnL, 1000.0)
			proven(t, db)
		})
	})
	for _, tt := range []struct {
		name string
		pnl  float64
	}{
		{"not a number", math.NaN()},
		{"infinite", math.Inf(1)},
		{"infinitely negative", math.Inf(-1)},
		{"just above the most", math.Nextafter(engagement.MaxPnL, math.Inf(1))},
		{"just below the least", math.Nextafter(-engagement.MaxPnL, math.Inf(-1))},
		{"the largest number", math.MaxFloat64},
	} {
		t.Run("a P&L that is "+tt.name+" is refused", func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				unchanged(t, db, func() {
					_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", PnL: tt.pnl})
					wantError(t, err, engagement.ErrInvalid)
					contains(t, err, "P&L", fmt.Sprintf("%#v", tt.pnl))
					_, err = db.UpdateUserPnL(ctx, 1, tt.pnl, true)
					wantError(t, err, engagement.ErrInvalid)
				})
			})
		})
	}
}

func TestTradePages(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for i := range 12 {
			trade(t, db, engagement.Trade{
				UserID: int64(i%2) + 1, TradeID: fmt.Sprint(i), PnL: float64(i%3 - 1), ClosedAt: noon.Add(-time.Duration(i/5) * time.Hour),
			})
		}
		for _, filter := range []engagement.TradeFilter{
			{}, {UserID: 1}, {Outcome: engagement.Win}, {UserID: 2, Outcome: engagement.Loss},
		} {
			all := must(db.Trades(ctx, filter, anyPage))(t).Items
			if len(all) == 0 {
				t.Fatalf("no trades for %+v", filter)
			}
			for limit := 1; limit <= 5; limit++ {
				same(t, fmt.Sprintf("Trades(%+v) in pages", filter), inPages(t, limit, listTrades(db.Reader, filter)), all)
			}
		}
	})
}

func TestOutcome(t *testing.T) {
	for _, r := range []engagement.Outcome{engagement.Win, engagement.Loss, engagement.Draw} {
		same(t, "ParseOutcome", must(engagement.ParseOutcome(r.String()))(t), r)
		var back engagement.Outcome
		noError(t, back.UnmarshalText(must(r.MarshalText())(t)))
		same(t, "outcome through text", back, r)
	}
	for _, bad := range []string{"", "Win", "won", "draw "} {
		_, err := engagement.ParseOutcome(bad)
		wantError(t, err, engagement.ErrInvalid)
		contains(t, err, fmt.Sprintf("outcome %q", bad))
	}
	if name := engagement.Outcome(9).String(); !strings.Contains(name, "9") {
		t.Errorf("an unknown outcome is called %q", name)
	}
}
