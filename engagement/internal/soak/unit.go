package main

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// A unit is what a child records at once: facts that are all there or none. All
// of it follows from its name, so that who hears the name knows the facts.
type unit struct {
	name   string
	fires  []engagement.Fire
	trades []engagement.Trade
	pnl    int64 // the user whose P&L is updated, which no key protects; 0: none
}

// Users of units are among those of the community, without those who are erased.
const (
	unitUsers = 50
	pnlUser   = 999 // fires nothing
)

func unitOf(name string) unit {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(name))
	h := sum.Sum64()
	u := unit{name: name}
	user := func(i uint64) int64 { return int64((h>>8+i*7)%unitUsers) + 1 }
	fire := func(i uint64) {
		u.fires = append(u.fires, engagement.Fire{UserID: user(i), SignalID: name, At: now.Add(-time.Duration(i) * 26 * time.Hour), Executed: h>>20&1 == 0})
	}
	trade := func() {
		u.trades = append(u.trades, engagement.Trade{UserID: user(0), TradeID: name, SignalID: name, PnL: float64(h%2001)/8 - 125, ClosedAt: now})
	}
	switch h % 8 {
	default:
		fire(0)
	case 4:
		trade()
	case 5:
		for i := range uint64(5) {
			fire(i)
		}
	case 6:
		fire(0)
		trade()
	case 7:
		u.pnl = pnlUser
	}
	return u
}

// record records the unit.
func (u unit) record(ctx context.Context, db *engagement.DB) error {
	switch {
	case u.pnl != 0:
		_, err := db.UpdateUserPnL(ctx, u.pnl, 1, true)
		return err
	case len(u.fires) > 0 && len(u.trades) > 0:
		return db.Tx(ctx, func(tx *engagement.Tx) error {
			if _, err := tx.RecordFires(ctx, u.fires); err != nil {
				return err
			}
			_, err := tx.RecordTrade(ctx, u.trades[0])
			return err
		})
	case len(u.fires) > 1:
		_, err := db.RecordFires(ctx, u.fires)
		return err
	case len(u.fires) == 1:
		_, err := db.RecordFire(ctx, u.fires[0])
		return err
	}
	_, err := db.RecordTrade(ctx, u.trades[0])
	return err
}

// ledger is what was said to be begun and to be done, by names of units and of
// upkeep, with when it was said.
type ledger struct {
	heard       int
	begun, done map[string]int
}

func newLedger() *ledger { return &ledger{begun: map[string]int{}, done: map[string]int{}} }

// begin takes that something begins. What is tried again began when it was
// first.
func (l *ledger) begin(name string) {
	l.heard++
	if _, again := l.begun[name]; !again {
		l.begun[name] = l.heard
	}
}

func (l *ledger) end(name string) {
	l.heard++
	l.done[name] = l.heard
}

// at returns what was done when it was heard that name had begun. What begins
// later may be there too.
func (l *ledger) at(name string) *ledger {
	then := newLedger()
	then.begun = l.begun
	for what, when := range l.done {
		if when < l.begun[name] {
			then.done[what] = when
		}
	}
	return then
}
