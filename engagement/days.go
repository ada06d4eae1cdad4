package engagement

import (
	"context"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// DayFigures are the figures of one day.
type DayFigures struct {
	Day           Day     `json:"day"`
	Fires         int64   `json:"fires"`
	Executed      int64   `json:"executed"`
	ActiveUsers   int64   `json:"active_users"`
	NewUsers      int64   `json:"new_users"`      // who had never fired before
	ExecutionRate float64 `json:"execution_rate"` // Executed / Fires, 0 while there are none
	Partial       bool    `json:"partial"`        // the day is not over
}

// DailyFigures returns the figures of every day of a window, oldest first; days
// without fires are there, with zeros. All time is that of [Reader.Activity]. At
// most MaxLimit days. Cleanup does not change them.
func (r *Reader) DailyFigures(ctx context.Context, w Window) ([]DayFigures, error) {
	// Of all time the first day is read before: a query more, which an older
	// state does not harm.
	return latest(ctx, r, "daily figures", func(v *view) ([]DayFigures, error) { return v.dailyFigures(ctx, w) })
}

func (v *view) dailyFigures(ctx context.Context, w Window) ([]DayFigures, error) {
	span, err := v.bounded(ctx, w, Daily, MaxLimit)
	if err != nil || span.empty() {
		return []DayFigures{}, err
	}
	rows, err := v.q.DaysBetween(ctx, dbgen.DaysBetweenParams{FirstDay: int64(max(span.first, firstDay)), LastDay: int64(span.last)})
	if err != nil {
		return nil, err
	}
	days := make([]DayFigures, span.last-span.first+1)
	for i := range days {
		days[i].Day = span.first + Day(i)
		days[i].Partial = days[i].Day >= v.today()
	}
	for _, row := range rows {
		d := &days[Day(row.Day)-span.first]
		d.Fires, d.Executed = row.Fires, row.Executed
		d.ActiveUsers, d.NewUsers = row.ActiveUsers, row.NewUsers
		d.ExecutionRate = stats.RatioOrZero(row.Executed, row.Fires)
	}
	return days, nil
}
