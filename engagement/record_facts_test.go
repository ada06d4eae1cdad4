package engagement

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// decided is the time at which facts are decided here: noon of day 20.
var decided = timeOn(20)

func timeOn(day int64) time.Time { return time.Unix(day*24*60*60, 0).UTC().Add(12 * time.Hour) }

// The facts of the tests; a fire is at noon of its day.

func fired(user int64, signal string, day int64) *fact {
	return &fact{fire: dbgen.SignalFire{UserID: user, SignalID: signal, Timestamp: timeOn(day), Day: day}}
}

func executed(user int64, signal string, day int64) *fact {
	f := fired(user, signal, day)
	f.fire.Executed = true
	return f
}

// closedOn is closed on another day.
func closedOn(day, user int64, id string, units int64) *fact {
	f := closed(user, id, units)
	f.trade.Day, f.trade.ClosedAt = day, timeOn(day)
	return f
}

func closed(user int64, id string, units int64) *fact {
	outcome := Draw
	switch {
	case units > 0:
		outcome = Win
	case units < 0:
		outcome = Loss
	}
	return &fact{isTrade: true, timeGiven: true, trade: dbgen.Trade{
		UserID: user, TradeID: id, PnlMicros: units * stats.Micros, Outcome: outcome.String(), ClosedAt: timeOn(20), Day: 20,
	}}
}

// storedAs makes a fact one whose row is there and is to be counted.
func storedAs(f *fact) *fact {
	f.stored = true
	return f
}

func fires(user, first, last int64) (facts []*fact) {
	for day := first; day <= last; day++ {
		facts = append(facts, fired(user, fmt.Sprint("D", day), day))
	}
	return facts
}

// grant is a freeze of a user.
type grant struct {
	user, day int64
	id        string
}

func receiptText(r receipt) string {
	switch {
	case errors.Is(r.err, ErrInvalid):
		return "invalid"
	case errors.Is(r.err, ErrConflict):
		return "conflict"
	case r.err != nil:
		return r.err.Error()
	case r.milestones != nil:
		return fmt.Sprint(r.status, " ", r.milestones)
	}
	return r.status.String()
}

// changesText is a line for each change.
func changesText(c changes) (lines []string) {
	add := func(format string, args ...any) {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
	for _, f := range c.newFires {
		add("store fire %d %s %s", f.UserID, f.SignalID, map[bool]string{true: "executed"}[f.Executed])
	}
	for _, key := range c.executedFires {
		add("mark fire %d %s", key.user, key.signal)
	}
	for _, t := range c.newTrades {
		add("store trade %d %s", t.UserID, t.TradeID)
	}
	for _, id := range sortedKeys(c.users, cmp.Compare) {
		u := c.users[id]
		parts := []string{}
		if u.counts != (counts{}) {
			parts = append(parts, countsText(u.counts))
		}
		if !u.changed.IsZero() {
			parts = append(parts, fmt.Sprint("active on ", int64(DayOf(u.changed, time.UTC))))
		}
		if u.winBound != 0 {
			parts = append(parts, fmt.Sprint("bound ", u.winBound))
		}
		if u.active {
			streak := fmt.Sprintf("streak %d-%d of %d", u.streak.Start, u.streak.End, u.streak.Length)
			if u.streak.Unspent > 0 {
				streak += fmt.Sprint(" holding ", u.streak.Unspent)
			}
			parts = append(parts, streak)
		}
		add("user %d: %s", id, strings.Join(parts, ", "))
		for _, f := range u.freezes {
			add("spend %s of %d on %d", f.ID, id, f.Spent)
		}
	}
	for _, key := range sortedKeys(c.userDays, compareUserDays) {
		add("user %d on %d: %s", key.user, int64(key.day), countsText(c.userDays[key]))
	}
	for _, signal := range slices.Sorted(maps.Keys(c.signals)) {
		s := c.signals[signal]
		add("signal %s: fires %d, first on %d", signal, s.fires, int64(DayOf(s.first, time.UTC)))
	}
	for _, key := range sortedKeys(c.signalDays, compareSignalDays) {
		add("signal %s on %d: %s", key.signal, int64(key.day), countsText(c.signalDays[key]))
	}
	for _, day := range sortedKeys(c.days, cmp.Compare) {
		d := c.days[day]
		add("day %d: %s", int64(day), partsText("fires", d.fires, "executed", d.executed, "active", d.activeUsers, "new", d.newUsers, "wins", d.wins, "losses", d.losses))
	}
	for _, a := range c.awards {
		add("award %d: %d from %d on %d", a.user, a.Length, a.Start, a.Day)
	}
	for _, id := range c.unused {
		add("delete user %d", id)
	}
	return lines
}

func countsText(c counts) string {
	return partsText("fires", c.fires, "executed", c.executed, "wins", c.wins, "losses", c.losses, "draws", c.draws, "micros", c.pnl.Micros())
}

// partsText is each name with its number, unless that is 0.
func partsText(namesAndNumbers ...any) string {
	var parts []string
	for i := 0; i < len(namesAndNumbers); i += 2 {
		if n := namesAndNumbers[i+1]; n != int64(0) {
			parts = append(parts, fmt.Sprint(namesAndNumbers[i], " ", n))
		}
	}
	return strings.Join(parts, " ")
}
