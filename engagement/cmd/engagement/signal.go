package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// signalOutput is what the signal command prints as JSON.
type signalOutput struct {
	engagement.SignalMetrics
	LatestFires []engagement.SignalFire `json:"latest_fires"` // newest first
}

func (a *app) signalCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "signal ID",
		Short: "Show one signal's totals and latest fires",
		Long: `Show how often a signal was fired since the beginning, and its latest fires. The
list leaves out fires that a cleanup has deleted; the totals do not.`,
		Example:           `  engagement signal EURUSD_LONG_001 --limit 20`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				signal, err := readSignal(ctx, db, args[0], limit)
				if err != nil {
					return err
				}
				return a.print(cmd, signal, func() string { return signalText(signal, db.Location()) })
			})
		},
	}
	limitFlag(cmd, &limit, "how many of its latest fires to list")
	return cmd
}

func readSignal(ctx context.Context, db *engagement.DB, signalID string, limit int) (signal signalOutput, err error) {
	err = db.View(ctx, func(r *engagement.Reader) error {
		if signal.SignalMetrics, err = r.SignalMetrics(ctx, signalID); err != nil {
			return err
		}
		signal.LatestFires, err = r.SignalFires(ctx, signalID, engagement.FirePage{Limit: limit})
		return err
	})
	return signal, err
}

func signalText(s signalOutput, loc *time.Location) string {
	facts := &table{left: true}
	facts.add("signal", s.SignalID)
	facts.add("fires", s.TotalFires)
	facts.add("first fire", clockTime(s.CreatedAt, loc))
	fires := &table{header: []any{"latest fires", "user", "executed"}}
	for _, fire := range s.LatestFires {
		executed := "no"
		if fire.Executed {
			executed = "yes"
		}
		fires.add(clockTime(fire.Timestamp, loc), id(fire.UserID), executed)
	}
	return facts.String() + "\n" + fires.String()
}

// limitFlag adds the flag of commands that list rows.
func limitFlag(cmd *cobra.Command, into *int, usage string) {
	cmd.Flags().IntVar(into, "limit", 10, fmt.Sprintf("%s, at most %d", usage, engagement.MaxLimit))
	mustComplete(cmd, "limit")
}
