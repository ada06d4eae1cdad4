package engagement

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// A batch means the same as its facts one by one, in its order: what is stored,
// what is awarded and what each caller is told. What is not read to decide it
// would change nothing.
func TestABatchMeansWhatItsFactsMeanOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		together := newMemory(drawStreakRules(t))
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			switch rapid.IntRange(0, 5).Draw(t, "between") {
			case 0:
				if user := drawUser(t); together.knows(user) { // others are granted none
					together.grant(t, grant{user, drawDay(t), fmt.Sprint("f", 9-len(together.freezes[user]))})
				}
			case 1:
				together.horizon = max(together.horizon, Day(rapid.Int64Range(8, 13).Draw(t, "horizon")))
			case 2:
				for _, f := range drawFacts(t) {
					if _, known := together.fires[keyOfFire(f.fire)]; !known && !f.isTrade {
						together.insertUncounted(f)
					}
				}
			}
			apart, byAll, facts := together.clone(), together.clone(), drawFacts(t)
			if rapid.IntRange(0, 4).Draw(t, "counts what is stored") == 0 {
				facts = together.uncountedFires(t)
			}
			got, gotByAll := together.record(t, facts), byAll.recordByAll(t, facts)
			for i, f := range facts {
				want := apart.record(t, []*fact{f})[0]
				if receiptText(got[i]) != receiptText(want) {
					t.Errorf("fact %d, %+v, is told %q, alone it is %q", i, *f, receiptText(got[i]), receiptText(want))
				}
				if receiptText(got[i]) != receiptText(gotByAll[i]) {
					t.Errorf("fact %d, %+v, is told %q, by all that is stored %q", i, *f, receiptText(got[i]), receiptText(gotByAll[i]))
				}
			}
			together.same(t, "what is stored of a batch and of one decided by all that is stored", byAll)
			together.same(t, "what is stored of a batch and of its facts one by one", apart)
			together.verify(t)
		}
	})
}

func drawStreakRules(t *rapid.T) StreakRules {
	return StreakRules{
		RestDays: rapid.SliceOfNDistinct(rapid.SampledFrom([]time.Weekday{0, 1, 2, 3, 4, 5, 6}), 0, 3, rapid.ID).Draw(t, "rest days"),
		Milestones: slices.Sorted(slices.Values(
			rapid.SliceOfNDistinct(rapid.Int64Range(1, 7), 0, 4, rapid.ID).Draw(t, "milestones"))),
	}
}

func drawUser(t *rapid.T) int64 { return rapid.Int64Range(1, 3).Draw(t, "user") }

func drawDay(t *rapid.T) int64 { return rapid.Int64Range(8, 20).Draw(t, "day") }

// drawFacts draws facts of few users, signals and days, many of which are stored.
func drawFacts(t *rapid.T) []*fact {
	facts := make([]*fact, rapid.IntRange(1, 8).Draw(t, "facts"))
	for i := range facts {
		user := drawUser(t)
		if rapid.IntRange(0, 4).Draw(t, "trade") == 0 {
			units := rapid.SampledFrom([]int64{0, 5, -5, MaxPnL, -MaxPnL}).Draw(t, "P&L")
			facts[i] = closed(user, rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "trade id"), units)
			facts[i].trade.Day = drawDay(t)
			facts[i].trade.ClosedAt = timeOn(facts[i].trade.Day)
			continue
		}
		facts[i] = fired(user, rapid.StringMatching("[A-H]").Draw(t, "signal"), drawDay(t))
		facts[i].fire.Executed = rapid.Bool().Draw(t, "executed")
	}
	return facts
}

// uncountedFires are all that are stored and not counted, each on the day of its
// time.
func (m *memory) uncountedFires(t *rapid.T) (facts []*fact) {
	for _, f := range sortedFires(m.fires) {
		if Day(f.Day) != uncounted {
			continue
		}
		f.Day = int64(DayOf(f.Timestamp, time.UTC))
		facts = append(facts, &fact{fire: f, stored: true})
	}
	return facts
}

func sortedFires(fires map[fireKey]dbgen.SignalFire) (sorted []dbgen.SignalFire) {
	order := func(a, b fireKey) int { return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.signal, b.signal)) }
	for _, key := range sortedKeys(fires, order) {
		sorted = append(sorted, fires[key])
	}
	return sorted
}
