package engagement

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
	"github.com/hydraxdev/engagementdb/engagement/internal/streaks"
)

// changes are what recording facts changes. Each counter is in it once, however many
// facts move it.
type changes struct {
	newFires      []dbgen.SignalFire
	executedFires []fireKey
	newTrades     []dbgen.Trade
	awards        []newAward

	userDays   map[userDay]counts
	users      map[int64]*userChange
	signalDays map[signalDay]counts
	signals    map[string]signalChange
	days       map[Day]*dayChange
	room       []userChange // for users
	ordered    []int64      // see order
	unused     []int64      // users who were created to be held but got no fact
}

type userDay struct {
	user int64
	day  Day
}

type signalDay struct {
	signal string
	day    Day
}

// counts are what is added to counters.
type counts struct {
	fires, executed     int64
	wins, losses, draws int64
	pnl                 stats.Amount // a change from one extreme to the other does not fit into 64 bits
}

func (c counts) plus(d counts) counts {
	return counts{
		fires: c.fires + d.fires, executed: c.executed + d.executed,
		wins: c.wins + d.wins, losses: c.losses + d.losses, draws: c.draws + d.draws,
		pnl: c.pnl.Plus(d.pnl),
	}
}

func (c counts) ofFires() bool { return c.fires != 0 || c.executed != 0 }

func (c counts) ofTrades() bool { return c.wins != 0 || c.losses != 0 || c.draws != 0 }

// userChange is what changes of a user.
type userChange struct {
	counts
	changed  time.Time // the new last_updated; zero: as it is
	winBound int64     // if there are trades

	active      bool // streak takes the place of stored
	known       bool // the user is stored already
	stored      streaks.State
	streak      streaks.State
	firstBefore int64            // the user's first day before
	freezes     []streaks.Freeze // those that cover another day than before
}

// signalChange is what changes of a signal's totals.
type signalChange struct {
	fires int64
	first time.Time // of the fires
}

// dayChange is what changes of the community's day.
type dayChange struct{ fires, executed, activeUsers, newUsers, wins, losses int64 }

// newAward is a milestone to be awarded.
type newAward struct {
	user int64
	streaks.Milestone
	at time.Time
}

// newChanges returns empty changes, with room for so many users.
func newChanges(users int) changes {
	return changes{
		room:       make([]userChange, users),
		userDays:   make(map[userDay]counts, users),
		users:      make(map[int64]*userChange, users),
		signalDays: map[signalDay]counts{},
		signals:    map[string]signalChange{},
		days:       map[Day]*dayChange{},
	}
}

func (c *changes) user(id int64) *userChange {
	change := c.users[id]
	if change == nil {
		if len(c.room) == 0 {
			c.room = make([]userChange, 1)
		}
		change, c.room = &c.room[0], c.room[1:]
		c.users[id] = change
	}
	return change
}

// order returns the users in ascending order, once all are known.
func (c *changes) order() []int64 {
	if len(c.ordered) != len(c.users) {
		c.ordered = sortedKeys(c.users, cmp.Compare)
	}
	return c.ordered
}

func (c *changes) day(day Day) *dayChange {
	change := c.days[day]
	if change == nil {
		change = &dayChange{}
		c.days[day] = change
	}
	return change
}

// addFire adds a fire to every counter but those of active and new users.
func (c *changes) addFire(f dbgen.SignalFire) {
	c.addUserDay(f.UserID, Day(f.Day), countsOfFire(f, 1))
	c.addSignalFire(f, 1)
}

// addSignalFire adds a fire, or takes it away (n -1), in its signal's counters.
func (c *changes) addSignalFire(f dbgen.SignalFire, n int64) {
	c.addSignalDay(f.SignalID, Day(f.Day), countsOfFire(f, n))
	s, known := c.signals[f.SignalID]
	if !known || f.Timestamp.Before(s.first) {
		s.first = f.Timestamp
	}
	s.fires += n
	c.signals[f.SignalID] = s
}

func countsOfFire(f dbgen.SignalFire, n int64) counts {
	if f.Executed {
		return counts{fires: n, executed: n}
	}
	return counts{fires: n}
}

// addExecuted counts that a fire counted before was executed after all. That does not
// change the user's last_updated.
func (c *changes) addExecuted(user int64, signal string, day Day) {
	c.addUserDay(user, day, counts{executed: 1})
	c.addSignalDay(signal, day, counts{executed: 1})
}

