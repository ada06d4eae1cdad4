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

// Lifecycle returns the lifecycle of each period that holds a day of a window,
// oldest first; periods without fires are there. All time and the limit of the
// window are those of [Reader.Activity]. It reads the users of each day, from
// the period before the first on. Cleanup does not change it.
func (r *Reader) Lifecycle(ctx context.Context, w Window, by Period) (list []Lifecycle, err error) {
	err = r.snapshot(ctx, "lifecycle", func(r *Reader) (int, error) {
		list, err = r.lifecycle(ctx, w, by)
		return len(list), err
	})
	return list, err
}

func (r *Reader) lifecycle(ctx context.Context, w Window, by Period) ([]Lifecycle, error) {
	if err := by.check(); err != nil {
		return nil, err
	}
	list := []Lifecycle{}
	w, err := r.bounded(ctx, w)
	if err != nil || w.IsAllTime() {
		return list, err
	}
	w = Window{by.start(w.From) - by.days(), by.start(w.To) + by.days() - 1}
	lastStart := map[int64]Day{} // of the last period in which a user was active
	var before, p Lifecycle
	err = r.eachDay(ctx, w, func(row dbgen.Day, users []int64) {
		day := Day(row.Day)
		if start := by.start(day); day == start {
			before, p = p, Lifecycle{Start: start}
		}
		for _, user := range users {
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
		p.New += row.NewUsers
		if end := p.Start + by.days() - 1; day == end && p.Start > w.From {
			p.Resurrected = p.Active - p.New - p.Returning
			p.Dormant = before.Active - p.Returning
			p.Partial = end >= r.Today()
			list = append(list, p)
		}
	})
	return list, err
}
