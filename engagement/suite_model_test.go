package engagement_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// model is what the database promises, in the plainest form: a list of facts.
// Every figure is counted from the facts whenever it is asked for.
type model struct {
	loc     *time.Location
	now     time.Time
	horizon engagement.Day
	fires   []modelFire // in the order in which they were recorded
	trades  []modelTrade
	updated map[int64]time.Time  // user → the last change of the totals
	created map[string]time.Time // signal → its earliest fire ever
	rules   engagement.StreakRules
	freezes []modelFreeze
	awards  []modelAward
}

// fate says what has become of a fire.
type fate int

const (
	kept     fate = iota // it is there
	cleaned              // cleaned up: counted, but no longer there one by one
	orphaned             // cleaned up, and then its user was erased: only its signal still counts it
)

type modelFire struct {
	engagement.Fire
	day  engagement.Day
	fate fate
}

type modelTrade struct {
	engagement.Trade // with its result and its time filled in
	micros           int64
	day              engagement.Day
}

func newModel(loc *time.Location, now time.Time) *model {
	return &model{
		loc: loc, now: now, horizon: 1, updated: map[int64]time.Time{}, created: map[string]time.Time{},
		rules: engagement.DefaultStreakRules(),
	}
}

func (m *model) clone() *model {
	c := *m
	c.fires, c.trades = slices.Clone(m.fires), slices.Clone(m.trades)
	c.updated, c.created = maps.Clone(m.updated), maps.Clone(m.created)
	c.freezes, c.awards = slices.Clone(m.freezes), slices.Clone(m.awards)
	return &c
}

func (m *model) become(other *model) { *m = *other }

