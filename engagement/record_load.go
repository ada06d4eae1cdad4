package engagement

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
	"github.com/hydraxdev/engagementdb/engagement/internal/streaks"
)

// fact is a fire or a trade to be recorded.
type fact struct {
	fire    dbgen.SignalFire
	trade   dbgen.Trade
	isTrade bool

	timeGiven bool     // the caller gave the trade's closing time
	stored    bool     // the row is there, and is to be counted
	row       *factRow // the row, if it is
}

func (f *fact) user() int64 {
	if f.isTrade {
		return f.trade.UserID
	}
	return f.fire.UserID
}

type fireKey struct {
	user   int64
	signal string
}

type tradeKey struct {
	user  int64
	trade string
}

func keyOfFire(f dbgen.SignalFire) fireKey { return fireKey{f.UserID, f.SignalID} }

func keyOfTrade(t dbgen.Trade) tradeKey { return tradeKey{t.UserID, t.TradeID} }

// loaded is the input of decide, besides the facts. Its users are held until the
// transaction ends.
type loaded struct {
	rules   StreakRules
	skipped []int64 // days that the time zone left out
	horizon Day
	users   map[int64]*heldUser
	fires   map[fireKey]storedFire
	trades  map[tradeKey]dbgen.Trade
	pnl     map[userDay]int64 // stored P&L of the trades' days, in millionths
	created []int64           // users who are stored only because they are held
}

// counting returns the rules that streaks are counted by.
func (l *loaded) counting() streaks.Rules { return l.rules.pure(l.skipped) }

// storedFire is what is known of a stored fire.
type storedFire struct {
	id       int64 // 0: it is new
	executed bool
	day      Day
}

// heldUser is what is stored of a user.
type heldUser struct {
	known                bool // there is a row of the user
	stored               streaks.State
	streak               streaks.State // after the facts decided so far
	wins, losses, micros int64

	// What a streak is counted anew from; nil if the streak state is enough.
	history *history
	awards  []streaks.Award // if a milestone may be reached
}

// history is what a user's streaks are counted from.
type history struct {
	days    []int64 // active days, ascending
	freezes []streaks.Freeze
	spent   map[string]int64 // the days that freezes are stored as spent on
}

// load holds the users of some facts and reads the input of decide.
func (w *writing) load(ctx context.Context, facts []*fact) (*loaded, error) {
	var fires, trades jsonRows
	users := make([]int64, len(facts))
	for i, f := range facts {
		users[i] = f.user()
		switch {
		case f.isTrade:
			trades.begin().int(f.trade.UserID).str(f.trade.TradeID).int(f.trade.Day)
		case !f.stored:
			fires.begin().int(f.fire.UserID).str(f.fire.SignalID)
		}
	}
	slices.Sort(users)
	l, err := w.hold(ctx, slices.Compact(users), fires, trades)
	if err != nil {
		return nil, err
	}
	histories, awards := l.unread(facts)
	return l, w.readHistories(ctx, l, histories, awards)
}

// hold holds users, given in ascending order, and reads what is stored of them and of
// some facts.
func (w *writing) hold(ctx context.Context, users []int64, fires, trades jsonRows) (*loaded, error) {
	keys := engine.Keys{Users: ids(users)}
	if !fires.empty() {
		keys.Fires = fires.String()
	}
	if !trades.empty() {
		keys.Trades = trades.String()
	}
	stored, err := w.tx.Load(ctx, keys)
	if err != nil {
		return nil, err
	}
	l := &loaded{
		skipped: w.skipped,
		users:   make(map[int64]*heldUser, len(users)),
		fires:   make(map[fireKey]storedFire, len(stored.Fires)),
		trades:  make(map[tradeKey]dbgen.Trade, len(stored.Trades)),
		pnl:     make(map[userDay]int64, len(stored.Days)),
		created: stored.Created,
	}
	if l.rules, l.horizon, err = w.writerSettings(stored.Settings); err != nil {
		return nil, err
	}
	held := make([]heldUser, len(users))
	for i, user := range users {
		held[i].stored, held[i].streak = streaks.NoDays(), streaks.NoDays()
		l.users[user] = &held[i]
	}
	for _, row := range stored.Users {
		u, err := l.user(row.UserID)
		if err != nil {
			return nil, err
		}
		stored := streaks.State{
			First: row.FirstDay, Start: row.StreakStart, End: row.StreakEnd, Until: row.StreakUntil,
			Length: row.StreakLength, Longest: row.StreakLongest, Unspent: row.Freezes,
		}
		*u = heldUser{known: true, stored: stored, streak: stored, wins: row.Wins, losses: row.Losses, micros: row.PnlMicros}
	}
	for _, row := range stored.Fires {
		l.fires[fireKey{row.UserID, row.SignalID}] = storedFire{row.ID, row.Executed, Day(row.Day)}
	}
	for _, row := range stored.Trades {
		l.trades[tradeKey{row.UserID, row.TradeID}] = dbgen.Trade(row)
	}
	for _, row := range stored.Days {
		l.pnl[userDay{row.UserID, Day(row.Day)}] = row.PnlMicros
	}
	return l, nil
}

