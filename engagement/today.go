package engagement

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
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
	Timestamp          time.Time   `json:"timestamp"` // UTC
}

// RealTimeStats returns today's figures; all zero on a day without fires.
func (r *Reader) RealTimeStats(ctx context.Context) (RealTimeStats, error) {
	return snapshot(ctx, r, "live stats", func(v *view) (RealTimeStats, error) {
		return v.realTimeStats(ctx)
	})
}

func (v *view) realTimeStats(ctx context.Context) (RealTimeStats, error) {
	today := v.today()
	day, err := v.q.GetDay(ctx, int64(today))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return RealTimeStats{}, err
	}
	top, err := v.q.TopSignalOfDay(ctx, int64(today))
	if err != nil {
		return RealTimeStats{}, err
	}
	answer := RealTimeStats{
		TotalFiresToday:    day.Fires,
		ExecutedFiresToday: day.Executed,
		ActiveUsersToday:   day.ActiveUsers,
		AvgFiresPerUser:    stats.RatioOrZero(day.Fires, day.ActiveUsers),
		ExecutionRate:      stats.RatioOrZero(day.Executed, day.Fires),
		Day:                today,
		Timestamp:          v.now,
	}
	if len(top) > 0 {
		answer.MostFiredSignal = SignalCount{&top[0].SignalID, top[0].Fires}
	}
	return answer, nil
}
