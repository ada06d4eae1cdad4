package engagement_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

// closely compares fractions that were worked out in different ways.
var closely = cmp.Options{cmpopts.EquateApprox(1e-9, 1e-9), withoutIDs}

// compareQuality compares all time and some windows.
func (h *history) compareQuality(t *rapid.T, r *engagement.Reader, q engagement.QualityQuery) {
	today := h.model.today()
	for _, window := range []engagement.Window{engagement.AllTime(), engagement.Days(today-2, today), engagement.Days(today-20, today-1)} {
		for _, balance := range []float64{0, 1000} {
			q.Window, q.Balance = window, balance
			got, err := r.TradeQuality(context.Background(), q)
			want, known := h.model.tradeQuality(q)
			if !known {
				wantError(t, err, engagement.ErrNotFound)
				continue
			}
			noError(t, err)
			same(t, fmt.Sprintf("TradeQuality(%+v)", q), got, want, closely)
		}
	}
}

// sequence records trades of a user, each an hour after the one before, and
// returns the time of the first.
func sequence(t tb, w writer, user int64, amounts ...float64) time.Time {
	t.Helper()
	first := noon.AddDate(0, 0, -10)
	for i, pnl := range amounts {
		trade(t, w, engagement.Trade{
			UserID: user, TradeID: fmt.Sprintf("s%d", i), PnL: pnl, ClosedAt: first.Add(time.Duration(i) * time.Hour),
		})
	}
	return first
}

func quality(t tb, r *engagement.Reader, q engagement.QualityQuery) engagement.TradeQuality {
	t.Helper()
	got, err := r.TradeQuality(context.Background(), q)
	noError(t, err)
	return got
}

// ptr returns a ratio that there is, none is one that there is not.

var none *float64

func TestDrawdown(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		for i, tt := range []struct {
			name    string
			amounts []float64
			want    engagement.Drawdown // of a balance of 100
		}{
			{"a single win is no fall", []float64{5}, engagement.Drawdown{Share: ptr(0.0)}},
			{"a single loss falls from 0", []float64{-5}, engagement.Drawdown{Amount: 5, Share: ptr(0.05)}},
			{"an opening loss counts", []float64{-30, 50, -10}, engagement.Drawdown{Amount: 30, Share: ptr(0.3)}},
			{"all losses add up", []float64{-1, -2, -3}, engagement.Drawdown{Amount: 6, Share: ptr(0.06)}},
			{"a win on the way down does not begin anew", []float64{100, -60, 20, -50, 200}, engagement.Drawdown{Amount: 90, Peak: 100, Share: ptr(0.45)}},
			{"a fall below what was there is more than all of it", []float64{-150}, engagement.Drawdown{Amount: 150, Share: ptr(1.5)}},
			{"of equal falls it is the first", []float64{-10, 50, -10}, engagement.Drawdown{Amount: 10, Share: ptr(0.1)}},
			{"the larger fall may be the smaller part", []float64{-20, 120, -30}, engagement.Drawdown{Amount: 30, Peak: 100, Share: ptr(0.15)}},
			{"draws change nothing", []float64{0, -4, 0}, engagement.Drawdown{Amount: 4, Share: ptr(0.04)}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				user := int64(i + 1)
				sequence(t, db, user, tt.amounts...)
				same(t, "drawdown", quality(t, db.Reader, engagement.QualityQuery{UserID: user, Balance: 100}).Drawdown, tt.want, closely)
			})
		}

		t.Run("goes by the time of closing and not of recording", func(t *testing.T) {
			trade(t, db, engagement.Trade{UserID: 100, TradeID: "late", PnL: -5, ClosedAt: noon})
			trade(t, db, engagement.Trade{UserID: 100, TradeID: "early", PnL: 20, ClosedAt: noon.Add(-time.Hour)})
			same(t, "drawdown", quality(t, db.Reader, engagement.QualityQuery{UserID: 100}).Drawdown, engagement.Drawdown{Amount: 5, Peak: 20})
		})
		t.Run("goes by the order of recording at the same time", func(t *testing.T) {
			for _, pnl := range []float64{20, -5, 1} {
				trade(t, db, engagement.Trade{UserID: 101, TradeID: fmt.Sprint(pnl), PnL: pnl, ClosedAt: noon})
			}
			same(t, "drawdown", quality(t, db.Reader, engagement.QualityQuery{UserID: 101}).Drawdown, engagement.Drawdown{Amount: 5, Peak: 20})
		})
		t.Run("of a window begins at 0 again", func(t *testing.T) {
			trade(t, db, engagement.Trade{UserID: 102, TradeID: "before", PnL: 70, ClosedAt: noon.AddDate(0, 0, -1)})
			trade(t, db, engagement.Trade{UserID: 102, TradeID: "in it", PnL: -7, ClosedAt: noon})
			got := quality(t, db.Reader, engagement.QualityQuery{UserID: 102, Window: db.TodayWindow(), Balance: 70})
			same(t, "drawdown", got.Drawdown, engagement.Drawdown{Amount: 7, Share: ptr(0.1)}, closely)
		})
		t.Run("has no share without a balance", func(t *testing.T) {
			same(t, "share", quality(t, db.Reader, engagement.QualityQuery{UserID: 1}).Drawdown.Share, none)
		})
	})
}

