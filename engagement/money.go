package engagement

import (
	"fmt"
	"math"

	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// Money is a float64 in units for callers and whole millionths ("micros") inside.
// Only this file and [stats.Amount], for sums that may not fit into 64 bits, convert
// between them.

// MaxPnL is the largest profit or loss of one trade.
const MaxPnL = 9e12

const maxMicros = MaxPnL * stats.Micros // also of a sum, as the schema checks

// toMicros rounds an amount to whole millionths, half away from zero.
func toMicros(field string, amount float64) (int64, error) {
	if math.IsNaN(amount) || math.Abs(amount) > MaxPnL {
		return 0, invalid(field, amount, fmt.Sprintf("want a number within ±%.0f", MaxPnL))
	}
	return int64(math.Round(amount * stats.Micros)), nil
}

func fromMicros(micros int64) float64 { return stats.Sum(0, micros).Units() }

// addMicros adds to a sum, and reports whether it stays within what is stored.
func addMicros(sum, micros int64) (int64, bool) {
	if micros > 0 && sum > maxMicros-micros || micros < 0 && sum < -maxMicros-micros {
		return sum, false
	}
	return sum + micros, true
}
