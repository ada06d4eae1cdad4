package engagement

import (
	"fmt"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
	"github.com/hydraxdev/engagementdb/engagement/internal/streaks"
)

// receipt is what became of a fact.
type receipt struct {
	status     Status
	milestones []int64 // that the fire has reached, ascending
	err        error   // it was refused: nothing of it is recorded
}

// decision is what follows from recording facts: a receipt for each, and the changes
// to be stored.
type decision struct {
	receipts []receipt
	changes  changes
}

// decide returns what follows from recording some facts, in their order, as if each
// had come in a call of its own. Its input is in l, which it changes and which must
// not be used afterwards. It neither reads nor writes the database.
func decide(l *loaded, facts []*fact, now time.Time) decision {
	d := decider{loaded: l, rules: l.counting(), now: now, changes: newChanges(len(l.users))}
	receipts := make([]receipt, len(facts))
	for i, f := range facts {
		if f.isTrade {
			receipts[i] = d.trade(f)
		} else {
			receipts[i] = d.fire(f)
		}
	}
	d.conclude()
	return decision{receipts, d.changes}
}

// decider decides one fact after another. Its users are in the state after the facts
// decided so far.
type decider struct {
	*loaded
	rules   streaks.Rules
	now     time.Time
	changes changes
}

func (d *decider) fire(f *fact) receipt {
	fire := f.fire
	if !f.stored {
		if err := f.checkHorizon(d.horizon); err != nil {
			return receipt{err: err}
		}
		if known, ok := d.fires[keyOfFire(fire)]; ok {
			return d.repeated(fire, known)
		}
		d.fires[keyOfFire(fire)] = storedFire{executed: fire.Executed, day: Day(fire.Day)}
		d.changes.newFires = append(d.changes.newFires, fire)
	}
	d.changes.addFire(fire)
	user := d.changes.user(fire.UserID)
	user.changed = latest2(user.changed, f.changedAt(d.now))
	return receipt{status: Recorded, milestones: d.activate(fire.UserID, fire.Day)}
}

// repeated decides a fire whose key is stored already.
func (d *decider) repeated(fire dbgen.SignalFire, known storedFire) receipt {
	if known.day < firstDay && known.day != uncounted {
		return receipt{err: errAside(firesTable, known.id)}
	}
	if !fire.Executed || known.executed {
		return receipt{status: Duplicate}
	}
	d.fires[keyOfFire(fire)] = storedFire{known.id, true, known.day}
	d.changes.executedFires = append(d.changes.executedFires, keyOfFire(fire))
	if known.day != uncounted { // otherwise it is counted later, as executed
		d.changes.addExecuted(fire.UserID, fire.SignalID, known.day)
	}
	return receipt{status: MarkedExecuted}
}

// activate makes a day an active day of a user, and returns the milestones that are
// awarded for that.
func (d *decider) activate(userID, day int64) []int64 {
	user := d.users[userID]
	first := user.streak.First
	var reached []streaks.Milestone
	switch h := user.history; {
	case h == nil && day == user.streak.End:
		return nil
	case h == nil:
		var ok bool
		if user.streak, reached, ok = d.rules.Extend(user.streak, day); !ok {
			panic(fmt.Sprintf("day %d of user %d was decided without the user's history", day, userID))
		}
	default:
		i, active := slices.BinarySearch(h.days, day)
		if active {
			return nil
		}
		h.days = slices.Insert(h.days, i, day)
		reached = d.count(user)
	}
	change := d.changes.user(userID)
	if !change.active {
		change.active, change.firstBefore = true, first
	}
	d.changes.day(Day(day)).activeUsers++
	return d.award(userID, reached)
}

// count counts a user's streaks anew.
func (d *decider) count(user *heldUser) (reached []streaks.Milestone) {
	user.streak, reached = d.rules.Count(user.history.days, user.history.freezes)
	return reached
}

