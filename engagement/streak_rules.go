package engagement

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/streaks"
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
	// FreezeCap is how many unspent freezes a user may have, another granted one
	// included, 0 (none can be granted) to MaxFreezeCap.
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
	RestDays   *[]string `json:"rest_days"` // sunday to saturday
	Milestones *[]int64  `json:"milestones"`
	FreezeCap  *int      `json:"freeze_cap"`
}

// MarshalJSON writes the days of the week by their English names. Rules that
// SetStreakRules refuses may not be readable.
func (rules StreakRules) MarshalJSON() ([]byte, error) {
	days, milestones := []string{}, append([]int64{}, rules.Milestones...)
	for _, day := range rules.RestDays {
		days = append(days, strings.ToLower(day.String()))
	}
	return json.Marshal(streakRulesJSON{&days, &milestones, &rules.FreezeCap})
}

// UnmarshalJSON reads what MarshalJSON writes. A field that is absent or null stands
// for that of [DefaultStreakRules], an empty list for none. An unknown field and more
// than 64 KB are ErrInvalid.
func (rules *StreakRules) UnmarshalJSON(text []byte) error {
	var in streakRulesJSON
	if err := decodeOne(text, &in, maxDefinitionBytes); err != nil {
		return invalid("streak rules", nil, err.Error())
	}
	read := DefaultStreakRules()
	if in.RestDays != nil {
		for _, name := range *in.RestDays {
			day, err := ParseWeekday(name)
			if err != nil {
				return err
			}
			read.RestDays = append(read.RestDays, day)
		}
	}
	if in.Milestones != nil {
		read.Milestones = *in.Milestones
	}
	if in.FreezeCap != nil {
		read.FreezeCap = *in.FreezeCap
	}
	*rules = read
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
		return invalid("number of milestones", len(rules.Milestones), fmt.Sprintf("want at most %d", MaxMilestones))
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

// pure returns the rules in the form of package streaks, with the days that the time
// zone left out.
func (rules StreakRules) pure(skipped []int64) streaks.Rules {
	return streaks.Rules{RestDays: rules.RestDays, Milestones: rules.Milestones, Skipped: skipped}
}

// parsedRules are streak rules and the text that they were read from.
type parsedRules struct {
	text  string
	rules StreakRules
}

// parseRules reads stored rules. Every write does so, so those read last are kept.
func (c *core) parseRules(text string) (StreakRules, error) {
	if last := c.parsedRules.Load(); last != nil && last.text == text {
		return last.rules, nil
	}
	rules := DefaultStreakRules()
	err := json.Unmarshal([]byte(text), &rules)
	if err == nil {
		err = rules.check()
	}
	if err != nil {
		return rules, fmt.Errorf("%w: setting %s is %q", ErrCorrupt, settingStreakRules, text)
	}
	c.parsedRules.Store(&parsedRules{text, rules})
	return rules, nil
}

// StreakRules returns the rules that streaks go by, the rest days from Sunday on.
func (r *Reader) StreakRules(ctx context.Context) (StreakRules, error) {
	return latest(ctx, r, "read the streak rules", func(v *view) (StreakRules, error) {
		rules, err := v.streakRules(ctx)
		return rules.normal(), err // a copy, which the caller may change
	})
}

func (v *view) streakRules(ctx context.Context) (StreakRules, error) {
	text, err := v.q.GetSetting(ctx, settingStreakRules)
	if errors.Is(err, sql.ErrNoRows) {
		return DefaultStreakRules(), nil
	}
	if err != nil {
		return StreakRules{}, err
	}
	return v.parseRules(text)
}

// The settings that belong to streaks.
const (
	settingStreakRules = "streak_rules" // JSON
	// settingStreakRecount is set while streaks are being counted again by new rules:
	// the next user id to count.
	settingStreakRecount = "streak_recount"
)

// streakState returns the stored streak state of a user.
func streakState(user dbgen.UserStat) streaks.State {
	return streaks.State{
		First: user.FirstDay, Start: user.StreakStart, End: user.StreakEnd, Until: user.StreakUntil,
		Length: user.StreakLength, Longest: user.StreakLongest, Unspent: user.Freezes,
	}
}
