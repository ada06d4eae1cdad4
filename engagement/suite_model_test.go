package engagement_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
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
	report := engagement.CleanupReport{Horizon: max(m.horizon, m.today()-engagement.Day(keepDays))}
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
	maps.DeleteFunc(m.created, func(signal string, _ time.Time) bool {
		return !slices.ContainsFunc(fires, func(f modelFire) bool { return f.SignalID == signal })
	})
	return receipt, true
}

func (m *model) users() []int64 { return slices.Sorted(maps.Keys(m.updated)) }

func (m *model) userStats(user int64) engagement.UserStats {
	stats := engagement.UserStats{UserID: user, LastUpdated: m.updated[user]}
	var micros int64
	for _, f := range m.fires {
		if f.UserID == user && f.fate != orphaned {
			stats.TotalFires++
			if f.Executed {
				stats.Executed++
			}
		}
	}
	for _, t := range m.trades {
		if t.UserID != user {
			continue
		}
		micros += t.micros
		switch t.Outcome {
		case engagement.Win:
			stats.Wins++
		case engagement.Loss:
			stats.Losses++
		case engagement.Draw:
			stats.Draws++
		}
	}
	stats.PnL = float64(micros) / 1e6
	stats.WinRate = quotient(stats.Wins, stats.Wins+stats.Losses)
	return stats
}

