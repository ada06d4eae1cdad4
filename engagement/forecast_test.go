package engagement_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (h *history) compareForecast(t *rapid.T, r *engagement.Reader, q engagement.ForecastQuery) {
	q.Strength, q.MinDecided = rapid.SampledFrom([]float64{1, 2.5, 10}).Draw(t, "strength"), rapid.Int64Range(1, 3).Draw(t, "minimum of decided trades")
	got, err := r.Forecast(context.Background(), q)
	if !h.model.knows(q.UserID, q.SignalID) {
		wantError(t, err, engagement.ErrNotFound)
		return
	}
	noError(t, err)
	want := h.model.forecast(q)
	same(t, fmt.Sprintf("Forecast(%+v)", q), got, want, closely, cmpopts.IgnoreFields(engagement.Forecast{}, "Low", "High"))
	if want.Probability == nil {
		same(t, "no interval", []*float64{got.Low, got.High}, []*float64{nil, nil})
	} else if !(0 <= *got.Low && *got.Low < *got.High && *got.High <= 1) {
		t.Errorf("the interval is %g to %g", *got.Low, *got.High)
	}
}

func (h *history) compareCalibration(t *rapid.T, r *engagement.Reader) {
	today := h.model.today()
	for _, window := range []engagement.Window{engagement.AllTime(), engagement.Days(today-2, today)} {
		for _, bySignal := range []bool{false, true} {
			q := engagement.CalibrationQuery{BySignal: bySignal, Window: window, Strength: 10, MinDecided: rapid.Int64Range(1, 3).Draw(t, "minimum of decided trades")}
			got, err := r.ScoreForecasts(context.Background(), q)
			noError(t, err)
			same(t, fmt.Sprintf("ScoreForecasts(%+v)", q), got, h.model.calibration(q), closely)
		}
	}
}

// decide records wins and losses of a user, each an hour after the one before.
func decide(t tb, w writer, user int64, wins, losses int) {
	t.Helper()
	amounts := make([]float64, wins+losses)
	for i := range amounts {
		if amounts[i] = -1; i < wins {
			amounts[i] = 1
		}
	}
	sequence(t, w, user, amounts...)
}

// The prior of strength 2 beside a base rate of a half is Beta(1, 1). The high end
// is that of the exact 90 % interval for 4 defects in 20, the example of the
// NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.4.
func TestForecastInterval(t *testing.T) {
	t.Parallel()
	db := openAt(t, freshFile(t), newClock(noon).option())
	decide(t, db, 1, 4, 15)
	decide(t, db, 2, 11, 0) // which makes the base rate a half
	got := must(db.Forecast(t.Context(), engagement.ForecastQuery{UserID: 1, Strength: 2, MinDecided: 1}))(t)
	same(t, "base rate", got.BaseRate, 0.5)
	const low, high = 0.10408083591013608, 0.40102811733197464
	if math.Abs(*got.Low-low) > 1e-12 || math.Abs(*got.High-high) > 1e-12 {
		t.Errorf("got %.15g to %.15g, want %.15g to %.15g", *got.Low, *got.High, low, high)
	}
}

