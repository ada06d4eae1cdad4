package engagement

import (
	"context"
	"fmt"
	"slices"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

const (
	// rebuildPage is how many differences are looked for at a time.
	rebuildPage = 50_000
	// rebuildChunk is how many are put right in one transaction, so that
	// writers are not kept waiting for long.
	rebuildChunk = 500
	// rebuildRounds bounds how many times in a row differences may be found again.
	rebuildRounds = 1_000
)

// Rebuild puts every counter right that is not what it derives from, and returns a
// Report of the state after it with what it repaired. Facts that another program
// inserted are counted first. The days before the horizon have no facts left: their
// counts are kept as they are. If figures are wrong even then, the error is
// ErrCorrupt. What Verify finds of the schema (V5) and of what is stored as given
// (V7) is not repaired; the latter is among the Findings.
//
// Rebuild never takes history away. If days that were not cleaned up have counts but
// none of their facts, it changes no counter and returns a [*HistoryError], which is
// ErrCorrupt. Use [RestoreHorizon] or [AcceptLoss] to go on. A count that no other
// agrees with is put right.
//
// Others may read and write meanwhile: differences are found in a snapshot, and since
// a write moves a counter and what it derives from alike, the difference between them
// can be added later. That is not so of erasing a user or of another repair, so after
// these it looks again.
func (db *DB) Rebuild(ctx context.Context, options ...RebuildOption) (Report, error) {
	var o rebuildOptions
	for _, option := range options {
		option(&o)
	}
	return run(ctx, db.shared(), "rebuild", func() (Report, error) { return db.rebuild(ctx, o) })
}

func (db *DB) rebuild(ctx context.Context, o rebuildOptions) (report Report, err error) {
	if db.core.readOnly {
		return report, ErrReadOnly
	}
	if err := db.core.refuseInTx(); err != nil { // also if it finds nothing to write
		return report, err
	}
	before, err := db.prepareRebuild(ctx, o)
	if err != nil {
		return report, err
	}
	// A figure is repaired before those that derive from it.
	repairs := []func(context.Context) (int, error){
		db.repairFireDays, db.repairTradeDays,
		db.repairUserDayFires, db.repairUserDayTrades, db.repairSignalDays, db.repairEmptyDays,
		db.repairUserTotals, db.repairSignalTotals, db.repairSignalOrigins,
		db.repairDerived, db.repairUsers, db.repairDays,
	}
	if o.acceptLoss {
		repairs = append(repairs, db.deleteSenselessAwards, db.deleteOrphanFreezes, db.deleteOrphanPublicUsers)
	}
	for _, step := range repairs {
		if err := untilRepaired(ctx, step); err != nil {
			return report, err
		}
	}
	if report, err = db.core.verifyCounters(ctx); err != nil {
		return report, err
	}
	report.Repaired = slices.DeleteFunc(before.Findings, func(f Finding) bool { return slices.Contains(report.Findings, f) })
	return report, unrepaired(report)
}

// prepareRebuild restores the horizon if that is asked for, counts what is not
// counted, and returns what is wrong, or an error if putting that right would take
// history away.
func (db *DB) prepareRebuild(ctx context.Context, o rebuildOptions) (before Report, err error) {
	if o.horizon != nil {
		_, err := write(ctx, db, "restore the horizon", alone, func(w *writing) (struct{}, error) {
			return struct{}{}, w.restoreHorizon(ctx, *o.horizon)
		})
		if err != nil {
			return before, err
		}
	}
	if err := db.countPending(ctx); err != nil {
		return before, err
	}
	if before, err = db.core.verifyCounters(ctx); err != nil {
		return before, err
	}
	if err := unreadable(before); err != nil || o.acceptLoss {
		return before, err
	}
	return before, db.checkHistory(ctx)
}

// unreadable returns an error if the report says that values cannot be read.
func unreadable(report Report) error {
	if !report.Timestamp.IsZero() {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrCorrupt, report.Findings[0])
}

// unrepaired returns an error that names the first figure that is still wrong after a
// rebuild.
func unrepaired(report Report) error {
	for _, finding := range report.Findings {
		if finding.Invariant != "V7" {
			return fmt.Errorf("%w: %s", ErrCorrupt, finding)
		}
	}
	return nil
}

// untilRepaired repairs until a look finds no more.
func untilRepaired(ctx context.Context, step func(context.Context) (int, error)) error {
	for round := 0; ; round++ {
		found, err := step(ctx)
		if err != nil || found < rebuildPage || round == rebuildRounds {
			return err
		}
	}
}

// repair looks for differences in a snapshot and puts each right, a chunk at a time,
// in transactions of their own. If another repair runs or a user is erased in
// between, what was found may no longer be true. Then it stops, and reports that
// there may be more to find.
func repair[T any](ctx context.Context, db *DB,
	find func(context.Context, *view) ([]T, error), fix func(context.Context, *writing, []T) error,
) (found int, err error) {
	var repairs int64
	differences, err := wholeSnapshot(ctx, db.Reader, "look for differences", func(v *view) ([]T, error) {
		if repairs, err = v.number(ctx, settingRepairs, 0); err != nil {
			return nil, err
		}
		return find(ctx, v)
	})
	if err != nil {
		return 0, err
	}
	for chunk := range slices.Chunk(differences, rebuildChunk) {
		stale, err := write(ctx, db, "repair", once, func(w *writing) (stale bool, err error) {
			now, err := w.countRepair(ctx)
			if err != nil || now != repairs+1 {
				return true, err
			}
			return false, fix(ctx, w, chunk)
		})
		if err != nil || stale {
			return rebuildPage, err
		}
		repairs++
	}
	return len(differences), nil
}

func (db *DB) repairUserDayFires(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.UserDayFireMismatchesRow, error) {
		horizon, err := v.horizon(ctx)
		if err != nil {
			return nil, err
		}
		return v.q.UserDayFireMismatches(ctx, dbgen.UserDayFireMismatchesParams{Horizon: int64(horizon), MaxRows: rebuildPage})
	}, func(ctx context.Context, w *writing, found []dbgen.UserDayFireMismatchesRow) error {
		var params jsonRows
		for _, d := range found {
			params.begin().int(d.UserID, d.Day, d.Fires-d.StoredFires, d.Executed-d.StoredExecuted)
		}
		return w.q.AddUserDayFires(ctx, params.String())
	})
}

