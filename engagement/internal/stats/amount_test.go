package stats_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// bigMicros is what stats.Sum(units, micros) stands for.
func bigMicros(units, micros int64) *big.Int {
	sum := new(big.Int).Mul(big.NewInt(units), big.NewInt(stats.Micros))
	return sum.Add(sum, big.NewInt(micros))
}

// someAmount draws an amount of any size, and the same as a big number.
func someAmount(t *rapid.T, label string) (stats.Amount, *big.Int) {
	units, micros := rapid.Int64().Draw(t, label+" units"), rapid.Int64().Draw(t, label+" micros")
	return stats.Sum(units, micros), bigMicros(units, micros)
}

// unitsOf rounds once, where Units may round twice.
func unitsOf(micros *big.Int) float64 {
	units, _ := new(big.Rat).SetFrac(micros, big.NewInt(stats.Micros)).Float64()
	return units
}

func checkAmount(t *rapid.T, what string, got stats.Amount, want *big.Int) {
	t.Helper()
	exact := unitsOf(want)
	near(t, what, got.Units(), exact, math.Abs(exact)*0x1p-51)
	nearest := want.Int64()
	if !want.IsInt64() {
		nearest = map[bool]int64{true: math.MinInt64, false: math.MaxInt64}[want.Sign() < 0]
	}
	if got.Micros() != nearest {
		t.Errorf("%s is %d, want %d", what, got.Micros(), nearest)
	}
	if got.Distinct() {
		near(t, what, got.Units(), exact, 0)
	}
}

func TestAmountsAreThoseOfBigNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, bigA := someAmount(t, "a")
		b, bigB := someAmount(t, "b")
		checkAmount(t, "a", a, bigA)
		checkAmount(t, "a + b", a.Plus(b), new(big.Int).Add(bigA, bigB))
		checkAmount(t, "a - b", a.Minus(b), new(big.Int).Sub(bigA, bigB))
		once, twice := stats.Sum(0, rapid.Int64().Draw(t, "once")), stats.Sum(0, rapid.Int64().Draw(t, "twice"))
		half, other := once.Plus(twice).Halves()
		if stats.Sum(0, half).Add(other) != once.Plus(twice) || (other != 0) == (once.Plus(twice) == stats.Sum(0, half)) {
			t.Errorf("the halves of %v are %d and %d", once.Plus(twice), half, other)
		}
		more := rapid.Int64().Draw(t, "more")
		checkAmount(t, "a + more", a.Add(more), new(big.Int).Add(bigA, big.NewInt(more)))
		if got, want := a.Compare(b), bigA.Cmp(bigB); got != want {
			t.Errorf("compared they are %d, want %d", got, want)
		}
		if got, want := a.Units() < b.Units(), bigA.Cmp(bigB) < 0; got && !want {
			t.Errorf("%s has fewer units than %s", bigA, bigB)
		}
		if a.Plus(b).Minus(b) != a {
			t.Errorf("a + b - b is not a")
		}
	})
}

func TestUnitsOfNeighbouringAmounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, _ := someAmount(t, "a")
		if rapid.Bool().Draw(t, "of common size") {
			a = stats.Sum(0, rapid.Int64().Draw(t, "micros"))
		}
		if next := a.Add(1); a.Units() > next.Units() {
			t.Errorf("they decrease from %g to %g", a.Units(), next.Units())
		} else if a.Distinct() && a.Units() == next.Units() {
			t.Errorf("both have %g", a.Units())
		}
	})
}

func TestAmountsTellWhenTheyAreDistinct(t *testing.T) {
	const bound = 1 << 33 // units
	for _, sign := range []int64{1, -1} {
		for _, tt := range []struct {
			units, micros int64
			distinct      bool
		}{
			{0, 0, true}, {bound - 1, 999_999, true}, {bound, 0, false}, {0, math.MaxInt64, false}, {math.MaxInt64, 0, false},
		} {
			a := stats.Sum(sign*tt.units, sign*tt.micros)
			if a.Distinct() != tt.distinct {
				t.Errorf("%g: got %v", a.Units(), !tt.distinct)
			}
			if tt.distinct && (a.Units() == a.Add(1).Units() || a.Units() == a.Add(-1).Units()) {
				t.Errorf("%g is also its neighbour's", a.Units())
			}
		}
	}
}

func TestASumOfExtremesIsExact(t *testing.T) {
	a := stats.Sum(math.MaxInt64, math.MaxInt64).Plus(stats.Sum(math.MinInt64, math.MinInt64))
	if want := stats.Sum(-1, -1); a != want {
		t.Errorf("it is %g, want %g", a.Units(), want.Units())
	}
	if a = stats.Sum(4_500_000, -4_500_000_000_000); a != (stats.Amount{}) {
		t.Errorf("it is %g, want 0", a.Units())
	}
}
