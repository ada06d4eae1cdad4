package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
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

// cleanupPatience is how many times in a row no fire may have been deleted although
// there are some to delete.
const cleanupPatience = 100

// Cleanup deletes the fires of the days before the last keepDays days, keeping
// those and today. It touches no counter: totals, days, leaderboards and
// streaks stay, and trades are never deleted. keepDays is at least 1.
//
// The horizon goes no further than to the day after the latest fire that is kept:
// later days have no fires to delete, so new fires of them are not refused even if
// the clock was wrong.
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
	report.Horizon, err = write(ctx, db, "move the horizon", alone, func(w *writing) (Day, error) {
		return w.moveHorizon(ctx, keepDays)
	})
	if err != nil {
		return report, err
	}
	left, err := db.countBefore(ctx, report.Horizon)
	if err != nil {
		return report, err
	}
	p := progressOf(ctx, left)
	for idle := 0; ; {
		deleted, err := write(ctx, db, "delete old fires", once, func(w *writing) (int64, error) {
			return w.q.DeleteFiresBefore(ctx, dbgen.DeleteFiresBeforeParams{
				StartOfDay: (report.Horizon - 1).end(w.loc), Day: int64(report.Horizon), MaxRows: cleanupChunk,
			})
		})
		if err != nil {
			return report, err
		}
		if deleted == 0 {
			// Another process may be deleting the same fires.
			before := left
			if left, err = db.countBefore(ctx, report.Horizon); err != nil {
				return report, err
			}
			if idle++; left < before {
				idle = 0
			}
			if idle > cleanupPatience && left > 0 {
				return report, fmt.Errorf("clean up: %w: %d fires before %s are counted, and none is there to be deleted", ErrCorrupt, left, report.Horizon)
			}
		}
		if deleted == 0 && left == 0 {
			db.core.log.Info("cleaned up", "horizon", report.Horizon, "fires", report.FiresDeleted)
			return report, nil
		}
		if deleted > 0 {
			idle = 0
		}
		report.FiresDeleted += deleted
		p.add(int(deleted))
	}
}

// moveHorizon moves the horizon as a cleanup does, and returns where it is then.
func (w *writing) moveHorizon(ctx context.Context, keepDays int) (Day, error) {
	current, next, err := w.nextHorizon(ctx, keepDays)
	if err != nil || next == current {
		return current, err
	}
	return next, w.setHorizon(ctx, next)
}

func (w *writing) setHorizon(ctx context.Context, day Day) error {
	return w.q.SetSetting(ctx, dbgen.SetSettingParams{Name: settingHorizon, Value: strconv.FormatInt(int64(day), 10)})
}

// nextHorizon returns the horizon, and what it is after a cleanup: never earlier,
// since deleted fires do not come back, and no later than the day after the latest
// fire.
func (v *view) nextHorizon(ctx context.Context, keepDays int) (current, next Day, err error) {
	if current, err = v.horizon(ctx); err != nil {
		return current, current, err
	}
	last, err := v.q.LastFireDay(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return current, current, nil
	}
	return current, max(current, min(v.today()-Day(keepDays), Day(last)+1)), err
}

// PlanCleanup returns what [DB.Cleanup] would do, without doing it.
func (r *Reader) PlanCleanup(ctx context.Context, keepDays int) (CleanupReport, error) {
	return snapshot(ctx, r, "plan a cleanup", func(v *view) (CleanupReport, error) {
		if err := checkKeepDays(keepDays); err != nil {
			return CleanupReport{}, err
		}
		_, next, err := v.nextHorizon(ctx, keepDays)
		if err != nil {
			return CleanupReport{}, err
		}
		report := CleanupReport{Horizon: next}
		report.FiresDeleted, err = v.firesBefore(ctx, report.Horizon)
		return report, err
	})
}

func (db *DB) countBefore(ctx context.Context, day Day) (int64, error) {
	return latest(ctx, db.Reader, "count old fires", func(v *view) (int64, error) { return v.firesBefore(ctx, day) })
}

func (v *view) firesBefore(ctx context.Context, day Day) (int64, error) {
	return v.q.CountFiresBefore(ctx, dbgen.CountFiresBeforeParams{StartOfDay: (day - 1).end(v.loc), Day: int64(day)})
}

// retain cleans up now and then every day, until ctx ends.
func (db *DB) retain(ctx context.Context, keepDays int) {
	ticker := time.NewTicker(24 * time.Hour)
	defer ticker.Stop()
	for {
		_, _ = db.Cleanup(ctx, keepDays) // the steps of a cleanup log their own errors
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
