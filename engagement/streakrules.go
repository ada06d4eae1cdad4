package engagement

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// StreakRules say what breaks a streak and what it earns.
type StreakRules struct {
	// RestDays are the days of the week on which nobody needs to fire: one
	// without a fire breaks no streak, one with a fire counts as any other day.
	// At most six.
	RestDays []time.Weekday
	// Milestones are the lengths of a streak, in active days, that are awarded;
	// ascending, at most MaxMilestones.
	Milestones []int64
	// FreezeCap is how many unspent freezes a user may hold when another is
	// granted, 0 (none can be granted) to MaxFreezeCap.
	FreezeCap int
}

// Bounds of streak rules.
const (
	MaxMilestones = 50
	MaxFreezeCap  = 30
)

// DefaultStreakRules are the rules of a database whose rules were never set: no
// rest days, milestones of 3, 7, 14, 30, 60, 100, 180 and 365 days, and at most
// two unspent freezes.
func DefaultStreakRules() StreakRules {
	return StreakRules{
		RestDays:   []time.Weekday{},
		Milestones: []int64{3, 7, 14, 30, 60, 100, 180, 365},
		FreezeCap:  2,
	}
}

// ParseWeekday reads a day of the week, such as "saturday" or "sat", in any
// case. Anything else is ErrInvalid.
func ParseWeekday(s string) (time.Weekday, error) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.EqualFold(s, day.String()) || strings.EqualFold(s, day.String()[:3]) {
			return day, nil
		}
	}
	return 0, invalid("day of the week", s, "want such as saturday or sat")
}

// streakRulesJSON is the form of StreakRules in JSON, which is also stored.
type streakRulesJSON struct {
	RestDays   []string `json:"rest_days"` // sunday to saturday
	Milestones []int64  `json:"milestones"`
	FreezeCap  int      `json:"freeze_cap"`
}

