package engagement

import (
	"context"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Hours says at which hours of the week a community fires.
type Hours struct {
	// Horizon is the first day whose fires are still kept one by one. Days before it
	// are left out.
	Horizon Day   `json:"horizon"`
	Total   int64 `json:"total"`
	// Fires are counted by weekday, first Monday, and by the hour that a clock
	// in the database's time zone showed, 0 to 23.
	Fires [7][24]int64 `json:"fires"`
}

// Hours returns at which hours of the week the fires of a window happened, as
// far as they are still kept.
func (r *Reader) Hours(ctx context.Context, w Window) (Hours, error) {
	return snapshot(ctx, r, "hours", func(v *view) (Hours, error) {
		return v.hours(ctx, w)
	})
}

// spanBatch is how many spans of time one statement counts.
const spanBatch = 1_000

func (v *view) hours(ctx context.Context, w Window) (Hours, error) {
	if err := w.check(); err != nil {
		return Hours{}, err
	}
	horizon, err := v.horizon(ctx)
	if err != nil {
		return Hours{}, err
	}
	hours := Hours{Horizon: horizon}
	kept := w.days()
	days, err := v.q.DaysBetween(ctx, dbgen.DaysBetweenParams{FirstDay: int64(max(kept.first, horizon)), LastDay: int64(kept.last)})
	if err != nil {
		return Hours{}, err
	}
	// On the others trades closed and nobody fired.
	days = slices.DeleteFunc(days, func(d dbgen.Day) bool { return d.Fires == 0 })
	// The database knows no time zones, so it is given the times between which each
	// hour lies.
	var spans jsonRows
	waiting := 0
	for i, day := range days {
		for _, hour := range hoursOf(Day(day.Day), v.loc) {
			spans.begin().int(hour.cell()).time(hour.from).time(hour.until)
			waiting++
		}
		if waiting < spanBatch && i+1 < len(days) {
			continue
		}
		counted, err := v.q.FiresInSpans(ctx, spans.String())
		if err != nil {
			return Hours{}, err
		}
		for _, row := range counted {
			hours.Fires[row.Cell/24][row.Cell%24] += row.Fires
			hours.Total += row.Fires
		}
		spans, waiting = jsonRows{}, 0
	}
	return hours, nil
}

// hourSpan is the time during which clocks in the database's zone, in which from is,
// showed one hour of one day.
type hourSpan struct{ from, until time.Time }

// cell numbers the hours of a week from Monday's first.
func (s hourSpan) cell() int64 {
	return int64(s.from.Weekday()+6)%7*24 + int64(s.from.Hour())
}

// hoursOf returns the hours of a day in order: 24 of them, unless clocks change. Time
// between them that is of another day is left out: there is such where clocks are put
// back across midnight.
func hoursOf(day Day, loc *time.Location) (spans []hourSpan) {
	end := day.end(loc)
	for from := day.Start(loc); from.Before(end); {
		past := time.Duration(from.Minute())*time.Minute + time.Duration(from.Second())*time.Second
		until := from.Add(time.Hour - past)
		if change := clocksChange(from); !change.IsZero() && change.Before(until) {
			until = change
		}
		if DayOf(from, loc) == day {
			spans = append(spans, hourSpan{from, until})
		}
		from = until
	}
	return spans
}
