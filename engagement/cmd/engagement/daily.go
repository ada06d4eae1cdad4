package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) dailyCommand() *cobra.Command {
	var window windowFlag
	cmd := &cobra.Command{
		Use:   "daily",
		Short: "Show the activity of each day",
		Long: `Show fires, executions, active and new users of each day, with a bar chart of
the fires: dark for those that executed. New users had never fired before. Days
without fires are there too. A cleanup does not change these figures.`,
		Example: `  engagement daily
  engagement daily --window 7d
  engagement daily --window 2026-01-01..2026-01-31 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				w, err := window.window(db.Reader)
				if err != nil {
					return err
				}
				list, err := db.DailyFigures(ctx, w)
				if err != nil {
					return err
				}
				return a.print(cmd, list, dailyTable(list).String)
			})
		},
	}
	window.add(cmd, "30d")
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
