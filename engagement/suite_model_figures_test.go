package engagement_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hydraxdev/engagementdb/engagement"
)

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

func (m *model) endingStreaks() []engagement.Streak {
	streaks := []engagement.Streak{}
	for _, row := range m.streakLeaderboard() {
		if today := engagement.DayOf(m.now, m.loc); row.Expires.Equal((today + 1).Start(m.loc)) {
			streaks = append(streaks, row.Streak)
		}
	}
	return streaks
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
		Tokens:            []engagement.Token{},
	}
}
