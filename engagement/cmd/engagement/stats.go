package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) statsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Show today's figures of the whole community",
		Long: `Show today's figures of the whole community: fires, active users, the signal
fired most and how many fires executed. Today begins at midnight in the
database's time zone.`,
		Example: `  engagement stats
  engagement stats --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				stats, err := db.RealTimeStats(ctx)
				if err != nil {
					return err
				}
				return a.print(cmd, stats, statsTable(stats, db.Location()).String)
			})
		},
	}
}

func statsTable(s engagement.RealTimeStats, loc *time.Location) *table {
	t := &table{left: true}
	t.add("as of", clockTime(s.Timestamp, loc))
	t.add("fires today", s.TotalFiresToday)
	t.add("executed", cellText(s.ExecutedFiresToday)+", "+cellText(share(s.ExecutionRate)))
	t.add("active users", s.ActiveUsersToday)
	t.add("fires per user", fmt.Sprintf("%.2f", s.AvgFiresPerUser))
	t.add("most fired", signalCountText(s.MostFiredSignal))
	return t
}

func signalCountText(c engagement.SignalCount) string {
	if c.SignalID == nil {
		return "none"
	}
	return fmt.Sprintf("%s (%s)", *c.SignalID, cellText(c.FireCount))
}
