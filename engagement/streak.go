package engagement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Streak is a user's latest run of days with at least one fire, as of today. Days of
// rest (see [StreakRules]) and days that a freeze covers (see [DB.GrantFreeze]) do
// not interrupt it, and do not count. It is alive while a fire today would prolong
// it. Cleanup does not change it.
type Streak struct {
	UserID  int64      `json:"user_id"`
	Current int64      `json:"current_streak"` // active days; 0 unless alive
	Longest int64      `json:"longest_streak"` // active days, of the longest streak ever
	Expires *time.Time `json:"streak_expires"` // when it breaks unless the user fires, all freezes spent; nil unless alive
	Freezes int64      `json:"freezes"`        // not spent
}

// StreakRow is one row of a streak leaderboard.
type StreakRow struct {
	Rank int64 `json:"rank"` // 1 + how many have a longer current streak
	Streak
}

// StreakLeaderboard lists the users whose streaks are alive, the longest current
// streak first, ties by user id; an empty page if no streak is alive.
func (r *Reader) StreakLeaderboard(ctx context.Context, q PageQuery) (Page[StreakRow], error) {
	return snapshot(ctx, r, "streak leaderboard", func(v *view) (Page[StreakRow], error) {
		return v.streakLeaderboard(ctx, q)
	})
}

func (v *view) streakLeaderboard(ctx context.Context, q PageQuery) (Page[StreakRow], error) {
	p, err := q.of("streaks", position{numbers: []int64{math.MaxInt64, math.MinInt64}}, highFirst)
	if err != nil {
		return Page[StreakRow]{}, err
	}
	ends, err := v.streakEnds(ctx)
	if err != nil {
		return Page[StreakRow]{}, err
	}
	// The index lists the streaks in order for each day on which streaks end. The
	// best of all are among the best of each such day.
	var users []dbgen.UserStat
	for _, until := range ends {
		rows, err := v.q.StreaksUntil(ctx, dbgen.StreaksUntilParams{
			StreakUntil: until, AfterLength: p.after.numbers[0], AfterUser: p.after.numbers[1], MaxRows: p.rows(),
		})
		if err != nil {
			return Page[StreakRow]{}, err
		}
		users = append(users, rows...)
	}
	slices.SortFunc(users, func(a, b dbgen.UserStat) int {
		return cmp.Or(cmp.Compare(b.StreakLength, a.StreakLength), cmp.Compare(a.UserID, b.UserID))
	})
	users, next, err := cut(p, users[:min(int64(len(users)), p.rows())], func(user dbgen.UserStat) position {
		return position{numbers: []int64{user.StreakLength, user.UserID}}
	})
	if err != nil {
		return Page[StreakRow]{}, err
	}
	rows, err := v.rankedStreaks(ctx, users, ends, p.first)
	return Page[StreakRow]{rows, next}, err
}

// rankedStreaks returns the rows of users who follow each other on the board of
// streaks. ends are the days that streakEnds returns.
func (v *view) rankedStreaks(ctx context.Context, users []dbgen.UserStat, ends []int64, fromTop bool) ([]StreakRow, error) {
	current, err := v.streaks(ctx, users...)
	if err != nil {
		return nil, err
	}
	lengths := make([]int64, len(current))
	for i, streak := range current {
		lengths[i] = streak.Current
	}
	found, err := ranks(lengths, fromTop, func(length int64) (longer int64, err error) {
		for _, until := range ends {
			count, err := v.q.CountLongerStreaksUntil(ctx, dbgen.CountLongerStreaksUntilParams{StreakUntil: until, Length: length})
			if err != nil {
				return 0, err
			}
			longer += count
		}
		return longer, nil
	})
	if err != nil {
		return nil, err
	}
	rows := make([]StreakRow, len(current))
	for i, streak := range current {
		rows[i] = StreakRow{found[i], streak}
	}
	return rows, nil
}

// streakEnds returns, in order, the days from today on that are the last on which a
// fire prolongs somebody's streak.
func (v *view) streakEnds(ctx context.Context) (ends []int64, err error) {
	for from := int64(v.today()); ; {
		end, err := v.q.NextStreakEnd(ctx, from)
		switch {
		case err != nil || end == -1:
			return ends, err
		case end < from: // another program may have stored what is not a day
			return ends, fmt.Errorf("%w: the day after %d until which a streak lasts is %d", ErrCorrupt, from-1, end)
		}
		if ends = append(ends, end); end == math.MaxInt64 {
			return ends, nil
		}
		from = end + 1
	}
}