func (db *DB) repairUserDayTrades(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.UserDayTradeMismatchesRow, error) {
		return v.q.UserDayTradeMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.UserDayTradeMismatchesRow) error {
		var params jsonRows
		for _, d := range found {
			missing := stats.Sum(d.MissingUnits, d.MissingMicros).Micros()
			if _, fits := addMicros(d.StoredPnlMicros, missing); !fits {
				return fmt.Errorf("%w: the trades of user %d on %s come to more than ±9e12", ErrCorrupt, d.UserID, Day(d.Day))
			}
			params.begin().int(d.UserID, d.Day,
				d.Wins-d.StoredWins, d.Losses-d.StoredLosses, d.Draws-d.StoredDraws, missing)
		}
		return w.q.AddUserDayTrades(ctx, params.String())
	})
}

func (db *DB) repairSignalDays(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.SignalDayMismatchesRow, error) {
		horizon, err := v.horizon(ctx)
		if err != nil {
			return nil, err
		}
		return v.q.SignalDayMismatches(ctx, dbgen.SignalDayMismatchesParams{Horizon: int64(horizon), MaxRows: rebuildPage})
	}, func(ctx context.Context, w *writing, found []dbgen.SignalDayMismatchesRow) error {
		var params jsonRows
		for _, d := range found {
			params.begin().str(d.SignalID).int(d.Day, d.Fires-d.StoredFires, d.Executed-d.StoredExecuted)
		}
		return w.q.AddSignalDays(ctx, params.String())
	})
}

