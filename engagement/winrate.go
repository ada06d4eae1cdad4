package engagement

import "math"

// wilsonZ is the 97.5th percentile of the normal distribution, for 95 % of
// confidence.
const wilsonZ = 1.959963984540054

// WinRateBound returns the lower bound of the 95 % Wilson score interval of a
// win rate, or 0 without decided trades. It orders win-rate boards, where the
// rate itself would put three wins of three before ninety of a hundred. Boards
// compare it rounded to whole billionths, so that users whose bounds differ by
// less share a rank.
//
// Source: E. B. Wilson, Probable Inference, the Law of Succession, and
// Statistical Inference, Journal of the American Statistical Association 22
// (1927); without correction for continuity.
func WinRateBound(wins, losses int64) float64 {
	n := float64(wins) + float64(losses)
	if n == 0 {
		return 0
	}
	p, z2 := float64(wins)/n, wilsonZ*wilsonZ
	centre := p + z2/(2*n)
	margin := wilsonZ * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	return max(0, (centre-margin)/(1+z2/n))
}

// winBound is WinRateBound in billionths, as it is stored.
func winBound(wins, losses int64) int64 {
	return int64(math.Round(WinRateBound(wins, losses) * 1e9))
}