func (m *model) dayOf(at time.Time) engagement.Day {
	year, month, day := at.In(m.loc).Date()
	return engagement.Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

func (m *model) today() engagement.Day { return m.dayOf(m.now) }

// startOf finds the first instant of a day by trying every quarter of an hour.
func (m *model) startOf(day engagement.Day) time.Time {
	at := time.Unix(int64(day)*86400, 0).UTC().Add(-15 * time.Hour)
	for m.dayOf(at) < day {
		at = at.Add(15 * time.Minute)
	}
	return at
}

func (m *model) validTime(at time.Time) (time.Time, bool) {
	if at.IsZero() {
		at = m.now
	}
	at = at.UTC().Truncate(time.Microsecond)
	return at, at.Unix() >= 0 && m.dayOf(at) > 0 && !at.After(m.now.Add(24*time.Hour))
}

// recordFires returns no receipts and false if one of the fires is refused.
func (m *model) recordFires(fires []engagement.Fire) ([]engagement.FireReceipt, bool) {
	next := m.clone()
	receipts := []engagement.FireReceipt{}
	for _, f := range fires {
		at, _ := m.validTime(f.At)
		activates := !next.activeDays(f.UserID)[next.dayOf(at)]
		status, ok := next.recordFire(f)
		if !ok {
			return nil, false
		}
		receipt := engagement.FireReceipt{Status: status}
		if status == engagement.Recorded && activates {
			receipt.Milestones = next.award(f.UserID)
		}
		receipts = append(receipts, receipt)
	}
	m.become(next)
	return receipts, true
}

func (m *model) recordFire(f engagement.Fire) (engagement.Status, bool) {
	at, ok := m.validTime(f.At)
	if !ok || m.dayOf(at) < m.horizon || f.UserID == 0 || f.SignalID == "" {
		return 0, false
	}
	for i := range m.fires {
		known := &m.fires[i]
		if known.fate != kept || known.UserID != f.UserID || known.SignalID != f.SignalID {
			continue
		}
		if known.Executed || !f.Executed {
			return engagement.Duplicate, true
		}
		known.Executed = true // which is no total of the user's
		return engagement.MarkedExecuted, true
	}
	f.At = at
	m.fires = append(m.fires, modelFire{Fire: f, day: m.dayOf(at)})
	m.updated[f.UserID] = m.now
	if first, known := m.created[f.SignalID]; !known || at.Before(first) {
		m.created[f.SignalID] = at
	}
	return engagement.Recorded, true
}

// recordTrade returns ErrInvalid or ErrConflict for one that is refused.
func (m *model) recordTrade(t engagement.Trade) (engagement.Status, error) {
	at, ok := m.validTime(t.ClosedAt)
	if !ok || t.UserID == 0 || t.TradeID == "" {
		return 0, engagement.ErrInvalid
	}
	micros := int64(math.Round(t.PnL * 1e6))
	if t.Outcome == 0 {
		t.Outcome = map[int]engagement.Outcome{-1: engagement.Loss, 0: engagement.Draw, 1: engagement.Win}[cmp.Compare(micros, 0)]
	}
	for _, known := range m.trades {
		if known.UserID != t.UserID || known.TradeID != t.TradeID {
			continue
		}
		if known.SignalID != t.SignalID || known.micros != micros || known.Outcome != t.Outcome ||
			(!t.ClosedAt.IsZero() && !known.ClosedAt.Equal(at)) {
			return 0, engagement.ErrConflict
		}
		return engagement.Duplicate, nil
	}
	t.ClosedAt, t.PnL = at, float64(micros)/1e6
	m.trades = append(m.trades, modelTrade{Trade: t, micros: micros, day: m.dayOf(at)})
	m.updated[t.UserID] = m.now
	return engagement.Recorded, nil
}

// generatedTrade stands for any trade id that the database makes up.
const generatedTrade = "pnl-*"

func (m *model) updateUserPnL(user int64, change float64, isWin bool) engagement.UserStats {
	t := modelTrade{
		Trade:  engagement.Trade{UserID: user, TradeID: generatedTrade, Outcome: engagement.Loss, ClosedAt: m.now.UTC().Truncate(time.Microsecond)},
		micros: int64(math.Round(change * 1e6)),
	}
	t.PnL, t.day = float64(t.micros)/1e6, m.dayOf(t.ClosedAt)
	if isWin {
		t.Outcome = engagement.Win
	} else if change == 0 {
		t.Outcome = engagement.Draw
	}
	m.trades = append(m.trades, t)
	m.updated[user] = m.now
	return m.userStats(user)
}

func (m *model) planCleanup(keepDays int) engagement.CleanupReport {
	report := engagement.CleanupReport{Horizon: m.horizon}
	for _, f := range m.fires { // no further than to the day after the last that is kept
		if f.fate == kept {
			report.Horizon = max(report.Horizon, min(m.today()-engagement.Day(keepDays), f.day+1))
		}
	}
	for _, f := range m.fires {
		if f.fate == kept && f.day < report.Horizon {
			report.FiresDeleted++
		}
	}
	return report
}

func (m *model) cleanup(keepDays int) engagement.CleanupReport {
	report := m.planCleanup(keepDays)
	m.horizon = report.Horizon
	for i, f := range m.fires {
		if f.fate == kept && f.day < report.Horizon {
			m.fires[i].fate = cleaned
		}
	}
	return report
}

// eraseUser returns false if nothing is known about the user.
func (m *model) eraseUser(user int64) (engagement.EraseReceipt, bool) {
	receipt := engagement.EraseReceipt{UserID: user, ErasedAt: m.now}
	if _, known := m.updated[user]; !known {
		return receipt, false
	}
	days := map[engagement.Day]bool{}
	var fires []modelFire
	for _, f := range m.fires {
		switch {
		case f.UserID != user || f.fate == orphaned:
			fires = append(fires, f)
		case f.fate == cleaned:
			days[f.day] = true
			f.fate = orphaned
			fires = append(fires, f)
		default:
			days[f.day] = true
			receipt.Fires++
		}
	}
	var trades []modelTrade
	for _, t := range m.trades {
		if t.UserID != user {
			trades = append(trades, t)
			continue
		}
		days[t.day] = true
		receipt.Trades++
	}
	receipt.Days = int64(len(days))
	m.fires, m.trades = fires, trades
	delete(m.updated, user)
	m.freezes = slices.DeleteFunc(slices.Clone(m.freezes), func(f modelFreeze) bool { return f.user == user })
	m.awards = slices.DeleteFunc(slices.Clone(m.awards), func(a modelAward) bool { return a.user == user })
	clear(m.created)
	for _, f := range fires {
		if first, known := m.created[f.SignalID]; !known || f.At.Before(first) {
			m.created[f.SignalID] = f.At
		}
	}
	return receipt, true
}
