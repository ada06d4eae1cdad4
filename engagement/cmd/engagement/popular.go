package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) popularCommand() *cobra.Command {
	var page pageFlags
	var days windowFlag
	cmd := &cobra.Command{
		Use:   "popular",
		Short: "Show the signals most fired",
		Long: `Show the signals most fired, of all time or of some days. A cleanup does not change
these figures.`,
		Example: `  engagement popular
  engagement popular --window week --limit 20
  engagement popular --window 2026-01-01..2026-01-31 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				w, err := days.window(db.Reader)
				if err != nil {
					return err
				}
				signals, err := db.PopularSignals(ctx, w, page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, signals, func() string {
					t := &table{header: []any{"signal", "fires", "executed", "rate"}}
					for _, s := range signals.Items {
						t.add(s.SignalID, s.Fires, s.Executed, share(s.ExecutionRate))
					}
					return windowText(w) + "\n\n" + t.String() + nextText(signals.Next)
				})
			})
		},
	}
	days.add(cmd, "all")
	page.add(cmd, 10, "how many signals to list")
	return cmd
}
