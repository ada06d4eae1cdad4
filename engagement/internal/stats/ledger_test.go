package stats_test

import (
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// entry is one entry of a ledger: a win, loss, draw or something carried.
type entry struct {
	kind   byte
	micros int64
}

func ledger(entries ...entry) *stats.Ledger {
	var l stats.Ledger
	add := map[byte]func(int64){'w': l.Win, 'l': l.Loss, 'd': l.Draw, 'c': l.Carry}
	for _, e := range entries {
		add[e.kind](e.micros)
	}
	return &l
}

func TestLedger(t *testing.T) {
	const unit = stats.Micros
	f := func(v float64) *float64 { return &v }
	type figures struct {
		run                                   int64
		fall, from                            float64
		factor, expectancy, won, lost, atFall *float64
	}
	for _, tt := range []struct {
		name    string
		entries []entry
		want    figures
	}{
		{"nothing", nil, figures{atFall: f(0)}},
		// 10, 4, 12, 5, 9: the deepest fall is from 12 to 5, with 100 more in the account.
		{
			"a fall between two rises",
			[]entry{{'w', 10 * unit}, {'l', -6 * unit}, {'w', 8 * unit}, {'l', -7 * unit}, {'w', 4 * unit}},
			figures{1, 7, 12, f(22.0 / 13), f(9.0 / 5), f(22.0 / 3), f(-6.5), f(7.0 / 112)},
		},
		{
			"a fall at the very beginning, longer by a draw that lost",
			[]entry{{'l', -5 * unit}, {'d', -unit}, {'l', -unit}},
			figures{-2, 7, 0, f(0), f(-7.0 / 3), nil, f(-3), f(0.07)},
		},
		{
			"of two equal falls the first",
			[]entry{{'w', 5 * unit}, {'l', -3 * unit}, {'w', 6 * unit}, {'l', -3 * unit}},
			figures{-1, 3, 5, f(11.0 / 6), f(5.0 / 4), f(5.5), f(-3), f(3.0 / 105)},
		},
		{
			"what is carried makes no trade and no fall",
			[]entry{{'w', 3 * unit}, {'c', -2 * unit}},
			figures{1, 0, 0, nil, f(3), f(3), nil, f(0)},
		},
		{
			"losses that earned",
			[]entry{{'l', unit}, {'w', unit}},
			figures{1, 0, 0, nil, f(1), f(1), f(1), f(0)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := ledger(tt.entries...)
			got := figures{
				l.Run, l.Fall.Units(), l.FellFrom.Units(),
				l.ProfitFactor(), l.Expectancy(), l.AverageWin(), l.AverageLoss(), l.FallShare(100 * unit),
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(figures{})); diff != "" {
				t.Error(diff)
			}
			if l.FallShare(0) != nil {
				t.Error("an account that is not known has a share")
			}
		})
	}
}

// TestAnyLedger compares with every way down from one level to a later one, and
// sums of big numbers.
func TestAnyLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) entry {
			return entry{
				rapid.SampledFrom([]byte("wldc")).Draw(t, "kind"),
				rapid.OneOf(rapid.Int64Range(-9, 9), rapid.Int64()).Draw(t, "micros"),
			}
		}), 0, 30).Draw(t, "entries")
		l := ledger(entries...)

		sums, counts := map[byte]*big.Int{}, map[byte]int64{}
		for _, kind := range []byte("wldc") {
			sums[kind] = new(big.Int)
		}
		levels, sum := []*big.Int{new(big.Int)}, new(big.Int)
		var decided []byte
		for _, e := range entries {
			counts[e.kind]++
			sums[e.kind].Add(sums[e.kind], big.NewInt(e.micros))
			sum.Add(sum, big.NewInt(e.micros))
			if e.kind != 'c' {
				levels = append(levels, new(big.Int).Add(levels[len(levels)-1], big.NewInt(e.micros)))
			}
			if e.kind == 'w' || e.kind == 'l' {
				decided = append(decided, e.kind)
			}
		}
		var run int64
		for _, kind := range slices.Backward(decided) {
			if kind != decided[len(decided)-1] {
				break
			}
			run++
		}
		if len(decided) > 0 && decided[len(decided)-1] == 'l' {
			run = -run
		}
		fall, from := new(big.Int), new(big.Int)
		for to := range levels {
			for peak := range to {
				if down := new(big.Int).Sub(levels[peak], levels[to]); down.Cmp(fall) > 0 {
					fall, from = down, levels[peak]
				}
			}
		}

		got := []int64{l.Wins, l.Losses, l.Draws, l.Trades(), l.Run}
		want := []int64{counts['w'], counts['l'], counts['d'], counts['w'] + counts['l'] + counts['d'], run}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error("wins, losses, draws, trades and run: " + diff)
		}
		checkAmount(t, "P&L", l.PnL, sum)
		checkAmount(t, "P&L of wins", l.WinsPnL, sums['w'])
		checkAmount(t, "P&L of losses", l.LossesPnL, sums['l'])
		checkAmount(t, "P&L carried", l.Carried, sums['c'])
		checkAmount(t, "fall", l.Fall, fall)
		checkAmount(t, "level before the fall", l.FellFrom, from)
		if got, want := l.ProfitFactor() != nil, sums['l'].Sign() < 0; got != want {
			t.Errorf("it has a profit factor: %v, want %v", got, want)
		}
	})
}
