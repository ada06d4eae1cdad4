package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) activityCommand() *cobra.Command {
	var window windowFlag
	cmd := &cobra.Command{
		Use:   "activity",
		Short: "Show how many users are active",
		Long: `Show how many different users fired on each day (DAU), in the 7 days up to it
(WAU) and in the 30 days up to it (MAU). Stickiness is the mean DAU of those 30
days in percent of the MAU. A cleanup does not change these figures.`,
		Example: `  engagement activity
  engagement activity --window 7d
  engagement activity --window 2026-01-01..2026-01-31 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				w, err := window.window(db.Reader)
				if err != nil {
					return err
				}
				list, err := db.Activity(ctx, w)
				if err != nil {
					return err
				}
				return a.print(cmd, list, activityTable(list).String)
			})
		},
	}
	window.add(cmd, "30d")
	return cmd
}

func activityTable(list []engagement.Activity) *table {
	t := &table{header: []any{"day", "DAU", "WAU", "MAU", "stickiness", ""}}
	for _, day := range list {
		var stickiness any = "-"
		if day.Stickiness != nil {
			stickiness = share(*day.Stickiness)
		}
		t.add(day.Day, day.DAU, day.WAU, day.MAU, stickiness, soFar(day.Partial))
	}
	return t
}

// soFar marks a row whose time is not over.
func soFar(partial bool) string {
	if partial {
		return "so far"
	}
	return ""
}
