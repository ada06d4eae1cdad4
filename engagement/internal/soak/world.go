package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// key is that of a fire or a trade.
type key struct {
	user int64
	id   string
}

// totals are those of a user.
type totals struct{ fires, trades int64 }

// world is everything of a database that an attack must not change by itself.
type world struct {
	fires   map[key]engagement.Day
	trades  map[key]bool
	users   map[int64]totals
	horizon engagement.Day
	rules   string
}

// look reads a world, and proves it.
func look(ctx context.Context, db *engagement.DB) (*world, error) {
	report, err := db.Verify(ctx)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if !report.OK() || report.Uncounted > 0 {
		return nil, fmt.Errorf("verify finds %d wrong and %d uncounted: %v", len(report.Findings), report.Uncounted, first(report.Findings))
	}
	w := &world{fires: map[key]engagement.Day{}, trades: map[key]bool{}, users: map[int64]totals{}}
	var errs []error
	err = db.View(ctx, func(r *engagement.Reader) (err error) {
		rules, err := r.StreakRules(ctx)
		if err != nil {
			return err
		}
		w.rules = fmt.Sprint(rules)
		if w.horizon, err = r.Horizon(ctx); err != nil {
			return err
		}
		for f, err := range engagement.All(ctx, func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.SignalFire], error) {
			q.Limit = engagement.MaxLimit
			return r.Fires(ctx, engagement.FireFilter{}, q)
		}) {
			if err != nil {
				return err
			}
			k := key{f.UserID, f.SignalID}
			if _, twice := w.fires[k]; twice {
				errs = append(errs, fmt.Errorf("the fire %v is there twice", k))
			}
			w.fires[k] = engagement.DayOf(f.Timestamp, time.UTC)
		}
		for t, err := range engagement.All(ctx, func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.ClosedTrade], error) {
			q.Limit = engagement.MaxLimit
			return r.Trades(ctx, engagement.TradeFilter{}, q)
		}) {
			if err != nil {
				return err
			}
			k := key{t.UserID, t.TradeID}
			if w.trades[k] {
				errs = append(errs, fmt.Errorf("the trade %v is there twice", k))
			}
			w.trades[k] = true
		}
		for u, err := range engagement.All(ctx, r.Users) {
			if err != nil {
				return err
			}
			w.users[u.UserID] = totals{u.TotalFires, u.Wins + u.Losses + u.Draws}
		}
		return nil
	})
	return w, errors.Join(append(errs, err)...)
}

func first[T any](list []T) []T { return list[:min(3, len(list))] }

// compare reports how what is there now differs from what was there before and
// what the ledger says has been done since.
func (w *world) compare(current *world, l *ledger) error {
	c := comparison{before: w, now: current, ledger: l, want: map[int64]totals{}}
	c.settings()
	c.community()
	c.units()
	c.inventions()
	if len(c.wrong) > 8 {
		c.wrong = append(c.wrong[:8], fmt.Errorf("and %d more", len(c.wrong)-8))
	}
	return errors.Join(c.wrong...)
}

type comparison struct {
	before, now *world
	ledger      *ledger
	want        map[int64]totals // of the users who are there
	wrong       []error
}

func (c *comparison) report(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Errorf(format, args...))
}

// may reports whether something may be as before, and whether it may be as after
// what the ledger calls name.
func (c *comparison) may(name string) (before, after bool) {
	_, begun := c.ledger.begun[name]
	_, done := c.ledger.done[name]
	return !done, begun
}

func (c *comparison) settings() {
	before, after := c.may(opCleanup)
	if h := c.now.horizon; (h != c.before.horizon || !before) && (h != cleanedHorizon || !after) {
		c.report("the horizon is %s", h)
	}
	before, after = c.may(opRules)
	if r := c.now.rules; (r != c.before.rules || !before) && (r != fmt.Sprint(otherRules) || !after) {
		c.report("the streak rules are %s", r)
	}
}

