package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// dayFlags are the flags of commands that list days.
type dayFlags struct {
	count    int
	from, to engagement.Day
}

// add adds the flags to cmd; without them it lists count days.
func (f *dayFlags) add(cmd *cobra.Command, count int) {
	flags := cmd.Flags()
	flags.IntVar(&f.count, "days", count, "how many days to show, up to --to or else today")
	dayFlag(flags, &f.from, "from", "first")
	dayFlag(flags, &f.to, "to", "last")
	cmd.MarkFlagsMutuallyExclusive("days", "from")
	for _, flag := range []string{"days", "from", "to"} {
		mustComplete(cmd, flag)
	}
}

// check refuses flags that name no days, before there is a database.
func (f *dayFlags) check(cmd *cobra.Command) error {
	if f.count < 1 {
		return invalid("--days", cmd.Flag("days").Value.String(), "want at least 1")
	}
	return nil
}

// window returns the days that the flags name.
func (f *dayFlags) window(cmd *cobra.Command, db *engagement.DB) engagement.Window {
	w := engagement.Window{From: f.from, To: f.to}
	if !cmd.Flags().Changed("to") {
		w.To = db.Today()
	}
	if !cmd.Flags().Changed("from") {
		w.From = w.To - engagement.Day(f.count) + 1
	}
	return w
}

func (a *app) dailyCommand() *cobra.Command {
	var days dayFlags
	cmd := &cobra.Command{
		Use:   "daily",
		Short: "Show the activity of each day",
		Long: `Show fires, executions, active and new users of each day, with a bar chart of
the fires: dark for those that executed. New users had never fired before. Days
without fires are there too. A cleanup does not change these figures.`,
		Example: `  engagement daily
  engagement daily --days 7
  engagement daily --from 2026-01-01 --to 2026-01-31 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := days.check(cmd); err != nil {
				return err
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				w := days.window(cmd, db)
				list, err := db.DailyFigures(ctx, w.From, w.To)
				if err != nil {
					return err
				}
				return a.print(cmd, list, dailyTable(list).String)
			})
		},
	}
	days.add(cmd, 30)
	return cmd
}

func dailyTable(days []engagement.DayFigures) *table {
	t := &table{header: []any{"day", "fires", "executed", "rate", "users", "new", ""}}
	for i, bar := range bars(days, 40) {
		d := days[i]
		if d.Partial {
			bar += " so far"
		}
		t.add(d.Day, d.Fires, d.Executed, share(d.ExecutionRate), d.ActiveUsers, d.NewUsers, bar)
	}
	return t
}

// bars returns a bar for each day, the longest of width characters; the part of
// the executed fires is dark.
func bars(days []engagement.DayFigures, width int64) []string {
	most := int64(1)
	for _, day := range days {
		most = max(most, day.Fires)
	}
	lines := make([]string, len(days))
	for i, day := range days {
		whole := (day.Fires*width + most - 1) / most // a day with fires has a bar
		dark := day.Executed * width / most
		lines[i] = strings.Repeat("█", int(dark)) + strings.Repeat("░", int(whole-dark))
	}
	return lines
}
