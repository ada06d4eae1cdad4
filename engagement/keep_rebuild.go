package engagement

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
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
func (db *DB) Rebuild(ctx context.Context) (report Report, err error) {
	err = db.core.do(ctx, "rebuild", func() (int, error) {
		report, err = db.rebuild(ctx)
		return len(report.Repaired), err
	})
	return report, err
}

func (db *DB) rebuild(ctx context.Context) (report Report, err error) {
	if db.core.readOnly {
		return report, ErrReadOnly
	}
	if err := db.countPending(ctx); err != nil {
		return report, err
	}
	before, err := db.verifyFigures(ctx)
	if err != nil {
		return report, err
	}
	// What others derive from comes first.
	for _, repair := range []func(context.Context) (int, error){
		db.repairFireDays, db.repairTradeDays,
		db.repairUserDayFires, db.repairUserDayTrades, db.repairSignalDays,
		db.repairUserTotals, db.repairSignalTotals,
		db.repairDerived, db.repairUsers, db.repairDays,
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
	if report, err = db.verifyFigures(ctx); err != nil {
		return report, err
	}
	report.Repaired = before.Findings
	if !report.OK() {
		err = fmt.Errorf("%w: %s", ErrCorrupt, report.Findings[0])
	}
	return report, err
}

// repair looks for differences in a snapshot and puts each right, a chunk at a
// time, in transactions of their own. If another repair or the erasing of a
// user comes between, what was found may no longer be so: then it stops, as if
// there were more to find.
func repair[T any](ctx context.Context, db *DB,
	find func(context.Context, *Reader) ([]T, error), fix func(context.Context, *Tx, []T) error,
) (found int, err error) {
	var differences []T
	var repairs int64
	err = db.snapshot(ctx, "look for differences", func(r *Reader) (int, error) {
		if repairs, err = r.number(ctx, settingRepairs, 0); err != nil {
			return 0, err
		}
		differences, err = find(ctx, r)
		return len(differences), err
	})
	if err != nil {
		return 0, err
	}
	for chunk := range slices.Chunk(differences, rebuildChunk) {
		stale := false
		err := db.write(ctx, "repair", func(tx *Tx) (int, error) {
			now, err := tx.countRepair(ctx)
			if err != nil {
				return 0, err
			}
			if stale = now != repairs+1; stale {
				return 0, nil
			}
			return len(chunk), fix(ctx, tx, chunk)
		})
		if err != nil || stale {
			return rebuildPage, err
		}
		repairs++
	}
	return len(differences), nil
}

func (db *DB) repairFireDays(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, r *Reader) ([]dbgen.SignalFire, error) {
		return r.misplacedFires(ctx, rebuildPage)
	}, func(ctx context.Context, tx *Tx, found []dbgen.SignalFire) error {
		for _, f := range found {
			seen := Day(f.Day)
			tx.placeInTime(&f.Timestamp, &f.Day)
			if _, err := tx.placeFire(ctx, &f, seen); err != nil {
				return err
			}
		}
		return nil
	})
}

func (db *DB) repairTradeDays(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, r *Reader) ([]dbgen.Trade, error) {
		return r.misplacedTrades(ctx, rebuildPage)
	}, func(ctx context.Context, tx *Tx, found []dbgen.Trade) error {
		for _, t := range found {
			seen := Day(t.Day)
			tx.placeInTime(&t.ClosedAt, &t.Day)
			if _, err := tx.placeTrade(ctx, t, seen); err != nil {
				return err
			}
		}
		return nil
	})
}

func (db *DB) repairUserDayFires(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, r *Reader) ([]dbgen.UserDayFireMismatchesRow, error) {
		horizon, err := r.horizon(ctx)
		if err != nil {
			return nil, err
		}
		return r.q.UserDayFireMismatches(ctx, dbgen.UserDayFireMismatchesParams{Horizon: int64(horizon), MaxRows: rebuildPage})
	}, func(ctx context.Context, tx *Tx, found []dbgen.UserDayFireMismatchesRow) error {
		var params rows
		for _, d := range found {
			params.begin().int(d.UserID, d.Day, d.Fires-d.StoredFires, d.Executed-d.StoredExecuted)
		}
		_, err := tx.q.AddUserDayFires(ctx, params.String())
		return err
	})
}