// community compares what was there before.
func (c *comparison) community() {
	for user, total := range c.before.users {
		_, there := c.now.users[user]
		before, erased := c.may(erasing(user))
		switch {
		case there && !before:
			c.report("user %d is there and was erased", user)
		case !there && !erased:
			c.report("user %d is lost", user)
		}
		if there {
			c.want[user] = total
		}
	}
	for k, day := range c.before.fires {
		_, kept := c.want[k.user]
		if _, there := c.now.fires[k]; kept && !there && day >= c.now.horizon {
			c.report("the fire %v of %s is lost", k, day)
		}
	}
	for k := range c.before.trades {
		if _, kept := c.want[k.user]; kept && !c.now.trades[k] {
			c.report("the trade %v is lost", k)
		}
	}
}

// units compares what was recorded since, and the totals that follow.
func (c *comparison) units() {
	var updates, acknowledged int64 // of a P&L
	for name := range c.ledger.begun {
		if !isUnit(name) {
			continue
		}
		_, done := c.ledger.done[name]
		u := unitOf(name)
		if u.pnl != 0 {
			updates++
			if done {
				acknowledged++
			}
			continue
		}
		stored, of := c.stored(u), len(u.fires)+len(u.trades)
		switch {
		case done && stored < of:
			c.report("%s was acknowledged, and %d of its %d facts are there", name, stored, of)
		case stored != 0 && stored != of:
			c.report("%s is half written: %d of its %d facts are there", name, stored, of)
		}
	}
	got := c.now.users[pnlUser].trades - c.before.users[pnlUser].trades
	if got < acknowledged || got > updates {
		c.report("%d updates of a P&L are there, of %d begun and %d acknowledged", got, updates, acknowledged)
	}
	for user, total := range c.now.users {
		if user != pnlUser && total != c.want[user] {
			c.report("user %d has %+v, want %+v", user, total, c.want[user])
		}
	}
}

// stored returns how many facts of a unit are there, and adds them to what is
// wanted of their users.
func (c *comparison) stored(u unit) (n int) {
	for _, f := range u.fires {
		if _, there := c.now.fires[key{f.UserID, u.name}]; there {
			n++
			c.want[f.UserID] = totals{c.want[f.UserID].fires + 1, c.want[f.UserID].trades}
		}
	}
	for _, t := range u.trades {
		if c.now.trades[key{t.UserID, u.name}] {
			n++
			c.want[t.UserID] = totals{c.want[t.UserID].fires, c.want[t.UserID].trades + 1}
		}
	}
	return n
}

// inventions finds facts that nobody recorded.
func (c *comparison) inventions() {
	for k := range c.now.fires {
		_, before := c.before.fires[k]
		if _, begun := c.ledger.begun[k.id]; !before && !begun {
			c.report("nobody recorded the fire %v", k)
		}
	}
	for k := range c.now.trades {
		if _, begun := c.ledger.begun[k.id]; !c.before.trades[k] && !begun && k.user != pnlUser {
			c.report("nobody recorded the trade %v", k)
		}
	}
}

// same reports how two worlds differ that must not.
func (w *world) same(other *world) error {
	switch {
	case other.horizon != w.horizon:
		return fmt.Errorf("the horizon is %s, want %s", other.horizon, w.horizon)
	case other.rules != w.rules:
		return fmt.Errorf("the streak rules are %s, want %s", other.rules, w.rules)
	case !maps.Equal(other.fires, w.fires):
		return fmt.Errorf("%d fires, want %d, and these the same", len(other.fires), len(w.fires))
	case !maps.Equal(other.trades, w.trades):
		return fmt.Errorf("%d trades, want %d, and these the same", len(other.trades), len(w.trades))
	case !maps.Equal(other.users, w.users):
		return fmt.Errorf("%d users, want %d, and these the same", len(other.users), len(w.users))
	}
	return nil
}
