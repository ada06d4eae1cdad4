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
	Insight     engagement.SignalInsight `json:"insight"`
	LatestFires []engagement.SignalFire  `json:"latest_fires"` // a page of them, newest first
	Next        engagement.Cursor        `json:"next,omitempty"`
}

func (a *app) signalCommand() *cobra.Command {
	var page pageFlags
	cmd := &cobra.Command{
		Use:   "signal ID",
		Short: "Show one signal's totals, how fast it was followed, and its latest fires",
		Long: `Show how often a signal was fired since the beginning, how soon after its first
fire the others came, and its latest fires. The list leaves out fires that a
cleanup has deleted; the totals do not. How soon is unknown once some are deleted.`,
		Example:           `  engagement signal EURUSD_LONG_001 --limit 20`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				signal, err := readSignal(ctx, db, args[0], page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, signal, func() string { return signalText(signal, db.Location()) })
			})
		},
	}
	page.add(cmd, 10, "how many of its latest fires to list")
	return cmd
}

func readSignal(ctx context.Context, db *engagement.DB, signalID string, page engagement.PageQuery) (signal signalOutput, err error) {
	err = db.View(ctx, func(r *engagement.Reader) error {
		if signal.SignalMetrics, err = r.SignalMetrics(ctx, signalID); err != nil {
			return err
		}
		if signal.Insight, err = r.SignalInsight(ctx, signalID); err != nil {
			return err
		}
		fires, err := r.Fires(ctx, engagement.FireFilter{SignalID: signalID}, page)
		signal.LatestFires, signal.Next = fires.Items, fires.Next
		return err
	})
	return signal, err
}

func signalText(s signalOutput, loc *time.Location) string {
	facts := &table{left: true}
	facts.add("signal", s.SignalID)
	facts.add("fires", s.TotalFires)
	facts.add("executed", fmt.Sprintf("%s, %s", cellText(s.Insight.Executed), cellText(share(*s.Insight.ExecutionRate))))
	facts.add("first fire", clockTime(s.CreatedAt, loc))
	if s.Insight.LastFire != nil {
		facts.add("last fire", clockTime(*s.Insight.LastFire, loc))
	}
	if s.Insight.MedianDelay != nil {
		facts.add("followed", fmt.Sprintf("half within %s, nine tenths within %s",
			seconds(*s.Insight.MedianDelay), seconds(*s.Insight.P90Delay)))
	}
	return facts.String() + "\n" + firesTable("latest fires", s.LatestFires, loc).String() + nextText(s.Next)
}

// seconds returns a duration, which prints like "1h30m0s".
func seconds(n float64) time.Duration {
	return time.Duration(n * float64(time.Second)).Round(time.Millisecond)
}

// firesTable lists a signal's fires.
func firesTable(title string, fires []engagement.SignalFire, loc *time.Location) *table {
	t := &table{header: []any{title, "user", "executed"}}
	for _, fire := range fires {
		t.add(clockTime(fire.Timestamp, loc), id(fire.UserID), yesNo(fire.Executed))
	}
	return t
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
