package engagement

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// userActivity is what a user's active days and freezes say of the user: the
// first of the days, the streak that ends last with the last day on which a fire
// prolongs it, and the length of the longest. The streak's days are -1 for a
// user who has none.
type userActivity struct {
	first, start, end, until Day
	length, longest          int64
	unspent                  int64 // freezes granted and not spent by the streak's end
}

func storedActivity(row dbgen.HoldUsersRow) userActivity {
	return userActivity{
		first: Day(row.FirstDay), start: Day(row.StreakStart), end: Day(row.StreakEnd), until: Day(row.StreakUntil),
		length: row.StreakLength, longest: row.StreakLongest, unspent: row.Freezes,
	}
}

// add adds a day after all others, which prolongs the streak or starts another.
func (a *userActivity) add(day Day, prolongs bool) {
	if a.first < 0 {
		a.first = day
	}
	if !prolongs {
		a.start, a.length = day, 0
	}
	a.end = day
	a.length++
	a.longest = max(a.longest, a.length)
}

func (a userActivity) write(params *rows, user int64, added userFires) {
	params.begin().int(user, added.fires, added.executed).time(added.changed).
		int(int64(a.first), int64(a.start), int64(a.end), a.length, int64(a.until), a.longest, a.unspent)
}

// userFires are what is added to a user's fires. The zero value adds none.
type userFires struct {
	fires, executed int64
	changed         time.Time // when the user was last active
}

// holdUsers keeps other writers from adding facts of some users until the
// transaction has ended, creating those who are new, and returns what is stored
// of their activity, in no order.
func (tx *Tx) holdUsers(ctx context.Context, users []int64) ([]dbgen.HoldUsersRow, error) {
	held, err := tx.q.HoldUsers(ctx, ids(users))
	if err != nil || len(held) == len(users) {
		return held, err
	}
	known := map[int64]bool{}
	for _, row := range held {
		known[row.UserID] = true
	}
	created := slices.DeleteFunc(slices.Clone(users), func(user int64) bool { return known[user] })
	if err := tx.q.CreateUsers(ctx, ids(created)); err != nil {
		return nil, err
	}
	more, err := tx.q.HoldUsers(ctx, ids(created))
	return append(held, more...), err
}

// freeze is a granted freeze and the day that it is spent on, -1 while it is
// not.
type freeze struct {
	id             string
	granted, spent Day
	stored         Day // the day that it is stored as spent on
}

// compareFreezes orders freezes as they are spent.
func compareFreezes(a, b freeze) int {
	return cmp.Or(cmp.Compare(a.granted, b.granted), cmp.Compare(a.id, b.id))
}

// milestone is a length that a streak has reached on a day.
type milestone struct {
	start, end Day // of the streak
	length     int64
	day        Day
}

// history is what a user's days and freezes come to.
type history struct {
	userActivity
	milestones []milestone // of all streaks there ever were
	moved      []freeze    // those that are stored as spent on another day
}

// history counts a user's streaks. days are the active days, ascending; freezes
// come in any order and as they are stored.
//
// Between two active days the missed days that are no rest days take freezes in
// order, each the first that was granted by then, until there is none: there the
// streak breaks, and the days after that take none. What a day takes depends on
// the days and grants alone, not on when they were recorded, so a fire that
// comes late gives freezes back, and may move them.
func (rules StreakRules) history(days []Day, freezes []freeze) history {
	slices.SortFunc(freezes, compareFreezes)
	for i := range freezes {
		freezes[i].spent = -1
	}
	h := history{userActivity: userActivity{first: -1, start: -1, end: -1, until: -1}}
	left := freezes
	reached := 0 // of h.milestones, those of the streaks before
	for _, day := range days {
		alive := false
		if h.length > 0 {
			left, alive = rules.spend(left, h.end, day)
		}
		if !alive {
			reached = len(h.milestones)
		}
		h.add(day, alive)
		if _, ok := slices.BinarySearch(rules.Milestones, h.length); ok {
			h.milestones = append(h.milestones, milestone{start: h.start, length: h.length, day: day})
		}
		for i := reached; i < len(h.milestones); i++ {
			h.milestones[i].end = day
		}
	}
	if h.length > 0 {
		h.until = rules.until(h.end, left)
	}
	h.unspent = int64(len(left))
	for _, f := range freezes {
		if f.spent != f.stored {
			h.moved = append(h.moved, f)
		}
	}
	return h
}

// spend spends freezes on the days missed between two others and returns the
// freezes left, and whether a streak outlives these days.
func (rules StreakRules) spend(freezes []freeze, from, to Day) (left []freeze, alive bool) {
	for day := from + 1; day < to; day++ {
		switch {
		case rules.rests(day):
		case len(freezes) > 0 && freezes[0].granted <= day:
			freezes[0].spent = day
			freezes = freezes[1:]
		default:
			return freezes, false
		}
	}
	return freezes, true
}

// until returns the last day on which a fire prolongs a streak that ends on a
// day: the first one that, if missed, breaks it.
func (rules StreakRules) until(end Day, freezes []freeze) Day {
	for day := end + 1; ; day++ {
		switch {
		case rules.rests(day):
		case len(freezes) > 0 && freezes[0].granted <= day:
			freezes = freezes[1:]
		default:
			return day
		}
	}
}