func (c *changes) addUserDay(user int64, day Day, delta counts) {
	key := userDay{user, day}
	c.userDays[key] = c.userDays[key].plus(delta)
	change := c.user(user)
	change.counts = change.counts.plus(delta)
	c.addDay(day, delta)
}

// addDay adds to a day of the community, which counts neither draws nor P&L.
func (c *changes) addDay(day Day, delta counts) {
	if !delta.ofFires() && delta.wins == 0 && delta.losses == 0 {
		return
	}
	d := c.day(day)
	d.fires += delta.fires
	d.executed += delta.executed
	d.wins += delta.wins
	d.losses += delta.losses
}

func (c *changes) addSignalDay(signal string, day Day, delta counts) {
	key := signalDay{signal, day}
	c.signalDays[key] = c.signalDays[key].plus(delta)
}

// store writes changes. It writes each counter once, in key order, which avoids
// deadlocks, and those that most writers share last: their rows are locked until
// the transaction ends.
func (w *writing) store(ctx context.Context, c changes) error {
	type step func(context.Context, dbgen.Querier, *changes) error
	users := storeUsersApart
	if w.engine.Remote() { // one update a row there, since each makes another version of it
		users = storeUsers
	}
	for _, step := range []step{storeFacts, storeUserDays, users, storeStreaks} {
		if err := step(ctx, w.later(), &c); err != nil {
			return err
		}
	}
	if w.joined { // so that the caller learns at once what the database refuses
		if err := w.tx.Flush(ctx); err != nil {
			return err
		}
	}
	for _, step := range []step{storeSignals, storeDays} {
		if err := step(ctx, w.later(), &c); err != nil {
			return err
		}
	}
	return nil
}

func storeFacts(ctx context.Context, q dbgen.Querier, c *changes) error {
	var fires, executed, trades jsonRows
	for _, f := range c.newFires {
		fires.begin().int(f.UserID).str(f.SignalID).time(f.Timestamp).bool(f.Executed).int(f.Day)
	}
	slices.SortFunc(c.executedFires, func(a, b fireKey) int {
		return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.signal, b.signal))
	})
	for _, key := range c.executedFires {
		executed.begin().int(key.user).str(key.signal)
	}
	for _, t := range c.newTrades {
		trades.begin().int(t.UserID).str(t.TradeID).str(t.SignalID).int(t.PnlMicros).str(t.Outcome).time(t.ClosedAt).int(t.Day)
	}
	return storeEach(ctx,
		storing{q.InsertFires, fires}, storing{q.MarkFiresExecuted, executed}, storing{q.InsertTrades, trades})
}

func storeUserDays(ctx context.Context, q dbgen.Querier, c *changes) error {
	var fired, traded, moved jsonRows
	for _, key := range sortedKeys(c.userDays, compareUserDays) {
		d := c.userDays[key]
		if d.ofFires() {
			fired.begin().int(key.user, int64(key.day), d.fires, d.executed)
		}
		if d.ofTrades() {
			half, other := d.pnl.Halves()
			traded.begin().int(key.user, int64(key.day), d.wins, d.losses, d.draws, half)
			if other != 0 {
				moved.begin().int(key.user, int64(key.day), 0, 0, 0, other)
			}
		}
	}
	return storeEach(ctx, storing{q.AddUserDayFires, fired}, storing{q.AddUserDayTrades, traded}, storing{q.AddUserDayTrades, moved})
}

// storeUsers writes the users' totals and streak state.
func storeUsers(ctx context.Context, q dbgen.Querier, c *changes) error {
	var fired, streak jsonRows
	for _, user := range c.order() {
		switch change := c.users[user]; {
		case change.active:
			change.addStreak(&streak, user)
		case change.ofFires():
			fired.begin().int(user, change.fires, change.executed).time(change.changed)
		}
	}
	if err := storeEach(ctx, storing{q.AddUserFires, fired}, storing{q.SetStreaks, streak}); err != nil {
		return err
	}
	return storeUserTrades(ctx, q, c)
}

