package engagement

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hydraxdev/engagementdb/dbgen"
)

func TestDecide(t *testing.T) {
	tests := map[string]struct {
		rules     StreakRules
		horizon   Day
		given     []*fact // what is stored and counted
		uncounted []*fact // what is stored and not counted
		grants    []grant
		then      []*fact // what is counted after the grants
		facts     []*fact
		receipts  []string
		changes   []string
	}{
		"a new fire moves every counter once": {
			facts:    []*fact{executed(1, "A", 20)},
			receipts: []string{"recorded"},
			changes: []string{
				"store fire 1 A executed", "user 1: fires 1 executed 1, active on 20, streak 20-20 of 1",
				"user 1 on 20: fires 1 executed 1",
				"signal A: fires 1, first on 20", "signal A on 20: fires 1 executed 1", "day 20: fires 1 executed 1 active 1 new 1",
			},
		},
		"a fire of a signal, a user and a day that are known is no new one of theirs": {
			given:    []*fact{fired(1, "A", 20)},
			facts:    []*fact{fired(1, "B", 20), fired(2, "A", 20)},
			receipts: []string{"recorded", "recorded"},
			changes: []string{
				"store fire 1 B", "store fire 2 A", "user 1: fires 1, active on 20", "user 2: fires 1, active on 20, streak 20-20 of 1",
				"user 1 on 20: fires 1", "user 2 on 20: fires 1", "signal A: fires 1, first on 20", "signal B: fires 1, first on 20",
				"signal A on 20: fires 1", "signal B on 20: fires 1", "day 20: fires 2 active 1 new 1",
			},
		},
		"the same fire again changes nothing, whatever its time": {
			given:    []*fact{fired(1, "A", 20)},
			facts:    []*fact{fired(1, "A", 20), fired(1, "A", 19)},
			receipts: []string{"duplicate", "duplicate"},
		},
		"a late retry takes no execution back": {
			given:    []*fact{executed(1, "A", 20)},
			facts:    []*fact{fired(1, "A", 20), executed(1, "A", 20)},
			receipts: []string{"duplicate", "duplicate"},
		},
		"a stored fire that has executed counts so on its own day, and is no activity": {
			given:    []*fact{fired(1, "A", 18)},
			facts:    []*fact{executed(1, "A", 20)},
			receipts: []string{"marked_executed"},
			changes: []string{
				"mark fire 1 A", "user 1: executed 1", "user 1 on 18: executed 1", "signal A on 18: executed 1", "day 18: executed 1",
			},
		},
		"a fire twice in one batch, executed the second time, is stored once and marked": {
			facts:    []*fact{fired(1, "A", 19), executed(1, "A", 20), executed(1, "A", 20), fired(1, "A", 20)},
			receipts: []string{"recorded", "marked_executed", "duplicate", "duplicate"},
			changes: []string{
				"store fire 1 A", "mark fire 1 A", "user 1: fires 1 executed 1, active on 20, streak 19-19 of 1",
				"user 1 on 19: fires 1 executed 1", "signal A: fires 1, first on 19", "signal A on 19: fires 1 executed 1",
				"day 19: fires 1 executed 1 active 1 new 1",
			},
		},
		"a fire before the horizon is refused alone, and its user is not kept": {
			horizon:  15,
			facts:    []*fact{fired(1, "A", 14), fired(2, "A", 15)},
			receipts: []string{"invalid", "recorded"},
			changes: []string{
				"store fire 2 A", "user 2: fires 1, active on 20, streak 15-15 of 1", "user 2 on 15: fires 1",
				"signal A: fires 1, first on 15", "signal A on 15: fires 1", "day 15: fires 1 active 1 new 1", "delete user 1",
			},
		},
		"a fire before the horizon is refused even if it is stored": {
			horizon:  15,
			given:    []*fact{fired(1, "A", 15)},
			facts:    []*fact{executed(1, "A", 14)},
			receipts: []string{"invalid"},
		},
		"a fire that is stored but not counted is marked, and counts when its turn comes": {
			uncounted: []*fact{fired(1, "A", 18)},
			facts:     []*fact{fired(1, "A", 20), executed(1, "A", 20)},
			receipts:  []string{"duplicate", "marked_executed"},
			changes:   []string{"mark fire 1 A", "delete user 1"},
		},
		"a stored fire counted late keeps the time that its user was active": {
			uncounted: []*fact{executed(1, "A", 12), fired(1, "B", 11)},
			facts:     []*fact{storedAs(executed(1, "A", 12)), storedAs(fired(1, "B", 11))},
			receipts:  []string{"recorded", "recorded"},
			changes: []string{
				"user 1: fires 2 executed 1, active on 12, streak 11-12 of 2", "user 1 on 11: fires 1", "user 1 on 12: fires 1 executed 1",
				"signal A: fires 1, first on 12", "signal B: fires 1, first on 11", "signal A on 12: fires 1 executed 1", "signal B on 11: fires 1",
				"day 11: fires 1 active 1 new 1", "day 12: fires 1 executed 1 active 1",
			},
		},
		"a stored fire of before the horizon is counted": {
			horizon:   15,
			uncounted: []*fact{fired(1, "A", 12)},
			facts:     []*fact{storedAs(fired(1, "A", 12))},
			receipts:  []string{"recorded"},
			changes: []string{
				"user 1: fires 1, active on 12, streak 12-12 of 1", "user 1 on 12: fires 1", "signal A: fires 1, first on 12",
				"signal A on 12: fires 1", "day 12: fires 1 active 1 new 1",
			},
		},
		"the day with a new user is the first that the user fired, and moves with it": {
			given:    []*fact{fired(1, "A", 18)},
			facts:    []*fact{fired(1, "B", 17), fired(1, "C", 15), fired(1, "D", 19)},
			receipts: []string{"recorded", "recorded", "recorded [3]"},
			changes: []string{
				"store fire 1 B", "store fire 1 C", "store fire 1 D", "user 1: fires 3, active on 20, streak 17-19 of 3",
				"user 1 on 15: fires 1", "user 1 on 17: fires 1", "user 1 on 19: fires 1",
				"signal B: fires 1, first on 17", "signal C: fires 1, first on 15", "signal D: fires 1, first on 19",
				"signal B on 17: fires 1", "signal C on 15: fires 1", "signal D on 19: fires 1",
				"day 15: fires 1 active 1 new 1", "day 17: fires 1 active 1", "day 18: new -1", "day 19: fires 1 active 1",
				"award 1: 3 from 17 on 19",
			},
		},
		"a fact whose key is that of a row set aside is refused": {
			uncounted: []*fact{{fire: dbgen.SignalFire{ID: 17, UserID: 1, SignalID: "A", Day: int64(setAside)}}},
			facts:     []*fact{fired(1, "A", 20)},
			receipts:  []string{"conflict"},
			changes:   []string{"delete user 1"},
		},
		"milestones are those of the fire that reaches them": {
			given:    fires(1, 10, 11),
			facts:    []*fact{fired(1, "A", 12), fired(1, "B", 12), fired(1, "C", 13)},
			receipts: []string{"recorded [3]", "recorded", "recorded"},
			changes: []string{
				"store fire 1 A", "store fire 1 B", "store fire 1 C", "user 1: fires 3, active on 20, streak 10-13 of 4",
				"user 1 on 12: fires 2", "user 1 on 13: fires 1",
				"signal A: fires 1, first on 12", "signal B: fires 1, first on 12", "signal C: fires 1, first on 13",
				"signal A on 12: fires 1", "signal B on 12: fires 1", "signal C on 13: fires 1",
				"day 12: fires 2 active 1", "day 13: fires 1 active 1", "award 1: 3 from 10 on 12",
			},
		},
		"a late fire that joins two streaks reaches all between, ascending, and not what was awarded": {
			rules:    StreakRules{Milestones: []int64{2, 4, 5}},
			given:    slices.Concat(fires(1, 10, 11), fires(1, 13, 14)),
			facts:    []*fact{fired(1, "A", 12)},
			receipts: []string{"recorded [4 5]"},
			changes: []string{
				"store fire 1 A", "user 1: fires 1, active on 20, streak 10-14 of 5", "user 1 on 12: fires 1",
				"signal A: fires 1, first on 12", "signal A on 12: fires 1", "day 12: fires 1 active 1",
				"award 1: 4 from 10 on 13", "award 1: 5 from 10 on 14",
			},
		},
		"a streak that a late fire has shortened is not awarded again for its days": {
			rules:    StreakRules{Milestones: []int64{2}},
			given:    []*fact{fired(1, "A", 10)},
			grants:   []grant{{1, 6, "f"}},
			then:     []*fact{fired(1, "B", 12), fired(1, "C", 5)}, // f covers 11, and then 6
			facts:    []*fact{fired(1, "D", 13)},
			receipts: []string{"recorded"},
			changes: []string{
				"store fire 1 D", "user 1: fires 1, active on 20, streak 12-13 of 2", "user 1 on 13: fires 1",
				"signal D: fires 1, first on 13", "signal D on 13: fires 1", "day 13: fires 1 active 1",
			},
		},
		"a freeze covers the day that was missed, and is given back by a late fire": {
			given:    fires(1, 10, 10),
			grants:   []grant{{1, 10, "f"}},
			facts:    []*fact{fired(1, "A", 12)},
			receipts: []string{"recorded"},
			changes: []string{
				"store fire 1 A", "user 1: fires 1, active on 20, streak 10-12 of 2", "user 1 on 12: fires 1", "signal A: fires 1, first on 12",
				"signal A on 12: fires 1", "day 12: fires 1 active 1", "spend f of 1 on 11",
			},
		},
		"a freeze that one fire of a batch spends and the next gives back stays as it is": {
			given:    fires(1, 10, 10),
			grants:   []grant{{1, 10, "f"}},
			facts:    []*fact{fired(1, "A", 12), fired(1, "B", 11)},
			receipts: []string{"recorded", "recorded [3]"},
			changes: []string{
				"store fire 1 A", "store fire 1 B", "user 1: fires 2, active on 20, streak 10-12 of 3 holding 1",
				"user 1 on 11: fires 1", "user 1 on 12: fires 1", "signal A: fires 1, first on 12", "signal B: fires 1, first on 11",
				"signal A on 12: fires 1", "signal B on 11: fires 1", "day 11: fires 1 active 1", "day 12: fires 1 active 1",
				"award 1: 3 from 10 on 12",
			},
		},
		"trades move their user's counters, and the community's day unless they are draws": {
			given:    []*fact{fired(1, "A", 20), closed(1, "won", 1)},
			facts:    []*fact{closed(1, "a", 5), closed(1, "b", -2), closed(1, "c", 0), closedOn(19, 1, "d", 0)},
			receipts: []string{"recorded", "recorded", "recorded", "recorded"},
			changes: []string{
				"store trade 1 a", "store trade 1 b", "store trade 1 c", "store trade 1 d",
				fmt.Sprint("user 1: wins 1 losses 1 draws 2 micros 3000000, active on 20, bound ", winBound(2, 1)),
				"user 1 on 19: draws 1", "user 1 on 20: wins 1 losses 1 draws 1 micros 3000000",
				"day 20: wins 1 losses 1",
			},
		},
		"a trade of a new user": {
			facts:    []*fact{closed(1, "a", 5)},
			receipts: []string{"recorded"},
			changes: []string{
				"store trade 1 a", fmt.Sprint("user 1: wins 1 micros 5000000, active on 20, bound ", winBound(1, 0)),
				"user 1 on 20: wins 1 micros 5000000", "day 20: wins 1",
			},
		},
		"the same trade again is a duplicate, with other content a conflict": {
			given:    []*fact{closed(1, "a", 5)},
			facts:    []*fact{closed(1, "a", 5), closed(1, "a", 6), closed(2, "a", 6), closed(2, "a", 6), closed(2, "a", -6)},
			receipts: []string{"duplicate", "conflict", "recorded", "duplicate", "conflict"},
			changes: []string{
				"store trade 2 a", fmt.Sprint("user 2: wins 1 micros 6000000, active on 20, bound ", winBound(1, 0)),
				"user 2 on 20: wins 1 micros 6000000", "day 20: wins 1",
			},
		},
		"a trade whose sum would leave ±9e12 is refused alone, and its id is free": {
			facts: []*fact{
				closed(1, "a", MaxPnL), closed(1, "b", 1), closed(1, "c", -1), closed(1, "b", 1),
				closed(2, "a", -MaxPnL), closed(2, "b", -1),
			},
			receipts: []string{"recorded", "invalid", "recorded", "recorded", "recorded", "invalid"},
			changes: []string{
				"store trade 1 a", "store trade 1 b", "store trade 1 c", "store trade 2 a",
				fmt.Sprint("user 1: wins 2 losses 1 micros 9000000000000000000, active on 20, bound ", winBound(2, 1)),
				"user 2: losses 1 micros -9000000000000000000, active on 20",
				"user 1 on 20: wins 2 losses 1 micros 9000000000000000000", "user 2 on 20: losses 1 micros -9000000000000000000",
				"day 20: wins 2 losses 2",
			},
		},
		"a user who is held for what is refused alone is not kept": {
			facts:    []*fact{closed(2, "a", MaxPnL+1), closed(3, "a", 1)},
			receipts: []string{"invalid", "recorded"},
			changes: []string{
				"store trade 3 a", fmt.Sprint("user 3: wins 1 micros 1000000, active on 20, bound ", winBound(1, 0)),
				"user 3 on 20: wins 1 micros 1000000", "day 20: wins 1", "delete user 2",
			},
		},
		"a stored trade counted late keeps the time that its user was active": {
			uncounted: []*fact{{isTrade: true, trade: dbgen.Trade{
				UserID: 1, TradeID: "a", PnlMicros: 7, Outcome: "win", ClosedAt: timeOn(12), Day: 12,
			}}},
			facts: []*fact{{isTrade: true, stored: true, trade: dbgen.Trade{
				UserID: 1, TradeID: "a", PnlMicros: 7, Outcome: "win", ClosedAt: timeOn(12), Day: 12,
			}}},
			receipts: []string{"recorded"},
			changes: []string{
				fmt.Sprint("user 1: wins 1 micros 7, active on 12, bound ", winBound(1, 0)), "user 1 on 12: wins 1 micros 7", "day 12: wins 1",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.rules.Milestones == nil {
				test.rules = DefaultStreakRules()
			}
			m := newMemory(test.rules)
			m.record(t, test.given)
			m.horizon = test.horizon
			for _, f := range test.uncounted {
				m.insertUncounted(f)
			}
			for _, g := range test.grants {
				m.grant(t, g)
			}
			m.record(t, test.then)
			d := decide(m.load(test.facts), test.facts, decided)
			receipts := []string{}
			for _, r := range d.receipts {
				receipts = append(receipts, receiptText(r))
			}
			if diff := gocmp.Diff(test.receipts, receipts); diff != "" {
				t.Errorf("receipts (-want +got):\n%s", diff)
			}
			sorted := cmpopts.SortSlices(strings.Compare)
			if diff := gocmp.Diff(test.changes, changesText(d.changes), sorted, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			m.apply(t, d.changes)
		})
	}
}

// What is read for each batch is what decides its speed.
func TestOnlyWhatFactsMayChangeIsRead(t *testing.T) {
	given := fires(1, 10, 14)
	tests := map[string]struct {
		given  []*fact
		grants []grant
		facts  []*fact
		reads  string // "": nothing
	}{
		"a user's first fire":           {facts: fires(1, 20, 20)},
		"a fire of the last active day": {given: given, facts: []*fact{fired(1, "A", 14)}},
		"one of the next day":           {given: given, facts: fires(1, 15, 15)},
		"one of the next day, which reaches a milestone": {
			given: given,
			facts: fires(1, 15, 16), reads: "histories [], awards [1]",
		},
		"one after a break": {given: given, facts: fires(1, 20, 20)},
		"enough after a break to reach a milestone": {
			given: fires(1, 7, 14),
			facts: fires(1, 20, 22), reads: "histories [], awards [1]",
		},
		"one of the next day of a user who holds a freeze": {
			given: given, grants: []grant{{1, 14, "f"}},
			facts: fires(1, 15, 15),
		},
		"one after a missed day of a user who holds one": {
			given: given, grants: []grant{{1, 14, "f"}},
			facts: fires(1, 16, 16), reads: "histories [1], awards [1]",
		},
		"a late fire": {given: given, facts: []*fact{fired(1, "A", 12)}, reads: "histories [1], awards [1]"},
		"fires of a batch that are not in the days' order": {
			given: given,
			facts: []*fact{fired(1, "A", 17), fired(1, "B", 16)}, reads: "histories [1], awards [1]",
		},
		"a late fire that is stored": {given: given, facts: fires(1, 12, 12)},
		"a fire before the horizon":  {given: given, facts: fires(1, 5, 5)},
		"a trade":                    {given: given, facts: []*fact{closed(1, "a", 1)}},
		"a fire of a user beside another whose fire is late": {
			given: given,
			facts: []*fact{fired(2, "A", 20), fired(1, "A", 12)}, reads: "histories [1], awards [1]",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMemory(StreakRules{Milestones: []int64{3, 7}})
			m.record(t, test.given)
			for _, g := range test.grants {
				m.grant(t, g)
			}
			m.horizon = 6
			if test.reads == "" {
				test.reads = "histories [], awards []"
			}
			histories, awards := m.load(test.facts).unread(test.facts)
			if got := fmt.Sprintf("histories %v, awards %v", histories, awards); got != test.reads {
				t.Errorf("%s are read, want %s", got, test.reads)
			}
		})
	}
}

