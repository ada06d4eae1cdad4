package engagement

import (
	"context"
	"fmt"
)

// Rebuild recomputes every counter from the facts, in one transaction, and
// returns a Report of the state after it with what it put right. Facts that
// another program inserted are counted first. The days before the horizon have
// no facts left: their counts are kept as they are. If the figures do not hold
// even then, nothing is changed and the error is ErrCorrupt.
func (db *DB) Rebuild(ctx context.Context) (report Report, err error) {
	if err := db.countPending(ctx); err != nil {
		return report, err
	}
	err = db.write(ctx, "rebuild", func(tx *Tx) (int, error) {
		before, err := tx.verifyFigures(ctx)
		if err != nil {
			return 0, err
		}
		if err := tx.rebuild(ctx, before.Horizon); err != nil {
			return 0, err
		}
		if report, err = tx.verifyFigures(ctx); err != nil {
			return 0, err
		}
		if !report.OK() {
			return 0, fmt.Errorf("%w: after rebuilding, %s", ErrCorrupt, report.Findings[0])
		}
		report.Repaired = before.Findings
		return int(report.Users + report.Signals + report.Days), nil
	})
	return report, err
}

func (tx *Tx) rebuild(ctx context.Context, horizon Day) error {
	fromHorizon := func(step func(context.Context, int64) error) func(context.Context) error {
		return func(ctx context.Context) error { return step(ctx, int64(horizon)) }
	}
	for _, step := range []func(context.Context) error{
		fromHorizon(tx.q.ClearUserDayFires), tx.q.ClearUserDayTrades,
		fromHorizon(tx.q.RebuildUserDayFires), tx.q.RebuildUserDayTrades,
		fromHorizon(tx.q.ClearSignalDays), fromHorizon(tx.q.RebuildSignalDays),
		tx.q.ClearDays, tx.q.RebuildDays,
		tx.q.ClearUserTotals,
		func(ctx context.Context) error { return tx.q.RebuildUserTotals(ctx, tx.now) },
		tx.q.RebuildStreaks,
		tx.q.ClearSignalTotals,
		func(ctx context.Context) error { return tx.q.RebuildSignalTotals(ctx, tx.now) },
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
