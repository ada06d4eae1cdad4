package stats_test

import (
	"hash/fnv"
	"math"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

func near(t interface {
	Helper()
	Errorf(string, ...any)
}, what string, got, want, by float64) {
	t.Helper()
	if !(math.Abs(got-want) <= by) {
		t.Errorf("%s is %.17g, want %.17g", what, got, want)
	}
}

func TestRatio(t *testing.T) {
	half := 0.5
	for _, tt := range []struct {
		name     string
		got      *float64
		want     *float64
		orZero   float64
		wantZero float64
	}{
		{"of whole numbers", stats.Ratio(int64(1), 2), &half, stats.RatioOrZero(1, 2), 0.5},
		{"of amounts", stats.Ratio(-1.5, -3), &half, stats.RatioOrZero(-1, -2), 0.5},
		{"of something to nothing", stats.Ratio(int64(1), 0), nil, stats.RatioOrZero(1, 0), 0},
		{"of nothing to nothing", stats.Ratio(0.0, 0), nil, stats.RatioOrZero(0, 0), 0},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" || tt.orZero != tt.wantZero {
			t.Errorf("%s: %s or %g", tt.name, diff, tt.orZero)
		}
	}
}

// The example is Wikipedia's, Percentile, "the nearest-rank method".
func TestNearestRankOfFiveValues(t *testing.T) {
	values := []int64{15, 20, 35, 40, 50}
	for percent, want := range map[int64]int64{5: 15, 30: 20, 40: 20, 50: 35, 100: 50} {
		if got := values[stats.NearestRank(5, percent)-1]; got != want {
			t.Errorf("percentile %d is %d, want %d", percent, got, want)
		}
	}
}

func TestNearestRankIsTheFirstThatEnoughValuesDoNotExceed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count, percent := rapid.Int64Range(1, 2000).Draw(t, "count"), rapid.Int64Range(1, 100).Draw(t, "percent")
		want := int64(1)
		for 100*want < percent*count {
			want++
		}
		if got := stats.NearestRank(count, percent); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	})
}

// The first four are the score intervals without continuity correction of R. G.
// Newcombe, Two-sided confidence intervals for the single proportion, Statistics
// in Medicine 17 (1998), table I. Where all are won, the bound is n / (n + z²).
func TestWilsonBound(t *testing.T) {
	const z2 = 1.959963984540054 * 1.959963984540054
	for _, tt := range []struct {
		wins, losses int64
		want, by     float64
	}{
		{81, 263 - 81, 0.2553, 5e-5},
		{15, 148 - 15, 0.0624, 5e-5},
		{0, 20, 0, 0},
		{0, 27, 0, 0},
		{0, math.MaxInt64, 0, 0},
		{-1, 3, 0, 0},
		{3, -1, 0, 0},
		{-5, -5, 0, 0},
		{math.MinInt64, math.MinInt64, 0, 0},
		{math.MaxInt64, 0, 1, 1e-15},
		{math.MaxInt64, math.MaxInt64, 0.5, 1e-6},
		{1, 29 - 1, 0.0061, 5e-5},
		{3, 0, 3 / (3 + z2), 1e-15},
		{1_000_000_000, 0, 1e9 / (1e9 + z2), 1e-15},
		{0, 0, 0, 0},
		{1 << 40, 1 << 40, 0.5, 1e-6},
	} {
		near(t, strconv.FormatInt(tt.wins, 10)+" wins", stats.WilsonBound(tt.wins, tt.losses), tt.want, tt.by)
	}
}

// The bound is by definition the lower of the two rates that the one observed
// lies z standard errors away from.
func TestTheBoundIsZStandardErrorsBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wins, losses := rapid.Int64Range(1, 1e6).Draw(t, "wins"), rapid.Int64Range(0, 1e6).Draw(t, "losses")
		n := float64(wins + losses)
		rate, bound := float64(wins)/n, stats.WilsonBound(wins, losses)
		if !(bound > 0 && bound < rate) {
			t.Fatalf("the bound of %g is %g", rate, bound)
		}
		near(t, "the distance in standard errors", (rate-bound)/math.Sqrt(bound*(1-bound)/n), 1.959963984540054, 1e-5)
	})
}

func TestMoreWinsNeverLowerTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.OneOf(rapid.Int64Range(0, 50), rapid.Int64Range(0, 1e6), rapid.Int64Range(0, math.MaxInt64-1))
		wins, losses := count.Draw(t, "wins"), count.Draw(t, "losses")
		bound := stats.WilsonBound(wins, losses)
		if !(bound >= 0 && bound <= 1) || (bound == 0) != (wins == 0) {
			t.Errorf("the bound of %d wins and %d losses is %g", wins, losses, bound)
		}
		here := stats.WilsonBillionths(wins, losses)
		if more := stats.WilsonBillionths(wins+1, losses); more < here {
			t.Errorf("the bound of %d wins and %d losses is %d billionths, with another win %d", wins, losses, here, more)
		}
		if more := stats.WilsonBillionths(wins, losses+1); more > here {
			t.Errorf("the bound of %d wins and %d losses is %d billionths, with another loss %d", wins, losses, here, more)
		}
	})
}

func TestABoundWithoutWinsIsNothing(t *testing.T) {
	for losses := range int64(5_000) {
		if got := stats.WilsonBound(0, losses); got != 0 {
			t.Fatalf("the bound of 0 wins and %d losses is %g", losses, got)
		}
	}
}

// What is stored must not depend on the processor that computed it: a file is
// opened and verified by others, some of which fuse a product and what is taken
// from it.
func TestTheStoredBoundIsTheSameOnEveryProcessor(t *testing.T) {
	sum := fnv.New64a()
	for wins := range int64(400) {
		for losses := range int64(400) {
			bits := math.Float64bits(stats.WilsonBound(wins, losses))
			_, _ = sum.Write(strconv.AppendUint(nil, bits, 16))
			_, _ = sum.Write(strconv.AppendInt(nil, stats.WilsonBillionths(wins, losses), 10))
		}
	}
	if got, want := sum.Sum64(), uint64(0x248949e06f631d1a); got != want {
		t.Errorf("the bounds have changed: their hash is %#x, want %#x", got, want)
	}
}