// streaks returns users' stored streaks as they are today.
func (v *view) streaks(ctx context.Context, users ...dbgen.UserStat) ([]Streak, error) {
	today := v.today()
	current := make([]Streak, len(users))
	var rules *StreakRules // for users with unspent freezes
	for i, user := range users {
		s := Streak{UserID: user.UserID, Longest: user.StreakLongest, Freezes: user.Freezes}
		until := Day(user.StreakUntil)
		if user.StreakLength > 0 && until >= today {
			s.Current = user.StreakLength
			expires := until.end(v.loc).UTC()
			s.Expires = &expires
		}
		if user.StreakLength > 0 && user.Freezes > 0 {
			if rules == nil {
				read, err := v.streakRules(ctx)
				if err != nil {
					return nil, err
				}
				rules = &read
			}
			// Another program may have stored what is not a day; then nothing is
			// missed before firstDay.
			end := max(Day(user.StreakEnd), firstDay-1)
			s.Freezes -= rules.pure(v.skipped).Missed(int64(end), int64(min(today, until)))
		}
		current[i] = s
	}
	return current, nil
}

// Streak returns a user's streak, or ErrNotFound for a user who has neither
// fired nor traded.
func (r *Reader) Streak(ctx context.Context, userID int64) (Streak, error) {
	return snapshot(ctx, r, "read a user's streak", func(v *view) (Streak, error) {
		row, err := v.userRow(ctx, userID)
		if err != nil {
			return Streak{}, err
		}
		current, err := v.streaks(ctx, row)
		if err != nil {
			return Streak{}, err
		}
		return current[0], nil
	})
}

// StreakDayKind says what a day is to a streak.
type StreakDayKind string

// The kinds of days.
const (
	ActiveDay StreakDayKind = "active" // with a fire; it counts
	RestDay   StreakDayKind = "rest"   // of rest, without a fire
	FrozenDay StreakDayKind = "frozen" // without a fire, covered by a freeze
	OpenDay   StreakDayKind = "open"   // today, while there is no fire yet
)

// StreakDayKinds lists all kinds of days.
func StreakDayKinds() []StreakDayKind { return []StreakDayKind{ActiveDay, RestDay, FrozenDay, OpenDay} }

// String returns the kind's name: "active", "rest", "frozen" or "open".
func (k StreakDayKind) String() string { return string(k) }

// ParseStreakDayKind reads a kind's name. Anything else is ErrInvalid.
func ParseStreakDayKind(s string) (StreakDayKind, error) {
	return parseNamed("kind of day", s, StreakDayKinds())
}

// MarshalText returns the kind's name, "" for the zero value.
func (k StreakDayKind) MarshalText() ([]byte, error) {
	return marshalNamed("kind of day", k, StreakDayKinds())
}

// UnmarshalText reads what MarshalText returns.
func (k *StreakDayKind) UnmarshalText(text []byte) error {
	return unmarshalNamed(k, text, ParseStreakDayKind)
}

// StreakDay is one day of a streak.
type StreakDay struct {
	Day  Day           `json:"day"`
	Kind StreakDayKind `json:"kind"`
}

// StreakDays explains a user's current streak: it returns its days from the first to
// today, or to a later day with a fire; none unless the streak is alive. A day that
// the time zone left out is not among them. They come all at once: there are at most
// 366 a year.
func (r *Reader) StreakDays(ctx context.Context, userID int64) ([]StreakDay, error) {
	return snapshot(ctx, r, "explain a user's streak", func(v *view) ([]StreakDay, error) {
		return v.streakDays(ctx, userID)
	})
}

func (v *view) streakDays(ctx context.Context, userID int64) ([]StreakDay, error) {
	days := []StreakDay{}
	if err := checkUserID(userID); err != nil {
		return days, err
	}
	row, err := v.userRow(ctx, userID)
	if errors.Is(err, ErrNotFound) || (err == nil && (row.StreakEnd < 0 || Day(row.StreakUntil) < v.today())) {
		return days, nil
	}
	if err != nil {
		return nil, err
	}
	first, last := Day(row.StreakStart), max(Day(row.StreakEnd), v.today())
	if first < firstDay || !last.known() {
		return nil, fmt.Errorf("%w: the streak of user %d from day %d to %d", ErrCorrupt, userID, row.StreakStart, row.StreakEnd)
	}
	stored, err := v.streakRules(ctx)
	if err != nil {
		return nil, err
	}
	rules := stored.pure(v.skipped)
	active, err := v.q.UserActiveDays(ctx, dbgen.UserActiveDaysParams{UserID: userID, FromDay: row.StreakStart})
	if err != nil {
		return nil, err
	}
	// The streak is alive: what was missed was a day of rest or is covered.
	for day := first; day <= last; day++ {
		kind := FrozenDay
		switch {
		case len(active) > 0 && active[0] == int64(day):
			kind, active = ActiveDay, active[1:]
		case rules.IsSkipped(int64(day)):
			continue
		case rules.Rests(int64(day)):
			kind = RestDay
		case day > Day(row.StreakEnd) && day == v.today():
			kind = OpenDay
		}
		days = append(days, StreakDay{day, kind})
	}
	return days, nil
}
