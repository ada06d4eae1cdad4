package streaks

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// calendar is a user told as a child would: it walks every day, one after the
// other, with the freezes in a pocket.
type calendar struct {
	rules   Rules
	active  map[int64]bool
	pocket  []Freeze // not spent, in no order
	spent   map[string]int64
	first   int64
	streak  []int64 // the active days of the streak in hand
	broken  [][]int64
	last    []int64 // the streak that ended last
	longest int
}

func walk(rules Rules, days []int64, freezes []Freeze) *calendar {
	c := &calendar{rules: rules, active: map[int64]bool{}, spent: map[string]int64{}, first: None}
	c.pocket = slices.Clone(freezes)
	if len(days) == 0 {
		return c
	}
	for _, day := range days {
		c.active[day] = true
	}
	c.first = days[0]
	for day := days[0]; day <= days[len(days)-1]; day++ {
		switch {
		case c.active[day]:
			c.streak = append(c.streak, day)
		case c.rests(day) || len(c.streak) == 0:
		case !c.cover(day):
			c.broken, c.streak = append(c.broken, c.streak), nil
		}
		c.longest = max(c.longest, len(c.streak))
	}
	c.last = c.streak
	return c
}

// rests counts weekdays on from 1970-01-01, a Thursday.
func (c *calendar) rests(day int64) bool {
	return slices.Contains(c.rules.RestDays, time.Weekday((day+4)%7)) || slices.Contains(c.rules.Skipped, day)
}

// cover spends the freeze that has been in the pocket for the longest.
func (c *calendar) cover(day int64) bool {
	best := -1
	for i, f := range c.pocket {
		if f.Granted > day {
			continue
		}
		if best < 0 || f.Granted < c.pocket[best].Granted ||
			(f.Granted == c.pocket[best].Granted && f.ID < c.pocket[best].ID) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	c.spent[c.pocket[best].ID] = day
	c.pocket = slices.Delete(c.pocket, best, best+1)
	return true
}

// until returns the first day that would break the streak if all from its end on
// were missed.
func (c *calendar) until() int64 {
	ahead := *c
	ahead.pocket, ahead.spent = slices.Clone(c.pocket), map[string]int64{}
	day := c.last[len(c.last)-1] + 1
	for ahead.rests(day) || ahead.cover(day) {
		day++
	}
	return day
}

func (c *calendar) state() State {
	s := State{First: c.first, Start: None, End: None, Until: None, Longest: int64(c.longest), Unspent: int64(len(c.pocket))}
	if n := len(c.last); n > 0 {
		s.Start, s.End, s.Length, s.Until = c.last[0], c.last[n-1], int64(n), c.until()
	}
	return s
}

func (c *calendar) milestones() (reached []Milestone) {
	for _, streak := range append(slices.Clone(c.broken), c.last) {
		for i, day := range streak {
			if slices.Contains(c.rules.Milestones, int64(i)+1) {
				reached = append(reached, Milestone{Start: streak[0], End: streak[len(streak)-1], Length: int64(i) + 1, Day: day})
			}
		}
	}
	return reached
}

func drawRules(t *rapid.T) Rules {
	return Rules{
		RestDays: rapid.SliceOfNDistinct(rapid.SampledFrom([]time.Weekday{0, 1, 2, 3, 4, 5, 6}), 0, 6, rapid.ID).Draw(t, "rest days"),
		Milestones: slices.Sorted(slices.Values(
			rapid.SliceOfNDistinct(rapid.Int64Range(1, 8), 0, 4, rapid.ID).Draw(t, "milestones"))),
		Skipped: slices.Sorted(slices.Values(
			rapid.SliceOfNDistinct(rapid.OneOf(rapid.Int64Range(1, 20), rapid.Int64Range(monday, monday+20)), 0, 4, rapid.ID).Draw(t, "skipped days"))),
	}
}

// drawDays draws active days, most of them near each other.
func drawDays(t *rapid.T, fewest int) []int64 {
	day := rapid.SampledFrom([]int64{1, 2, monday}).Draw(t, "first day")
	var days []int64
	for range rapid.IntRange(fewest, 14).Draw(t, "days") {
		days = append(days, day)
		day += rapid.SampledFrom([]int64{1, 1, 1, 2, 2, 3, 4, 9, 40}).Draw(t, "gap")
	}
	return days
}

// drawFreezes draws freezes that were granted around some days.
func drawFreezes(t *rapid.T, days []int64) []Freeze {
	from, to := int64(1), monday
	if len(days) > 0 {
		from, to = max(1, days[0]-3), days[len(days)-1]+3
	}
	freezes := make([]Freeze, rapid.IntRange(0, 4).Draw(t, "freezes"))
	for i := range freezes {
		freezes[i] = Freeze{
			ID: fmt.Sprint("f", 9-i), Granted: rapid.Int64Range(from, to).Draw(t, "granted"),
			Spent: rapid.SampledFrom([]int64{None, from, to}).Draw(t, "spent before"),
		}
	}
	return freezes
}

func TestCountIsWhatTheCalendarShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, days := drawRules(t), drawDays(t, 0)
		freezes := drawFreezes(t, days)
		c := walk(rules, days, freezes)
		got, reached := rules.Count(days, freezes)
		if diff := cmp.Diff(c.state(), got); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(c.milestones(), reached, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("milestones (-want +got):\n%s", diff)
		}
		for _, f := range freezes {
			want, covers := c.spent[f.ID]
			if !covers {
				want = None
			}
			if f.Spent != want {
				t.Errorf("freeze %s is spent on %d, want %d", f.ID, f.Spent, want)
			}
		}
	})
}

