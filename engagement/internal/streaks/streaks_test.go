package streaks

import (
	"cmp"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// monday is 2026-01-05, a Monday.
const monday int64 = 20_458

var weekend = []time.Weekday{time.Saturday, time.Sunday}

// after returns days counted from monday.
func after(days ...int64) []int64 {
	for i := range days {
		days[i] += monday
	}
	return days
}

// freezes returns freezes named a, b, c … that were granted so many days after
// monday.
func freezes(granted ...int64) []Freeze {
	all := make([]Freeze, len(granted))
	for i, day := range granted {
		all[i] = Freeze{ID: string(rune('a' + i)), Granted: monday + day, Spent: None}
	}
	return all
}

// spent are the days after monday that freezes are spent on, by their ids.
func spent(freezes []Freeze) map[string]int64 {
	days := map[string]int64{}
	for _, f := range freezes {
		if f.Spent != None {
			days[f.ID] = f.Spent - monday
		}
	}
	return days
}

// state is State with days after monday.
func state(first, start, end, length, longest, until, unspent int64) State {
	return State{
		First: monday + first, Start: monday + start, End: monday + end,
		Length: length, Longest: longest, Until: monday + until, Unspent: unspent,
	}
}

func TestCount(t *testing.T) {
	tests := map[string]struct {
		rest    []time.Weekday
		days    []int64
		freezes []Freeze
		want    State
		spent   map[string]int64
	}{
		"nobody has no days": {
			want: NoDays(),
		},
		"freezes of a user who was never active are unspent, and cover nothing": {
			freezes: freezes(0, 1),
			want:    State{First: None, Start: None, End: None, Until: None, Unspent: 2},
		},
		"one day is a streak that tomorrow prolongs": {
			days: after(0),
			want: state(0, 0, 0, 1, 1, 1, 0),
		},
		"days in a row are one streak": {
			days: after(0, 1, 2),
			want: state(0, 0, 2, 3, 3, 3, 0),
		},
		"a missed day breaks it, and the longest stays": {
			days: after(0, 1, 2, 4),
			want: state(0, 4, 4, 1, 3, 5, 0),
		},
		"missed rest days do not break it, and do not count": {
			rest: weekend,
			days: after(4, 7), // Friday, Monday
			want: state(4, 4, 7, 2, 2, 8, 0),
		},
		"an active rest day counts": {
			rest: weekend,
			days: after(4, 5, 7),
			want: state(4, 4, 7, 3, 3, 8, 0),
		},
		"a missed day beside rest days breaks it": {
			rest: weekend,
			days: after(4, 8), // Friday, Tuesday
			want: state(4, 8, 8, 1, 1, 9, 0),
		},
		"rest days after it are time to prolong it": {
			rest: weekend,
			days: after(4),
			want: state(4, 4, 4, 1, 1, 7, 0), // until Monday
		},
		"six rest days of seven leave one that breaks": {
			rest: []time.Weekday{0, 2, 3, 4, 5, 6},
			days: after(0, 6, 14), // the Monday between is missed
			want: state(0, 14, 14, 1, 2, 21, 0),
		},
		"a freeze covers a missed day, which does not count": {
			days:    after(0, 2),
			freezes: freezes(0),
			want:    state(0, 0, 2, 2, 2, 3, 0),
			spent:   map[string]int64{"a": 1},
		},
		"freezes are spent in the order of their grants, then of their ids": {
			days: after(2, 5),
			freezes: []Freeze{
				{ID: "late", Granted: monday + 1, Spent: None},
				{ID: "b", Granted: monday, Spent: None},
				{ID: "a", Granted: monday, Spent: None},
			},
			want:  state(2, 2, 5, 2, 2, 7, 1),
			spent: map[string]int64{"a": 3, "b": 4},
		},
		"a freeze covers no day before its grant": {
			days:    after(0, 2),
			freezes: freezes(2),
			want:    state(0, 2, 2, 1, 1, 4, 1),
		},
		"one granted on the missed day covers it": {
			days:    after(0, 2),
			freezes: freezes(1),
			want:    state(0, 0, 2, 2, 2, 3, 0),
			spent:   map[string]int64{"a": 1},
		},
		"one granted in the midst of a gap comes too late": {
			days:    after(0, 3),
			freezes: freezes(2),
			want:    state(0, 3, 3, 1, 1, 5, 1),
		},
		"freezes that do not suffice are spent all the same": {
			days:    after(0, 4),
			freezes: freezes(0, 0),
			want:    state(0, 4, 4, 1, 1, 5, 0),
			spent:   map[string]int64{"a": 1, "b": 2},
		},
		"days after the break take no freezes": {
			days:    after(0, 5),
			freezes: freezes(0, 3), // day 2 breaks it
			want:    state(0, 5, 5, 1, 1, 7, 1),
			spent:   map[string]int64{"a": 1},
		},
		"days before the first take none": {
			days:    after(5),
			freezes: freezes(0),
			want:    state(5, 5, 5, 1, 1, 7, 1),
		},
		"rest days take none": {
			rest:    weekend,
			days:    after(3, 7), // Thursday, Monday
			freezes: freezes(0, 0),
			want:    state(3, 3, 7, 2, 2, 9, 1),
			spent:   map[string]int64{"a": 4},
		},
		"an activity recorded late gives a freeze back": {
			days:    after(0, 1, 2),
			freezes: []Freeze{{ID: "a", Granted: monday, Spent: monday + 1}},
			want:    state(0, 0, 2, 3, 3, 4, 1),
		},
		"and may move it": {
			days:    after(0, 1, 3),
			freezes: []Freeze{{ID: "a", Granted: monday, Spent: monday + 1}},
			want:    state(0, 0, 3, 3, 3, 4, 0),
			spent:   map[string]int64{"a": 2},
		},
		"unspent freezes are time to prolong it": {
			days:    after(0),
			freezes: freezes(0, 0),
			want:    state(0, 0, 0, 1, 1, 3, 2),
		},
		"also those granted ahead, from the day of the grant on": {
			days:    after(0),
			freezes: freezes(1, 3), // day 2 breaks it
			want:    state(0, 0, 0, 1, 1, 2, 2),
		},
		"the first days that there are": {
			days: []int64{1, 2},
			want: State{First: 1, Start: 1, End: 2, Length: 2, Longest: 2, Until: 3},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, _ := Rules{RestDays: test.rest}.Count(test.days, test.freezes)
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff(test.spent, spent(test.freezes), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("days that freezes are spent on (-want +got):\n%s", diff)
			}
			sorted := slices.IsSortedFunc(test.freezes, func(a, b Freeze) int {
				return cmp.Or(cmp.Compare(a.Granted, b.Granted), cmp.Compare(a.ID, b.ID))
			})
			if !sorted {
				t.Errorf("freezes are not in the order in which they are spent: %+v", test.freezes)
			}
		})
	}
}

