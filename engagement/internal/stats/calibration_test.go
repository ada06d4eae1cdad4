package stats_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// The forecasts are of rain on five days, of which the first, third and fourth
// were wet: the squares are 0.01, 0.09, 0.16, 0.04 and 0.25.
func TestBrierScore(t *testing.T) {
	var c stats.Calibration
	for _, day := range []struct {
		forecast float64
		wet      bool
	}{{0.9, true}, {0.3, false}, {0.6, true}, {0.8, true}, {0.5, false}} {
		c.Add(day.forecast, 0.5, day.wet)
	}
	near(t, "Brier", *c.All.Brier(), 0.55/5, 1e-15)
	near(t, "Brier of a coin", *c.Base.Brier(), 0.25, 0)
	near(t, "skill", *c.Skill(), 1-0.11/0.25, 1e-15)
	near(t, "mean forecast", *c.All.Mean(), 3.1/5, 1e-15)
	near(t, "share of wins", *c.All.WinRate(), 3.0/5, 0)
	counts := make([]int64, stats.Bins)
	for i, bin := range c.Bins {
		counts[i] = bin.Count
	}
	if diff := cmp.Diff([]int64{0, 0, 0, 1, 0, 1, 1, 0, 1, 1}, counts); diff != "" {
		t.Error("bins: " + diff)
	}
}

func TestNoForecastsHaveNoScore(t *testing.T) {
	var c stats.Calibration
	for name, got := range map[string]*float64{
		"Brier": c.All.Brier(), "mean": c.All.Mean(), "wins": c.All.WinRate(), "skill": c.Skill(),
	} {
		if got != nil {
			t.Errorf("%s is %g", name, *got)
		}
	}
}

func TestBinsHoldTheForecastsBetweenTheirEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		forecast := rapid.Float64Range(0, 1).Draw(t, "forecast")
		if rapid.Bool().Draw(t, "at an end") {
			forecast = float64(rapid.IntRange(0, 10).Draw(t, "tenths")) / 10
		}
		won := rapid.Bool().Draw(t, "won")
		var c stats.Calibration
		c.Add(forecast, 0.5, won)
		for i, bin := range c.Bins {
			inside := stats.BinEnd(i-1) <= forecast && (forecast < stats.BinEnd(i) || forecast == 1 && i == stats.Bins-1)
			if (bin.Count == 1) != inside || (bin.Wins == 1) != (inside && won) {
				t.Errorf("bin %d of %g holds %d, of them won %d", i, forecast, bin.Count, bin.Wins)
			}
		}
	})
}
