package engagement

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// This file derives the times that are stored beside the counters: when a signal was
// created, which is its earliest fire, and when a user was last updated.

// misdated is a signal whose stored creation is not its earliest fire.
type misdated struct {
	signal       string
	stored, want time.Time
}

// misdatedSignals returns misdated signals, at most limit.
func (v *view) misdatedSignals(ctx context.Context, limit int) (found []misdated, err error) {
	horizon, err := v.horizon(ctx)
	if err != nil {
		return nil, err
	}
	for chunk, err := range chunks(v.everySignal(ctx), rebuildChunk) {
		if err != nil {
			return found, err
		}
		stored := make(map[string]time.Time, len(chunk))
		for _, signal := range chunk {
			stored[signal.SignalID] = signal.CreatedAt
		}
		wanted, err := v.origins(ctx, stored, horizon)
		if err != nil {
			return found, err
		}
		for _, signal := range chunk {
			if want := wanted[signal.SignalID]; !want.Equal(signal.CreatedAt) {
				found = append(found, misdated{signal.SignalID, signal.CreatedAt, want})
			}
		}
		if len(found) >= limit {
			return found[:limit], nil
		}
	}
	return found, nil
}

// origins returns when some signals were created; stored is what is stored of that.
// It is the time of the first counted fire. If that fire was cleaned up, it is the
// stored time if it lies on the signal's first day, and otherwise the start of that
// day.
func (v *view) origins(ctx context.Context, stored map[string]time.Time, horizon Day) (map[string]time.Time, error) {
	rows, err := v.q.SignalOrigins(ctx, signalKeys(stored))
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]time.Time, len(rows))
	for _, row := range rows {
		known, firstDay, firstFire := stored[row.SignalID], Day(row.FirstDay), parseStored(row.FirstFire)
		switch {
		case firstDay <= balanceDay || (firstDay >= horizon && firstFire.IsZero()):
			wanted[row.SignalID] = known // its counters are wrong, or it is a ghost
		case firstDay >= horizon:
			wanted[row.SignalID] = firstFire
		case DayOf(known, v.loc) == firstDay && (firstFire.IsZero() || !known.After(firstFire)):
			wanted[row.SignalID] = known
		default:
			wanted[row.SignalID] = firstDay.Start(v.loc)
		}
	}
	return wanted, nil
}

// dateSignals stores when some signals were created, as it follows from what is kept
// now, and deletes those without fires. For signals in forgotten the stored time is
// not used.
func (w *writing) dateSignals(ctx context.Context, signals []string, forgotten map[string]bool) error {
	if len(signals) == 0 {
		return nil
	}
	slices.Sort(signals)
	var hold, keys jsonRows
	for _, signal := range signals {
		hold.begin().str(signal).int(0, 0).time(endOfTime)
		keys.begin().str(signal)
	}
	// From here on whoever adds fires of them waits, and then stores an earlier time
	// if there is one.
	if err := w.q.AddSignals(ctx, hold.String()); err != nil {
		return err
	}
	horizon, err := w.horizon(ctx)
	if err != nil {
		return err
	}
	since, err := w.q.SignalsSince(ctx, keys.String())
	if err != nil {
		return err
	}
	stored := make(map[string]time.Time, len(since))
	for _, row := range since {
		stored[row.SignalID] = parseStored(row.CreatedAt)
		if forgotten[row.SignalID] {
			stored[row.SignalID] = endOfTime
		}
	}
	wanted, err := w.origins(ctx, stored, horizon)
	if err != nil {
		return err
	}
	var dated jsonRows
	for _, signal := range signals {
		if want, ok := wanted[signal]; ok {
			dated.begin().str(signal).time(want)
		}
	}
	return storeEach(ctx, storing{w.q.SetSignalOrigins, dated}, storing{w.q.DeleteEmptySignals, keys})
}

// forgetFires gives a new creation time to the signals whose stored one is the time
// of an erased fire.
func (w *writing) forgetFires(ctx context.Context, erased map[string]signalChange) error {
	if len(erased) == 0 {
		return nil
	}
	since, err := w.q.SignalsSince(ctx, signalKeys(erased))
	if err != nil {
		return err
	}
	var signals []string
	forgotten := map[string]bool{}
	for _, row := range since {
		if !parseStored(row.CreatedAt).Before(erased[row.SignalID].first) {
			signals = append(signals, row.SignalID)
			forgotten[row.SignalID] = true
		}
	}
	return w.dateSignals(ctx, signals, forgotten)
}

// signalKeys returns the keys of a map as the JSON that statements about signals take.
func signalKeys[V any](signals map[string]V) string {
	var keys jsonRows
	for _, signal := range sortedKeys(signals, strings.Compare) {
		keys.begin().str(signal)
	}
	return keys.String()
}

