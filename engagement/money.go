package engagement

import (
	"fmt"
	"math"
	"math/bits"
)

// amount is an exact sum of micros in 128 bits: a sum over many users, or the
// way between two extremes of one, can leave 64.
type amount struct {
	hi int64
	lo uint64
}

// add returns a and that many micros more.
func (a amount) add(micros int64) amount {
	return a.plus(amount{micros >> 63, uint64(micros)}) // the sign fills hi
}

func (a amount) plus(b amount) amount {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	return amount{a.hi + b.hi + int64(carry), lo}
}

func (a amount) minus(b amount) amount {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	return amount{a.hi - b.hi - int64(borrow), lo}
}

func (a amount) less(b amount) bool {
	return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo)
}

// money returns the amount in units.
func (a amount) money() float64 {
	if a.hi == int64(a.lo)>>63 { // it fits into 64 bits
		return fromMicros(int64(a.lo))
	}
	return (math.Ldexp(float64(a.hi), 64) + float64(a.lo)) / microsPerUnit
}

// MaxPnL is the largest profit or loss of one trade.
const MaxPnL = 9e12

const (
	microsPerUnit = 1_000_000
	maxMicros     = MaxPnL * microsPerUnit // also of a sum, as the schema checks
)

// toMicros rounds an amount to whole millionths, half away from zero.
func toMicros(field string, amount float64) (int64, error) {
	if math.IsNaN(amount) || math.Abs(amount) > MaxPnL {
		return 0, invalid(field, amount, fmt.Sprintf("want a number within ±%.0f", MaxPnL))
	}
	return int64(math.Round(amount * microsPerUnit)), nil
}

func fromMicros(micros int64) float64 { return float64(micros) / microsPerUnit }

// addMicros adds to a sum, and reports whether it stays within what is stored.
func addMicros(sum, micros int64) (int64, bool) {
	if micros > 0 && sum > maxMicros-micros || micros < 0 && sum < -maxMicros-micros {
		return sum, false
	}
	return sum + micros, true
}
