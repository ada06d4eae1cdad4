package stats

import "math"

// wilsonZ is the 97.5th percentile of the normal distribution, for 95 % of
// confidence.
const wilsonZ = 1.959963984540054

// WilsonBound returns the lower bound of the 95 % Wilson score interval of a win
// rate, or 0 without decided trades; without correction for continuity.
func WilsonBound(wins, losses int64) float64 {
	n := float64(wins) + float64(losses)
	if n == 0 {
		return 0
	}
	p, z2 := float64(wins)/n, wilsonZ*wilsonZ
	centre := p + z2/(2*n)
	margin := float64(wilsonZ * math.Sqrt(p*(1-p)/n+z2/(4*n*n)))
	return max(0, (centre-margin)/(1+z2/n))
}

// WilsonBillionths is WilsonBound in whole billionths, as it is stored.
func WilsonBillionths(wins, losses int64) int64 {
	return int64(math.Round(WilsonBound(wins, losses) * 1e9))
}