// MarshalJSON writes the days of the week by their English names.
func (rules StreakRules) MarshalJSON() ([]byte, error) {
	out := streakRulesJSON{[]string{}, append([]int64{}, rules.Milestones...), rules.FreezeCap}
	for _, day := range rules.RestDays {
		out.RestDays = append(out.RestDays, strings.ToLower(day.String()))
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (rules *StreakRules) UnmarshalJSON(text []byte) error {
	var in streakRulesJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*rules = StreakRules{[]time.Weekday{}, append([]int64{}, in.Milestones...), in.FreezeCap}
	for _, name := range in.RestDays {
		day, err := ParseWeekday(name)
		if err != nil {
			return err
		}
		rules.RestDays = append(rules.RestDays, day)
	}
	return nil
}

func (rules StreakRules) check() error {
	for _, day := range rules.RestDays {
		if day < time.Sunday || day > time.Saturday {
			return invalid("rest day", int(day), "want sunday to saturday")
		}
	}
	if len(rules.normal().RestDays) == 7 {
		return invalid("rest days", rules.RestDays, "no day of the week is left on which a streak could break")
	}
	if len(rules.Milestones) > MaxMilestones {
		return invalid("milestones", rules.Milestones, fmt.Sprintf("want at most %d", MaxMilestones))
	}
	before := int64(0)
	for _, milestone := range rules.Milestones {
		if milestone <= before {
			return invalid("milestones", rules.Milestones, "want ascending numbers from 1 on")
		}
		before = milestone
	}
	if rules.FreezeCap < 0 || rules.FreezeCap > MaxFreezeCap {
		return invalid("freeze cap", rules.FreezeCap, fmt.Sprintf("want 0 to %d", MaxFreezeCap))
	}
	return nil
}

// normal returns the rules with each rest day once, in order.
func (rules StreakRules) normal() StreakRules {
	days := slices.Sorted(slices.Values(rules.RestDays))
	rules.RestDays = append([]time.Weekday{}, slices.Compact(days)...)
	rules.Milestones = append([]int64{}, rules.Milestones...)
	return rules
}

// The settings that belong to streaks.
const (
	settingStreakRules = "streak_rules" // JSON; SetActivity compares it
	// settingStreakRecount is there while streaks are to be counted again by new
	// rules: the id of the user to go on with.
	settingStreakRecount = "streak_recount"
)

// storedRules are streak rules together with their stored form, "" for the
// default ones.
type storedRules struct {
	StreakRules
	text string
}

// StreakRules returns the rules that streaks go by, the rest days from Sunday on.
func (r *Reader) StreakRules(ctx context.Context) (rules StreakRules, err error) {
	err = r.single(ctx, "read the streak rules", func(r *Reader) (int, error) {
		stored, err := r.streakRules(ctx)
		rules = stored.StreakRules
		return 1, err
	})
	return rules, err
}

func (r *Reader) streakRules(ctx context.Context) (*storedRules, error) {
	rules := &storedRules{StreakRules: DefaultStreakRules()}
	text, err := r.q.GetSetting(ctx, settingStreakRules)
	if errors.Is(err, sql.ErrNoRows) {
		return rules, nil
	}
	if err != nil {
		return nil, err
	}
	rules.text = text
	err = json.Unmarshal([]byte(text), &rules.StreakRules)
	if err == nil {
		err = rules.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: setting %s is %q", ErrCorrupt, settingStreakRules, text)
	}
	return rules, nil
}

// SetStreakRules sets the rules that streaks go by, also in other processes that
// have the database open. Rules that make no sense are ErrInvalid.
//
// Since the rules decide about every streak there ever was, all users are
// counted again, in chunks of their own transactions: streaks, spent freezes,
// and awards for what has become a milestone. Awards that are there stay. What
// an interruption leaves is finished by the next Open, Rebuild or
// SetStreakRules; until then the users who are left have the streaks of the
// rules before.
func (db *DB) SetStreakRules(ctx context.Context, rules StreakRules) error {
	if err := rules.check(); err != nil {
		return fmt.Errorf("set the streak rules: %w", err)
	}
	err := db.writeKeyed(ctx, "set the streak rules", func(tx *Tx) (int, error) {
		text, err := json.Marshal(rules.normal())
		if err != nil {
			return 0, err
		}
		for _, setting := range []dbgen.SetSettingParams{
			{Name: settingStreakRules, Value: string(text)},
			{Name: settingStreakRecount, Value: strconv.FormatInt(math.MinInt64, 10)},
		} {
			if err := tx.q.SetSetting(ctx, setting); err != nil {
				return 0, err
			}
		}
		return 1, nil
	})
	if err != nil {
		return err
	}
	return db.recountStreaks(ctx)
}

// recountChunk is how many users are counted again in one transaction, so that
// other writers are not kept waiting for long.
const recountChunk = 250

// recountStreaks counts again the streaks that a change of rules has left, if
// any. It may be run by several processes at once and at any time.
func (db *DB) recountStreaks(ctx context.Context) error {
	var users int64
	err := db.single(ctx, "count users", func(r *Reader) (_ int, err error) {
		users, err = r.q.CountUsers(ctx)
		return 1, err
	})
	if err != nil {
		return err
	}
	p := progressOf(ctx, users)
	for {
		var counted int
		err := db.writeKeyed(ctx, "count streaks again", func(tx *Tx) (int, error) {
			counted, err = tx.recountChunk(ctx)
			return counted, err
		})
		if err != nil || counted == 0 {
			return err
		}
		p.add(counted)
	}
}

// recountChunk counts some users again and stores with whom to go on. It
// returns 0 when none is left. Users who come later are counted by the new
// rules from the start.
func (tx *Tx) recountChunk(ctx context.Context) (int, error) {
	value, err := tx.q.LockSetting(ctx, settingStreakRecount)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	from, err := parseSetting(settingStreakRecount, value)
	if err != nil {
		return 0, err
	}
	if from == math.MinInt64 {
		// Users whom others have just created by the rules before are not seen yet.
		if err := tx.inner.LockUsers(ctx); err != nil {
			return 0, err
		}
	}
	users, err := tx.q.LockUsersFrom(ctx, dbgen.LockUsersFromParams{FromUser: from, MaxRows: recountChunk})
	if err != nil {
		return 0, err
	}
	if len(users) > 0 {
		if _, err := tx.recount(ctx, users); err != nil {
			return 0, err
		}
	}
	if len(users) == 0 || users[len(users)-1] == math.MaxInt64 {
		return len(users), tx.q.DeleteSetting(ctx, settingStreakRecount)
	}
	return len(users), tx.q.SetSetting(ctx, dbgen.SetSettingParams{
		Name: settingStreakRecount, Value: strconv.FormatInt(users[len(users)-1]+1, 10),
	})
}
