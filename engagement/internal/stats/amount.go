package stats

import (
	"cmp"
	"math"
	"math/bits"
)

// Micros is how many millionths a unit of money has.
const Micros = 1_000_000

// Amount is an exact sum of millionths in 128 bits: a sum over many users, or the
// difference of two extremes, may not fit into 64. Equal amounts are ==.
type Amount struct {
	hi int64
	lo uint64
}

// Sum returns the sum of whole units and millionths. Queries add these up separately,
// because a sum of millionths alone may not fit into their integers. Either part may
// have any value and sign.
func Sum(units, micros int64) Amount {
	hi, lo := bits.Mul64(uint64(units), Micros)
	a := Amount{int64(hi), lo}
	if units < 0 { // it was multiplied as units + 2^64
		a.hi -= Micros
	}
	return a.Add(micros)
}

// Add returns a and that many millionths more.
func (a Amount) Add(micros int64) Amount {
	return a.Plus(Amount{micros >> 63, uint64(micros)}) // the sign fills hi
}

// Plus returns a + b.
func (a Amount) Plus(b Amount) Amount {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	return Amount{a.hi + b.hi + int64(carry), lo}
}

// Minus returns a - b.
func (a Amount) Minus(b Amount) Amount {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	return Amount{a.hi - b.hi - int64(borrow), lo}
}

// Compare returns a negative number if a is less than b, 0 if they are equal and
// a positive one if a is more.
func (a Amount) Compare(b Amount) int {
	return cmp.Or(cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo))
}

// Micros returns the amount in millionths, or the int64 nearest to it.
func (a Amount) Micros() int64 {
	switch {
	case a.fits():
		return int64(a.lo)
	case a.hi < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// Halves returns two numbers of millionths that add up to the amount: the amount and
// 0 or, if it does not fit into 64 bits, about half of it each. The amount must fit
// into 65 bits.
func (a Amount) Halves() (half, other int64) {
	if a.fits() {
		return int64(a.lo), 0
	}
	half = int64(a.lo>>1 | uint64(a.hi)<<63)
	return half, a.Add(-half).Micros()
}

// fits reports whether the amount fits into 64 bits.
func (a Amount) fits() bool { return a.hi == int64(a.lo)>>63 }

// Units returns the amount in units. A larger amount never has fewer Units, but large
// amounts next to each other may have the same: see Distinct.
func (a Amount) Units() float64 {
	if a.fits() {
		return float64(int64(a.lo)) / Micros
	}
	return (math.Ldexp(float64(a.hi), 64) + float64(a.lo)) / Micros
}

// Distinct reports whether no other amount has the same Units: below 2^33 units,
// a millionth is more than the step from one float64 to the next.
func (a Amount) Distinct() bool {
	const bound = 1 << 33
	return a.Compare(Sum(bound, 0)) < 0 && a.Compare(Sum(-bound, 0)) > 0
}
