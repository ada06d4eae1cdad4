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
	// rebuildRounds bounds how often a look may find differences again.
	rebuildRounds = 1_000
)

// Rebuild puts every counter right that is not what it derives from, and
// returns a Report of the state after it with what it repaired. Facts that
// another program inserted are counted first. The days before the horizon have
// no facts left: their counts are kept as they are. If the figures do not hold
// even then, the error is ErrCorrupt. What Verify finds of the schema (V5) is
// not repaired.
//
// Others may read and write meanwhile: differences are found in a snapshot, and
// since a write moves a counter and what it derives from alike, the difference
// between them can be added later. Erasing a user and other repairs do not, so
// they make it look again.
func (db *DB) Rebuild(ctx context.Context) (Report, error) {
	return run(ctx, db.shared(), "rebuild", func() (Report, error) { return db.rebuild(ctx) })
}

func (db *DB) rebuild(ctx context.Context) (report Report, err error) {
	if db.core.readOnly {
		return report, ErrReadOnly
	}
	if err := db.core.refuseInTx(); err != nil { // also if it finds nothing to write
		return report, err
	}
	if err := db.countPending(ctx); err != nil {
		return report, err
	}
	before, err := db.core.verifyCounters(ctx)
	if err != nil {
		return report, err
	}
	// What others derive from comes first.
	for _, repair := range []func(context.Context) (int, error){
		db.repairFireDays, db.repairTradeDays,
		db.repairUserDayFires, db.repairUserDayTrades, db.repairSignalDays,
		db.repairUserTotals, db.repairSignalTotals,
		db.repairDerived, db.repairUsers, db.repairDays, db.sweepDays,
	} {
		for round := 0; ; round++ {
			found, err := repair(ctx)
			if err != nil {
				return report, err
			}
			if found < rebuildPage || round == rebuildRounds {
				break
			}
		}
	}
	if report, err = db.core.verifyCounters(ctx); err != nil {
		return report, err
	}
	report.Repaired = before.Findings
	if len(report.Findings) > 0 {
		err = fmt.Errorf("%w: %s", ErrCorrupt, report.Findings[0])
	}
	return report, err
}

// repair looks for differences in a snapshot and puts each right, a chunk at a
// time, in transactions of their own. If another repair or the erasing of a
// user comes between, what was found may no longer be so: then it stops, as if
// there were more to find.
func repair[T any](ctx context.Context, db *DB,
	find func(context.Context, *view) ([]T, error), fix func(context.Context, *writing, []T) error,
) (found int, err error) {
	var repairs int64
	differences, err := snapshot(ctx, db.Reader, "look for differences", func(v *view) ([]T, error) {
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
		var params rows
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
		var params rows
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
		var params rows
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
		var fired, traded rows
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
		return w.storeBounds(ctx, users)
	})
}

func (db *DB) repairSignalTotals(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.SignalTotalMismatchesRow, error) {
		return v.q.SignalTotalMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.SignalTotalMismatchesRow) error {
		var params rows
		for _, d := range found {
			params.begin().str(d.SignalID).int(d.Fires-d.StoredFires, d.Fires-d.StoredUsers).time(w.now)
		}
		return w.q.AddSignals(ctx, params.String())
	})
}

func (db *DB) repairDays(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.DayMismatchesRow, error) {
		return v.q.DayMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.DayMismatchesRow) error {
		var params rows
		for _, d := range found {
			params.begin().int(d.Day, d.Fires-d.StoredFires, d.Executed-d.StoredExecuted, d.Users-d.StoredUsers, d.New-d.StoredNew)
		}
		return w.q.AddDays(ctx, params.String())
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
		for i, m := range found {
			users[i] = m.stored.UserID
		}
		if err := w.storeBounds(ctx, users); err != nil {
			return err
		}
		return w.recount(ctx, users, false)
	})
}