// storeUsersApart is storeUsers where an update costs as much as it names columns:
// SQLite rewrites the index entries of each. A user who is new, or fired before what
// was the first day, changes altogether; others seldom in more than two of these.
func storeUsersApart(ctx context.Context, q dbgen.Querier, c *changes) error {
	var fired, notExecuted, whole, latest, longest jsonRows
	for _, user := range c.order() {
		change := c.users[user]
		if change.active && (!change.known || change.streak.First != change.stored.First) {
			change.addStreak(&whole, user)
			continue
		}
		switch {
		case change.executed != 0:
			fired.begin().int(user, change.fires, change.executed).time(change.changed)
		case change.fires != 0:
			notExecuted.begin().int(user, change.fires).time(change.changed)
		}
		if s := change.streak; change.active {
			latest.begin().int(user, s.Start, s.End, s.Length, s.Until, s.Unspent)
			if s.Longest != change.stored.Longest {
				longest.begin().int(user, s.Longest)
			}
		}
	}
	if err := storeEach(ctx, storing{q.AddUserFires, fired}, storing{q.AddUserFiresNotExecuted, notExecuted},
		storing{q.SetStreaks, whole}, storing{q.SetLatestStreaks, latest}, storing{q.SetLongestStreaks, longest}); err != nil {
		return err
	}
	return storeUserTrades(ctx, q, c)
}

func (c *userChange) addStreak(rows *jsonRows, user int64) {
	s := c.streak
	rows.begin().int(user, c.fires, c.executed).time(c.changed).
		int(s.First, s.Start, s.End, s.Length, s.Until, s.Longest, s.Unspent)
}

// storeUserTrades writes what trades change of users' totals, and deletes the users
// who were created in vain.
func storeUserTrades(ctx context.Context, q dbgen.Querier, c *changes) error {
	var traded, moved jsonRows
	for _, user := range c.order() {
		change := c.users[user]
		if !change.ofTrades() {
			continue
		}
		half, other := change.pnl.Halves()
		traded.begin().int(user, change.wins, change.losses, change.draws, half).time(change.changed).int(change.winBound)
		if other != 0 {
			moved.begin().int(user, 0, 0, 0, other).time(change.changed).int(change.winBound)
		}
	}
	c.unused = slices.Sorted(slices.Values(c.unused))
	if len(c.unused) > 0 {
		if err := q.DeleteUsers(ctx, ids(c.unused)); err != nil {
			return err
		}
	}
	return storeEach(ctx, storing{q.AddUserTrades, traded}, storing{q.AddUserTrades, moved})
}

// storeStreaks writes the freezes that cover another day than before, and the awards.
func storeStreaks(ctx context.Context, q dbgen.Querier, c *changes) error {
	var spent, awards jsonRows
	for _, user := range c.order() {
		for _, f := range c.users[user].freezes {
			spent.begin().int(user).str(f.ID).int(f.Spent)
		}
	}
	for _, a := range c.awards {
		awards.begin().int(a.user, a.Start, a.Length, a.Day).time(a.at)
	}
	return storeEach(ctx, storing{q.SpendFreezes, spent}, storing{q.InsertAwards, awards})
}

func storeSignals(ctx context.Context, q dbgen.Querier, c *changes) error {
	var days, totals jsonRows
	for _, key := range sortedKeys(c.signalDays, compareSignalDays) {
		d := c.signalDays[key]
		days.begin().str(key.signal).int(int64(key.day), d.fires, d.executed)
	}
	for _, signal := range sortedKeys(c.signals, cmp.Compare) {
		s := c.signals[signal]
		totals.begin().str(signal).int(s.fires, s.fires).time(s.first)
	}
	return storeEach(ctx, storing{q.AddSignalDays, days}, storing{q.AddSignals, totals})
}

func storeDays(ctx context.Context, q dbgen.Querier, c *changes) error {
	var days jsonRows
	for _, day := range sortedKeys(c.days, cmp.Compare) {
		d := c.days[day]
		days.begin().int(int64(day), d.fires, d.executed, d.activeUsers, d.newUsers, d.wins, d.losses)
	}
	return storeEach(ctx, storing{q.AddDays, days})
}

// storing is a statement and the rows that it takes.
type storing struct {
	run  func(context.Context, string) error
	rows jsonRows
}

func storeEach(ctx context.Context, statements ...storing) error {
	for _, s := range statements {
		if s.rows.empty() {
			continue
		}
		if err := s.run(ctx, s.rows.String()); err != nil {
			return err
		}
	}
	return nil
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