func TestMilestones(t *testing.T) {
	rules := Rules{RestDays: weekend, Milestones: []int64{2, 3, 5}}
	// reached returns a milestone with days after monday.
	reached := func(length, start, end, day int64) Milestone {
		return Milestone{Start: monday + start, End: monday + end, Length: length, Day: monday + day}
	}
	tests := map[string]struct {
		days    []int64
		freezes []Freeze
		want    []Milestone
	}{
		"none for one day":               {days: after(0)},
		"one on the day that reaches it": {days: after(0, 1), want: []Milestone{reached(2, 0, 1, 1)}},
		"each has the end that the streak has": {
			days: after(0, 1, 2, 3),
			want: []Milestone{reached(2, 0, 3, 1), reached(3, 0, 3, 2)},
		},
		"only active days count": {
			days: after(4, 7, 8),
			want: []Milestone{reached(2, 4, 8, 7), reached(3, 4, 8, 8)},
		},
		"a freeze joins what lies on its sides": {
			days: after(0, 1, 3), freezes: freezes(0),
			want: []Milestone{reached(2, 0, 3, 1), reached(3, 0, 3, 3)},
		},
		"each streak has its own": {
			days: after(0, 1, 3, 4, 7),
			want: []Milestone{reached(2, 0, 1, 1), reached(2, 3, 7, 4), reached(3, 3, 7, 7)},
		},
		"a streak too short leaves others' ends": {
			days: after(0, 1, 3, 8, 9),
			want: []Milestone{reached(2, 0, 1, 1), reached(2, 8, 9, 9)},
		},
		"lengths beyond the last are no milestone": {days: after(0, 1, 2, 3, 4, 7, 8), want: []Milestone{
			reached(2, 0, 8, 1), reached(3, 0, 8, 2), reached(5, 0, 8, 4),
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, got := rules.Count(test.days, test.freezes)
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("milestones (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExtend(t *testing.T) {
	rules := Rules{RestDays: weekend, Milestones: []int64{1, 3}}
	tests := map[string]struct {
		days    []int64
		freezes []Freeze
		day     int64
		ok      bool
		want    State
		reached []Milestone
	}{
		"the first day": {
			day: 0, ok: true,
			want:    state(0, 0, 0, 1, 1, 1, 0),
			reached: []Milestone{{monday, monday, 1, monday}},
		},
		"the next day": {
			days: after(0), day: 1, ok: true,
			want: state(0, 0, 1, 2, 2, 2, 0),
		},
		"a milestone": {
			days: after(0, 1), day: 2, ok: true,
			want:    state(0, 0, 2, 3, 3, 3, 0),
			reached: []Milestone{{monday, monday + 2, 3, monday + 2}},
		},
		"over rest days": {
			days: after(4), day: 7, ok: true,
			want: state(4, 4, 7, 2, 2, 8, 0),
		},
		"after a break": {
			days: after(0, 1), day: 3, ok: true,
			want:    state(0, 3, 3, 1, 2, 4, 0),
			reached: []Milestone{{monday + 3, monday + 3, 1, monday + 3}},
		},
		"the next day of one who holds freezes": {
			days: after(0), freezes: freezes(0, 0), day: 1, ok: true,
			want: state(0, 0, 1, 2, 2, 4, 2),
		},
		"not over a missed day of one who holds a freeze, which may cover it": {
			days: after(0), freezes: freezes(0), day: 2,
		},
		"nor of one who holds a freeze granted ahead": {
			days: after(0), freezes: freezes(5), day: 1,
		},
		"nor the first day of one who holds a freeze": {
			freezes: freezes(0), day: 0,
		},
		"but one whose freezes are spent": {
			days: after(0, 2), freezes: freezes(0), day: 4, ok: true,
			want:    state(0, 4, 4, 1, 2, 7, 0),
			reached: []Milestone{{monday + 4, monday + 4, 1, monday + 4}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before, _ := rules.Count(test.days, test.freezes)
			got, reached, ok := rules.Extend(before, monday+test.day)
			if ok != test.ok {
				t.Fatalf("enough to tell: %t, want %t", ok, test.ok)
			}
			if !ok {
				test.want = before
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff(test.reached, reached); diff != "" {
				t.Errorf("milestones (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSpendAndMissed(t *testing.T) {
	rules := Rules{RestDays: weekend}
	tests := map[string]struct {
		from, to int64
		freezes  []Freeze
		left     int
		alive    bool
		missed   int64
	}{
		"nothing lies between a day and the next":           {from: 0, to: 1, freezes: freezes(0), left: 1, alive: true},
		"nor between a day and itself":                      {from: 0, to: 0, freezes: freezes(0), left: 1, alive: true},
		"a day is missed":                                   {from: 0, to: 2, missed: 1},
		"rest days are not":                                 {from: 4, to: 7, freezes: freezes(0), left: 1, alive: true},
		"a freeze for each day missed":                      {from: 3, to: 8, freezes: freezes(0, 0, 0), left: 1, alive: true, missed: 2},
		"too few freezes are all spent":                     {from: 0, to: 4, freezes: freezes(0, 0), missed: 3},
		"a freeze granted later blocks those behind it":     {from: 0, to: 3, freezes: freezes(2, 3), left: 2, missed: 2},
		"a gap as long as any calendar breaks where it can": {from: 0, to: 3_500_000, freezes: freezes(0, 0), missed: 2_499_999},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			held := slices.Clone(test.freezes)
			left, alive := rules.Spend(held, monday+test.from, monday+test.to)
			if len(left) != test.left || alive != test.alive {
				t.Errorf("%d freezes left, alive %t; want %d, %t", len(left), alive, test.left, test.alive)
			}
			if got := rules.Missed(monday+test.from, monday+test.to); got != test.missed {
				t.Errorf("%d days missed, want %d", got, test.missed)
			}
		})
	}
}

// What a day costs must not grow with the years since the last: nobody who comes
// back may slow a batch down.
func TestALongGapCostsNoMoreThanItsFreezes(t *testing.T) {
	const never = int64(1) << 60
	rules := Rules{RestDays: []time.Weekday{0, 1, 2, 3, 4, 5}}
	s, _ := rules.Count([]int64{1, never}, freezes(0, 0, 0))
	if s.Start != never || s.Length != 1 {
		t.Errorf("%+v, want a streak that begins on the last day", s)
	}
	s, _ = rules.Count([]int64{1}, nil)
	if next, _, ok := rules.Extend(s, never); !ok || next.Start != never {
		t.Errorf("%+v, %t, want a streak that begins on the last day", next, ok)
	}
}

func TestRests(t *testing.T) {
	rules := Rules{RestDays: []time.Weekday{time.Thursday, time.Monday}}
	for day, want := range map[int64]bool{
		0: true, 1: false, 4: true, 7: true, // 1970-01-01 was a Thursday
		monday: true, monday + 1: false, monday + 3: true, monday + 6: false,
	} {
		if got := rules.Rests(day); got != want {
			t.Errorf("day %d rests: %t, want %t", day, got, want)
		}
		if (Rules{}).Rests(day) {
			t.Errorf("day %d rests without rest days", day)
		}
	}
}
