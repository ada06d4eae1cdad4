package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// cleanupOutput is what the cleanup command prints as JSON.
type cleanupOutput struct {
	engagement.CleanupReport
	DryRun bool `json:"dry_run"`
}

func (a *app) cleanupCommand() *cobra.Command {
	var keepDays int
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Delete old fires, keeping every total",
		Long: `Delete the single fires of old days. Totals, days, leaderboards and streaks stay
as they are, since they are kept apart from the fires, and trades are never
deleted. What needs single fires, such as hours and lists of fires, knows only
those still kept. It may be interrupted at any time; the next one goes on.`,
		Example: `  engagement cleanup --dry-run
  engagement cleanup --keep-days 30`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, clean, verb := writing, (*engagement.DB).Cleanup, "deleted"
			if dryRun {
				m, clean, verb = reading, planCleanup, "would delete"
			}
			return a.withDB(cmd, m, func(ctx context.Context, db *engagement.DB) error {
				report, err := clean(db, ctx, keepDays)
				if err != nil {
					return err
				}
				return a.print(cmd, cleanupOutput{report, dryRun}, func() string {
					return fmt.Sprintf("%s %s of the days before %s; totals stay as they are\n",
						verb, counted(report.FiresDeleted, "fire"), report.Horizon)
				})
			})
		},
	}
	cmd.Flags().IntVar(&keepDays, "keep-days", 90, "how many days to keep besides today")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be deleted")
	mustComplete(cmd, "keep-days")
	return cmd
}

func planCleanup(db *engagement.DB, ctx context.Context, keepDays int) (engagement.CleanupReport, error) {
	return db.PlanCleanup(ctx, keepDays)
}
