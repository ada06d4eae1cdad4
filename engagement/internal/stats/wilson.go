package stats

import "math"

// wilsonZ is the 97.5th percentile of the normal distribution, for 95 % of
// confidence.
const wilsonZ = 1.959963984540054

// WilsonBound returns the lower bound of the 95 % Wilson score interval of a win
// rate, without correction for continuity. It is 0 without wins, and if a number is
// negative.
func WilsonBound(wins, losses int64) float64 {
	if wins <= 0 || losses < 0 { // without wins it is 0, which rounding would miss
		return 0
	}
	n := float64(wins) + float64(losses)
	p, z2 := float64(wins)/n, wilsonZ*wilsonZ
	centre := p + z2/(2*n)
	margin := float64(wilsonZ * math.Sqrt(p*(1-p)/n+z2/(4*n*n)))
	return min(max(0, (centre-margin)/(1+z2/n)), 1)
}

// WilsonBillionths is WilsonBound in whole billionths, as it is stored.
func WilsonBillionths(wins, losses int64) int64 {
	return int64(math.Round(WilsonBound(wins, losses) * 1e9))
}
