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
// without fires are included, with zeros. All time and the limit of the window are
// those of [Reader.Activity]. Cleanup does not change them.
func (r *Reader) DailyFigures(ctx context.Context, w Window) ([]DayFigures, error) {
	// For all time the first day is read by a query of its own. It may see an older
	// state, which does no harm.
	return latest(ctx, r, "daily figures", func(v *view) ([]DayFigures, error) { return v.dailyFigures(ctx, w) })
}

func (v *view) dailyFigures(ctx context.Context, w Window) ([]DayFigures, error) {
	bounds, err := v.bounded(ctx, w, Daily, MaxLimit)
	if err != nil || bounds.empty() {
		return []DayFigures{}, err
	}
	rows, err := v.q.DaysBetween(ctx, dbgen.DaysBetweenParams{FirstDay: int64(max(bounds.first, firstDay)), LastDay: int64(bounds.last)})
	if err != nil {
		return nil, err
	}
	days := make([]DayFigures, bounds.last-bounds.first+1)
	for i := range days {
		days[i].Day = bounds.first + Day(i)
		days[i].Partial = days[i].Day >= v.today()
	}
	for _, row := range rows {
		d := &days[Day(row.Day)-bounds.first]
		d.Fires, d.Executed = row.Fires, row.Executed
		d.ActiveUsers, d.NewUsers = row.ActiveUsers, row.NewUsers
		d.ExecutionRate = stats.RatioOrZero(row.Executed, row.Fires)
	}
	return days, nil
}