// Extend agrees with Count whenever it can tell, and always can of a user who
// holds no freezes.
func TestExtendAgreesWithCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, days := drawRules(t), drawDays(t, 1)
		freezes := drawFreezes(t, days)
		last := len(days) - 1
		before, _ := rules.Count(days[:last], freezes)
		covered := spent(freezes)
		got, reached, ok := rules.Extend(before, days[last])
		if !ok {
			if before.Unspent == 0 {
				t.Errorf("day %d of %v could not be told, though no freezes are held", days[last], days)
			}
			if got != before || reached != nil {
				t.Errorf("what could not be told has changed: %+v, %v", got, reached)
			}
			return
		}
		want, all := rules.Count(days, freezes)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("state after day %d of %v (-want +got):\n%s", days[last], days, diff)
		}
		ofDay := slices.DeleteFunc(all, func(m Milestone) bool { return m.Day != days[last] })
		if diff := cmp.Diff(ofDay, reached, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("milestones of day %d of %v (-want +got):\n%s", days[last], days, diff)
		}
		if diff := cmp.Diff(covered, spent(freezes)); diff != "" {
			t.Errorf("it moved freezes (-before +after):\n%s", diff)
		}
	})
}

// A milestone is due unless one of the days of its streak was among those of an
// award of the same length.
func TestDueIsWhatNoDayWasAwardedBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, days := drawRules(t), drawDays(t, 1)
		_, reached := rules.Count(days, drawFreezes(t, days))
		awarded := make([]Award, rapid.IntRange(0, 4).Draw(t, "awards"))
		for i := range awarded {
			start := rapid.Int64Range(max(1, days[0]-4), days[len(days)-1]+4).Draw(t, "start")
			awarded[i] = Award{
				Start: start, Day: start + rapid.Int64Range(0, 9).Draw(t, "award's day"), Length: rapid.Int64Range(1, 8).Draw(t, "length"),
			}
		}
		var want []Milestone
		for _, m := range reached {
			before := false
			for _, a := range awarded {
				for day := a.Start; day <= a.Day; day++ {
					before = before || (a.Length == m.Length && m.Start <= day && day <= m.End)
				}
			}
			if !before {
				want = append(want, m)
			}
		}
		if diff := cmp.Diff(want, Due(reached, awarded)); diff != "" {
			t.Errorf("due (-want +got):\n%s", diff)
		}
	})
}