func TestForecast(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		decide(t, db, 1, 9, 3)
		decide(t, db, 2, 2, 10)
		decide(t, db, 3, 4, 5)
		trade(t, db, engagement.Trade{UserID: 3, TradeID: "a draw decides nothing", PnL: 0, ClosedAt: noon})
		for user := int64(4); user < 15; user++ {
			trade(t, db, engagement.Trade{UserID: user, TradeID: "t", SignalID: "GOLD_1", PnL: -1, ClosedAt: noon})
		}

		t.Run("lies between the community's rate and one's own", func(t *testing.T) {
			got := must(db.Forecast(t.Context(), engagement.ForecastQuery{UserID: 1}))(t)
			want := engagement.Forecast{
				UserID: 1, Wins: 9, Losses: 3, Decided: 12, Needed: 10, CommunityWins: 15, CommunityLosses: 29, BaseRate: 16.0 / 46, Strength: 10,
				Probability: ptr((160.0/46 + 9) / 22),
			}
			same(t, "Forecast", got, want, closely, cmpopts.IgnoreFields(engagement.Forecast{}, "Low", "High"))
		})
		t.Run("follows the community more the stronger it is", func(t *testing.T) {
			weak := must(db.Forecast(t.Context(), engagement.ForecastQuery{UserID: 1, Strength: 1}))(t)
			strong := must(db.Forecast(t.Context(), engagement.ForecastQuery{UserID: 1, Strength: 1000}))(t)
			if !(weak.BaseRate < *strong.Probability && *strong.Probability < *weak.Probability && *weak.Probability < 0.75) {
				t.Errorf("base rate %g, strong %g, weak %g", weak.BaseRate, *strong.Probability, *weak.Probability)
			}
			if *strong.High-*strong.Low >= *weak.High-*weak.Low {
				t.Errorf("the strong interval %g to %g is not narrower than %g to %g", *strong.Low, *strong.High, *weak.Low, *weak.High)
			}
		})
		t.Run("of a signal is of those who followed it", func(t *testing.T) {
			got := must(db.Forecast(t.Context(), engagement.ForecastQuery{SignalID: "GOLD_1"}))(t)
			same(t, "signal, wins and losses", []any{got.SignalID, got.Wins, got.Losses}, []any{"GOLD_1", int64(0), int64(11)})
		})
		t.Run("needs wins and losses: nine and a draw are too few", func(t *testing.T) {
			got := must(db.Forecast(t.Context(), engagement.ForecastQuery{UserID: 3}))(t)
			same(t, "Forecast", got, engagement.Forecast{
				UserID: 3, Wins: 4, Losses: 5, Decided: 9, Needed: 10,
				CommunityWins: 15, CommunityLosses: 29, BaseRate: 16.0 / 46, Strength: 10,
			}, closely)
			got = must(db.Forecast(t.Context(), engagement.ForecastQuery{UserID: 3, MinDecided: 9}))(t)
			if got.Probability == nil || got.Low == nil || got.High == nil {
				t.Errorf("nine are too few where nine are needed: %+v", got)
			}
		})
		t.Run("of a signal that was only fired says how many trades are needed", func(t *testing.T) {
			fire(t, db, engagement.Fire{UserID: 1, SignalID: "FIRED", At: noon})
			got := must(db.Forecast(t.Context(), engagement.ForecastQuery{SignalID: "FIRED"}))(t)
			same(t, "decided, needed, probability", []any{got.Decided, got.Needed, got.Probability}, []any{int64(0), int64(10), (*float64)(nil)})
		})
		for _, tt := range []struct {
			name  string
			query engagement.ForecastQuery
			want  error
		}{
			{"nobody", engagement.ForecastQuery{}, engagement.ErrInvalid},
			{"a user and a signal at once", engagement.ForecastQuery{UserID: 1, SignalID: "GOLD_1"}, engagement.ErrInvalid},
			{"a strength below 1", engagement.ForecastQuery{UserID: 1, Strength: 0.5}, engagement.ErrInvalid},
			{"a strength beyond all bounds", engagement.ForecastQuery{UserID: 1, Strength: 1e7}, engagement.ErrInvalid},
			{"a strength that is no number", engagement.ForecastQuery{UserID: 1, Strength: math.NaN()}, engagement.ErrInvalid},
			{"a negative minimum", engagement.ForecastQuery{UserID: 1, MinDecided: -1}, engagement.ErrInvalid},
			{"an unknown user", engagement.ForecastQuery{UserID: 404}, engagement.ErrNotFound},
			{"an unknown signal", engagement.ForecastQuery{SignalID: "NONE"}, engagement.ErrNotFound},
		} {
			t.Run("refuses "+tt.name, func(t *testing.T) {
				_, err := db.Forecast(t.Context(), tt.query)
				wantError(t, err, tt.want)
			})
		}
	})
}

