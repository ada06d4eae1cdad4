package engagement

import (
	"cmp"
	"context"
	"slices"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// userActivity is what a user's active days say of the user: the first of
// them, the streak that ends last, and the length of the longest. The streak is
// -1 to -1 for a user who has none.
type userActivity struct {
	first, start, end Day
	length, longest   int64
	freezes           int64 // granted and not spent
}

func newActivity() userActivity { return userActivity{first: -1, start: -1, end: -1} }

func storedActivity(row dbgen.AddUserFiresRow) userActivity {
	return userActivity{
		first: Day(row.FirstDay), start: Day(row.StreakStart), end: Day(row.StreakEnd),
		length: row.StreakLength, longest: row.StreakLongest, freezes: row.Freezes,
	}
}

// add adds a day after all others.
func (a *userActivity) add(day Day) {
	if a.first < 0 {
		a.first = day
	}
	if a.length == 0 || day != a.end+1 {
		a.start, a.length = day, 0
	}
	a.end = day
	a.length++
	a.longest = max(a.longest, a.length)
}

// until is the last day on which a fire prolongs the streak.
func (a *userActivity) until() Day {
	if a.end < 0 {
		return -1
	}
	return a.end + 1
}

func (a *userActivity) write(params *rows, user int64) {
	params.begin().int(user, int64(a.first), int64(a.start), int64(a.end), a.length, int64(a.until()), a.longest, a.freezes)
}

// firstDay says that a user's first day is another than before (-1: there was
// none).
type firstDay struct {
	before, now Day
}

// applyActivity adds days that have just become active to their users' streaks.
// A single day after a streak's end needs no more than what is stored; what
// several days or an earlier one change is read again from the user's days. The
// users' rows are locked: stored is what their last change returned.
func applyActivity(ctx context.Context, q dbgen.Querier, stored []dbgen.AddUserFiresRow, activated []userDay) ([]firstDay, error) {
	days := map[int64][]Day{}
	for _, key := range activated {
		if key.day != unknownDay {
			days[key.user] = append(days[key.user], key.day)
		}
	}
	before := map[int64]Day{}
	now := map[int64]userActivity{}
	var recount []int64
	for _, row := range stored {
		a := storedActivity(row)
		before[row.UserID] = a.first
		switch added := days[row.UserID]; {
		case len(added) == 1 && added[0] > a.end:
			a.add(added[0])
			now[row.UserID] = a
		case len(added) > 0:
			recount = append(recount, row.UserID)
		}
	}
	if err := recountActivity(ctx, q, recount, now); err != nil {
		return nil, err
	}
	var params rows
	var changed []firstDay
	for _, user := range sortedKeys(now, cmp.Compare) {
		a := now[user]
		a.write(&params, user)
		if before[user] != a.first {
			changed = append(changed, firstDay{before[user], a.first})
		}
	}
	if params.empty() {
		return nil, nil
	}
	return changed, q.SetActivity(ctx, params.String())
}

// recountActivity reads users' activity again from their days into now.
func recountActivity(ctx context.Context, q dbgen.Querier, users []int64, now map[int64]userActivity) error {
	if len(users) == 0 {
		return nil
	}
	slices.Sort(users)
	active, err := q.ActiveDaysOfUsers(ctx, ids(users))
	for _, user := range users {
		a := newActivity()
		for ; len(active) > 0 && active[0].UserID == user; active = active[1:] {
			a.add(Day(active[0].Day))
		}
		now[user] = a
	}
	return err
}
