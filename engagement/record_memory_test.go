package engagement

import (
	"fmt"
	"maps"
	"slices"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
	"github.com/hydraxdev/engagementdb/engagement/internal/streaks"
)

// memory is a database in maps: the tables that facts are decided by and stored
// in.
type memory struct {
	rules      StreakRules
	horizon    Day
	users      map[int64]memoryUser
	fires      map[fireKey]dbgen.SignalFire // of day uncounted while they are not counted
	trades     map[tradeKey]dbgen.Trade
	userDays   map[userDay]counts
	signalDays map[signalDay]counts
	signals    map[string]signalChange
	days       map[Day]dayChange
	freezes    map[int64]map[string]streaks.Freeze
	awards     map[memoryAward]time.Time
}

type memoryUser struct {
	counts
	changed  time.Time
	winBound int64
	streak   streaks.State
}

type memoryAward struct{ user, start, length, day int64 }

func newMemory(rules StreakRules) *memory {
	return &memory{
		rules: rules, users: map[int64]memoryUser{}, fires: map[fireKey]dbgen.SignalFire{}, trades: map[tradeKey]dbgen.Trade{},
		userDays: map[userDay]counts{}, signalDays: map[signalDay]counts{}, signals: map[string]signalChange{},
		days: map[Day]dayChange{}, freezes: map[int64]map[string]streaks.Freeze{}, awards: map[memoryAward]time.Time{},
	}
}

func (m *memory) clone() *memory {
	c := *m
	c.users, c.fires, c.trades = maps.Clone(m.users), maps.Clone(m.fires), maps.Clone(m.trades)
	c.userDays, c.signalDays, c.signals = maps.Clone(m.userDays), maps.Clone(m.signalDays), maps.Clone(m.signals)
	c.days, c.awards = maps.Clone(m.days), maps.Clone(m.awards)
	c.freezes = map[int64]map[string]streaks.Freeze{}
	for user, freezes := range m.freezes {
		c.freezes[user] = maps.Clone(freezes)
	}
	return &c
}

// load reads what some facts are decided by, and no more than that.
func (m *memory) load(facts []*fact) *loaded {
	l := &loaded{
		rules: m.rules, horizon: m.horizon,
		users: map[int64]*heldUser{}, fires: map[fireKey]storedFire{}, trades: map[tradeKey]dbgen.Trade{}, pnl: map[userDay]int64{},
	}
	for _, f := range facts {
		if l.users[f.user()] == nil {
			m.hold(l, f.user())
		}
		if day := (userDay{f.user(), Day(f.trade.Day)}); f.isTrade {
			if c, known := m.userDays[day]; known {
				l.pnl[day] = c.pnl.Micros()
			}
		}
		if f.stored {
			continue
		}
		if row, known := m.fires[keyOfFire(f.fire)]; known && !f.isTrade {
			l.fires[keyOfFire(row)] = storedFire{row.ID, row.Executed, Day(row.Day)}
		}
		if row, known := m.trades[keyOfTrade(f.trade)]; known && f.isTrade {
			l.trades[keyOfTrade(row)] = row
		}
	}
	histories, awards := l.unread(facts)
	m.readHistories(l, histories, awards)
	return l
}

func (m *memory) readHistories(l *loaded, histories, awards []int64) {
	for _, user := range histories {
		l.users[user].history = m.history(user)
	}
	for _, user := range awards {
		l.users[user].awards = m.awardsOf(user)
	}
}

func (m *memory) hold(l *loaded, id int64) {
	user, known := m.users[id]
	if !known {
		user.streak = streaks.NoDays()
		l.created = append(l.created, id)
	}
	l.users[id] = &heldUser{streak: user.streak, wins: user.wins, losses: user.losses, micros: user.pnl.Micros()}
}

// loadHistories reads what users' streaks are counted anew from.
func (m *memory) loadHistories(users ...int64) *loaded {
	l := &loaded{rules: m.rules, horizon: m.horizon, users: map[int64]*heldUser{}}
	for _, id := range users {
		m.hold(l, id)
	}
	m.readHistories(l, users, users)
	return l
}

func (m *memory) history(user int64) *history {
	h := &history{spent: map[string]int64{}}
	for key, c := range m.userDays {
		switch {
		case key.user != user || c.fires == 0:
		default:
			h.days = append(h.days, int64(key.day))
		}
	}
	slices.Sort(h.days)
	for id, f := range m.freezes[user] {
		h.freezes = append(h.freezes, f)
		h.spent[id] = f.Spent
	}
	return h
}

