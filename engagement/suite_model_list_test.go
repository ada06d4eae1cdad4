package engagement_test

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

// anyOutcome is every value of a filter by outcome.
var anyOutcome = []engagement.Outcome{0, engagement.Win, engagement.Loss, engagement.Draw}

func (m *model) newUsers(day engagement.Day) []engagement.UserStats {
	users := []engagement.UserStats{}
	for _, user := range slices.Sorted(maps.Keys(m.firedFirst(day, day))) {
		users = append(users, m.userStats(user))
	}
	return users
}

func (m *model) allUsers() []engagement.UserStats {
	users := []engagement.UserStats{}
	for _, user := range m.users() {
		users = append(users, m.userStats(user))
	}
	return users
}

func (m *model) allSignals() []engagement.SignalMetrics {
	signals := []engagement.SignalMetrics{}
	for _, signal := range slices.Sorted(maps.Keys(m.created)) {
		metrics, _ := m.signalMetrics(signal)
		signals = append(signals, metrics)
	}
	return signals
}

func (h *history) compareFires(t *rapid.T, r *engagement.Reader, filter engagement.FireFilter) {
	want := h.model.newestFirst(func(f modelFire) bool {
		return (filter.UserID == 0 || f.UserID == filter.UserID) && (filter.SignalID == "" || f.SignalID == filter.SignalID) &&
			(f.Executed || !filter.Executed) && inWindow(f.day, filter.Window)
	})
	same(t, fmt.Sprintf("Fires(%+v)", filter), inPages(t, 2, listFires(r, filter)), want, withoutIDs)
}

func (h *history) compareTrades(t *rapid.T, r *engagement.Reader, filter engagement.TradeFilter) {
	want := h.model.lastClosedFirst(func(tr modelTrade) bool {
		return (filter.UserID == 0 || tr.UserID == filter.UserID) && (filter.SignalID == "" || tr.SignalID == filter.SignalID) &&
			(filter.Outcome == 0 || tr.Outcome == filter.Outcome) && inWindow(tr.day, filter.Window)
	})
	same(t, fmt.Sprintf("Trades(%+v)", filter), inPages(t, 2, listTrades(r, filter)), want, withoutIDs)
}

// compareFilters compares lists of some users, signals, outcomes and windows.
func (h *history) compareFilters(t *rapid.T, r *engagement.Reader) {
	today := h.model.today()
	for range 5 {
		user := rapid.SampledFrom(append([]int64{0, 0}, universeUsers...)).Draw(t, "listed user")
		signal := rapid.SampledFrom(append([]string{"", ""}, universeSignals...)).Draw(t, "listed signal")
		outcome := rapid.SampledFrom(anyOutcome).Draw(t, "listed outcome")
		var window engagement.Window
		if rapid.Bool().Draw(t, "of some days") {
			last := today + 1 - engagement.Day(rapid.IntRange(0, 4).Draw(t, "last day"))
			window = engagement.Days(last-engagement.Day(rapid.IntRange(0, 4).Draw(t, "days before it")), last)
		}
		h.compareFires(t, r, engagement.FireFilter{
			UserID: user, SignalID: signal, Executed: rapid.Bool().Draw(t, "executed"), Window: window,
		})
		h.compareTrades(t, r, engagement.TradeFilter{UserID: user, SignalID: signal, Outcome: outcome, Window: window})
	}
}

// compareLookups looks every fact up by its key.
func (h *history) compareLookups(t *rapid.T, r *engagement.Reader) {
	ctx := context.Background()
	for _, user := range universeUsers {
		for _, signal := range universeSignals {
			stored := h.model.newestFirst(func(f modelFire) bool { return f.UserID == user && f.SignalID == signal })
			got, err := r.Fire(ctx, user, signal)
			if len(stored) == 0 {
				wantError(t, err, engagement.ErrNotFound)
				continue
			}
			noError(t, err)
			same(t, "Fire", got, stored[0], withoutIDs)
		}
		for _, id := range universeTrades {
			stored := h.model.lastClosedFirst(func(tr modelTrade) bool { return tr.UserID == user && tr.TradeID == id })
			got, err := r.Trade(ctx, user, id)
			if len(stored) == 0 {
				wantError(t, err, engagement.ErrNotFound)
				continue
			}
			noError(t, err)
			same(t, "Trade", got, stored[0], withoutIDs)
		}
	}
}