func TestTradeQuality(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())

		t.Run("has every figure of some trades", func(t *testing.T) {
			first := sequence(t, db, 1, 100, -50, 0, 30, 20)
			want := engagement.TradeQuality{
				UserID: 1, Trades: 5, Wins: 3, Losses: 1, Draws: 1, WinRate: ptr(0.75),
				PnL: 100, WinsPnL: 150, LossesPnL: -50, ProfitFactor: ptr(3.0), Expectancy: ptr(20.0), AverageWin: ptr(50.0), AverageLoss: ptr(-50.0),
				Best:     &engagement.ClosedTrade{UserID: 1, TradeID: "s0", PnL: 100, Outcome: engagement.Win, ClosedAt: first},
				Worst:    &engagement.ClosedTrade{UserID: 1, TradeID: "s1", PnL: -50, Outcome: engagement.Loss, ClosedAt: first.Add(time.Hour)},
				Run:      &engagement.Run{Outcome: engagement.Win, Length: 2},
				Drawdown: engagement.Drawdown{Amount: 50, Peak: 100},
				Equity:   []engagement.EquityDay{{Day: engagement.DayOf(first, time.UTC), PnL: 100, Cumulative: 100}},
			}
			same(t, "TradeQuality", quality(t, db.Reader, engagement.QualityQuery{UserID: 1}), want, closely)
		})

		t.Run("of nothing has no ratio", func(t *testing.T) {
			fireOn(t, db, 2, noon)
			same(t, "TradeQuality", quality(t, db.Reader, engagement.QualityQuery{UserID: 2}),
				engagement.TradeQuality{UserID: 2, Equity: []engagement.EquityDay{}})
		})

		t.Run("without losses has no profit factor", func(t *testing.T) {
			sequence(t, db, 3, 1, 2)
			same(t, "profit factor", quality(t, db.Reader, engagement.QualityQuery{UserID: 3}).ProfitFactor, none)
		})

		t.Run("without wins has a profit factor of 0", func(t *testing.T) {
			sequence(t, db, 4, -1, -2)
			got := quality(t, db.Reader, engagement.QualityQuery{UserID: 4})
			same(t, "profit factor", got.ProfitFactor, ptr(0.0))
			same(t, "average win", got.AverageWin, none)
			same(t, "run", got.Run, &engagement.Run{Outcome: engagement.Loss, Length: 2})
		})

		t.Run("goes by the result and not by the sign", func(t *testing.T) {
			trade(t, db, engagement.Trade{UserID: 5, TradeID: "w", PnL: -1, Outcome: engagement.Win, ClosedAt: noon.Add(-3 * time.Hour)})
			trade(t, db, engagement.Trade{UserID: 5, TradeID: "l", PnL: 4, Outcome: engagement.Loss, ClosedAt: noon.Add(-2 * time.Hour)})
			trade(t, db, engagement.Trade{UserID: 5, TradeID: "d", PnL: 7, Outcome: engagement.Draw, ClosedAt: noon.Add(-time.Hour)})
			got := quality(t, db.Reader, engagement.QualityQuery{UserID: 5})
			same(t, "wins, losses and draws", []int64{got.Wins, got.Losses, got.Draws}, []int64{1, 1, 1})
			same(t, "P&L of wins and losses", []float64{got.WinsPnL, got.LossesPnL}, []float64{-1, 4})
			same(t, "profit factor", got.ProfitFactor, none)
			same(t, "run", got.Run, &engagement.Run{Outcome: engagement.Loss, Length: 1})
		})

		t.Run("takes the first of the best and of the worst", func(t *testing.T) {
			sequence(t, db, 6, -3, 8, -3, 8)
			got := quality(t, db.Reader, engagement.QualityQuery{UserID: 6})
			same(t, "best and worst", []string{got.Best.TradeID, got.Worst.TradeID}, []string{"s1", "s0"})
		})

		t.Run("of a signal has everybody who followed it", func(t *testing.T) {
			for user := int64(20); user < 23; user++ {
				trade(t, db, engagement.Trade{UserID: user, TradeID: "t", SignalID: "GOLD_1", PnL: float64(user), ClosedAt: noon})
				trade(t, db, engagement.Trade{UserID: user, TradeID: "other", PnL: 1000, ClosedAt: noon})
			}
			got := quality(t, db.Reader, engagement.QualityQuery{SignalID: "GOLD_1"})
			same(t, "signal, trades and P&L", []any{got.SignalID, got.Trades, got.PnL}, []any{"GOLD_1", int64(3), 63.0})
		})

		t.Run("leaves out the days without trades", func(t *testing.T) {
			for _, days := range []int{9, 2, 0} {
				trade(t, db, engagement.Trade{UserID: 7, TradeID: fmt.Sprint(days), PnL: 1, ClosedAt: noon.AddDate(0, 0, -days)})
			}
			today := db.Today()
			want := []engagement.EquityDay{{today - 9, 1, 1}, {today - 2, 1, 2}, {today, 1, 3}}
			same(t, "equity", quality(t, db.Reader, engagement.QualityQuery{UserID: 7}).Equity, want)
			same(t, "equity of a window", quality(t, db.Reader, engagement.QualityQuery{
				UserID: 7, Window: engagement.Days(today-2, today-1),
			}).Equity, []engagement.EquityDay{{today - 2, 1, 1}})
		})

		t.Run("is exact where 64 bits end", func(t *testing.T) {
			const most = engagement.MaxPnL
			// In the order of recording, every sum stays within the limit.
			for _, tr := range []struct {
				pnl     float64
				daysAgo int
			}{{most, 4}, {-most, 2}, {most, 3}, {-most, 1}, {1e-6, 5}} {
				trade(t, db, engagement.Trade{
					UserID: 9, TradeID: fmt.Sprint(tr.daysAgo), SignalID: "HUGE", PnL: tr.pnl, ClosedAt: noon.AddDate(0, 0, -tr.daysAgo),
				})
			}
			trade(t, db, engagement.Trade{UserID: 10, TradeID: "t", SignalID: "HUGE", PnL: -most, ClosedAt: noon})
			user := quality(t, db.Reader, engagement.QualityQuery{UserID: 9})
			same(t, "P&L", user.PnL, 1e-6)
			same(t, "drawdown", user.Drawdown, engagement.Drawdown{Amount: 2 * most, Peak: 2 * most})
			same(t, "average loss", user.AverageLoss, ptr(-most))
			signal := quality(t, db.Reader, engagement.QualityQuery{SignalID: "HUGE"})
			same(t, "losses of the signal", signal.LossesPnL, -3*most)
			same(t, "P&L of the signal", signal.PnL, -most)
		})
	})
}

