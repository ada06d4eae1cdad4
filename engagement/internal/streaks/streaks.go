// Package streaks counts runs of active days. It is pure: rules, days and
// freezes in, streak state out. Days are numbers since 1970-01-01.
package streaks

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// None is stored in place of a day where there is no day.
const None int64 = -1

// Rules decide what breaks a streak and which lengths are milestones.
type Rules struct {
	RestDays   []time.Weekday // on which nobody needs to be active; not all seven
	Milestones []int64        // lengths, ascending
	Skipped    []int64        // days that the time zone left out, which nobody can miss
}

// State is what follows from a user's active days and freezes: the first active day
// and the latest streak. All days are None for a user who was never active.
type State struct {
	First           int64
	Start, End      int64 // of the latest streak
	Length, Longest int64 // in active days: of the latest streak, and of the longest ever
	Until           int64 // the last day on which activity prolongs the latest streak
	Unspent         int64 // freezes granted and not spent by End
}

// NoDays is the state of a user who was never active.
func NoDays() State { return State{First: None, Start: None, End: None, Until: None} }

// Freeze covers one missed day, from the day of its grant on.
type Freeze struct {
	ID      string
	Granted int64
	Spent   int64 // the day that it covers; None while it covers none
}

// Sort sorts a user's freezes in the order in which they are spent.
func Sort(freezes []Freeze) {
	slices.SortFunc(freezes, func(a, b Freeze) int {
		return cmp.Or(cmp.Compare(a.Granted, b.Granted), cmp.Compare(a.ID, b.ID))
	})
}

// Milestone is a length that a streak has reached.
type Milestone struct {
	Start, End int64 // of the streak
	Length     int64
	Day        int64 // on which the length was reached
}

// Award is a milestone that was awarded, with the streak's start as it was then.
type Award struct {
	Start, Length, Day int64
}

// Count counts a user's streaks anew. days are the active days, ascending. It returns
// the state, and the milestones of all streaks there ever were. It sorts freezes in
// the order in which they are spent, and sets the day of each.
//
// Each missed day between two active days takes the earliest granted freeze that is
// left, if it was granted by then; rest days and days that the time zone left out
// take none. Where no freeze is left the streak breaks, and the missed days after
// that take none. What a day takes depends on the days and grants alone, not on when
// they were recorded, so an activity recorded late gives freezes back, and may move
// them.
func (r Rules) Count(days []int64, freezes []Freeze) (State, []Milestone) {
	Sort(freezes)
	for i := range freezes {
		freezes[i].Spent = None
	}
	s, left := NoDays(), freezes
	var reached []Milestone
	streak := 0 // where the milestones of the streak in hand begin
	for _, day := range days {
		alive := false
		if s.Length > 0 {
			left, alive = r.Spend(left, s.End, day)
		}
		if !alive {
			streak = len(reached)
		}
		s = s.add(day, alive)
		if r.isMilestone(s.Length) {
			reached = append(reached, Milestone{Start: s.Start, Length: s.Length, Day: day})
		}
		for i := streak; i < len(reached); i++ {
			reached[i].End = day
		}
	}
	if s.Length > 0 {
		s.Until = r.until(s.End, left)
	}
	s.Unspent = int64(len(left))
	return s, reached
}

// Extend adds an active day after End to a state, and returns the milestone reached
// on it, if any. ok reports whether the state was enough to know the result; if not,
// use Count with all days and freezes.
func (r Rules) Extend(s State, day int64) (next State, reached []Milestone, ok bool) {
	_, prolongs := r.Spend(nil, s.End, day)
	prolongs = prolongs && s.Length > 0
	held := make([]Freeze, s.Unspent) // as if they were granted long ago
	if s.Unspent > 0 && (!prolongs || s.Until != r.until(s.End, held)) {
		return s, nil, false
	}
	next = s.add(day, prolongs)
	next.Until = r.until(day, held)
	if r.isMilestone(next.Length) {
		reached = []Milestone{{next.Start, day, next.Length, day}}
	}
	return next, reached, true
}

// add adds a day after all others, which prolongs the streak or starts another.
func (s State) add(day int64, prolongs bool) State {
	if s.First == None {
		s.First = day
	}
	if !prolongs {
		s.Start, s.Length = day, 0
	}
	s.End = day
	s.Length++
	s.Longest = max(s.Longest, s.Length)
	return s
}

// Spend spends freezes, in their order, on the missed days between two active ones.
// It returns the freezes left, and reports whether a streak survives these days.
func (r Rules) Spend(freezes []Freeze, from, to int64) (left []Freeze, alive bool) {
	for day := range between(from, to) {
		switch {
		case r.passes(day):
		case len(freezes) > 0 && freezes[0].Granted <= day:
			freezes[0].Spent = day
			freezes = freezes[1:]
		default:
			return freezes, false
		}
	}
	return freezes, true
}

// until returns the last day on which activity prolongs a streak that ends on end:
// the first day that breaks it if missed.
func (r Rules) until(end int64, freezes []Freeze) int64 {
	for day := end + 1; ; day++ {
		switch {
		case r.passes(day):
		case len(freezes) > 0 && freezes[0].Granted <= day:
			freezes = freezes[1:]
		default:
			return day
		}
	}
}

// Missed counts the days between two others that are no rest days.
func (r Rules) Missed(from, to int64) (n int64) {
	for day := range between(from, to) {
		if !r.passes(day) {
			n++
		}
	}
	return n
}

// between yields the days after from and before to. It does not overflow, whatever
// these are.
func between(from, to int64) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for day := from; day < to && day+1 < to && yield(day+1); day++ {
		}
	}
}

// Rests reports whether a day is a rest day.
func (r Rules) Rests(day int64) bool {
	return len(r.RestDays) > 0 && slices.Contains(r.RestDays, time.Unix(day*24*60*60, 0).UTC().Weekday())
}

// IsSkipped reports whether the time zone left a day out.
func (r Rules) IsSkipped(day int64) bool {
	_, found := slices.BinarySearch(r.Skipped, day)
	return found
}

// passes reports whether a day without activity breaks no streak and takes no freeze.
func (r Rules) passes(day int64) bool { return r.Rests(day) || r.IsSkipped(day) }

func (r Rules) isMilestone(length int64) bool {
	_, found := slices.BinarySearch(r.Milestones, length)
	return found
}

// Due returns those of the milestones reached that are to be awarded now, in
// their order: all but those that were awarded before for days of the same
// streak.
func Due(reached []Milestone, awarded []Award) []Milestone {
	var due []Milestone
	for _, m := range reached {
		before := func(a Award) bool { return a.Length == m.Length && a.Start <= m.End && a.Day >= m.Start }
		if !slices.ContainsFunc(awarded, before) {
			due = append(due, m)
		}
	}
	return due
}
