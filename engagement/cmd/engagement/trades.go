package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) tradesCommand() *cobra.Command {
	var filter engagement.TradeFilter
	var days windowFlag
	var page pageFlags
	cmd := &cobra.Command{
		Use:   "trades",
		Short: "List closed trades, last closed first",
		Long: `List closed trades, last closed first: all of them, or those of a user, those that
followed a signal, with an outcome, of some days. No cleanup deletes trades.`,
		Example: `  engagement trades --limit 20
  engagement trades --user 12345 --outcome loss --window month
  engagement trades --signal EURUSD_LONG_001 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) (err error) {
				if filter.Window, err = days.window(db.Reader); err != nil {
					return err
				}
				trades, err := db.Trades(ctx, filter, page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, trades, func() string {
					t := &table{header: []any{"closed", "user", "trade", "signal", "outcome", "P&L"}}
					for _, trade := range trades.Items {
						t.add(clockTime(trade.ClosedAt, db.Location()), id(trade.UserID), trade.TradeID, trade.SignalID,
							trade.Outcome, money(trade.PnL))
					}
					return windowTitle(filter.Window) + t.String() + nextText(trades.Next)
				})
			})
		},
	}
	userFilterFlag(cmd, &filter.UserID)
	signalFilterFlag(cmd, &filter.SignalID)
	outcomeFlag(cmd, &filter.Outcome, "only those with this `OUTCOME`: win, loss or draw")
	days.add(cmd, "all")
	page.add(cmd, 10, "how many trades to list")
	return cmd
}

// outcomeFlag adds a flag for the outcome of trades.
func outcomeFlag(cmd *cobra.Command, into *engagement.Outcome, usage string) {
	cmd.Flags().Func("outcome", usage, func(s string) (err error) {
		*into, err = engagement.ParseOutcome(s)
		return err
	})
	mustComplete(cmd, "outcome", engagement.Win.String(), engagement.Loss.String(), engagement.Draw.String())
}