func TestTradeQualityReadsPagesThatEndWithinOneTime(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		m := newModel(time.UTC, noon)
		noError(t, db.Tx(t.Context(), func(tx *engagement.Tx) error {
			for i := range 1_150 {
				tr := engagement.Trade{
					UserID: int64(1 + i%10/9), TradeID: fmt.Sprint(i), SignalID: "S", PnL: float64(i*7919%2001) - 1000,
					ClosedAt: noon.AddDate(0, 0, -i%3),
				}
				trade(t, tx, tr)
				_, err := m.recordTrade(tr)
				noError(t, err)
			}
			return nil
		}))
		for _, q := range []engagement.QualityQuery{{UserID: 1}, {SignalID: "S"}} {
			got, err := db.TradeQuality(t.Context(), q)
			noError(t, err)
			want, _ := m.tradeQuality(q)
			same(t, fmt.Sprintf("TradeQuality(%+v)", q), got, want, closely)
		}
		q := engagement.CalibrationQuery{MinDecided: 1, Strength: 10, Window: engagement.Days(db.Today()-1, db.Today())}
		got, err := db.ScoreForecasts(t.Context(), q)
		noError(t, err)
		same(t, "too early", got.TooEarly, int64(0))
		same(t, "forecasts", got.Forecasts, decidedIn(m, q.Window))
	})
}

