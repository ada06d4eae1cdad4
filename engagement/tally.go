package engagement

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// tally adds up what a set of facts changes in the counters, so that each
// counter is touched once however many facts move it, and in the order of its
// key, so that two writers never wait for each other crosswise.
type tally struct {
	userDays   map[userDay]counts
	signalDays map[signalDay]counts
	signals    map[string]signalCounts
	touched    map[int64]time.Time // user → time of the change
}

type userDay struct {
	user int64
	day  Day
}

type signalDay struct {
	signal string
	day    Day
}

type counts struct {
	fires, executed             int64
	wins, losses, draws, micros int64
}

type signalCounts struct {
	fires int64
	first time.Time
}

func newTally() *tally {
	return &tally{
		userDays:   map[userDay]counts{},
		signalDays: map[signalDay]counts{},
		signals:    map[string]signalCounts{},
		touched:    map[int64]time.Time{},
	}
}

// fire counts a new fire. changed is when its user was last active.
func (t *tally) fire(f dbgen.SignalFire, changed time.Time) {
	delta := counts{fires: 1}
	if f.Executed {
		delta.executed = 1
	}
	t.addUser(f.UserID, Day(f.Day), delta, changed)
	t.addSignal(f.SignalID, Day(f.Day), delta)
	s, known := t.signals[f.SignalID]
	if !known || f.Timestamp.Before(s.first) {
		s.first = f.Timestamp
	}
	s.fires++
	t.signals[f.SignalID] = s
}

// executed counts that a fire counted before has executed after all.
func (t *tally) executed(user int64, signal string, day Day, changed time.Time) {
	t.addUser(user, day, counts{executed: 1}, changed)
	t.addSignal(signal, day, counts{executed: 1})
}

// trade counts a new trade.
func (t *tally) trade(tr dbgen.Trade, changed time.Time) {
	delta := counts{micros: tr.PnlMicros}
	switch tr.Outcome {
	case Win.String():
		delta.wins = 1
	case Loss.String():
		delta.losses = 1
	case Draw.String():
		delta.draws = 1
	}
	t.addUser(tr.UserID, Day(tr.Day), delta, changed)
}

func (t *tally) addUser(user int64, day Day, delta counts, changed time.Time) {
	key := userDay{user, day}
	t.userDays[key] = t.userDays[key].plus(delta)
	if changed.After(t.touched[user]) {
		t.touched[user] = changed
	}
}

func (t *tally) addSignal(signal string, day Day, delta counts) {
	key := signalDay{signal, day}
	t.signalDays[key] = t.signalDays[key].plus(delta)
}

func (c counts) plus(d counts) counts {
	return counts{
		fires: c.fires + d.fires, executed: c.executed + d.executed,
		wins: c.wins + d.wins, losses: c.losses + d.losses, draws: c.draws + d.draws,
		micros: c.micros + d.micros,
	}
}

// apply moves the counters.
func (t *tally) apply(ctx context.Context, q dbgen.Querier) error {
	days := map[Day]dbgen.AddDayParams{}
	totals := map[int64]counts{}
	activated := map[int64][]Day{} // user → days that had no fire before
	for _, key := range sortedKeys(t.userDays, compareUserDays) {
		delta := t.userDays[key]
		fires, err := q.AddUserDay(ctx, dbgen.AddUserDayParams{
			UserID: key.user, Day: int64(key.day),
			Fires: delta.fires, Executed: delta.executed,
			Wins: delta.wins, Losses: delta.losses, Draws: delta.draws, PnlMicros: delta.micros,
		})
		if err != nil {
			return err
		}
		totals[key.user] = totals[key.user].plus(delta)
		day := days[key.day]
		day.Fires += delta.fires
		day.Executed += delta.executed
		if delta.fires > 0 && fires == delta.fires {
			day.ActiveUsers++
			if key.day != unknownDay {
				activated[key.user] = append(activated[key.user], key.day)
			}
		}
		days[key.day] = day
	}
	if err := t.applySignals(ctx, q); err != nil {
		return err
	}
	for _, day := range sortedKeys(days, cmp.Compare) {
		params := days[day]
		if params.Fires == 0 && params.Executed == 0 {
			continue // trades alone move no day
		}
		params.Day = int64(day)
		if err := q.AddDay(ctx, params); err != nil {
			return err
		}
	}
	for _, user := range sortedKeys(totals, cmp.Compare) {
		if err := applyTotals(ctx, q, user, totals[user], activated[user], t.touched[user]); err != nil {
			return err
		}
	}
	return nil
}

func (t *tally) applySignals(ctx context.Context, q dbgen.Querier) error {
	for _, key := range sortedKeys(t.signalDays, compareSignalDays) {
		delta := t.signalDays[key]
		err := q.AddSignalDay(ctx, dbgen.AddSignalDayParams{
			SignalID: key.signal, Day: int64(key.day), Fires: delta.fires, Executed: delta.executed,
		})
		if err != nil {
			return err
		}
	}
	for _, signal := range sortedKeys(t.signals, cmp.Compare) {
		delta := t.signals[signal]
		err := q.AddSignalTotals(ctx, dbgen.AddSignalTotalsParams{
			SignalID: signal, TotalFires: delta.fires, ActiveUsers: delta.fires, CreatedAt: delta.first,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// applyTotals moves one user's totals and streak. A single day at or behind
// the end of the streak is handled by the statement itself; anything else is
// read again from the user's days.
func applyTotals(ctx context.Context, q dbgen.Querier, user int64, delta counts, activated []Day, changed time.Time) error {
	streakDay := Day(-1)
	if len(activated) == 1 {
		streakDay = activated[0]
	}
	end, err := q.AddUserTotals(ctx, dbgen.AddUserTotalsParams{
		UserID: user, TotalFires: delta.fires,
		Wins: delta.wins, Losses: delta.losses, Draws: delta.draws, PnlMicros: delta.micros,
		LastUpdated: changed, StreakDay: int64(streakDay),
	})
	if err != nil || len(activated) == 0 || (len(activated) == 1 && Day(end) == streakDay) {
		return err
	}
	runs, err := q.UserRuns(ctx, user)
	if err != nil {
		return err
	}
	return q.SetStreak(ctx, dbgen.SetStreakParams{
		UserID: user, StreakStart: runs.StreakStart, StreakEnd: runs.StreakEnd, StreakLongest: runs.StreakLongest,
	})
}

func sortedKeys[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(m), compare)
}

func compareUserDays(a, b userDay) int {
	return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.day, b.day))
}

func compareSignalDays(a, b signalDay) int {
	return cmp.Or(cmp.Compare(a.signal, b.signal), cmp.Compare(a.day, b.day))
}