func (db *DB) repairUserTotals(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.UserTotalMismatchesRow, error) {
		return v.q.UserTotalMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.UserTotalMismatchesRow) error {
		var fired, traded jsonRows
		users := make([]int64, len(found))
		for i, d := range found {
			users[i] = d.UserID
			missing := stats.Sum(d.MissingUnits, d.MissingMicros).Micros()
			if _, fits := addMicros(d.StoredPnlMicros, missing); !fits {
				return fmt.Errorf("%w: the trades of user %d come to more than ±9e12", ErrCorrupt, d.UserID)
			}
			fired.begin().int(d.UserID, d.Fires-d.StoredFires, d.Executed-d.StoredExecuted).time(unchanged)
			traded.begin().int(d.UserID, d.Wins-d.StoredWins, d.Losses-d.StoredLosses,
				d.Draws-d.StoredDraws, missing).time(unchanged).int(0)
		}
		if err := storeEach(ctx, storing{w.q.AddUserFires, fired}, storing{w.q.AddUserTrades, traded}); err != nil {
			return err
		}
		if err := w.storeBounds(ctx, users); err != nil { // which holds the users
			return err
		}
		for _, d := range found {
			if d.Known == 0 {
				if err := w.q.DeleteGhost(ctx, d.UserID); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// repairEmptyDays deletes days of users and signals on which nothing happened.
func (db *DB) repairEmptyDays(ctx context.Context) (int, error) {
	users, err := repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.UserDay, error) {
		return v.q.SenselessUserDays(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.UserDay) error {
		for _, d := range found {
			if err := w.later().DeleteEmptyUserDay(ctx, dbgen.DeleteEmptyUserDayParams{UserID: d.UserID, Day: d.Day}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	signals, err := repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.SignalDay, error) {
		return v.q.SenselessSignalDays(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.SignalDay) error {
		var days jsonRows
		for _, d := range found {
			days.begin().str(d.SignalID).int(d.Day)
		}
		return w.q.DeleteEmptySignalDays(ctx, days.String())
	})
	return max(users, signals), err
}

func (db *DB) repairSignalTotals(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.SignalTotalMismatchesRow, error) {
		return v.q.SignalTotalMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.SignalTotalMismatchesRow) error {
		var params jsonRows
		signals := make([]string, len(found))
		for i, d := range found {
			signals[i] = d.SignalID
			params.begin().str(d.SignalID).int(d.Fires-d.StoredFires, d.Fires-d.StoredUsers).time(endOfTime)
		}
		if err := w.q.AddSignals(ctx, params.String()); err != nil {
			return err
		}
		return w.dateSignals(ctx, signals, nil)
	})
}

func (db *DB) repairSignalOrigins(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]misdated, error) {
		return v.misdatedSignals(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []misdated) error {
		signals := make([]string, len(found))
		for i, m := range found {
			signals[i] = m.signal
		}
		return w.dateSignals(ctx, signals, nil)
	})
}

func (db *DB) repairDays(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.DayMismatchesRow, error) {
		return v.q.DayMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.DayMismatchesRow) error {
		var params jsonRows
		for _, d := range found {
			params.begin().int(d.Day, d.Fires-d.StoredFires, d.Executed-d.StoredExecuted, d.Users-d.StoredUsers, d.New-d.StoredNew,
				d.Wins-d.StoredWins, d.Losses-d.StoredLosses)
		}
		if err := w.q.AddDays(ctx, params.String()); err != nil {
			return err
		}
		for _, d := range found {
			if emptyDay(d) {
				if err := w.later().DeleteEmptyDay(ctx, d.Day); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (db *DB) repairDerived(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.UserDerivedMismatchesRow, error) {
		return v.q.UserDerivedMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.UserDerivedMismatchesRow) error {
		for _, d := range found {
			if err := w.q.RederiveUser(ctx, d.UserID); err != nil {
				return err
			}
		}
		return nil
	})
}

func (db *DB) repairUsers(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]misfit, error) {
		return v.misfits(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []misfit) error {
		users := make([]int64, len(found))
		var outdated []int64
		for i, m := range found {
			if users[i] = m.stored.UserID; m.outdated {
				outdated = append(outdated, m.stored.UserID)
			}
		}
		if err := w.storeBounds(ctx, users); err != nil {
			return err
		}
		if err := w.dateUsers(ctx, outdated); err != nil {
			return err
		}
		return w.recount(ctx, users, false)
	})
}