// user returns the held user that a row is about.
func (l *loaded) user(id int64) (*heldUser, error) {
	u, held := l.users[id]
	if !held {
		return nil, notAskedFor(id)
	}
	return u, nil
}

// notAskedFor is the error for a row of a user who was not asked for, which a damaged
// index may return.
func notAskedFor(user int64) error {
	return fmt.Errorf("%w: a row of user %d is stored under another user", ErrCorrupt, user)
}

// unread returns the users whose histories must be read to decide some facts, and
// those whose awards must be read. Most often the streak state is enough: a fire on
// the last active day changes no streak, and one on a later day prolongs it or begins
// another.
func (l *loaded) unread(facts []*fact) (histories, awards []int64) {
	type ahead struct{ end, days int64 }
	users := map[int64]ahead{} // with other days than the last active one
	needed := map[int64]bool{}
	rules := l.counting()
	for _, f := range facts {
		if f.isTrade || (!f.stored && (Day(f.fire.Day) < l.horizon || l.isStored(f.fire))) {
			continue
		}
		user, day := l.users[f.fire.UserID], f.fire.Day
		a, known := users[f.fire.UserID]
		if !known {
			a.end = user.streak.End
		}
		if day == a.end {
			continue
		}
		if day < a.end || (user.streak.Unspent > 0 && a.days > 0) {
			needed[f.fire.UserID] = true
		} else {
			if _, _, ok := rules.Extend(user.streak, day); !ok {
				needed[f.fire.UserID] = true
			}
			a.end = day
			a.days++
		}
		users[f.fire.UserID] = a
	}
	for user, a := range users {
		length := l.users[user].streak.Length
		reached := func(milestone int64) bool {
			return milestone <= a.days || (milestone > length && milestone <= length+a.days)
		}
		if needed[user] {
			histories = append(histories, user)
		}
		if needed[user] || slices.ContainsFunc(l.rules.Milestones, reached) {
			awards = append(awards, user)
		}
	}
	return histories, awards
}

func (l *loaded) isStored(f dbgen.SignalFire) bool {
	_, known := l.fires[keyOfFire(f)]
	return known
}

// readHistories adds to what is loaded the histories and the awards of some of
// its users.
func (w *writing) readHistories(ctx context.Context, l *loaded, histories, awards []int64) error {
	if len(histories)+len(awards) == 0 {
		return nil
	}
	slices.Sort(histories)
	slices.Sort(awards)
	found, err := w.tx.Histories(ctx, ids(histories), ids(awards))
	if err != nil {
		return err
	}
	for _, user := range histories {
		l.users[user].history = &history{spent: map[string]int64{}}
	}
	for _, row := range found.Rows {
		u, err := l.user(row.UserID)
		if err != nil {
			return err
		}
		h := u.history
		switch {
		case h == nil:
			return notAskedFor(row.UserID)
		case row.GrantID != "":
			h.freezes = append(h.freezes, streaks.Freeze{ID: row.GrantID, Granted: row.Day, Spent: row.SpentDay})
			h.spent[row.GrantID] = row.SpentDay
		case Day(row.Day) >= firstDay:
			h.days = append(h.days, row.Day)
		}
	}
	for _, user := range histories {
		streaks.Sort(l.users[user].history.freezes)
	}
	slices.SortFunc(found.Awards, func(a, b dbgen.StreakAward) int { return cmp.Compare(a.Day, b.Day) })
	for _, row := range found.Awards {
		u, err := l.user(row.UserID)
		if err != nil {
			return err
		}
		u.awards = append(u.awards, streaks.Award{Start: row.StreakStart, Length: row.Milestone, Day: row.Day})
	}
	return nil
}

// holdHistories holds users and reads what their streaks are counted from.
func (w *writing) holdHistories(ctx context.Context, users []int64) (*loaded, error) {
	l, err := w.hold(ctx, users, jsonRows{}, jsonRows{})
	if err != nil {
		return nil, err
	}
	return l, w.readHistories(ctx, l, users, slices.Clone(users))
}

// changedAt returns what a fact makes its user's last_updated: now, or the fact's own
// time if another program stored it and it is counted late.
func (f *fact) changedAt(now time.Time) time.Time {
	switch {
	case !f.stored:
		return now
	case f.isTrade:
		return f.trade.ClosedAt
	}
	return f.fire.Timestamp
}
