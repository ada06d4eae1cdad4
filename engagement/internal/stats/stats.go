// Package stats computes the figures that are more than counts: shares, bounds,
// forecasts and what a list of trades comes to. It is pure: it reads nothing but
// its arguments and knows nothing of databases.
//
// A product is converted to float64 before anything is added to it. That keeps
// the compiler from fusing the two into one step, so that every processor comes
// to the same figure.
package stats

// Ratio returns part / whole, or nil when there is nothing to divide by.
func Ratio[N int64 | float64](part, whole N) *float64 {
	if whole == 0 {
		return nil
	}
	ratio := float64(part) / float64(whole)
	return &ratio
}

// RatioOrZero returns part / whole, or 0 when there is nothing to divide by.
func RatioOrZero(part, whole int64) float64 {
	if ratio := Ratio(part, whole); ratio != nil {
		return *ratio
	}
	return 0
}

// NearestRank returns the rank, from 1 on, of the smallest of count values in
// ascending order that at least percent (1 to 100) of them do not exceed.
func NearestRank(count, percent int64) int64 { return (count*percent + 99) / 100 }