// award awards those of the milestones reached that are due.
func (d *decider) award(userID int64, reached []streaks.Milestone) (milestones []int64) {
	user := d.users[userID]
	for _, m := range streaks.Due(reached, user.awards) {
		user.awards = append(user.awards, streaks.Award{Start: m.Start, Length: m.Length, Day: m.Day})
		d.changes.awards = append(d.changes.awards, newAward{userID, m, d.now})
		milestones = append(milestones, m.Length)
	}
	slices.Sort(milestones)
	return milestones
}

func (d *decider) trade(f *fact) receipt {
	trade := f.trade
	if known, ok := d.trades[keyOfTrade(trade)]; ok && !f.stored {
		if Day(known.Day) <= setAside {
			return receipt{err: errAside(tradesTable, known.ID)}
		}
		return receipt{status: Duplicate, err: checkSameTrade(known, trade, f.timeGiven)}
	}
	user, day := d.users[trade.UserID], userDay{trade.UserID, Day(trade.Day)}
	sum, ok := addMicros(user.micros, trade.PnlMicros)
	if !ok {
		return receipt{err: invalid("P&L", fromMicros(trade.PnlMicros), "the sum of the user's trades would leave ±9e12")}
	}
	ofDay, ok := addMicros(d.pnl[day], trade.PnlMicros)
	if !ok {
		return receipt{err: invalid("P&L", fromMicros(trade.PnlMicros), fmt.Sprintf(
			"the sum of the user's trades of %s would leave ±9e12", day.day))}
	}
	user.micros, d.pnl[day] = sum, ofDay
	delta := counts{pnl: stats.Sum(0, trade.PnlMicros)}
	switch trade.Outcome {
	case Win.String():
		delta.wins = 1
	case Loss.String():
		delta.losses = 1
	case Draw.String():
		delta.draws = 1
	}
	user.wins += delta.wins
	user.losses += delta.losses
	if !f.stored {
		d.trades[keyOfTrade(trade)] = trade
		d.changes.newTrades = append(d.changes.newTrades, trade)
	}
	d.changes.addUserDay(trade.UserID, day.day, delta)
	change := d.changes.user(trade.UserID)
	change.winBound = winBound(user.wins, user.losses)
	change.changed = latest2(change.changed, f.changedAt(d.now))
	return receipt{status: Recorded}
}

// conclude adds what follows from all facts together: the users' streaks and spent
// freezes, new users of days, and the users who were created in vain.
func (d *decider) conclude() {
	for id, change := range d.changes.users {
		user := d.users[id]
		if !change.active {
			continue
		}
		change.known, change.stored, change.streak = user.known, user.stored, user.streak
		if first := user.streak.First; first != change.firstBefore {
			d.changes.day(Day(first)).newUsers++
			if change.firstBefore != streaks.None {
				d.changes.day(Day(change.firstBefore)).newUsers--
			}
		}
		if h := user.history; h != nil {
			for _, f := range h.freezes {
				if f.Spent != h.spent[f.ID] {
					change.freezes = append(change.freezes, f)
				}
			}
		}
	}
	for _, id := range d.created {
		if d.changes.users[id] == nil {
			d.changes.unused = append(d.changes.unused, id)
		}
	}
}

// recount returns the changes after counting users' streaks and freezes anew from
// their histories. If awarded, they are awarded the milestones that they have
// reached.
func recount(l *loaded, users []int64, awarded bool, now time.Time) changes {
	d := decider{loaded: l, rules: l.counting(), now: now, changes: newChanges(len(l.users))}
	for _, user := range users {
		reached := d.count(d.users[user])
		if awarded {
			d.award(user, reached)
		}
		// New users of days are not changed by other rules.
		change := d.changes.user(user)
		change.active, change.firstBefore = true, d.users[user].streak.First
	}
	d.conclude()
	return d.changes
}

// latest2 returns the later of two times.
func latest2(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