func TestTradesWithOneIDArePagedByTheirKey(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		if e.name == "sqlite" {
			continue // where an id is unique
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.migrated(t)
			db := openAt(t, dsn, newClock(noon).option())
			noError(t, db.Tx(t.Context(), func(tx *engagement.Tx) error {
				for i := range 1_150 {
					trade(t, tx, engagement.Trade{UserID: int64(1 + i%10/9), TradeID: fmt.Sprint(i), SignalID: "S", PnL: 1, ClosedAt: noon})
				}
				return nil
			}))
			raw := must(sql.Open("pgx", dsn))(t)
			defer raw.Close()
			must(raw.Exec("UPDATE trades SET id = 7"))(t)
			same(t, "trades of the user", quality(t, db.Reader, engagement.QualityQuery{UserID: 1}).Trades, int64(1_035))
			same(t, "trades of the signal", quality(t, db.Reader, engagement.QualityQuery{SignalID: "S"}).Trades, int64(1_150))
			calibration := must(db.ScoreForecasts(t.Context(), engagement.CalibrationQuery{}))(t)
			same(t, "all trades", calibration.TooEarly, int64(1_150))
		})
	}
}

func decidedIn(m *model, w engagement.Window) int64 {
	wins, losses := m.decided(func(t modelTrade) bool { return within(w, t.day) })
	return wins + losses
}

func TestTradeQualityRefuses(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		sequence(t, db, 1, 1)
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", SignalID: "TRADED", PnL: 1, ClosedAt: noon.AddDate(0, 0, -5)})
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "FIRED"})
		for _, tt := range []struct {
			name  string
			query engagement.QualityQuery
			want  error
		}{
			{"nobody", engagement.QualityQuery{}, engagement.ErrInvalid},
			{"a user and a signal at once", engagement.QualityQuery{UserID: 1, SignalID: "FIRED"}, engagement.ErrInvalid},
			{"a signal id that cannot be", engagement.QualityQuery{SignalID: "a\nb"}, engagement.ErrInvalid},
			{"a window that ends before it starts", engagement.QualityQuery{UserID: 1, Window: engagement.Days(2, 1)}, engagement.ErrInvalid},
			{"a negative balance", engagement.QualityQuery{UserID: 1, Balance: -1}, engagement.ErrInvalid},
			{"a balance that is too large", engagement.QualityQuery{UserID: 1, Balance: 1e13}, engagement.ErrInvalid},
			{"an unknown user", engagement.QualityQuery{UserID: 404}, engagement.ErrNotFound},
			{"an unknown signal", engagement.QualityQuery{SignalID: "NONE"}, engagement.ErrNotFound},
			{"not a signal that was only fired", engagement.QualityQuery{SignalID: "FIRED"}, nil},
			{"not a signal that was only traded, in another window", engagement.QualityQuery{SignalID: "TRADED", Window: db.TodayWindow()}, nil},
		} {
			t.Run(tt.name, func(t *testing.T) {
				_, err := db.TradeQuality(t.Context(), tt.query)
				wantError(t, err, tt.want)
			})
		}
	})
}

// Another program may store a time that is none. What it orders by is no time
// behind which a page could begin.
func TestTradesWithoutATimeDoNotGoRoundForEver(t *testing.T) {
	t.Parallel()
	path := freshFile(t)
	db := openAt(t, path, newClock(noon).option())
	noError(t, db.Tx(t.Context(), func(tx *engagement.Tx) error {
		for i := range 1_001 { // more than a page
			trade(t, tx, engagement.Trade{UserID: 1, TradeID: fmt.Sprint(i), PnL: 1, ClosedAt: noon})
		}
		return nil
	}))
	execute(t, path, "UPDATE trades SET closed_at = '2026-01-some day'")
	_, err := db.TradeQuality(t.Context(), engagement.QualityQuery{UserID: 1})
	only(t, err, engagement.ErrCorrupt)
	_, err = db.ScoreForecasts(t.Context(), engagement.CalibrationQuery{})
	only(t, err, engagement.ErrCorrupt)
}