// missed counts the days between two others that are no rest days.
func (rules StreakRules) missed(from, to Day) (n int64) {
	for day := from + 1; day < to; day++ {
		if !rules.rests(day) {
			n++
		}
	}
	return n
}

// rests says whether a day is one of rest.
func (rules StreakRules) rests(day Day) bool {
	return slices.Contains(rules.RestDays, day.Weekday())
}

// next adds a day after a streak's end to what is stored, and says whether that
// was enough to know the streak: otherwise, the days and freezes must be read.
func (rules StreakRules) next(a userActivity, day Day) (h history, ok bool) {
	_, prolongs := rules.spend(nil, a.end, day)
	prolongs = prolongs && a.length > 0
	held := make([]freeze, a.unspent) // as if granted long ago
	if a.unspent > 0 && (!prolongs || a.until != rules.until(a.end, held)) {
		return history{}, false
	}
	a.add(day, prolongs)
	a.until = rules.until(a.end, held)
	h.userActivity = a
	if slices.Contains(rules.Milestones, a.length) {
		h.milestones = []milestone{{a.start, day, a.length, day}}
	}
	return h, true
}

// firstDay says that a user's first day is another than before (-1: there was
// none).
type firstDay struct {
	before, now Day
}

// applyActivity adds to the fires of users, and to their streaks the days that
// these have just made active, and awards what they have reached. A single day
// that follows a streak's end needs no more than what is stored; what others
// change is read again from the users' days and freezes.
func (tx *Tx) applyActivity(ctx context.Context, added map[int64]userFires, days map[int64][]Day) (first []firstDay, awarded awards, err error) {
	held, err := tx.holdUsers(ctx, slices.Sorted(maps.Keys(days)))
	if err != nil {
		return nil, nil, err
	}
	now, err := tx.storeActivity(ctx, added, func(rules StreakRules) (map[int64]history, error) {
		now := map[int64]history{}
		var recount []int64
		for _, row := range held {
			a, new := storedActivity(row), days[row.UserID]
			if len(new) == 1 && new[0] > a.end {
				if h, ok := rules.next(a, new[0]); ok {
					now[row.UserID] = h
					continue
				}
			}
			recount = append(recount, row.UserID)
		}
		return now, tx.readHistories(ctx, rules, recount, now)
	})
	if err != nil {
		return nil, nil, err
	}
	for _, row := range held {
		if h := now[row.UserID]; Day(row.FirstDay) != h.first {
			first = append(first, firstDay{Day(row.FirstDay), h.first})
		}
	}
	awarded, err = tx.award(ctx, now, days)
	return first, awarded, err
}

// readHistories adds the histories of some users to what is known.
func (tx *Tx) readHistories(ctx context.Context, rules StreakRules, users []int64, known map[int64]history) error {
	if len(users) == 0 {
		return nil
	}
	slices.Sort(users)
	rows, err := tx.q.ActivityOfUsers(ctx, ids(users))
	for _, user := range users {
		var days []Day
		var freezes []freeze
		for ; len(rows) > 0 && rows[0].UserID == user; rows = rows[1:] {
			if row := rows[0]; row.GrantID == "" {
				days = append(days, Day(row.Day))
			} else {
				freezes = append(freezes, freeze{id: row.GrantID, granted: Day(row.Day), stored: Day(row.SpentDay)})
			}
		}
		known[user] = rules.history(days, freezes)
	}
	return err
}

// storeActivity adds to users' fires, stores their activity and spent freezes as
// count counts them by the streak rules, and returns them. The users are held.
//
// The rules are those that this process knows of. The statement that stores the
// activity compares them with the stored ones and stores nothing under others:
// then it is counted again. Whoever changes the rules counts each user again
// afterwards, for which it needs the user's row; so what is stored here is
// either by the new rules or counted again.
func (tx *Tx) storeActivity(ctx context.Context, added map[int64]userFires, count func(StreakRules) (map[int64]history, error)) (map[int64]history, error) {
	rules := tx.core.rules.Load()
	for {
		users, err := count(rules.StreakRules)
		if err != nil || len(users) == 0 {
			return nil, err
		}
		var activity, spent rows
		for _, user := range sortedKeys(users, cmp.Compare) {
			users[user].write(&activity, user, added[user])
			for _, f := range users[user].moved {
				spent.begin().int(user).str(f.id).int(int64(f.spent))
			}
		}
		stored, err := tx.q.SetActivity(ctx, dbgen.SetActivityParams{Users: activity.String(), Rules: rules.text})
		if err != nil {
			return nil, err
		}
		if stored > 0 {
			if !spent.empty() {
				err = tx.q.SpendFreezes(ctx, spent.String())
			}
			return users, err
		}
		if rules, err = tx.streakRules(ctx); err != nil {
			return nil, err
		}
		tx.core.rules.Store(rules)
	}
}

// recount counts users again from their days and freezes, and awards what they
// have reached. They are held.
func (tx *Tx) recount(ctx context.Context, users []int64) (awards, error) {
	now, err := tx.storeHistories(ctx, users)
	if err != nil {
		return nil, err
	}
	return tx.award(ctx, now, nil)
}

// storeHistories counts users again from their days and freezes, without awards.
func (tx *Tx) storeHistories(ctx context.Context, users []int64) (map[int64]history, error) {
	return tx.storeActivity(ctx, nil, func(rules StreakRules) (map[int64]history, error) {
		now := map[int64]history{}
		return now, tx.readHistories(ctx, rules, users, now)
	})
}
