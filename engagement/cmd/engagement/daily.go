package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) dailyCommand() *cobra.Command {
	var count int
	var from, to engagement.Day
	cmd := &cobra.Command{
		Use:   "daily",
		Short: "Show the activity of each day",
		Long: `Show fires, executions and active users of each day, with a bar chart of the
fires: dark for those that executed. Days without fires are there too. A cleanup
does not change these figures.`,
		Example: `  engagement daily
  engagement daily --days 7
  engagement daily --from 2026-01-01 --to 2026-01-31 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if count < 1 {
				return invalid("--days", cmd.Flag("days").Value.String(), "want at least 1")
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				if !cmd.Flags().Changed("to") {
					to = db.Today()
				}
				if !cmd.Flags().Changed("from") {
					from = to - engagement.Day(count) + 1
				}
				days, err := db.DailyMetrics(ctx, from, to)
				if err != nil {
					return err
				}
				return a.print(cmd, days, dailyTable(days).String)
			})
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&count, "days", 30, "how many days to show")
	dayFlag(flags, &from, "from", "the first day")
	dayFlag(flags, &to, "to", "the last day (default today)")
	cmd.MarkFlagsMutuallyExclusive("days", "from")
	for _, flag := range []string{"days", "from", "to"} {
		mustComplete(cmd, flag)
	}
	return cmd
}

func dailyTable(days []engagement.DayMetrics) *table {
	t := &table{header: []any{"day", "fires", "executed", "rate", "users", ""}}
	for i, bar := range bars(days, 40) {
		d := days[i]
		if d.Partial {
			bar += " so far"
		}
		t.add(d.Day, d.Fires, d.Executed, share(d.ExecutionRate), d.ActiveUsers, bar)
	}
	return t
}

// bars returns a bar for each day, the longest of width characters; the part of
// the executed fires is dark.
func bars(days []engagement.DayMetrics, width int64) []string {
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
