package stats_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

func TestBetaQuantiles(t *testing.T) {
	for _, tt := range []struct {
		name      string
		beta      stats.Beta
		low, high float64 // of 5 % and 95 %
	}{
		// The distribution function of Beta(n, 1) is x^n, that of Beta(1, n) 1 - (1-x)^n.
		{"Beta(10, 1)", stats.Beta{Wins: 10, Losses: 1}, math.Pow(0.05, 1.0/10), math.Pow(0.95, 1.0/10)},
		{"Beta(1, 7)", stats.Beta{Wins: 1, Losses: 7}, 1 - math.Pow(0.95, 1.0/7), 1 - math.Pow(0.05, 1.0/7)},
		// Roots of the regularized incomplete beta function, by mpmath 1.3.0 with 30
		// digits. The low end of the first and the high end of the second are the
		// exact 90 % interval for 4 defects in 20, the example of the NIST/SEMATECH
		// e-Handbook of Statistical Methods, 7.2.4.
		{"Beta(4, 17)", stats.Beta{Wins: 4, Losses: 17}, 0.071353884308618185, 0.34366380431428183},
		{"Beta(5, 16)", stats.Beta{Wins: 5, Losses: 16}, 0.10408083591013608, 0.40102811733197464},
		{"Beta(2, 3)", stats.Beta{Wins: 2, Losses: 3}, 0.09761146288641434, 0.75139537426981853},
	} {
		near(t, tt.name+" at 5 %", tt.beta.Quantile(0.05), tt.low, 1e-12)
		near(t, tt.name+" at 95 %", tt.beta.Quantile(0.95), tt.high, 1e-12)
	}
}

// For whole parameters, the distribution function of Beta(a, b) at x is the
// probability of at least a successes in a + b - 1 trials of probability x.
func TestQuantilesSolveTheBinomialSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.IntRange(1, 40).Draw(t, "a"), rapid.IntRange(1, 40).Draw(t, "b")
		p := rapid.SampledFrom([]float64{0.05, 0.5, 0.95}).Draw(t, "p")
		x := stats.Beta{Wins: float64(a), Losses: float64(b)}.Quantile(p)
		n, sum := a+b-1, 0.0
		for successes := a; successes <= n; successes++ {
			all, _ := math.Lgamma(float64(n + 1))
			won, _ := math.Lgamma(float64(successes + 1))
			lost, _ := math.Lgamma(float64(n - successes + 1))
			sum += math.Exp(all - won - lost + float64(successes)*math.Log(x) + float64(n-successes)*math.Log1p(-x))
		}
		near(t, "the distribution function", sum, p, 1e-9)
	})
}

// Laplace's rule of succession: after n successes in n trials, (n+1)/(n+2).
func TestBaseRate(t *testing.T) {
	for _, tt := range []struct {
		record stats.Outcomes
		want   float64
	}{
		{stats.Outcomes{}, 1.0 / 2}, {stats.Outcomes{Wins: 1}, 2.0 / 3}, {stats.Outcomes{Losses: 8}, 1.0 / 10}, {stats.Outcomes{Wins: 15, Losses: 29}, 16.0 / 46},
	} {
		near(t, "the base rate", tt.record.BaseRate(), tt.want, 0)
	}
}

func TestAPosteriorIsWhatABeginningAndARecordSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var own stats.Outcomes
		results := rapid.SliceOfN(rapid.Bool(), 0, 50).Draw(t, "results")
		wins := 0.0
		for _, won := range results {
			own = own.With(won)
			if won {
				wins++
			}
		}
		base, strength := rapid.Float64Range(0.01, 0.99).Draw(t, "base"), rapid.Float64Range(1, 100).Draw(t, "strength")
		got := own.Posterior(base, strength)
		near(t, "wins", got.Wins, base*strength+wins, 1e-9)
		near(t, "mean", got.Mean(), (base*strength+wins)/(strength+float64(len(results))), 1e-12)
		if low, high := got.Quantile(0.05), got.Quantile(0.95); !(0 <= low && low < high && high <= 1) {
			t.Errorf("the interval is %g to %g", low, high)
		}
	})
}
