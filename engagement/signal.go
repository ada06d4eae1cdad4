package engagement

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// SignalMetrics are a signal's totals since the beginning; cleanup does not
// change them.
type SignalMetrics struct {
	SignalID    string    `json:"signal_id"`
	TotalFires  int64     `json:"total_fires"`
	ActiveUsers int64     `json:"active_users"` // users who fired it: as many as fires
	CreatedAt   time.Time `json:"created_at"`   // the time of its earliest fire, UTC
}

// SignalMetrics returns a signal's totals, or ErrNotFound for a signal that
// nobody has fired.
func (r *Reader) SignalMetrics(ctx context.Context, signalID string) (SignalMetrics, error) {
	return latest(ctx, r, "read a signal's totals", func(v *view) (SignalMetrics, error) {
		if err := checkID("signal id", signalID); err != nil {
			return SignalMetrics{}, err
		}
		row, err := v.q.GetSignalMetrics(ctx, signalID)
		if errors.Is(err, sql.ErrNoRows) {
			return SignalMetrics{}, notFound("signal", signalID)
		}
		return SignalMetrics{
			SignalID: row.SignalID, TotalFires: row.TotalFires,
			ActiveUsers: row.ActiveUsers, CreatedAt: row.CreatedAt,
		}, err
	})
}

// PopularSignal is one row of the most fired signals.
type PopularSignal struct {
	SignalID      string  `json:"signal_id"`
	Fires         int64   `json:"fires"`
	Executed      int64   `json:"executed"`
	ExecutionRate float64 `json:"execution_rate"` // Executed / Fires
}

// PopularSignals returns the signals most fired in a window: most fired first,
// ties by signal id; none if nothing was fired. limit is 1 to MaxLimit, or 0 for
// DefaultLimit. Cleanup does not change them.
func (r *Reader) PopularSignals(ctx context.Context, w Window, limit int) ([]PopularSignal, error) {
	return latest(ctx, r, "popular signals", func(v *view) ([]PopularSignal, error) {
		return v.popularSignals(ctx, w, limit)
	})
}

func (v *view) popularSignals(ctx context.Context, w Window, limit int) ([]PopularSignal, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	maxRows, err := checkLimit(limit)
	if err != nil {
		return nil, err
	}
	signals := []PopularSignal{}
	add := func(signalID string, fires, executed int64) {
		signals = append(signals, PopularSignal{
			SignalID: signalID, Fires: fires, Executed: executed, ExecutionRate: stats.RatioOrZero(executed, fires),
		})
	}
	if w.IsAllTime() {
		rows, err := v.q.PopularSignalsEver(ctx, maxRows)
		for _, row := range rows {
			add(row.SignalID, row.Fires, row.Executed)
		}
		return signals, err
	}
	first, last := w.days().bounds()
	rows, err := v.q.PopularSignals(ctx, dbgen.PopularSignalsParams{FirstDay: first, LastDay: last, MaxRows: maxRows})
	for _, row := range rows {
		add(row.SignalID, row.Fires, row.Executed)
	}
	return signals, err
}

// SignalInsight says how a signal was taken up.
type SignalInsight struct {
	SignalID      string   `json:"signal_id"`
	Fires         int64    `json:"fires"`    // since the beginning
	Executed      int64    `json:"executed"` // since the beginning
	ExecutionRate *float64 `json:"execution_rate"`

	// The rest is of the fires of days from the horizon on, which are still kept
	// one by one: null without any.
	Horizon   Day        `json:"horizon"`
	KeptFires int64      `json:"kept_fires"`
	FirstFire *time.Time `json:"first_fire"` // UTC
	LastFire  *time.Time `json:"last_fire"`  // UTC

	// How many seconds after the first fire the others came: half of them within
	// MedianDelay, nine tenths within P90Delay, both by nearest rank. The first
	// fire itself, with its delay of 0, is left out. Null for a signal without
	// followers, and for one that has fires before the horizon, since nobody
	// can tell any more when the first of them was.
	MedianDelay *float64 `json:"median_delay_seconds"`
	P90Delay    *float64 `json:"p90_delay_seconds"`
}

// SignalInsight returns how a signal was taken up, or ErrNotFound for a signal
// that nobody has fired.
func (r *Reader) SignalInsight(ctx context.Context, signalID string) (SignalInsight, error) {
	return snapshot(ctx, r, "signal insight", func(v *view) (SignalInsight, error) {
		return v.signalInsight(ctx, signalID)
	})
}

func (v *view) signalInsight(ctx context.Context, signalID string) (SignalInsight, error) {
	if err := checkID("signal id", signalID); err != nil {
		return SignalInsight{}, err
	}
	horizon, err := v.horizon(ctx)
	if err != nil {
		return SignalInsight{}, err
	}
	totals, err := v.q.SignalTotals(ctx, dbgen.SignalTotalsParams{SignalID: signalID, Horizon: int64(horizon)})
	if err != nil {
		return SignalInsight{}, err
	}
	if totals.Fires == 0 {
		return SignalInsight{}, notFound("signal", signalID)
	}
	kept, err := v.q.CountSignalFires(ctx, dbgen.CountSignalFiresParams{SignalID: signalID, FirstDay: int64(horizon)})
	if err != nil {
		return SignalInsight{}, err
	}
	insight := SignalInsight{
		SignalID: signalID, Fires: totals.Fires, Executed: totals.Executed,
		ExecutionRate: stats.Ratio(totals.Executed, totals.Fires),
		Horizon:       horizon, KeptFires: kept.Fires,
	}
	if kept.Fires == 0 {
		return insight, nil
	}
	at := func(skip int64) (time.Time, error) {
		fires, err := v.q.NthSignalFire(ctx, dbgen.NthSignalFireParams{SignalID: signalID, FirstDay: int64(horizon), Skip: skip})
		if err != nil || len(fires) == 0 {
			return time.Time{}, err
		}
		return fires[0].Timestamp, nil
	}
	first, err := at(0)
	if err != nil {
		return SignalInsight{}, err
	}
	followers := kept.Fires - 1
	last, err := at(followers)
	if err != nil {
		return SignalInsight{}, err
	}
	insight.FirstFire, insight.LastFire = &first, &last
	if followers == 0 || totals.FiresBefore > 0 {
		return insight, nil
	}
	// The follower of rank n has n fires before it.
	delay := func(percent int64) (*float64, error) {
		fired, err := at(stats.NearestRank(followers, percent))
		seconds := fromMicros(fired.Sub(first).Microseconds())
		return &seconds, err
	}
	if insight.MedianDelay, err = delay(50); err != nil {
		return SignalInsight{}, err
	}
	insight.P90Delay, err = delay(90)
	return insight, err
}
