package engagement

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// RealTimeStats are today's figures, from local midnight on.
type RealTimeStats struct {
	TotalFiresToday    int64       `json:"total_fires_today"`
	ExecutedFiresToday int64       `json:"executed_fires_today"`
	ActiveUsersToday   int64       `json:"active_users_today"`
	MostFiredSignal    SignalCount `json:"most_fired_signal"`  // the first by id among equals
	AvgFiresPerUser    float64     `json:"avg_fires_per_user"` // today's fires / today's active users, 0 while there are none
	ExecutionRate      float64     `json:"execution_rate"`     // executed / fires, 0 while there are none
	Day                Day         `json:"day"`
	AsOf               time.Time   `json:"timestamp"` // UTC
}

// RealTimeStats returns today's figures; all zero on a day without fires.
func (r *Reader) RealTimeStats(ctx context.Context) (stats RealTimeStats, err error) {
	err = r.snapshot(ctx, "live stats", func(r *Reader) (int, error) {
		stats, err = r.realTimeStats(ctx)
		return 1, err
	})
	return stats, err
}

func (r *Reader) realTimeStats(ctx context.Context) (RealTimeStats, error) {
	today := r.Today()
	day, err := r.q.GetDay(ctx, int64(today))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return RealTimeStats{}, err
	}
	top, err := r.q.TopSignalOfDay(ctx, int64(today))
	if err != nil {
		return RealTimeStats{}, err
	}
	stats := RealTimeStats{
		TotalFiresToday:    day.Fires,
		ExecutedFiresToday: day.Executed,
		ActiveUsersToday:   day.ActiveUsers,
		AvgFiresPerUser:    ratio(day.Fires, day.ActiveUsers),
		ExecutionRate:      ratio(day.Executed, day.Fires),
		Day:                today,
		AsOf:               r.now,
	}
	if len(top) > 0 {
		stats.MostFiredSignal = SignalCount{&top[0].SignalID, top[0].Fires}
	}
	return stats, nil
}

// DayMetrics are the figures of one day.
type DayMetrics struct {
	Day           Day     `json:"day"`
	Fires         int64   `json:"fires"`
	Executed      int64   `json:"executed"`
	ActiveUsers   int64   `json:"active_users"`
	NewUsers      int64   `json:"new_users"`      // who had never fired before
	ExecutionRate float64 `json:"execution_rate"` // Executed / Fires, 0 while there are none
	Partial       bool    `json:"partial"`        // the day is not over
}

// DailyMetrics returns the figures of every day from one to another, both
// included, oldest first; days without fires are there, with zeros. At most
// MaxLimit days. Cleanup does not change them.
func (r *Reader) DailyMetrics(ctx context.Context, from, to Day) (days []DayMetrics, err error) {
	err = r.single(ctx, "daily metrics", func(r *Reader) (int, error) {
		if err := checkDayRange(from, to); err != nil {
			return 0, err
		}
		rows, err := r.q.DaysBetween(ctx, dbgen.DaysBetweenParams{FirstDay: int64(from), LastDay: int64(to)})
		if err != nil {
			return 0, err
		}
		days = make([]DayMetrics, to-from+1)
		for i := range days {
			days[i].Day = from + Day(i)
			days[i].Partial = days[i].Day >= r.Today()
		}
		for _, row := range rows {
			d := &days[Day(row.Day)-from]
			d.Fires, d.Executed = row.Fires, row.Executed
			d.ActiveUsers, d.NewUsers = row.ActiveUsers, row.NewUsers
			d.ExecutionRate = ratio(row.Executed, row.Fires)
		}
		return len(days), nil
	})
	return days, err
}
