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

// executed counts that a fire counted before has executed after all. It leaves
// the user's totals alone.
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

// apply moves the counters. Rows are locked until the transaction ends, so the
// users' totals come first, where those who write to the same user wait for
// each other, and the counters that most writers share come last.
func (t *tally) apply(ctx context.Context, q dbgen.Querier) error {
	if err := t.applyUsers(ctx, q); err != nil {
		return err
	}
	activated, err := t.applyUserDays(ctx, q)
	if err != nil {
		return err
	}
	if err := applyStreaks(ctx, q, activated); err != nil {
		return err
	}
	if _, _, err := t.applySignals(ctx, q); err != nil {
		return err
	}
	return t.applyDays(ctx, q, activated)
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
	return activated, err
}

func (t *tally) applyDays(ctx context.Context, q dbgen.Querier, activated []userDay) error {
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
	return addDays(ctx, q, days)
}

type dayCounts struct {
	fires, executed, activeUsers int64
}

func addDays(ctx context.Context, q dbgen.Querier, days map[Day]dayCounts) error {
	var params rows
	for _, day := range sortedKeys(days, cmp.Compare) {
		d := days[day]
		params.begin().int(int64(day), d.fires, d.executed, d.activeUsers)
	}
	if params.empty() {
		return nil
	}
	return q.AddDays(ctx, params.String())
}

// applySignals moves the signals' days and totals and returns what they are
// since.
func (t *tally) applySignals(ctx context.Context, q dbgen.Querier) (days []dbgen.AddSignalDaysRow, totals []dbgen.AddSignalsRow, err error) {
	var dayParams, totalParams rows
	for _, key := range sortedKeys(t.signalDays, compareSignalDays) {
		d := t.signalDays[key]
		dayParams.begin().str(key.signal).int(int64(key.day), d.fires, d.executed)
	}
	for _, signal := range sortedKeys(t.signals, cmp.Compare) {
		d := t.signals[signal]
		totalParams.begin().str(signal).int(d.fires, d.fires).time(d.first)
	}
	if !dayParams.empty() {
		if days, err = q.AddSignalDays(ctx, dayParams.String()); err != nil {
			return nil, nil, err
		}
	}
	if !totalParams.empty() {
		totals, err = q.AddSignals(ctx, totalParams.String())
	}
	return days, totals, err
}

// applyUsers moves the users' totals.
func (t *tally) applyUsers(ctx context.Context, q dbgen.Querier) error {
	totals := map[int64]counts{}
	for key, delta := range t.userDays {
		totals[key.user] = totals[key.user].plus(delta)
	}
	var fired, traded rows
	for _, user := range sortedKeys(totals, cmp.Compare) {
		d, changed := totals[user], t.touched[user]
		if d.fires != 0 {
			fired.begin().int(user, d.fires).time(changed)
		}
		if d.wins+d.losses+d.draws != 0 {
			traded.begin().int(user, d.wins, d.losses, d.draws, d.micros).time(changed)
		}
	}
	if !fired.empty() {
		if err := q.AddUserFires(ctx, fired.String()); err != nil {
			return err
		}
	}
	if traded.empty() {
		return nil
	}
	return q.AddUserTrades(ctx, traded.String())
}

// applyStreaks adds active days to their users' streaks. A single day after
// the end of a streak is handled by the statement; a streak that several
// days or an earlier one change is read again from the user's days.
func applyStreaks(ctx context.Context, q dbgen.Querier, activated []userDay) error {
	days := map[int64][]Day{}
	for _, key := range activated {
		if key.day != unknownDay {
			days[key.user] = append(days[key.user], key.day)
		}
	}
	var extended rows
	var recount []int64
	for _, user := range sortedKeys(days, cmp.Compare) {
		if len(days[user]) == 1 {
			extended.begin().int(user, int64(days[user][0]))
		} else {
			recount = append(recount, user)
		}
	}
	if !extended.empty() {
		stored, err := q.ExtendStreaks(ctx, extended.String())
		if err != nil {
			return err
		}
		for _, row := range stored {
			if row.StreakEnd != int64(days[row.UserID][0]) {
				recount = append(recount, row.UserID)
			}
		}
	}
	return recountStreaks(ctx, q, recount)
}

// recountStreaks reads users' streaks again from their days. The transaction
// must have changed the users before, so that nobody else adds a day meanwhile.
func recountStreaks(ctx context.Context, q dbgen.Querier, users []int64) error {
	if len(users) == 0 {
		return nil
	}
	slices.Sort(users)
	active, err := q.ActiveDaysOfUsers(ctx, ids(users))
	if err != nil {
		return err
	}
	var params rows
	for _, user := range users {
		run := newRuns()
		for ; len(active) > 0 && active[0].UserID == user; active = active[1:] {
			run.add(Day(active[0].Day))
		}
		params.begin().int(user, int64(run.start), int64(run.end), run.longest)
	}
	return q.SetStreaks(ctx, params.String())
}

// runs are what a user's active days, added in order, say of the user's streak:
// the run of consecutive days that ends last, -1 to -1 for none, and the length
// of the longest.
type runs struct {
	start, end Day
	longest    int64
}

func newRuns() runs { return runs{start: -1, end: -1} }

func (r *runs) add(day Day) {
	if r.longest == 0 || day != r.end+1 {
		r.start = day
	}
	r.end = day
	r.longest = max(r.longest, int64(r.end-r.start)+1)
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
