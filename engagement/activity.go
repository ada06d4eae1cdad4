package engagement

import (
	"context"
	"iter"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// The days that trailing figures look at, the day itself included.
const (
	trailingWeek  = 7
	trailingMonth = 30
)

// Activity is how many different users were active, that is fired at least
// once, up to a day.
type Activity struct {
	Day Day   `json:"day"`
	DAU int64 `json:"dau"` // active on the day
	WAU int64 `json:"wau"` // active on it or one of the 6 days before
	MAU int64 `json:"mau"` // active on it or one of the 29 days before
	// Stickiness is the mean DAU of those 30 days / MAU: the share of the days
	// on which an active user comes. It is nil while MAU is 0.
	Stickiness *float64 `json:"stickiness"`
	Partial    bool     `json:"partial"` // the day is not over
}

// Activity returns how many users were active up to each day of a window, oldest
// first; days without fires are included. All time runs from the first fire to today,
// cut to its last MaxLimit days; none before the first fire. A longer window is
// ErrInvalid. It reads the users of each day, from 29 days before the window on.
// Cleanup does not change it.
func (r *Reader) Activity(ctx context.Context, w Window) ([]Activity, error) {
	return snapshot(ctx, r, "activity", func(v *view) ([]Activity, error) {
		return v.activity(ctx, w)
	})
}

func (v *view) activity(ctx context.Context, w Window) ([]Activity, error) {
	list := []Activity{}
	days, err := v.bounded(ctx, w, Daily, MaxLimit)
	if err != nil || days.empty() {
		return list, err
	}
	if days.first == days.last { // counted by the database, in less time than its users are read
		a, err := v.activityOn(ctx, days.first)
		return append(list, a), err
	}
	first := days.first - trailingMonth + 1
	fired := make([]int64, days.last-first+1)      // of each day: users active then
	lastActive := make([]int64, days.last-first+1) // and of these, those not active since
	lastDay := map[int64]Day{}
	for d, err := range v.eachDay(ctx, daySpan{first, days.last}) {
		if err != nil {
			return nil, err
		}
		day := Day(d.row.Day)
		for _, user := range d.users {
			if before, known := lastDay[user]; known {
				lastActive[before-first]--
			}
			lastDay[user] = day
		}
		fired[day-first], lastActive[day-first] = int64(len(d.users)), int64(len(d.users))
		if day < days.first {
			continue
		}
		upTo := day - first + 1
		a := Activity{
			Day:     day,
			DAU:     int64(len(d.users)),
			WAU:     sum(lastActive[upTo-trailingWeek : upTo]),
			MAU:     sum(lastActive[upTo-trailingMonth : upTo]),
			Partial: day >= v.today(),
		}
		a.stick(sum(fired[upTo-trailingMonth : upTo]))
		list = append(list, a)
	}
	return list, nil
}

// stick sets the stickiness. month is the sum of the DAU of the 30 days.
func (a *Activity) stick(month int64) {
	a.Stickiness = stats.Ratio(float64(month)/trailingMonth, float64(a.MAU))
}

// activityOn is the activity up to one day.
func (v *view) activityOn(ctx context.Context, day Day) (Activity, error) {
	a := Activity{Day: day, Partial: day >= v.today()}
	first := int64(max(day-trailingMonth+1, firstDay))
	days, err := v.q.DaysBetween(ctx, dbgen.DaysBetweenParams{FirstDay: first, LastDay: int64(day)})
	if err != nil {
		return a, err
	}
	users, err := v.q.UsersActiveSince(ctx, dbgen.UsersActiveSinceParams{
		Since: int64(day) - trailingWeek + 1, FirstDay: first, LastDay: int64(day),
	})
	if err != nil {
		return a, err
	}
	a.WAU, a.MAU = users.Since, users.Users
	var month int64
	for _, row := range days {
		month += row.ActiveUsers
		if row.Day == int64(day) {
			a.DAU = row.ActiveUsers
		}
	}
	a.stick(month)
	return a, nil
}

func sum(values []int64) (total int64) {
	for _, v := range values {
		total += v
	}
	return total
}

// bounded checks a window and returns its days. All time runs from the first day with
// a fire to today, cut to its last most periods; it has no days while there is no
// fire.
func (v *view) bounded(ctx context.Context, w Window, by Period, most Day) (daySpan, error) {
	if !w.IsAllTime() {
		return w.span, w.check()
	}
	first, err := v.q.FirstActiveDay(ctx)
	if err != nil || first < 0 {
		return noDays, err
	}
	days := daySpan{Day(first), max(Day(first), v.today())}
	days.first = max(days.first, by.start(days.last)-(most-1)*by.days())
	return days, checkDayRange(days.first, days.last)
}

// activeDay is a day's counts and who was active on it, in no order.
type activeDay struct {
	row   dbgen.Day
	users []int64
}

// eachDay yields each of some days in order; a day without fires has zeros.
func (v *view) eachDay(ctx context.Context, days daySpan) iter.Seq2[activeDay, error] {
	return func(yield func(activeDay, error) bool) {
		// Fires whose day is not known make nobody active.
		known := dbgen.DaysBetweenParams{FirstDay: int64(max(days.first, firstDay)), LastDay: int64(days.last)}
		rows, err := v.q.DaysBetween(ctx, known)
		for day := days.first; day <= days.last && err == nil; day++ {
			d := activeDay{row: dbgen.Day{Day: int64(day)}}
			if len(rows) > 0 && rows[0].Day == int64(day) {
				d.row, rows = rows[0], rows[1:]
			}
			if d.row.ActiveUsers > 0 {
				d.users, err = v.q.ActiveUsers(ctx, int64(day))
			}
			if err == nil && !yield(d, nil) {
				return
			}
		}
		if err != nil {
			yield(activeDay{}, err)
		}
	}
}