// parseStored reads a time that is stored as text; the zero time if it cannot be
// read.
func parseStored(text string) time.Time {
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		return time.Time{}
	}
	return at
}

// A fact may be recorded up to 24 hours before its own time. That is at most two days
// later, since a day may have 23 hours.
const daysAhead = 2

// outdated reports whether a user's stored last_updated is earlier than possible,
// given the last day of the user's facts.
func (v *view) outdated(user dbgen.UserStat, lastDay Day) bool {
	return lastDay > balanceDay && DayOf(user.LastUpdated, v.loc) < lastDay-daysAhead
}

// dateUsers sets last_updated of some users, who are held, to the time of their
// latest fact, or to the start of its day if the fact is no longer kept.
func (w *writing) dateUsers(ctx context.Context, users []int64) error {
	if len(users) == 0 {
		return nil
	}
	found, err := w.q.UserOrigins(ctx, ids(users))
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b dbgen.UserOriginsRow) int { return cmp.Compare(a.UserID, b.UserID) })
	var dated jsonRows
	for _, row := range found {
		last := latest2(parseStored(row.LastFire), parseStored(row.LastTrade))
		if row.LastDay > int64(balanceDay) {
			last = latest2(last, Day(row.LastDay).Start(w.loc))
		}
		dated.begin().int(row.UserID).time(latest2(last, unchanged))
	}
	return storeEach(ctx, storing{w.q.SetUserOrigins, dated})
}

// settleAdopted puts right what does not follow from the facts of an adopted file:
// totals of users and signals without facts, a last_updated that cannot be read, and
// when signals were created.
func (db *DB) settleAdopted(ctx context.Context) error {
	err := untilRepaired(ctx, func(ctx context.Context) (int, error) {
		return repair(ctx, db, func(ctx context.Context, v *view) ([]int64, error) {
			return v.q.UndatedUsers(ctx, rebuildPage)
		}, func(ctx context.Context, w *writing, undated []int64) error {
			if err := w.storeBounds(ctx, undated); err != nil { // which holds them
				return err
			}
			return w.dateUsers(ctx, undated)
		})
	})
	if err != nil {
		return err
	}
	err = untilRepaired(ctx, func(ctx context.Context) (int, error) {
		return repair(ctx, db, func(ctx context.Context, v *view) ([]int64, error) {
			return v.q.GhostUsers(ctx, rebuildPage)
		}, func(ctx context.Context, w *writing, ghosts []int64) error {
			if err := w.storeBounds(ctx, ghosts); err != nil { // which holds them
				return err
			}
			for _, user := range ghosts {
				if err := w.later().DeleteGhost(ctx, user); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	err = untilRepaired(ctx, func(ctx context.Context) (int, error) {
		return repair(ctx, db, func(ctx context.Context, v *view) ([]string, error) {
			return v.q.GhostSignals(ctx, rebuildPage)
		}, func(ctx context.Context, w *writing, ghosts []string) error {
			return w.dateSignals(ctx, ghosts, nil)
		})
	})
	if err != nil {
		return err
	}
	return untilRepaired(ctx, db.repairSignalOrigins)
}

// everySignal yields all signals by id.
func (v *view) everySignal(ctx context.Context) iter.Seq2[dbgen.SignalMetric, error] {
	return walk(MaxLimit, func(a, b dbgen.SignalMetric) int {
		return strings.Compare(a.SignalID, b.SignalID)
	}, func(after *dbgen.SignalMetric) ([]dbgen.SignalMetric, error) {
		params := dbgen.SignalsAfterParams{Inclusive: 1, MaxRows: MaxLimit}
		if after != nil {
			params.AfterSignal, params.Inclusive = after.SignalID, 0
		}
		return v.q.SignalsAfter(ctx, params)
	})
}

// chunks yields the rows of a list, at most size at a time, and ends after an error.
func chunks[Row any](list iter.Seq2[Row, error], size int) iter.Seq2[[]Row, error] {
	return func(yield func([]Row, error) bool) {
		var chunk []Row
		for row, err := range list {
			if err != nil {
				yield(nil, err)
				return
			}
			if chunk = append(chunk, row); len(chunk) == size {
				if !yield(chunk, nil) {
					return
				}
				chunk = nil
			}
		}
		if len(chunk) > 0 {
			yield(chunk, nil)
		}
	}
}

// timeText is a time in a finding.
func timeText(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

func (v *view) verifyOrigins(ctx context.Context, report *Report) error {
	found, err := v.misdatedSignals(ctx, MaxFindings)
	for _, m := range found {
		compare(report, "V2", fmt.Sprintf("signal %q", m.signal), "created_at", timeText(m.stored), timeText(m.want))
	}
	return err
}
