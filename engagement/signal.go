package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
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
		return signalMetrics(row), err
	})
}

func signalMetrics(row dbgen.SignalMetric) SignalMetrics {
	return SignalMetrics{
		SignalID: row.SignalID, TotalFires: row.TotalFires, ActiveUsers: row.ActiveUsers, CreatedAt: row.CreatedAt,
	}
}

// Signals lists the totals of all signals by signal id; an empty page if nothing was
// ever fired. See [Reader.PopularSignals] for the most fired ones.
func (r *Reader) Signals(ctx context.Context, q PageQuery) (Page[SignalMetrics], error) {
	return latest(ctx, r, "list signals", func(v *view) (Page[SignalMetrics], error) {
		return v.signals(ctx, q)
	})
}

func (v *view) signals(ctx context.Context, q PageQuery) (Page[SignalMetrics], error) {
	p, err := q.of("signals", position{}, ascending)
	if err != nil {
		return Page[SignalMetrics]{}, err
	}
	params := dbgen.SignalsAfterParams{AfterSignal: p.after.text, MaxRows: p.rows()}
	if p.first { // other programs may have stored a signal with an empty id
		params.Inclusive = 1
	}
	rows, err := v.q.SignalsAfter(ctx, params)
	if err != nil {
		return Page[SignalMetrics]{}, err
	}
	rows, next, err := cut(p, rows, func(row dbgen.SignalMetric) position { return position{text: row.SignalID} })
	if err != nil {
		return Page[SignalMetrics]{}, err
	}
	page := Page[SignalMetrics]{make([]SignalMetrics, len(rows)), next}
	for i, row := range rows {
		page.Items[i] = signalMetrics(row)
	}
	return page, nil
}

// PopularSignal is one row of the most fired signals.
type PopularSignal struct {
	SignalID      string  `json:"signal_id"`
	Fires         int64   `json:"fires"`
	Executed      int64   `json:"executed"`
	ExecutionRate float64 `json:"execution_rate"` // Executed / Fires
}

// PopularSignals lists the signals fired in a window: most fired first, ties by
// signal id; an empty page if nothing was fired. Cleanup does not change them. Every
// page reads all signals of the window; of all time it compares the totals of all
// signals, because an index of totals would be written with every fire.
func (r *Reader) PopularSignals(ctx context.Context, w Window, q PageQuery) (Page[PopularSignal], error) {
	return latest(ctx, r, "popular signals", func(v *view) (Page[PopularSignal], error) {
		return v.popularSignals(ctx, w, q)
	})
}

func (v *view) popularSignals(ctx context.Context, w Window, q PageQuery) (Page[PopularSignal], error) {
	if err := w.check(); err != nil {
		return Page[PopularSignal]{}, err
	}
	p, err := q.of(fmt.Sprintf("popular signals in %v", w), position{numbers: []int64{math.MaxInt64}}, highFirst)
	if err != nil {
		return Page[PopularSignal]{}, err
	}
	rows, err := v.firedSignals(ctx, w, p)
	if err != nil {
		return Page[PopularSignal]{}, err
	}
	rows, next, err := cut(p, rows, func(row dbgen.PopularSignalsRow) position {
		return position{[]int64{row.Fires}, row.SignalID}
	})
	if err != nil {
		return Page[PopularSignal]{}, err
	}
	page := Page[PopularSignal]{make([]PopularSignal, len(rows)), next}
	for i, row := range rows {
		page.Items[i] = PopularSignal{
			SignalID: row.SignalID, Fires: row.Fires, Executed: row.Executed, ExecutionRate: stats.RatioOrZero(row.Executed, row.Fires),
		}
	}
	return page, nil
}

func (v *view) firedSignals(ctx context.Context, w Window, p paging) ([]dbgen.PopularSignalsRow, error) {
	fires, signal := p.after.numbers[0], p.after.text
	if !w.IsAllTime() {
		first, last := w.days().bounds()
		return v.q.PopularSignals(ctx, dbgen.PopularSignalsParams{
			FirstDay: first, LastDay: last, AfterFires: fires, AfterSignal: signal, MaxRows: p.rows(),
		})
	}
	ever, err := v.q.PopularSignalsEver(ctx, dbgen.PopularSignalsEverParams{AfterFires: fires, AfterSignal: signal, MaxRows: p.rows()})
	rows := make([]dbgen.PopularSignalsRow, len(ever))
	for i, row := range ever {
		rows[i] = dbgen.PopularSignalsRow(row)
	}
	return rows, err
}

// SignalInsight says how a signal was taken up.
type SignalInsight struct {
	SignalID      string   `json:"signal_id"`
	Fires         int64    `json:"fires"`    // since the beginning
	Executed      int64    `json:"executed"` // since the beginning
	ExecutionRate *float64 `json:"execution_rate"`

	// The other figures are about fires on days from the horizon on, which are still
	// kept one by one; null if there are none.
	Horizon   Day        `json:"horizon"`
	KeptFires int64      `json:"kept_fires"`
	FirstFire *time.Time `json:"first_fire"` // UTC
	LastFire  *time.Time `json:"last_fire"`  // UTC

	// How many seconds after the first fire the others came: half of them within
	// MedianDelay, nine tenths within P90Delay, both by nearest rank. Null for a
	// signal with only one fire, and for one that has fires before the horizon, since
	// nobody can tell any more when the first of them was.
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
	// The fire with the n-th delay has n fires before it.
	delay := func(percent int64) (*float64, error) {
		fired, err := at(stats.NearestRank(followers, percent))
		seconds := float64(fired.Sub(first).Microseconds()) / 1e6
		return &seconds, err
	}
	if insight.MedianDelay, err = delay(50); err != nil {
		return SignalInsight{}, err
	}
	insight.P90Delay, err = delay(90)
	return insight, err
}
