package engagement

import "github.com/hydraxdev/engagementdb/engagement/internal/stats"

// WinRateBound returns the lower bound of the 95 % Wilson score interval of a win
// rate, from 0 to 1; 0 without wins, and if a number is negative. It orders win-rate
// boards, where the rate itself would put three wins of three before ninety of a
// hundred. Boards compare it rounded to whole billionths: users whose bounds round to
// the same billionth share a rank.
//
// Source: E. B. Wilson, Probable Inference, the Law of Succession, and
// Statistical Inference, Journal of the American Statistical Association 22
// (1927); without correction for continuity.
func WinRateBound(wins, losses int64) float64 { return stats.WilsonBound(wins, losses) }

// winBound is WinRateBound in billionths, as it is stored.
func winBound(wins, losses int64) int64 { return stats.WilsonBillionths(wins, losses) }