func TestScoreForecasts(t *testing.T) {
	score := func(t tb, db *engagement.DB, q engagement.CalibrationQuery) engagement.Calibration {
		t.Helper()
		q.MinDecided = 1
		return must(db.ScoreForecasts(context.Background(), q))(t)
	}

	t.Run("scores each forecast with what had closed before", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			sequence(t, db, 1, 1, -1, 1)
			got := score(t, db, engagement.CalibrationQuery{})
			// The loss: the base rate is 2/3, the forecast (10 * 2/3 + 1) / 11.
			// The second win: the base rate is 1/2 and so is the forecast.
			forecast := (20.0/3 + 1) / 11
			brier, base := (forecast*forecast+0.25)/2, (4.0/9+0.25)/2
			want := engagement.Calibration{
				Forecasts: 2, TooEarly: 1, Brier: &brier, BaseBrier: &base, Skill: ptr(1 - brier/base), Bins: make([]engagement.CalibrationBin, 10),
			}
			for i := range want.Bins {
				want.Bins[i].From, want.Bins[i].To = float64(i)/10, float64(i+1)/10
			}
			want.Bins[5].Forecasts, want.Bins[5].MeanForecast, want.Bins[5].WinRate = 1, ptr(0.5), ptr(1.0)
			want.Bins[6].Forecasts, want.Bins[6].MeanForecast, want.Bins[6].WinRate = 1, &forecast, ptr(0.0)
			same(t, "ScoreForecasts", got, want, closely)
		})
	})

	t.Run("does not let trades of the same time see each other", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			sequence(t, db, 1, 1)
			for i := range 3 {
				trade(t, db, engagement.Trade{UserID: 1, TradeID: fmt.Sprint(i), PnL: 1, ClosedAt: noon})
			}
			forecast := (20.0/3 + 1) / 11 // of each
			same(t, "Brier", score(t, db, engagement.CalibrationQuery{}).Brier, ptr((1-forecast)*(1-forecast)), closely)
		})
	})

	t.Run("knows what was before the window", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			sequence(t, db, 1, 1, 1)
			trade(t, db, engagement.Trade{UserID: 1, TradeID: "today", PnL: 1, ClosedAt: noon})
			trade(t, db, engagement.Trade{UserID: 1, TradeID: "tomorrow", PnL: -1, ClosedAt: noon.Add(13 * time.Hour)})
			got := score(t, db, engagement.CalibrationQuery{Window: db.TodayWindow()})
			same(t, "forecasts and too early", []int64{got.Forecasts, got.TooEarly}, []int64{1, 0})
			same(t, "Brier of the base rate", got.BaseBrier, ptr(1.0/16), closely)
		})
	})

	t.Run("by signal leaves out trades that followed none", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			sequence(t, db, 1, 1, 1, 1)
			for i := range 3 {
				trade(t, db, engagement.Trade{UserID: int64(i + 2), TradeID: "t", SignalID: "GOLD_1", PnL: 1, ClosedAt: noon.Add(time.Duration(i) * time.Minute)})
			}
			got := score(t, db, engagement.CalibrationQuery{BySignal: true})
			same(t, "forecasts and too early", []int64{got.Forecasts, got.TooEarly}, []int64{2, 1})
		})
	})

	t.Run("of nothing has no score", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			got := score(t, db, engagement.CalibrationQuery{})
			same(t, "scores", []*float64{got.Brier, got.BaseBrier, got.Skill}, []*float64{nil, nil, nil})
			same(t, "bins", len(got.Bins), 10)
		})
	})

	t.Run("refuses what cannot be", func(t *testing.T) {
		t.Parallel()
		db := openAt(t, freshFile(t))
		for _, q := range []engagement.CalibrationQuery{
			{Window: engagement.Days(2, 1)}, {Strength: -1}, {Strength: math.Inf(1)}, {MinDecided: -1},
		} {
			_, err := db.ScoreForecasts(t.Context(), q)
			wantError(t, err, engagement.ErrInvalid)
		}
	})
}

// TestTheScoreIsOfTheForecastsThatWereMade asks for a forecast before each
// trade, and compares what they score.
func TestTheScoreIsOfTheForecastsThatWereMade(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		var forecasts, tooEarly int64
		var squares, baseSquares float64
		for i := range 60 {
			tr := engagement.Trade{
				UserID: int64(1 + i*i%3), TradeID: fmt.Sprint(i), PnL: float64(i*31%17) - 6.5,
				ClosedAt: noon.Add(time.Duration(i-100) * time.Minute),
			}
			q := engagement.ForecastQuery{UserID: tr.UserID}
			f, err := db.Forecast(t.Context(), q)
			if err != nil {
				wantError(t, err, engagement.ErrNotFound) // the user's first trade
			}
			if f.Probability != nil {
				outcome := 0.0
				if tr.PnL > 0 {
					outcome = 1
				}
				forecasts++
				squares += (*f.Probability - outcome) * (*f.Probability - outcome)
				baseSquares += (f.BaseRate - outcome) * (f.BaseRate - outcome)
			} else {
				tooEarly++
			}
			trade(t, db, tr)
		}
		got := must(db.ScoreForecasts(t.Context(), engagement.CalibrationQuery{}))(t)
		same(t, "forecasts and too early", []int64{got.Forecasts, got.TooEarly}, []int64{forecasts, tooEarly})
		n := float64(forecasts)
		same(t, "scores", []*float64{got.Brier, got.BaseBrier}, []*float64{ptr(squares / n), ptr(baseSquares / n)}, closely)
	})
}
