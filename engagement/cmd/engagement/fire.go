package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// fireOutput is what the fire command prints as JSON.
type fireOutput struct {
	UserID   int64  `json:"user_id"`
	SignalID string `json:"signal_id"`
	engagement.FireReceipt
}

func (a *app) fireCommand() *cobra.Command {
	var fire engagement.Fire
	cmd := &cobra.Command{
		Use:   "fire USER SIGNAL",
		Short: "Record that a user acted on a signal",
		Long: `Record that a user acted on a signal, and whether the order reached the broker.

A user fires a signal once. The same fire again is reported as a duplicate and
changes nothing, except that a fire without execution can still be marked as
executed by repeating it with --executed.`,
		Example: `  engagement fire 12345 EURUSD_LONG_001
  engagement fire 12345 EURUSD_LONG_001 --executed --at 2026-01-31T12:00:00Z`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if fire.UserID, err = parseUserID(args[0]); err != nil {
				return err
			}
			fire.SignalID = args[1]
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				receipt, err := db.RecordFire(ctx, fire)
				if err != nil {
					return err
				}
				return a.print(cmd, fireOutput{fire.UserID, fire.SignalID, receipt}, func() string {
					text := fmt.Sprintf("%s: user %d fired %s\n", statusText(receipt.Status), fire.UserID, fire.SignalID)
					for _, milestone := range receipt.Milestones {
						text += fmt.Sprintf("milestone: a streak of %s\n", counted(milestone, "day"))
					}
					return text
				})
			})
		},
	}
	cmd.Flags().BoolVar(&fire.Executed, "executed", false, "the order reached the broker")
	timeFlag(cmd.Flags(), &fire.At, "at", "when it was fired")
	return cmd
}

// statusText says in words what became of a fact.
func statusText(status engagement.Status) string {
	switch status {
	case engagement.Recorded:
		return "recorded"
	case engagement.MarkedExecuted:
		return "marked as executed"
	case engagement.Duplicate:
		return "known already, nothing changed"
	}
	return status.String()
}
