package engagement

import (
	"context"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Lifecycle says who was active, that is fired at least once, in a period:
// Active = New + Returning + Resurrected.
type Lifecycle struct {
	Start       Day   `json:"start"` // the period's first day
	Active      int64 `json:"active"`
	New         int64 `json:"new"`         // fired for the first time ever
	Returning   int64 `json:"returning"`   // active in the period before too
	Resurrected int64 `json:"resurrected"` // active earlier, but not in the period before
	Dormant     int64 `json:"dormant"`     // active in the period before, not in this one
	Partial     bool  `json:"partial"`     // the period is not over
}

// Lifecycle returns the lifecycle of each period that contains a day of a window,
// oldest first; periods without fires are included. All time and the limit of the
// window are those of [Reader.Activity]. It reads the users of each day, from the
// period before the first on. Cleanup does not change it.
func (r *Reader) Lifecycle(ctx context.Context, w Window, by Period) ([]Lifecycle, error) {
	return snapshot(ctx, r, "lifecycle", func(v *view) ([]Lifecycle, error) {
		return v.lifecycle(ctx, w, by)
	})
}

func (v *view) lifecycle(ctx context.Context, w Window, by Period) ([]Lifecycle, error) {
	if err := by.check(); err != nil {
		return nil, err
	}
	list := []Lifecycle{}
	days, err := v.bounded(ctx, w, Daily, MaxLimit)
	if err != nil || days.empty() {
		return list, err
	}
	if by == Daily {
		return v.dailyLifecycle(ctx, days)
	}
	days = by.whole(days)
	days.first -= by.days()      // to know who returned
	lastStart := map[int64]Day{} // of the last period in which a user was active
	var before, p Lifecycle
	for d, err := range v.eachDay(ctx, days) {
		if err != nil {
			return nil, err
		}
		day := Day(d.row.Day)
		if start := by.start(day); day == start {
			before, p = p, Lifecycle{Start: start}
		}
		for _, user := range d.users {
			last, known := lastStart[user]
			if known && last == p.Start {
				continue
			}
			p.Active++
			if known && last == before.Start {
				p.Returning++
			}
			lastStart[user] = p.Start
		}
		p.New += d.row.NewUsers
		if end := p.Start + by.days() - 1; day == end && p.Start > days.first {
			p.Resurrected = p.Active - p.New - p.Returning
			p.Dormant = before.Active - p.Returning
			p.Partial = end >= v.today()
			list = append(list, p)
		}
	}
	return list, nil
}

// dailyLifecycle is the lifecycle of each day. How many were active and new is stored
// in the community's days; only how many returned is counted from users.
func (v *view) dailyLifecycle(ctx context.Context, days daySpan) ([]Lifecycle, error) {
	rows, err := v.q.DaysBetween(ctx, dbgen.DaysBetweenParams{
		FirstDay: int64(max(days.first-1, firstDay)), LastDay: int64(days.last),
	})
	if err != nil {
		return nil, err
	}
	byDay := map[Day]dbgen.Day{}
	for _, row := range rows {
		byDay[Day(row.Day)] = row
	}
	list := make([]Lifecycle, 0, days.last-days.first+1)
	for day := days.first; day <= days.last; day++ {
		now, before := byDay[day], byDay[day-1]
		p := Lifecycle{Start: day, Active: now.ActiveUsers, New: now.NewUsers, Partial: day >= v.today()}
		if now.ActiveUsers > 0 && before.ActiveUsers > 0 {
			p.Returning, err = v.q.ReturningUsers(ctx, dbgen.ReturningUsersParams{Day: int64(day), DayBefore: int64(day) - 1})
			if err != nil {
				return nil, err
			}
		}
		p.Resurrected = p.Active - p.New - p.Returning
		p.Dormant = before.ActiveUsers - p.Returning
		list = append(list, p)
	}
	return list, nil
}
