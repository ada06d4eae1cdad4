package engagement

import (
	"cmp"
	"context"
	"iter"
	"math"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/streaks"
)

// This file finds what SQL cannot: users are read one by one and compared with what
// Go computes.

// misfit is a user whose streak, freezes, first day, win-rate bound or last_updated
// is not what the user's days, grants and totals say.
type misfit struct {
	stored   dbgen.UserStat
	want     streaks.State
	lastDay  Day                  // of the user's facts
	outdated bool                 // the user was updated last before that
	moved    []dbgen.StreakFreeze // those that are stored as spent on another day
	spent    map[string]int64     // the days that freezes are spent on
}

func newMisfit(user dbgen.UserStat, rules streaks.Rules, days []int64, stored []dbgen.StreakFreeze) misfit {
	freezes := make([]streaks.Freeze, len(stored))
	for i, row := range stored {
		freezes[i] = streaks.Freeze{ID: row.GrantID, Granted: row.GrantedDay}
	}
	m := misfit{stored: user, spent: map[string]int64{}}
	m.want, _ = rules.Count(days, freezes)
	for _, f := range freezes {
		m.spent[f.ID] = f.Spent
	}
	for _, row := range stored {
		if row.SpentDay != m.spent[row.GrantID] {
			m.moved = append(m.moved, row)
		}
	}
	return m
}

// misfits returns at most limit misfits. It reads users, their days and their freezes
// side by side, all in the order of users.
func (v *view) misfits(ctx context.Context, limit int) (found []misfit, err error) {
	stored, err := v.streakRules(ctx)
	if err != nil {
		return nil, err
	}
	rules := stored.pure(v.skipped)
	allDays, stop := rowsByUser(v.everyFactDay(ctx), func(d dbgen.FactDaysAfterRow) int64 { return d.UserID })
	defer stop()
	allFreezes, stop := rowsByUser(v.everyFreeze(ctx), func(f dbgen.StreakFreeze) int64 { return f.UserID })
	defer stop()
	for user, err := range v.everyUser(ctx) {
		if err != nil || len(found) == limit {
			return found, err
		}
		rows, err := allDays.of(user.UserID)
		if err != nil {
			return found, err
		}
		freezes, err := allFreezes.of(user.UserID)
		if err != nil {
			return found, err
		}
		var days []int64
		lastDay := balanceDay
		for _, row := range rows {
			if lastDay = Day(row.Day); row.Fires > 0 {
				days = append(days, row.Day)
			}
		}
		m := newMisfit(user, rules, days, freezes)
		m.lastDay, m.outdated = lastDay, v.outdated(user, lastDay)
		if !m.fits() {
			found = append(found, m)
		}
	}
	return found, nil
}

func (m misfit) fits() bool {
	return streakState(m.stored) == m.want && len(m.moved) == 0 && !m.outdated &&
		m.stored.WinBound == winBound(m.stored.Wins, m.stored.Losses)
}

// everyUser yields all users by id.
func (v *view) everyUser(ctx context.Context) iter.Seq2[dbgen.UserStat, error] {
	return walk(MaxLimit, func(a, b dbgen.UserStat) int {
		return cmp.Compare(a.UserID, b.UserID)
	}, func(after *dbgen.UserStat) ([]dbgen.UserStat, error) {
		from := int64(math.MinInt64)
		switch {
		case after != nil && after.UserID == math.MaxInt64:
			return nil, nil
		case after != nil:
			from = after.UserID + 1
		}
		return v.q.UsersFrom(ctx, dbgen.UsersFromParams{FromUser: from, MaxRows: MaxLimit})
	})
}

// everyFactDay yields the days on which users fired or traded, by user and day.
func (v *view) everyFactDay(ctx context.Context) iter.Seq2[dbgen.FactDaysAfterRow, error] {
	return walk(MaxLimit, func(a, b dbgen.FactDaysAfterRow) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.Day, b.Day))
	}, func(after *dbgen.FactDaysAfterRow) ([]dbgen.FactDaysAfterRow, error) {
		params := dbgen.FactDaysAfterParams{AfterUser: math.MinInt64, MaxRows: MaxLimit}
		if after != nil {
			params.AfterUser, params.AfterDay = after.UserID, after.Day
		}
		return v.q.FactDaysAfter(ctx, params)
	})
}

// everyFreeze yields all freezes by user and grant.
func (v *view) everyFreeze(ctx context.Context) iter.Seq2[dbgen.StreakFreeze, error] {
	return walk(MaxLimit, func(a, b dbgen.StreakFreeze) int {
		return compareKeys(a.UserID, a.GrantID, b.UserID, b.GrantID)
	}, func(after *dbgen.StreakFreeze) ([]dbgen.StreakFreeze, error) {
		params := dbgen.FreezesAfterParams{AfterUser: math.MinInt64, MaxRows: MaxLimit}
		if after != nil {
			params.AfterUser, params.AfterGrant = after.UserID, after.GrantID
		}
		return v.q.FreezesAfter(ctx, params)
	})
}

// everyFire yields the readable fires by user and signal, without those set aside.
func (v *view) everyFire(ctx context.Context) iter.Seq2[dbgen.ReadableFire, error] {
	return walk(MaxLimit, func(a, b dbgen.ReadableFire) int {
		return compareKeys(a.UserID, a.SignalID, b.UserID, b.SignalID)
	}, func(after *dbgen.ReadableFire) ([]dbgen.ReadableFire, error) {
		params := dbgen.FiresAfterParams{AfterUser: math.MinInt64, MaxRows: MaxLimit}
		if after != nil {
			params.AfterUser, params.AfterSignal = after.UserID, after.SignalID
		}
		return v.q.FiresAfter(ctx, params)
	})
}

// everyTrade yields the readable trades by user and trade id, without those set
// aside.
func (v *view) everyTrade(ctx context.Context) iter.Seq2[dbgen.ReadableTrade, error] {
	return walk(MaxLimit, func(a, b dbgen.ReadableTrade) int {
		return compareKeys(a.UserID, a.TradeID, b.UserID, b.TradeID)
	}, func(after *dbgen.ReadableTrade) ([]dbgen.ReadableTrade, error) {
		params := dbgen.TradesAfterParams{AfterUser: math.MinInt64, MaxRows: MaxLimit}
		if after != nil {
			params.AfterUser, params.AfterTrade = after.UserID, after.TradeID
		}
		return v.q.TradesAfter(ctx, params)
	})
}