func (m *memory) awardsOf(user int64) (awards []streaks.Award) {
	for a := range m.awards {
		if a.user == user {
			awards = append(awards, streaks.Award{Start: a.start, Length: a.length, Day: a.day})
		}
	}
	return awards
}

func (m *memory) knows(user int64) bool {
	_, known := m.users[user]
	return known
}

// record decides facts and stores what that comes to.
func (m *memory) record(t failer, facts []*fact) []receipt {
	t.Helper()
	return m.store(t, facts, decide(m.load(facts), facts, decided))
}

// recordByAll is record with all histories and awards read, needed or not.
func (m *memory) recordByAll(t failer, facts []*fact) []receipt {
	t.Helper()
	l := m.load(facts)
	users := slices.Collect(maps.Keys(l.users))
	m.readHistories(l, users, users)
	return m.store(t, facts, decide(l, facts, decided))
}

func (m *memory) store(t failer, facts []*fact, d decision) []receipt {
	t.Helper()
	m.apply(t, d.changes)
	for _, f := range facts {
		switch {
		case !f.stored:
		case f.isTrade:
			row := m.trades[keyOfTrade(f.trade)]
			row.Day = f.trade.Day
			m.trades[keyOfTrade(row)] = row
		default:
			row := m.fires[keyOfFire(f.fire)]
			row.Day = f.fire.Day
			m.fires[keyOfFire(row)] = row
		}
	}
	return d.receipts
}

// insertUncounted stores a fact as another program does.
func (m *memory) insertUncounted(f *fact) {
	if f.isTrade {
		row := f.trade
		row.Day = int64(uncounted)
		m.trades[keyOfTrade(row)] = row
		return
	}
	row := f.fire
	if Day(row.Day) != setAside {
		row.Day = int64(uncounted)
	}
	m.fires[keyOfFire(row)] = row
}

func (m *memory) grant(t failer, g grant) {
	t.Helper()
	if m.freezes[g.user] == nil {
		m.freezes[g.user] = map[string]streaks.Freeze{}
	}
	m.freezes[g.user][g.id] = streaks.Freeze{ID: g.id, Granted: g.day, Spent: streaks.None}
	m.apply(t, recount(m.loadHistories(g.user), []int64{g.user}, true, decided))
}

// failer is what a test and one check of a property have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

// apply stores changes as the queries do, and reports what these would refuse or
// do wrongly.
func (m *memory) apply(t failer, c changes) {
	t.Helper()
	m.applyFacts(t, c)
	sums := map[Day]counts{}
	for key, delta := range c.userDays {
		m.userDays[key] = m.userDays[key].plus(delta)
		m.checkPnL(t, fmt.Sprintf("user %d on day %d", key.user, int64(key.day)), m.userDays[key].pnl)
		sums[key.day] = sums[key.day].plus(counts{fires: delta.fires, executed: delta.executed})
	}
	for key, delta := range c.signalDays {
		m.signalDays[key] = m.signalDays[key].plus(delta)
		sums[key.day] = sums[key.day].plus(counts{fires: -delta.fires, executed: -delta.executed})
	}
	for day, left := range sums {
		if left != (counts{}) {
			t.Errorf("the users' and the signals' counts of day %d differ by %+v", int64(day), left)
		}
	}
	for signal, s := range c.signals {
		row, known := m.signals[signal]
		if !known || s.first.Before(row.first) {
			row.first = s.first
		}
		row.fires += s.fires
		m.signals[signal] = row
	}
	for day, d := range c.days {
		row := m.days[day]
		m.days[day] = dayChange{
			row.fires + d.fires, row.executed + d.executed, row.activeUsers + d.activeUsers, row.newUsers + d.newUsers,
			row.wins + d.wins, row.losses + d.losses,
		}
	}
	m.applyUsers(t, c)
}

// checkPnL reports a sum that the schema refuses.
func (m *memory) checkPnL(t failer, whose string, sum stats.Amount) {
	t.Helper()
	if sum.Compare(stats.Sum(MaxPnL, 0)) > 0 || sum.Compare(stats.Sum(-MaxPnL, 0)) < 0 {
		t.Errorf("the P&L of %s is %g, beyond ±9e12", whose, sum.Units())
	}
}

