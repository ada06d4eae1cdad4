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
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	horizons := map[engagement.Day]bool{w.horizon: true}
	if _, begun := l.begun[opCleanup]; begun {
		horizons[cleanedHorizon] = true
	}
	if _, done := l.done[opCleanup]; done {
		horizons = map[engagement.Day]bool{cleanedHorizon: true}
	}
	if !horizons[current.horizon] {
		wrong("the horizon is %s", current.horizon)
	}
	rules := map[string]bool{w.rules: true}
	if _, begun := l.begun[opRules]; begun {
		rules[fmt.Sprint(otherRules)] = true
	}
	if _, done := l.done[opRules]; done {
		rules = map[string]bool{fmt.Sprint(otherRules): true}
	}
	if !rules[current.rules] {
		wrong("the streak rules are %s", current.rules)
	}

	want := map[int64]totals{}
	for user, t := range w.users {
		_, there := current.users[user]
		_, begun := l.begun[erasing(user)]
		_, done := l.done[erasing(user)]
		switch {
		case done && there:
			wrong("user %d is there and was erased", user)
		case !there && !begun:
			wrong("user %d is lost", user)
		}
		if there {
			want[user] = t
		}
	}
	for k, day := range w.fires {
		_, kept := want[k.user]
		if _, there := current.fires[k]; kept && !there && day >= current.horizon {
			wrong("the fire %v of %s is lost", k, day)
		}
	}
	for k := range w.trades {
		_, kept := want[k.user]
		if kept && !current.trades[k] {
			wrong("the trade %v is lost", k)
		}
	}
	known := map[string]bool{}
	updates := totals{} // of P&L: trades acknowledged, in the first field, and begun
	for name := range l.begun {
		if !isUnit(name) {
			continue
		}
		known[name] = true
		u, _ := unitOf(name), 0
		_, done := l.done[name]
		if u.pnl != 0 {
			updates.trades++
			if done {
				updates.fires++
			}
			continue
		}
		stored := 0
		for _, f := range u.fires {
			if _, there := current.fires[key{f.UserID, name}]; there {
				stored++
				t := want[f.UserID]
				want[f.UserID] = totals{t.fires + 1, t.trades}
			}
		}
		for _, f := range u.trades {
			if current.trades[key{f.UserID, name}] {
				stored++
				t := want[f.UserID]
				want[f.UserID] = totals{t.fires, t.trades + 1}
			}
		}
		of := len(u.fires) + len(u.trades)
		switch {
		case done && stored < of:
			wrong("%s was acknowledged, and %d of its %d facts are there", name, stored, of)
		case stored != 0 && stored != of:
			wrong("%s is half written: %d of its %d facts are there", name, stored, of)
		}
	}
	for k := range current.fires {
		if _, before := w.fires[k]; !before && !known[k.id] {
			wrong("nobody recorded the fire %v", k)
		}
	}
	for k := range current.trades {
		if !w.trades[k] && !known[k.id] && k.user != pnlUser {
			wrong("nobody recorded the trade %v", k)
		}
	}
	got := current.users[pnlUser].trades - w.users[pnlUser].trades
	if got < updates.fires || got > updates.trades {
		wrong("%d updates of a P&L are there, of %d begun and %d acknowledged", got, updates.trades, updates.fires)
	}
	delete(want, pnlUser)
	for user, t := range current.users {
		if user != pnlUser && t != want[user] {
			wrong("user %d has %+v, want %+v", user, t, want[user])
		}
	}
	if len(errs) > 8 {
		errs = append(errs[:8], fmt.Errorf("and %d more", len(errs)-8))
	}
	return errors.Join(errs...)
}

// same reports how two worlds differ that must not.
func (w *world) same(other *world) error {
	if other.horizon != w.horizon {
		return fmt.Errorf("the horizon is %s, want %s", other.horizon, w.horizon)
	}
	switch {
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
