package engagement

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
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
func (r *Reader) SignalMetrics(ctx context.Context, signalID string) (metrics SignalMetrics, err error) {
	err = r.single(ctx, "read a signal's totals", func(r *Reader) (int, error) {
		if err := checkID("signal id", signalID); err != nil {
			return 0, err
		}
		row, err := r.q.GetSignalMetrics(ctx, signalID)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, notFound("signal", signalID)
		}
		metrics = SignalMetrics{
			SignalID: row.SignalID, TotalFires: row.TotalFires,
			ActiveUsers: row.ActiveUsers, CreatedAt: row.CreatedAt,
		}
		return 1, err
	})
	return metrics, err
}

// PopularSignal is one row of the most fired signals.
type PopularSignal struct {
	SignalID      string  `json:"signal_id"`
	Fires         int64   `json:"fires"`
	Executed      int64   `json:"executed"`
	ExecutionRate float64 `json:"execution_rate"` // Executed / Fires
}

// PopularSignals returns the signals most fired from one day to another, both
// included: most fired first, ties by signal id; none if nothing was fired.
// limit is 1 to MaxLimit, or 0 for DefaultLimit. At most MaxLimit days.
func (r *Reader) PopularSignals(ctx context.Context, from, to Day, limit int) (signals []PopularSignal, err error) {
	err = r.single(ctx, "popular signals", func(r *Reader) (int, error) {
		if err := checkDayRange(from, to); err != nil {
			return 0, err
		}
		maxRows, err := checkLimit(limit)
		if err != nil {
			return 0, err
		}
		rows, err := r.q.PopularSignals(ctx, dbgen.PopularSignalsParams{FirstDay: int64(from), LastDay: int64(to), MaxRows: maxRows})
		if err != nil {
			return 0, err
		}
		signals = make([]PopularSignal, len(rows))
		for i, row := range rows {
			signals[i] = PopularSignal{
				SignalID: row.SignalID, Fires: row.Fires, Executed: row.Executed,
				ExecutionRate: ratio(row.Executed, row.Fires),
			}
		}
		return len(signals), nil
	})
	return signals, err
}