func (m *memory) applyFacts(t failer, c changes) {
	t.Helper()
	for _, f := range c.newFires {
		if _, twice := m.fires[keyOfFire(f)]; twice {
			t.Errorf("fire %+v is stored twice", f)
		}
		m.fires[keyOfFire(f)] = f
	}
	for _, key := range c.executedFires {
		f, known := m.fires[key]
		if !known || f.Executed {
			t.Errorf("fire %+v is marked executed, stored %t as %+v", key, known, f)
		}
		f.Executed = true
		m.fires[key] = f
	}
	for _, trade := range c.newTrades {
		if _, twice := m.trades[keyOfTrade(trade)]; twice {
			t.Errorf("trade %+v is stored twice", trade)
		}
		m.trades[keyOfTrade(trade)] = trade
	}
}

func (m *memory) applyUsers(t failer, c changes) {
	t.Helper()
	for id, change := range c.users {
		row, known := m.users[id]
		if !known {
			row.streak = streaks.NoDays()
		}
		row.counts = row.counts.plus(change.counts)
		m.checkPnL(t, fmt.Sprint("user ", id), row.pnl)
		row.changed = latest2(row.changed, change.changed)
		if change.ofTrades() {
			row.winBound = change.winBound
		}
		if change.active {
			row.streak = change.streak
		}
		m.users[id] = row
		for _, f := range change.freezes {
			m.freezes[id][f.ID] = f
		}
	}
	for _, a := range c.awards {
		key := memoryAward{a.user, a.Start, a.Length, a.Day}
		if _, twice := m.awards[key]; twice {
			t.Errorf("award %+v is given twice", key)
		}
		m.awards[key] = a.at
	}
	for _, id := range c.unused {
		if m.knows(id) {
			t.Errorf("user %d is deleted, and has facts", id)
		}
	}
}

// verify compares every figure with what the facts, the days and the grants say.
func (m *memory) verify(t failer) {
	t.Helper()
	want := newMemory(m.rules)
	for key, f := range m.fires {
		if Day(f.Day) == uncounted {
			continue
		}
		one, day := countsOfFire(f, 1), Day(f.Day)
		want.userDays[userDay{key.user, day}] = want.userDays[userDay{key.user, day}].plus(one)
		want.signalDays[signalDay{key.signal, day}] = want.signalDays[signalDay{key.signal, day}].plus(one)
		s, known := want.signals[key.signal]
		if !known || f.Timestamp.Before(s.first) {
			s.first = f.Timestamp
		}
		s.fires++
		want.signals[key.signal] = s
	}
	for key, trade := range m.trades {
		if Day(trade.Day) == uncounted {
			continue
		}
		one := counts{pnl: stats.Sum(0, trade.PnlMicros)}
		switch trade.Outcome {
		case "win":
			one.wins = 1
		case "loss":
			one.losses = 1
		default:
			one.draws = 1
		}
		day := userDay{key.user, Day(trade.Day)}
		want.userDays[day] = want.userDays[day].plus(one)
	}
	for key, c := range want.userDays {
		user := want.users[key.user]
		user.counts = user.counts.plus(c)
		want.users[key.user] = user
		d := want.days[key.day]
		d.fires, d.executed, d.wins, d.losses = d.fires+c.fires, d.executed+c.executed, d.wins+c.wins, d.losses+c.losses
		if c.fires > 0 {
			d.activeUsers++
		}
		want.days[key.day] = d
	}
	for id, user := range want.users {
		h := want.history(id)
		for _, f := range m.freezes[id] {
			h.freezes = append(h.freezes, f)
		}
		user.streak, _ = m.rules.pure(nil).Count(h.days, h.freezes)
		if first := Day(user.streak.First); first >= firstDay {
			d := want.days[first]
			d.newUsers++
			want.days[first] = d
		}
		user.winBound, user.changed = winBound(user.wins, user.losses), m.users[id].changed
		want.users[id] = user
		for _, f := range h.freezes {
			if stored := m.freezes[id][f.ID]; stored != f {
				t.Errorf("freeze %+v of user %d is stored as %+v", f, id, stored)
			}
		}
	}
	want.horizon, want.fires, want.trades, want.freezes, want.awards = m.horizon, m.fires, m.trades, m.freezes, m.awards
	m.same(t, "what is stored and what the facts say", want)
}

// same reports where m differs from another.
func (m *memory) same(t failer, what string, want *memory) {
	t.Helper()
	all := gocmp.AllowUnexported(memory{}, memoryUser{}, memoryAward{}, userDay{}, signalDay{}, fireKey{}, tradeKey{}, counts{},
		stats.Amount{}, signalChange{}, dayChange{})
	zero := cmpopts.IgnoreMapEntries(func(_ Day, d dayChange) bool { return d == dayChange{} })
	if diff := gocmp.Diff(want, m, all, zero); diff != "" {
		t.Errorf("%s differ (-want +got):\n%s", what, diff)
	}
}
