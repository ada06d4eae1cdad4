package engagement

import (
	"context"
	"errors"
	"fmt"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// This file keeps Rebuild from taking history away: counts of days whose facts are
// not there, though nothing says that they were cleaned up.

// RebuildOption changes what [DB.Rebuild] may do.
type RebuildOption func(*rebuildOptions)

type rebuildOptions struct {
	horizon    *Day // nil: as it is
	acceptLoss bool
}

// RestoreHorizon makes [DB.Rebuild] set the horizon to a day first, where that was
// lost, changed by another program, or moved too far by a clock that was wrong. The
// day is at least the one after the last day that has counts but no fires, and no
// later than that and the present horizon: [DB.Cleanup] moves it forward. Any other
// is ErrInvalid, which says what is wanted.
func RestoreHorizon(day Day) RebuildOption {
	return func(o *rebuildOptions) { o.horizon = &day }
}

// AcceptLoss makes [DB.Rebuild] take counts away whose facts are not there, and
// awards and freezes that make no sense without them (V7). What these said is lost.
func AcceptLoss() RebuildOption {
	return func(o *rebuildOptions) { o.acceptLoss = true }
}

// HistoryError is the [ErrCorrupt] by which [DB.Rebuild] refuses to take history
// away, or to make some up. On some days facts were counted of which none is left,
// and the horizon does not say that they were cleaned up; or, before the horizon,
// the counts of the users contradict those of the community and of the signals.
// Get it with [errors.As].
type HistoryError struct {
	Days          int64 // how many days
	From, To      Day   // the first and the last of them
	Fires, Trades int64 // that are counted on them and not there, or contradicted
	// Horizon explains all fires that are not there if it is restored; 0 if it
	// would not.
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
	// Facts may only stand on another day than that of their time.
	for _, repair := range []func(context.Context) (int, error){db.repairFireDays, db.repairTradeDays} {
		if err := untilRepaired(ctx, repair); err != nil {
			return err
		}
	}
	if lost, err = db.lostHistory(ctx); err != nil || lost == nil {
		return err
	}
	return lost
}

func (db *DB) lostHistory(ctx context.Context) (*HistoryError, error) {
	return snapshot(ctx, db.Reader, "look for lost history", func(v *view) (*HistoryError, error) {
		horizon, err := v.horizon(ctx)
		if err != nil {
			return nil, err
		}
		return v.lostHistory(ctx, horizon)
	})
}

// lostHistory returns what a rebuild would take away, nil for nothing. A count that
// no other agrees with is no history but a mistake.
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

// firstExplaining returns the first horizon that explains days of which fewer fires are
// kept than were counted: the day after the last that has none, and after those
// behind it that a cleanup was deleting when it was interrupted.
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
	if errors.Is(err, ErrCorrupt) { // it says no day
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
