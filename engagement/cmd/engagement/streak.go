package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// streakOutput is what the streak command prints as JSON.
type streakOutput struct {
	engagement.Streak
	Days    []engagement.StreakDay     `json:"days"`
	Awards  []engagement.Award         `json:"awards"`
	Granted []engagement.GrantedFreeze `json:"granted_freezes"`
}

func (a *app) streakCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "streak USER",
		Short: "Explain one user's streak, day by day",
		Long: `Show one user's current and longest streak, when it breaks unless the user fires,
what each day of the current one is (active, rest or frozen), the milestones
awarded and the freezes granted.`,
		Example:           `  engagement streak 12345`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			userID, err := parseUserID(args[0])
			if err != nil {
				return err
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				streak, err := readStreak(ctx, db, userID)
				if err != nil {
					return err
				}
				return a.print(cmd, streak, func() string { return streakText(streak, db.Location()) })
			})
		},
	}
	cmd.AddCommand(a.streakRulesCommand(), a.streakEndingCommand())
	return cmd
}

// readStreak reads everything from one snapshot.
func readStreak(ctx context.Context, db *engagement.DB, userID int64) (s streakOutput, err error) {
	err = db.View(ctx, func(r *engagement.Reader) error {
		if s.Streak, err = r.Streak(ctx, userID); err != nil {
			return err
		}
		if s.Days, err = r.StreakDays(ctx, userID); err != nil {
			return err
		}
		if s.Awards, err = r.Awards(ctx, userID); err != nil {
			return err
		}
		s.Granted, err = r.Freezes(ctx, userID)
		return err
	})
	return s, err
}

func streakText(s streakOutput, loc *time.Location) string {
	t := &table{left: true}
	t.add("user", id(s.UserID))
	t.add("streak", fmt.Sprintf("%s, longest %s", counted(s.Current, "day"), counted(s.Longest, "day")))
	if s.Expires != nil {
		t.add("kept by firing", "before "+clockTime(*s.Expires, loc))
	}
	t.add("freezes", fmt.Sprintf("%s left", cellText(s.Freezes)))
	text := t.String()

	days := &table{header: []any{"day", "weekday", "kind"}}
	for _, d := range s.Days {
		days.add(d.Day, d.Day.Weekday().String(), string(d.Kind))
	}
	awards := &table{header: []any{"milestone", "reached on", "streak since"}}
	for _, award := range s.Awards {
		awards.add(award.Milestone, award.Day, award.StreakStart)
	}
	freezes := &table{header: []any{"freeze", "granted on", "spent on"}}
	for _, freeze := range s.Granted {
		spent := "not yet"
		if freeze.SpentDay != nil {
			spent = freeze.SpentDay.String()
		}
		freezes.add(freeze.GrantID, freeze.GrantedDay, spent)
	}
	for _, part := range []*table{days, awards, freezes} {
		if len(part.rows) > 0 {
			text += "\n" + part.String()
		}
	}
	return text
}

func (a *app) streakRulesCommand() *cobra.Command {
	var rest, milestones string
	var freezeCap int
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Show or set what breaks a streak and what it earns",
		Long: `Show what breaks a streak and what it earns, or set what the flags name.

On a day of rest nobody needs to fire. A milestone is a length that is awarded.
Setting anything counts the streaks of all users again by the new rules; awards
stay.`,
		Example: `  engagement streak rules
  engagement streak rules --rest sat,sun --milestones 5,10,50 --freeze-cap 3
  engagement streak rules --rest none`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			changed := cmd.Flags().Changed("rest") || cmd.Flags().Changed("milestones") || cmd.Flags().Changed("freeze-cap")
			m := reading
			if changed {
				m = writing
			}
			return a.withDB(cmd, m, func(ctx context.Context, db *engagement.DB) error {
				rules, err := db.StreakRules(ctx)
				if err != nil {
					return err
				}
				if cmd.Flags().Changed("rest") {
					rules.RestDays, err = parseRestDays(rest)
				}
				if cmd.Flags().Changed("milestones") {
					var mistake error
					rules.Milestones, mistake = parseMilestones(milestones)
					err = errors.Join(err, mistake)
				}
				if cmd.Flags().Changed("freeze-cap") {
					rules.FreezeCap = freezeCap
				}
				if err == nil && changed {
					err = db.SetStreakRules(ctx, rules)
				}
				if err != nil {
					return err
				}
				return a.print(cmd, rules, func() string { return rulesText(rules) })
			})
		},
	}
	cmd.Flags().StringVar(&rest, "rest", "", "the `DAYS` of rest, such as sat,sun, or none")
	cmd.Flags().StringVar(&milestones, "milestones", "", "the `LENGTHS` that are awarded, such as 3,7,30, or none")
	cmd.Flags().IntVar(&freezeCap, "freeze-cap", 0, "how many unspent freezes a user may hold, `N` from 0 to "+strconv.Itoa(engagement.MaxFreezeCap))
	return cmd
}

func (a *app) streakEndingCommand() *cobra.Command {
	var page pageFlags
	cmd := &cobra.Command{
		Use:   "ending",
		Short: "List the users whose streaks end today unless they fire",
		Long: `List the users whose streaks break at the end of today unless they fire before, the
longest first, and say how many there are. No freeze of theirs is left for it.`,
		Example:           `  engagement streak ending --limit 20`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				ending, err := db.EndingStreaks(ctx, page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, ending, func() string {
					t := &table{header: []any{"user", "streak", "longest"}}
					for _, streak := range ending.Items {
						t.add(id(streak.UserID), streak.Current, streak.Longest)
					}
					return t.String() + "\n" + counted(ending.Users, "streak") + " in all\n" + nextText(ending.Next)
				})
			})
		},
	}
	page.add(cmd, 10, "how many users to list")
	return cmd
}

// none stands for an empty list on the command line.
const none = "none"

func parseRestDays(s string) ([]time.Weekday, error) {
	var days []time.Weekday
	if s == none {
		return days, nil
	}
	for name := range strings.SplitSeq(s, ",") {
		day, err := engagement.ParseWeekday(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		days = append(days, day)
	}
	return days, nil
}

func parseMilestones(s string) ([]int64, error) {
	var milestones []int64
	if s == none {
		return milestones, nil
	}
	for text := range strings.SplitSeq(s, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return nil, invalid("milestone", text, "want a whole number")
		}
		milestones = append(milestones, n)
	}
	return milestones, nil
}

func rulesText(rules engagement.StreakRules) string {
	var days, milestones []string
	for _, day := range rules.RestDays {
		days = append(days, day.String())
	}
	for _, milestone := range rules.Milestones {
		milestones = append(milestones, cellText(milestone))
	}
	list := func(items []string) string {
		if len(items) == 0 {
			return none
		}
		return strings.Join(items, ", ")
	}
	t := &table{left: true}
	t.add("days of rest", list(days))
	t.add("milestones", list(milestones))
	t.add("freeze cap", int64(rules.FreezeCap))
	return t.String()
}
