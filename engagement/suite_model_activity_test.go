package engagement_test

import (
	"context"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

// users is a set of users.
type users map[int64]bool

// firedOn returns the users with a fire from one day to another.
func (m *model) firedOn(from, to engagement.Day) users {
	found := users{}
	for _, f := range m.fires {
		if f.fate != orphaned && f.day >= from && f.day <= to {
			found[f.UserID] = true
		}
	}
	return found
}

// firedFirst returns those of them who had never fired before.
func (m *model) firedFirst(from, to engagement.Day) users {
	found := m.firedOn(from, to)
	for user := range m.firedOn(1, from-1) {
		delete(found, user)
	}
	return found
}

// both counts the users in two sets.
func both(a, b users) (n int64) {
	for user := range a {
		if b[user] {
			n++
		}
	}
	return n
}

func (m *model) activity(from, to engagement.Day) []engagement.Activity {
	list := []engagement.Activity{}
	for day := from; day <= to; day++ {
		a := engagement.Activity{
			Day:     day,
			DAU:     int64(len(m.firedOn(day, day))),
			WAU:     int64(len(m.firedOn(day-6, day))),
			MAU:     int64(len(m.firedOn(day-29, day))),
			Partial: day >= m.today(),
		}
		if a.MAU > 0 {
			var mean float64
			for d := day - 29; d <= day; d++ {
				mean += float64(len(m.firedOn(d, d))) / 30
			}
			stickiness := mean / float64(a.MAU)
			a.Stickiness = &stickiness
		}
		list = append(list, a)
	}
	return list
}

// periods splits days into periods and returns the first and last day of each,
// found by walking to a Monday and to a Sunday.
func (m *model) periods(from, to engagement.Day, by engagement.Period) (list [][2]engagement.Day) {
	weekday := func(day engagement.Day) time.Weekday { return time.Unix(int64(day)*86400, 0).UTC().Weekday() }
	if by == engagement.Weekly {
		for weekday(from) != time.Monday {
			from--
		}
		for weekday(to) != time.Sunday {
			to++
		}
	}
	for start := from; start <= to; {
		end := start
		for by == engagement.Weekly && weekday(end) != time.Sunday {
			end++
		}
		list = append(list, [2]engagement.Day{start, end})
		start = end + 1
	}
	return list
}

func (m *model) lifecycle(from, to engagement.Day, by engagement.Period) []engagement.Lifecycle {
	list := []engagement.Lifecycle{}
	for _, p := range m.periods(from, to, by) {
		length := p[1] - p[0] + 1
		active, before, earlier := m.firedOn(p[0], p[1]), m.firedOn(p[0]-length, p[0]-1), m.firedOn(1, p[0]-1)
		c := engagement.Lifecycle{Start: p[0], Partial: p[1] >= m.today()}
		for user := range active {
			c.Active++
			switch {
			case !earlier[user]:
				c.New++
			case before[user]:
				c.Returning++
			default:
				c.Resurrected++
			}
		}
		for user := range before {
			if !active[user] {
				c.Dormant++
			}
		}
		list = append(list, c)
	}
	return list
}

func (m *model) cohorts(from, to engagement.Day, by engagement.Period, periods int) []engagement.Cohort {
	list := []engagement.Cohort{}
	for _, p := range m.periods(from, to, by) {
		members, length := m.firedFirst(p[0], p[1]), p[1]-p[0]+1
		c := engagement.Cohort{Start: p[0], Size: int64(len(members)), Partial: p[1] >= m.today()}
		for k := engagement.Day(1); k <= engagement.Day(periods); k++ {
			var on, onOrAfter *int64
			if start, end := p[0]+k*length, p[1]+k*length; end < m.today() {
				during, since := both(members, m.firedOn(start, end)), both(members, m.firedOn(start, m.today()+5))
				on, onOrAfter = &during, &since
			}
			c.On, c.OnOrAfter = append(c.On, on), append(c.OnOrAfter, onOrAfter)
		}
		list = append(list, c)
	}
	return list
}

func (m *model) hours(from, to engagement.Day) engagement.Hours {
	hours := engagement.Hours{Horizon: m.horizon}
	for _, f := range m.fires {
		if f.fate == kept && f.day >= from && f.day <= to {
			local := f.At.In(m.loc)
			hours.Fires[(local.Weekday()+6)%7][local.Hour()]++
			hours.Total++
		}
	}
	return hours
}

// allTime returns the days from the first fire to today, or false without one.
func (m *model) allTime() (from, to engagement.Day, ok bool) {
	for _, f := range m.fires {
		if f.fate != orphaned && (!ok || f.day < from) {
			from, ok = f.day, true
		}
	}
	return from, max(from, m.today()), ok
}

func (h *history) compareActivity(t *rapid.T, r *engagement.Reader) {
	ctx, m := context.Background(), h.model
	from, to := m.today()-35, m.today()+2
	w := engagement.Days(from, to)
	same(t, "Activity", must(r.Activity(ctx, w))(t), m.activity(from, to), closely)
	same(t, "Activity of a day", must(r.Activity(ctx, engagement.Days(to-2, to-2)))(t), m.activity(to-2, to-2), closely)
	same(t, "Hours", must(r.Hours(ctx, w))(t), m.hours(from, to))
	same(t, "Hours of two days", must(r.Hours(ctx, engagement.Days(to-3, to-2)))(t), m.hours(to-3, to-2))
	same(t, "Hours of all time", must(r.Hours(ctx, engagement.AllTime()))(t), m.hours(1, to))
	for _, by := range engagement.Periods() {
		same(t, fmt.Sprintf("Lifecycle by %s", by), must(r.Lifecycle(ctx, w, by))(t), m.lifecycle(from, to, by))
		for _, periods := range []int{1, 5, 40} {
			same(t, fmt.Sprintf("Cohorts by %s", by), must(r.Cohorts(ctx, w, by, periods))(t), m.cohorts(from, to, by, periods))
		}
	}
	first, last, ok := m.allTime()
	wantActivity, wantLifecycle, wantCohorts := []engagement.Activity{}, []engagement.Lifecycle{}, []engagement.Cohort{}
	if ok {
		wantActivity = m.activity(first, last)
		wantLifecycle = m.lifecycle(first, last, engagement.Weekly)
		wantCohorts = m.cohorts(first, last, engagement.Weekly, 3)
	}
	same(t, "Activity of all time", must(r.Activity(ctx, engagement.AllTime()))(t), wantActivity, closely)
	same(t, "Lifecycle of all time", must(r.Lifecycle(ctx, engagement.AllTime(), engagement.Weekly))(t), wantLifecycle)
	same(t, "Cohorts of all time", must(r.Cohorts(ctx, engagement.AllTime(), engagement.Weekly, 3))(t), wantCohorts)
}
