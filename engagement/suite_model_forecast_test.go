package engagement_test

import (
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// decided counts the wins and losses that match.
func (m *model) decided(match func(modelTrade) bool) (wins, losses int64) {
	for _, t := range m.trades {
		switch {
		case !match(t):
		case t.Outcome == engagement.Win:
			wins++
		case t.Outcome == engagement.Loss:
			losses++
		}
	}
	return wins, losses
}

// knows reports whether a user has fired or traded, or a signal was.
func (m *model) knows(user int64, signal string) bool {
	_, known := m.updated[user]
	_, fired := m.created[signal]
	return known || fired || slices.ContainsFunc(m.trades, func(t modelTrade) bool {
		return signal != "" && t.SignalID == signal
	})
}

// forecast leaves the interval out.
func (m *model) forecast(q engagement.ForecastQuery) engagement.Forecast {
	f := engagement.Forecast{UserID: q.UserID, SignalID: q.SignalID, Strength: q.Strength, Needed: q.MinDecided}
	f.Wins, f.Losses = m.decided(func(t modelTrade) bool {
		return (q.UserID != 0 && t.UserID == q.UserID) || (q.SignalID != "" && t.SignalID == q.SignalID)
	})
	f.CommunityWins, f.CommunityLosses = m.decided(func(modelTrade) bool { return true })
	f.BaseRate = float64(f.CommunityWins+1) / float64(f.CommunityWins+f.CommunityLosses+2)
	f.Decided = f.Wins + f.Losses
	if f.Decided >= q.MinDecided {
		f.Probability = new((q.Strength*f.BaseRate + float64(f.Wins)) / (q.Strength + float64(f.Decided)))
	}
	return f
}

// before returns what was known before a time.
func (m *model) before(at time.Time) *model {
	known := *m
	known.trades = nil
	for _, t := range m.trades {
		if t.ClosedAt.Before(at) {
			known.trades = append(known.trades, t)
		}
	}
	return &known
}

// calibration makes the forecast of each trade in the window by itself.
func (m *model) calibration(q engagement.CalibrationQuery) engagement.Calibration {
	c := engagement.Calibration{Bins: make([]engagement.CalibrationBin, 10)}
	var squares, baseSquares float64
	forecasts, wins := [10]float64{}, [10]float64{}
	for _, t := range m.trades {
		query := engagement.ForecastQuery{UserID: t.UserID, Strength: q.Strength, MinDecided: q.MinDecided}
		if q.BySignal {
			query.UserID, query.SignalID = 0, t.SignalID
		}
		if t.Outcome == engagement.Draw || !within(q.Window, t.day) || query.UserID == 0 && query.SignalID == "" {
			continue
		}
		f := m.before(t.ClosedAt).forecast(query)
		if f.Probability == nil {
			c.TooEarly++
			continue
		}
		outcome := 0.0
		if t.Outcome == engagement.Win {
			outcome = 1
		}
		bin := 0
		for bin < 9 && *f.Probability >= float64(bin+1)/10 {
			bin++
		}
		c.Forecasts++
		c.Bins[bin].Forecasts++
		forecasts[bin] += *f.Probability
		wins[bin] += outcome
		squares += (*f.Probability - outcome) * (*f.Probability - outcome)
		baseSquares += (f.BaseRate - outcome) * (f.BaseRate - outcome)
	}
	mean := func(sum float64, n int64) *float64 {
		if n == 0 {
			return nil
		}
		sum /= float64(n)
		return &sum
	}
	c.Brier, c.BaseBrier = mean(squares, c.Forecasts), mean(baseSquares, c.Forecasts)
	if c.Forecasts > 0 {
		skill := 1 - *c.Brier / *c.BaseBrier
		c.Skill = &skill
	}
	for i := range c.Bins {
		bin := &c.Bins[i]
		bin.From, bin.To = float64(i)/10, float64(i+1)/10
		bin.MeanForecast, bin.WinRate = mean(forecasts[i], bin.Forecasts), mean(wins[i], bin.Forecasts)
	}
	return c
}
