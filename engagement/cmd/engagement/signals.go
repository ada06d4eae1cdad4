package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) signalsCommand() *cobra.Command {
	var page pageFlags
	cmd := &cobra.Command{
		Use:   "signals",
		Short: "List all signals with their totals",
		Long: `List all signals by their id, with their totals since the beginning. A cleanup does
not change these. See popular for the most fired ones.`,
		Example: `  engagement signals
  engagement signals --limit 1000 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				signals, err := db.Signals(ctx, page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, signals, func() string {
					t := &table{header: []any{"signal", "fires", "users", "first fire"}}
					for _, s := range signals.Items {
						t.add(s.SignalID, s.TotalFires, s.ActiveUsers, clockTime(s.CreatedAt, db.Location()))
					}
					return t.String() + nextText(signals.Next)
				})
			})
		},
	}
	page.add(cmd, 10, "how many signals to list")
	return cmd
}