// A rebuild counts streaks and awards nothing; the next fire that has them counted
// anew does.
func TestMilestonesOfSeveralStreaksAreAscending(t *testing.T) {
	m := newMemory(StreakRules{})
	m.record(t, slices.Concat(fires(1, 10, 12), fires(1, 14, 15)))
	m.rules.Milestones = []int64{1, 2, 3}
	facts := []*fact{fired(1, "A", 5)}
	d := decide(m.load(facts), facts, decided)
	if diff := gocmp.Diff([]int64{1, 1, 1, 2, 2, 3}, d.receipts[0].milestones); diff != "" {
		t.Errorf("milestones (-want +got):\n%s", diff)
	}
}

func TestDecidingWithoutAHistoryThatIsNeededPanics(t *testing.T) {
	m := newMemory(DefaultStreakRules())
	m.record(t, fires(1, 10, 10))
	m.grant(t, grant{1, 10, "f"})
	facts := []*fact{fired(1, "A", 12)}
	l := m.load(facts)
	l.users[1].history = nil
	defer func() {
		if recover() == nil {
			t.Error("a streak was guessed")
		}
	}()
	decide(l, facts, decided)
}

func TestRecountAwardsOnlyWhenItIsTold(t *testing.T) {
	for _, awarded := range []bool{true, false} {
		m := newMemory(StreakRules{Milestones: []int64{5}})
		m.record(t, fires(1, 10, 12))
		m.rules.Milestones = []int64{2, 3}
		got := changesText(recount(m.loadHistories(1), []int64{1}, awarded, decided))
		want := []string{"user 1: streak 10-12 of 3"}
		if awarded {
			want = append(want, "award 1: 2 from 10 on 11", "award 1: 3 from 10 on 12")
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("awarded %t: changes (-want +got):\n%s", awarded, diff)
		}
	}
}