func quotient(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// newestFirst lists the kept fires that match, the last one recorded first
// among those of the same time.
func (m *model) newestFirst(match func(modelFire) bool) []engagement.SignalFire {
	fires := []engagement.SignalFire{}
	for _, f := range slices.Backward(m.fires) {
		if f.fate == kept && match(f) {
			fires = append(fires, engagement.SignalFire{UserID: f.UserID, SignalID: f.SignalID, Timestamp: f.At, Executed: f.Executed})
		}
	}
	slices.SortStableFunc(fires, func(a, b engagement.SignalFire) int { return b.Timestamp.Compare(a.Timestamp) })
	return fires
}

func (m *model) lastClosedFirst(match func(modelTrade) bool) []engagement.ClosedTrade {
	trades := []engagement.ClosedTrade{}
	for _, t := range slices.Backward(m.trades) {
		if match(t) {
			trades = append(trades, engagement.ClosedTrade{
				UserID: t.UserID, TradeID: t.TradeID, SignalID: t.SignalID, PnL: t.PnL, Outcome: t.Outcome, ClosedAt: t.ClosedAt,
			})
		}
	}
	slices.SortStableFunc(trades, func(a, b engagement.ClosedTrade) int { return b.ClosedAt.Compare(a.ClosedAt) })
	return trades
}

func (m *model) streak(user int64) engagement.Streak { return m.life(user).streak }

// familyOf cuts a trailing number off, with the underscores before it.
func familyOf(signal string) string {
	name := strings.TrimRight(signal, "0123456789")
	if family := strings.TrimRight(name, "_"); name != signal && family != "" {
		return family
	}
	return signal
}

func (m *model) userSummary(user int64) engagement.UserSummary {
	summary := engagement.UserSummary{UserStats: m.userStats(user), Timestamp: m.now}
	families := map[string]int64{}
	for _, f := range m.fires {
		if f.UserID != user || f.fate == orphaned {
			continue
		}
		if f.day > m.today()-7 && f.day <= m.today() {
			summary.RecentFires7d++
		}
		if f.fate == kept {
			families[familyOf(f.SignalID)]++
		}
	}
	summary.ExecutionRate = quotient(summary.Executed, summary.TotalFires)
	summary.FavoriteSignal = most(families)
	streak := m.streak(user)
	summary.CurrentStreak, summary.LongestStreak, summary.StreakExpires = streak.Current, streak.Longest, streak.Expires
	return summary
}

// most returns what was counted most, the first by name among equals.
func most(counted map[string]int64) engagement.SignalCount {
	var best engagement.SignalCount
	for _, name := range slices.Sorted(maps.Keys(counted)) {
		if counted[name] > best.FireCount {
			best = engagement.SignalCount{SignalID: &name, FireCount: counted[name]}
		}
	}
	return best
}

func (m *model) signalMetrics(signal string) (engagement.SignalMetrics, bool) {
	created, known := m.created[signal]
	metrics := engagement.SignalMetrics{SignalID: signal, CreatedAt: created}
	for _, f := range m.fires {
		if f.SignalID == signal {
			metrics.TotalFires++
			metrics.ActiveUsers++
		}
	}
	return metrics, known
}

func (m *model) popularSignals(from, to engagement.Day) []engagement.PopularSignal {
	counted := map[string]engagement.PopularSignal{}
	for _, f := range m.fires {
		if f.day < from || f.day > to {
			continue
		}
		s := counted[f.SignalID]
		s.SignalID = f.SignalID
		s.Fires++
		if f.Executed {
			s.Executed++
		}
		s.ExecutionRate = quotient(s.Executed, s.Fires)
		counted[f.SignalID] = s
	}
	signals := slices.AppendSeq([]engagement.PopularSignal{}, maps.Values(counted))
	slices.SortFunc(signals, func(a, b engagement.PopularSignal) int {
		return cmp.Or(cmp.Compare(b.Fires, a.Fires), cmp.Compare(a.SignalID, b.SignalID))
	})
	return signals
}

func (m *model) dayMetrics(day engagement.Day) engagement.DayFigures {
	metrics := engagement.DayFigures{Day: day, Partial: day >= m.today()}
	users := map[int64]bool{}
	for _, f := range m.fires {
		if f.day != day || f.fate == orphaned {
			continue
		}
		metrics.Fires++
		users[f.UserID] = true
		if f.Executed {
			metrics.Executed++
		}
	}
	metrics.ActiveUsers = int64(len(users))
	metrics.NewUsers = int64(len(m.firedFirst(day, day)))
	metrics.ExecutionRate = quotient(metrics.Executed, metrics.Fires)
	return metrics
}

func (m *model) dailyMetrics(from, to engagement.Day) []engagement.DayFigures {
	days := []engagement.DayFigures{}
	for day := from; day <= to; day++ {
		days = append(days, m.dayMetrics(day))
	}
	return days
}

func (m *model) realTimeStats() engagement.RealTimeStats {
	today := m.dayMetrics(m.today())
	signals := map[string]int64{}
	for _, f := range m.fires {
		if f.day == today.Day {
			signals[f.SignalID]++
		}
	}
	return engagement.RealTimeStats{
		TotalFiresToday: today.Fires, ExecutedFiresToday: today.Executed, ActiveUsersToday: today.ActiveUsers,
		MostFiredSignal: most(signals), AvgFiresPerUser: quotient(today.Fires, today.ActiveUsers),
		ExecutionRate: today.ExecutionRate, Day: today.Day, Timestamp: m.now,
	}
}

func (m *model) streakLeaderboard() []engagement.StreakRow {
	rows := []engagement.StreakRow{}
	for _, user := range m.users() {
		if streak := m.streak(user); streak.Current > 0 {
			rows = append(rows, engagement.StreakRow{Streak: streak, Rank: 1})
		}
	}
	for i := range rows {
		for _, other := range rows {
			if other.Current > rows[i].Current {
				rows[i].Rank++
			}
		}
	}
	slices.SortFunc(rows, func(a, b engagement.StreakRow) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.UserID, b.UserID))
	})
	return rows
}

func (m *model) exportUser(user int64) engagement.UserExport {
	return engagement.UserExport{
		UserStats:         m.userStats(user),
		SignalFires:       m.newestFirst(func(f modelFire) bool { return f.UserID == user }),
		Trades:            m.lastClosedFirst(func(t modelTrade) bool { return t.UserID == user }),
		EngagementSummary: m.userSummary(user),
		ExportTimestamp:   m.now,
		StreakAwards:      m.awardsOf(user),
		StreakFreezes:     m.freezesOf(user),
	}
}
