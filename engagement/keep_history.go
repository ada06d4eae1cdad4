package engagement

import (
	"context"
	"errors"
	"fmt"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// This file keeps Rebuild from taking history away, which is: counts of days whose
// facts are missing although they were not cleaned up.

// RebuildOption changes what [DB.Rebuild] may do.
type RebuildOption func(*rebuildOptions)

type rebuildOptions struct {
	horizon    *Day // nil: as it is
	acceptLoss bool
}

// RestoreHorizon makes [DB.Rebuild] first set the horizon to a day, if it was lost,
// changed by another program, or moved too far by a wrong clock. The day must not be
// before the one after the last day that has counts but no fires, and not after the
// present horizon, if that is later: moving it forward is for [DB.Cleanup]. Any other
// day is ErrInvalid, which says what is wanted.
func RestoreHorizon(day Day) RebuildOption {
	return func(o *rebuildOptions) { o.horizon = &day }
}

// AcceptLoss makes [DB.Rebuild] delete counts whose facts are missing, and awards,
// freezes and agreements to be public that make no sense without them (V7). They are
// lost for good.
func AcceptLoss() RebuildOption {
	return func(o *rebuildOptions) { o.acceptLoss = true }
}

// HistoryError is the [ErrCorrupt] by which [DB.Rebuild] refuses to take history away
// or to invent it. Either some days from the horizon on have counts but none of their
// facts; or, before the horizon, the counts of the users contradict those of the
// community and of the signals. Get it with [errors.As].
type HistoryError struct {
	Days          int64 // how many days
	From, To      Day   // the first and the last of them
	Fires, Trades int64 // counted on them and missing, or contradicted
	// Horizon is the day to restore the horizon to, which explains all missing fires;
	// 0 if no day does.
	Horizon Day
}

// Error returns the refusal as a sentence.
func (e *HistoryError) Error() string {
	ways := "restore a backup, or accept the loss"
	if e.Horizon != 0 {
		ways = fmt.Sprintf("restore the horizon to %s if they were cleaned up, or accept the loss", e.Horizon)
	}
	return fmt.Sprintf("%s: %d fires and %d trades of %d days from %s to %s are counted and neither kept nor before the horizon, "+
		"or their counts contradict one another: rebuilding would take history away; %s",
		ErrCorrupt, e.Fires, e.Trades, e.Days, e.From, e.To, ways)
}

// Unwrap returns ErrCorrupt.
func (e *HistoryError) Unwrap() error { return ErrCorrupt }

// checkHistory returns a HistoryError if a rebuild would take history away.
func (db *DB) checkHistory(ctx context.Context) error {
	lost, err := db.lostHistory(ctx)
	if err != nil || lost == nil {
		return err
	}
	// Facts may be there, but on another day than that of their time.
	for _, find := range []func(context.Context) (int, error){db.repairFireDays, db.repairTradeDays} {
		if err := untilRepaired(ctx, find); err != nil {
			return err
		}
	}
	if lost, err = db.lostHistory(ctx); err != nil || lost == nil {
		return err
	}
	return lost
}

func (db *DB) lostHistory(ctx context.Context) (*HistoryError, error) {
	return wholeSnapshot(ctx, db.Reader, "look for lost history", func(v *view) (*HistoryError, error) {
		horizon, err := v.horizon(ctx)
		if err != nil {
			return nil, err
		}
		return v.lostHistory(ctx, horizon)
	})
}

// lostHistory returns what a rebuild would take away, or nil. A count with which no
// other agrees is not history but a mistake.
func (v *view) lostHistory(ctx context.Context, horizon Day) (*HistoryError, error) {
	fires, err := v.q.LostFireDays(ctx, int64(horizon))
	if err != nil {
		return nil, err
	}
	cleaned, err := v.q.ContradictoryDays(ctx, int64(horizon))
	if err != nil {
		return nil, err
	}
	trades, err := v.q.LostTradeDays(ctx)
	if err != nil {
		return nil, err
	}
	lost := HistoryError{}
	days := map[int64]bool{}
	add := func(day int64) {
		if len(days) == 0 || Day(day) < lost.From {
			lost.From = Day(day)
		}
		if len(days) == 0 || Day(day) > lost.To {
			lost.To = Day(day)
		}
		days[day] = true
	}
	for _, d := range fires {
		if d.Kept == 0 {
			add(d.Day)
			lost.Fires += d.Counted
			lost.Horizon = firstExplaining(fires)
		}
	}
	for _, d := range cleaned {
		add(d.Day)
		lost.Fires += max(d.ByAll, d.ByUsers) - min(d.ByAll, d.ByUsers)
		lost.Horizon = 0
	}
	for _, d := range trades {
		add(d.Day)
		lost.Trades += d.Counted
		lost.Horizon = 0
	}
	if lost.Days = int64(len(days)); lost.Days == 0 {
		return nil, nil
	}
	return &lost, nil
}

// firstExplaining returns the earliest horizon that explains why some days have fewer
// fires than were counted: the day after the last day without any fires, and after
// the days following it from which an interrupted cleanup deleted some.
func firstExplaining(lost []dbgen.LostFireDaysRow) Day {
	horizon := balanceDay + 1
	for _, d := range lost {
		if d.Kept == 0 || (horizon > balanceDay+1 && Day(d.Day) == horizon) {
			horizon = Day(d.Day) + 1
		}
	}
	return horizon
}

// restoreHorizon sets the horizon to a day that the fires allow.
func (w *writing) restoreHorizon(ctx context.Context, day Day) error {
	current, err := w.horizon(ctx)
	if errors.Is(err, ErrCorrupt) { // it is not a day
		current, err = balanceDay+1, nil
	}
	if err != nil {
		return err
	}
	lost, err := w.q.LostFireDays(ctx, 0)
	if err != nil {
		return err
	}
	least := firstExplaining(lost)
	switch most := max(least, current); {
	case day < least:
		return invalid("horizon", day.String(), fmt.Sprintf("days before %s have counts without fires", least))
	case day > most:
		return invalid("horizon", day.String(), fmt.Sprintf("want at most %s; a cleanup moves it forward", most))
	}
	return w.setHorizon(ctx, day)
}

// deleteSenselessAwards deletes awards for days on which the user was not active.
func (db *DB) deleteSenselessAwards(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.SenselessAwardsRow, error) {
		return v.q.SenselessAwards(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.SenselessAwardsRow) error {
		for _, a := range found {
			err := w.later().DeleteAward(ctx, dbgen.DeleteAwardParams{UserID: a.UserID, StreakStart: a.StreakStart, Milestone: a.Milestone})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// deleteOrphanPublicUsers takes it back that users are public who are not known.
func (db *DB) deleteOrphanPublicUsers(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.PublicUser, error) {
		return v.q.OrphanPublicUsers(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.PublicUser) error {
		for _, row := range found {
			if err := w.later().DeletePublicUser(ctx, row.UserID); err != nil {
				return err
			}
		}
		return nil
	})
}

// deleteOrphanFreezes deletes the freezes of users who are not known.
func (db *DB) deleteOrphanFreezes(ctx context.Context) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]dbgen.StreakFreeze, error) {
		return v.q.OrphanFreezes(ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []dbgen.StreakFreeze) error {
		for _, f := range found {
			if err := w.later().DeleteFreeze(ctx, dbgen.DeleteFreezeParams{UserID: f.UserID, GrantID: f.GrantID}); err != nil {
				return err
			}
		}
		return nil
	})
}
