package stats

// Scores are sums over forecasts of wins and losses.
type Scores struct {
	Count, Wins        int64
	forecasts, squares float64
}

// Add scores a forecast of the probability of a win.
func (s *Scores) Add(forecast float64, won bool) {
	outcome := 0.0
	if won {
		outcome = 1
		s.Wins++
	}
	s.Count++
	s.forecasts += forecast
	s.squares += float64((forecast - outcome) * (forecast - outcome))
}

// Mean returns the mean forecast, nil without any.
func (s Scores) Mean() *float64 { return Ratio(s.forecasts, float64(s.Count)) }

// WinRate returns the share of the forecasts that came before a win, nil without any.
func (s Scores) WinRate() *float64 { return Ratio(s.Wins, s.Count) }

// Brier returns the mean of (forecast - outcome)², a win being 1 and a loss 0;
// nil without forecasts.
func (s Scores) Brier() *float64 { return Ratio(s.squares, float64(s.Count)) }

// Bins is the number of bins, all of the same width, into which forecasts are sorted.
const Bins = 10

// Calibration compares forecasts with what happened, and with using the base rate as
// the forecast.
type Calibration struct {
	All, Base Scores
	Bins      [Bins]Scores // by forecast: see BinEnd
}

// Add scores a forecast and the base rate at the time.
func (c *Calibration) Add(forecast, base float64, won bool) {
	c.All.Add(forecast, won)
	c.Base.Add(base, won)
	bin := 0
	for bin < Bins-1 && forecast >= BinEnd(bin) {
		bin++
	}
	c.Bins[bin].Add(forecast, won)
}

// BinEnd returns the upper end of a bin, numbered from 0. It belongs to the next bin;
// 1 belongs to the last one. BinEnd(-1) is 0.
func BinEnd(bin int) float64 { return float64(bin+1) / Bins }

// Skill returns how much of the base rate's Brier score the forecasts saved: 1
// when they were perfect, 0 when they were as good as the base rate. It is nil
// without forecasts.
func (c Calibration) Skill() *float64 {
	left := Ratio(c.All.squares, c.Base.squares)
	if left == nil {
		return nil
	}
	skill := 1 - *left
	return &skill
}
