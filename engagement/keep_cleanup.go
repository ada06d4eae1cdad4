package engagement

import (
	"context"
	"fmt"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// CleanupReport says what a cleanup did, or would do.
type CleanupReport struct {
	Horizon      Day   `json:"horizon"` // the first day whose fires are kept
	FiresDeleted int64 `json:"fires_deleted"`
}

// cleanupChunk is how many fires are deleted in one transaction. A chunk takes
// turns with a batch of other callers' writes, so it must not take longer than
// one.
const cleanupChunk = 1_000

// Cleanup deletes the fires of the days before the last keepDays days, keeping
// those and today. It touches no counter: totals, days, leaderboards and
// streaks stay, and trades are never deleted. keepDays is at least 1.
//
// The horizon moves first and the fires go in chunks of their own
// transactions, so a cleanup that is interrupted has done no harm and the next
// one goes on.
func (db *DB) Cleanup(ctx context.Context, keepDays int) (report CleanupReport, err error) {
	if err := checkKeepDays(keepDays); err != nil {
		return report, fmt.Errorf("clean up: %w", err)
	}
	// An uncounted fire must not be deleted before it is counted.
	if err := db.countPending(ctx); err != nil {
		return report, err
	}
	err = db.writeKeyed(ctx, "move the horizon", func(tx *Tx) (int, error) {
		// It never moves backwards: deleted fires do not come back.
		day, err := tx.raise(ctx, settingHorizon, max(int64(tx.Today())-int64(keepDays), int64(unknownDay)+1))
		report.Horizon = Day(day)
		return 1, err
	})
	if err != nil {
		return report, err
	}
	left, err := db.countBefore(ctx, report.Horizon)
	if err != nil {
		return report, err
	}
	p := progressOf(ctx, left)
	for {
		var deleted int64
		err := db.write(ctx, "delete old fires", func(tx *Tx) (int, error) {
			deleted, err = tx.q.DeleteFiresBefore(ctx, dbgen.DeleteFiresBeforeParams{
				StartOfDay: report.Horizon.Start(tx.core.loc), Day: int64(report.Horizon), MaxRows: cleanupChunk,
			})
			return int(deleted), err
		})
		if err != nil {
			return report, err
		}
		if deleted == 0 {
			// Another process may have deleted just these and still be at it.
			if left, err = db.countBefore(ctx, report.Horizon); err != nil {
				return report, err
			}
		}
		if deleted == 0 && left == 0 {
			db.core.log.Info("cleaned up", "horizon", report.Horizon, "fires", report.FiresDeleted)
			return report, nil
		}
		report.FiresDeleted += deleted
		p.add(int(deleted))
	}
}

// PlanCleanup returns what [DB.Cleanup] would do, without doing it.
func (r *Reader) PlanCleanup(ctx context.Context, keepDays int) (report CleanupReport, err error) {
	err = r.snapshot(ctx, "plan a cleanup", func(r *Reader) (int, error) {
		if err := checkKeepDays(keepDays); err != nil {
			return 0, err
		}
		current, err := r.horizon(ctx)
		if err != nil {
			return 0, err
		}
		report.Horizon = max(current, r.Today()-Day(keepDays))
		report.FiresDeleted, err = r.firesBefore(ctx, report.Horizon)
		return 1, err
	})
	return report, err
}

func (r *Reader) countBefore(ctx context.Context, day Day) (n int64, err error) {
	err = r.single(ctx, "count old fires", func(r *Reader) (int, error) {
		n, err = r.firesBefore(ctx, day)
		return 1, err
	})
	return n, err
}

func (r *Reader) firesBefore(ctx context.Context, day Day) (int64, error) {
	return r.q.CountFiresBefore(ctx, dbgen.CountFiresBeforeParams{StartOfDay: day.Start(r.core.loc), Day: int64(day)})
}

// retain cleans up now and then every day, until ctx ends.
func (db *DB) retain(ctx context.Context, keepDays int) {
	ticker := time.NewTicker(24 * time.Hour)
	defer ticker.Stop()
	for {
		_, _ = db.Cleanup(ctx, keepDays) // its parts log their errors
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
