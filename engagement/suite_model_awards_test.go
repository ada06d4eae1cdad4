package engagement_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

type modelFreeze struct {
	user int64
	id   string
	day  engagement.Day
	at   time.Time
}

type modelAward struct {
	user int64
	engagement.Award
}

// life is what becomes of a user's streaks when the days pass one by one, from
// the first active one up to today.
type life struct {
	streak engagement.Streak
	days   []engagement.StreakDay // of the streak that is alive
	spent  map[string]engagement.Day
	runs   []modelRun
}

type modelRun struct {
	start, end engagement.Day
	reached    []engagement.Day // reached[n-1] is the day of its nth fire
}

func (m *model) activeDays(user int64) map[engagement.Day]bool {
	active := map[engagement.Day]bool{}
	for _, f := range m.fires {
		if f.UserID == user && f.fate != orphaned {
			active[f.day] = true
		}
	}
	return active
}

func (m *model) isRest(day engagement.Day) bool {
	weekday := time.Unix(int64(day)*86400, 0).UTC().Weekday()
	return slices.Contains(m.rules.RestDays, weekday)
}

// cover spends the user's first freeze that can cover a day.
func (m *model) cover(user int64, day engagement.Day, spent map[string]engagement.Day) bool {
	var best *modelFreeze
	for i, f := range m.freezes {
		if _, used := spent[f.id]; used || f.user != user || f.day > day {
			continue
		}
		if best == nil || f.day < best.day || (f.day == best.day && f.id < best.id) {
			best = &m.freezes[i]
		}
	}
	if best != nil {
		spent[best.id] = day
	}
	return best != nil
}

func (m *model) life(user int64) life {
	l := life{streak: engagement.Streak{UserID: user}, days: []engagement.StreakDay{}, spent: map[string]engagement.Day{}}
	active := m.activeDays(user)
	var lastActive engagement.Day
	day := m.today()
	for d := range active {
		day, lastActive = min(day, d), max(lastActive, d)
	}
	alive := false
	note := func(kind engagement.StreakDayKind) {
		l.days = append(l.days, engagement.StreakDay{Day: day, Kind: kind})
	}
	for ; day <= max(m.today(), lastActive); day++ {
		switch {
		case active[day]:
			if !alive {
				alive = true
				l.days = nil
				l.runs = append(l.runs, modelRun{start: day})
			}
			run := &l.runs[len(l.runs)-1]
			run.end, run.reached = day, append(run.reached, day)
			l.streak.Longest = max(l.streak.Longest, int64(len(run.reached)))
			note(engagement.ActiveDay)
		case m.isRest(day):
			note(engagement.RestDay)
		case day == m.today() && lastActive < day:
			note(engagement.OpenDay)
		case alive && m.cover(user, day, l.spent):
			note(engagement.FrozenDay)
		default:
			alive = false
		}
	}
	for _, f := range m.freezes {
		if _, used := l.spent[f.id]; f.user == user && !used {
			l.streak.Freezes++
		}
	}
	if !alive {
		l.days = []engagement.StreakDay{}
		return l
	}
	l.streak.Current = int64(len(l.runs[len(l.runs)-1].reached))
	// Let the days to come pass without a fire.
	spent := map[string]engagement.Day{}
	for id, day := range l.spent {
		spent[id] = day
	}
	end := max(m.today(), lastActive+1)
	for m.isRest(end) || m.cover(user, end, spent) {
		end++
	}
	expires := m.startOf(end + 1)
	l.streak.Expires = &expires
	return l
}

// award awards what the user's streaks have reached, and returns the milestones.
func (m *model) award(user int64) (awarded []int64) {
	for _, run := range m.life(user).runs {
		for _, milestone := range m.rules.Milestones {
			if int64(len(run.reached)) < milestone {
				continue
			}
			known := slices.ContainsFunc(m.awards, func(a modelAward) bool {
				return a.user == user && a.Milestone == milestone && a.StreakStart <= run.end && a.Day >= run.start
			})
			if known {
				continue
			}
			m.awards = append(m.awards, modelAward{user, engagement.Award{
				Milestone: milestone, StreakStart: run.start, Day: run.reached[milestone-1], AwardedAt: m.now,
			}})
			awarded = append(awarded, milestone)
		}
	}
	slices.Sort(awarded)
	return awarded
}

func (m *model) awardsOf(user int64) []engagement.Award {
	awards := []engagement.Award{}
	for _, a := range m.awards {
		if a.user == user {
			awards = append(awards, a.Award)
		}
	}
	slices.SortFunc(awards, func(a, b engagement.Award) int {
		return cmp.Or(cmp.Compare(a.StreakStart, b.StreakStart), cmp.Compare(a.Milestone, b.Milestone))
	})
	return awards
}

func (m *model) freezesOf(user int64) []engagement.GrantedFreeze {
	spent := m.life(user).spent
	freezes := []engagement.GrantedFreeze{}
	for _, f := range m.freezes {
		if f.user != user {
			continue
		}
		granted := engagement.GrantedFreeze{GrantID: f.id, GrantedDay: f.day, GrantedAt: f.at}
		if day, used := spent[f.id]; used {
			granted.SpentDay = &day
		}
		freezes = append(freezes, granted)
	}
	slices.SortFunc(freezes, func(a, b engagement.GrantedFreeze) int {
		return cmp.Or(cmp.Compare(a.GrantedDay, b.GrantedDay), cmp.Compare(a.GrantID, b.GrantID))
	})
	return freezes
}

// grantFreeze returns ErrNotFound or ErrConflict for one that is refused.
func (m *model) grantFreeze(f engagement.Freeze) (engagement.Status, error) {
	if _, known := m.updated[f.UserID]; !known {
		return 0, engagement.ErrNotFound
	}
	for _, known := range m.freezes {
		if known.user == f.UserID && known.id == f.GrantID {
			return engagement.Duplicate, nil
		}
	}
	if m.life(f.UserID).streak.Freezes >= int64(m.rules.FreezeCap) {
		return 0, engagement.ErrConflict
	}
	m.freezes = append(m.freezes, modelFreeze{f.UserID, f.GrantID, m.today(), m.now})
	m.award(f.UserID)
	return engagement.Recorded, nil
}

func (m *model) setRules(rules engagement.StreakRules) {
	m.rules = rules
	for _, user := range m.users() {
		m.award(user)
	}
}
