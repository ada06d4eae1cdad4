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
	volume     map[int64]int64     // user → sum of the sizes of P&Ls, in millionths
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
		volume:     map[int64]int64{},
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

// executed counts that a fire counted before has executed after all, which is
// no activity of the user's.
func (t *tally) executed(user int64, signal string, day Day) {
	t.addUser(user, day, counts{executed: 1}, time.Time{})
	t.addSignal(signal, day, counts{executed: 1})
}

// trade counts a new trade. It refuses one whose P&L could, together with those
// of its user counted before it, leave the integers.
func (t *tally) trade(tr dbgen.Trade, changed time.Time) error {
	size := max(tr.PnlMicros, -tr.PnlMicros)
	if t.volume[tr.UserID] > maxMicros-size {
		return invalid("P&L", fromMicros(tr.PnlMicros), "it is too large to be added to others")
	}
	t.volume[tr.UserID] += size
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
	return nil
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

// apply moves the counters and returns what streaks have been awarded. Those
// that most writers share come last: their rows are locked until the transaction
// ends.
func (t *tally) apply(ctx context.Context, tx *Tx) (awards, error) {
	activated, err := t.applyUserDays(ctx, tx.q)
	if err != nil {
		return nil, err
	}
	first, awarded, err := t.applyUsers(ctx, tx, activated)
	if err != nil {
		return nil, err
	}
	if err := t.applySignals(ctx, tx.q); err != nil {
		return nil, err
	}
	return awarded, t.applyDays(ctx, tx.q, activated, first)
}

// applyUserDays moves the users' days and returns those that had no fire before.
func (t *tally) applyUserDays(ctx context.Context, q dbgen.Querier) (activated []userDay, err error) {
	var fired, traded rows
	for _, key := range sortedKeys(t.userDays, compareUserDays) {
		d := t.userDays[key]
		if d.fires != 0 || d.executed != 0 {
			fired.begin().int(key.user, int64(key.day), d.fires, d.executed)
		}
		if d.wins+d.losses+d.draws != 0 {
			traded.begin().int(key.user, int64(key.day), d.wins, d.losses, d.draws, d.micros)
		}
	}
	if !traded.empty() {
		if err := q.AddUserDayTrades(ctx, traded.String()); err != nil {
			return nil, err
		}
	}
	if fired.empty() {
		return nil, nil
	}
	stored, err := q.AddUserDayFires(ctx, fired.String())
	for _, row := range stored {
		key := userDay{row.UserID, Day(row.Day)}
		if delta := t.userDays[key].fires; delta > 0 && row.Fires == delta {
			activated = append(activated, key)
		}
	}
	slices.SortFunc(activated, compareUserDays)
	return activated, err
}

func (t *tally) applyDays(ctx context.Context, q dbgen.Querier, activated []userDay, first []firstDay) error {
	days := map[Day]dayCounts{}
	for key, delta := range t.userDays {
		if delta.fires == 0 && delta.executed == 0 {
			continue // trades alone move no day
		}
		day := days[key.day]
		day.fires += delta.fires
		day.executed += delta.executed
		days[key.day] = day
	}
	for _, key := range activated {
		day := days[key.day]
		day.activeUsers++
		days[key.day] = day
	}
	for _, f := range first {
		day := days[f.now]
		day.newUsers++
		days[f.now] = day
		if f.before >= 0 {
			day := days[f.before]
			day.newUsers--
			days[f.before] = day
		}
	}
	return addDays(ctx, q, days)
}

type dayCounts struct {
	fires, executed, activeUsers, newUsers int64
}

func addDays(ctx context.Context, q dbgen.Querier, days map[Day]dayCounts) error {
	var params rows
	for _, day := range sortedKeys(days, cmp.Compare) {
		d := days[day]
		params.begin().int(int64(day), d.fires, d.executed, d.activeUsers, d.newUsers)
	}
	if params.empty() {
		return nil
	}
	return q.AddDays(ctx, params.String())
}

// applySignals moves the signals' days and totals.
func (t *tally) applySignals(ctx context.Context, q dbgen.Querier) error {
	var days, totals rows
	for _, key := range sortedKeys(t.signalDays, compareSignalDays) {
		d := t.signalDays[key]
		days.begin().str(key.signal).int(int64(key.day), d.fires, d.executed)
	}
	for _, signal := range sortedKeys(t.signals, cmp.Compare) {
		d := t.signals[signal]
		totals.begin().str(signal).int(d.fires, d.fires).time(d.first)
	}
	if !days.empty() {
		if err := q.AddSignalDays(ctx, days.String()); err != nil {
			return err
		}
	}
	if totals.empty() {
		return nil
	}
	return q.AddSignals(ctx, totals.String())
}

// applyUsers moves the users' totals, streaks and first days, and returns the
// first days that have changed and what streaks have been awarded.
func (t *tally) applyUsers(ctx context.Context, tx *Tx, activated []userDay) ([]firstDay, awards, error) {
	days := map[int64][]Day{} // of users with another streak
	for _, key := range activated {
		if key.day != unknownDay {
			days[key.user] = append(days[key.user], key.day)
		}
	}
	totals := map[int64]counts{}
	for key, delta := range t.userDays {
		totals[key.user] = totals[key.user].plus(delta)
	}
	var fired, traded rows
	added := map[int64]userFires{}
	for _, user := range sortedKeys(totals, cmp.Compare) {
		d, changed := totals[user], t.touched[user]
		switch {
		case days[user] != nil:
			added[user] = userFires{d.fires, d.executed, changed}
		case d.fires != 0 || d.executed != 0:
			fired.begin().int(user, d.fires, d.executed).time(changed)
		}
		if d.wins+d.losses+d.draws != 0 {
			traded.begin().int(user, d.wins, d.losses, d.draws, d.micros).time(changed)
		}
	}
	if err := addUserTrades(ctx, tx.q, traded); err != nil {
		return nil, nil, err
	}
	if !fired.empty() {
		if err := tx.q.AddUserFires(ctx, fired.String()); err != nil {
			return nil, nil, err
		}
	}
	if len(days) == 0 {
		return nil, nil, nil
	}
	return tx.applyActivity(ctx, added, days)
}

// addUserTrades adds to users' trades, and sets the bounds of their win rates.
func addUserTrades(ctx context.Context, q dbgen.Querier, traded rows) error {
	if traded.empty() {
		return nil
	}
	stored, err := q.AddUserTrades(ctx, traded.String())
	if err != nil {
		return err
	}
	var bounds rows
	for _, row := range stored {
		bounds.begin().int(row.UserID, winBound(row.Wins, row.Losses))
	}
	return q.SetWinBounds(ctx, bounds.String())
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