func (db *DB) repairUserDayTrades(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, r *Reader) ([]dbgen.UserDayTradeMismatchesRow, error) {
		return r.q.UserDayTradeMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, tx *Tx, found []dbgen.UserDayTradeMismatchesRow) error {
		var params rows
		for _, d := range found {
			params.begin().int(d.UserID, d.Day,
				d.Wins-d.StoredWins, d.Losses-d.StoredLosses, d.Draws-d.StoredDraws, d.MissingMicros)
		}
		return tx.q.AddUserDayTrades(ctx, params.String())
	})
}

func (db *DB) repairSignalDays(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, r *Reader) ([]dbgen.SignalDayMismatchesRow, error) {
		horizon, err := r.horizon(ctx)
		if err != nil {
			return nil, err
		}
		return r.q.SignalDayMismatches(ctx, dbgen.SignalDayMismatchesParams{Horizon: int64(horizon), MaxRows: rebuildPage})
	}, func(ctx context.Context, tx *Tx, found []dbgen.SignalDayMismatchesRow) error {
		var params rows
		for _, d := range found {
			params.begin().str(d.SignalID).int(d.Day, d.Fires-d.StoredFires, d.Executed-d.StoredExecuted)
		}
		return tx.q.AddSignalDays(ctx, params.String())
	})
}

func (db *DB) repairUserTotals(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, r *Reader) ([]dbgen.UserTotalMismatchesRow, error) {
		return r.q.UserTotalMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, tx *Tx, found []dbgen.UserTotalMismatchesRow) error {
		var fired, traded rows
		unchanged := time.Unix(0, 0) // a repair is no activity of the user's
		for _, d := range found {
			fired.begin().int(d.UserID, d.Fires-d.StoredFires, d.Executed-d.StoredExecuted).time(unchanged)
			traded.begin().int(d.UserID, d.Wins-d.StoredWins, d.Losses-d.StoredLosses,
				d.Draws-d.StoredDraws, d.MissingMicros).time(unchanged)
		}
		if err := tx.q.AddUserFires(ctx, fired.String()); err != nil {
			return err
		}
		return addUserTrades(ctx, tx.q, traded)
	})
}

func (db *DB) repairSignalTotals(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, r *Reader) ([]dbgen.SignalTotalMismatchesRow, error) {
		return r.q.SignalTotalMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, tx *Tx, found []dbgen.SignalTotalMismatchesRow) error {
		var params rows
		for _, d := range found {
			params.begin().str(d.SignalID).int(d.Fires-d.StoredFires, d.Fires-d.StoredUsers).time(tx.now)
		}
		return tx.q.AddSignals(ctx, params.String())
	})
}

func (db *DB) repairDays(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, r *Reader) ([]dbgen.DayMismatchesRow, error) {
		return r.q.DayMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, tx *Tx, found []dbgen.DayMismatchesRow) error {
		var params rows
		for _, d := range found {
			params.begin().int(d.Day, d.Fires-d.StoredFires, d.Executed-d.StoredExecuted, d.Users-d.StoredUsers, d.New-d.StoredNew)
		}
		return tx.q.AddDays(ctx, params.String())
	})
}

func (db *DB) repairDerived(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, r *Reader) ([]dbgen.UserDerivedMismatchesRow, error) {
		return r.q.UserDerivedMismatches(ctx, rebuildPage)
	}, func(ctx context.Context, tx *Tx, found []dbgen.UserDerivedMismatchesRow) error {
		for _, d := range found {
			if err := tx.q.RederiveUser(ctx, d.UserID); err != nil {
				return err
			}
		}
		return nil
	})
}

func (db *DB) repairUsers(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, r *Reader) ([]misfit, error) {
		return r.misfits(ctx, rebuildPage)
	}, func(ctx context.Context, tx *Tx, found []misfit) error {
		var traded rows
		var users []int64
		for _, m := range found {
			traded.begin().int(m.stored.UserID, 0, 0, 0, 0).time(time.Unix(0, 0))
			users = append(users, m.stored.UserID)
		}
		if _, err := tx.holdUsers(ctx, users); err != nil {
			return err
		}
		if err := addUserTrades(ctx, tx.q, traded); err != nil {
			return err
		}
		_, err := tx.storeHistories(ctx, users)
		return err
	})
}
