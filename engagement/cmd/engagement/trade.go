package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// tradeOutput is what the trade command prints as JSON.
type tradeOutput struct {
	UserID  int64             `json:"user_id"`
	TradeID string            `json:"trade_id"`
	Status  engagement.Status `json:"status"`
}

func (a *app) tradeCommand() *cobra.Command {
	var trade engagement.Trade
	cmd := &cobra.Command{
		Use:   "trade USER TRADE_ID PNL",
		Short: "Record a closed trade with its profit or loss",
		Long: `Record a closed trade with its profit or loss. A loss is a negative number and
needs no special writing.

TRADE_ID is your own name for the trade, such as the broker's ticket. The same
trade again is reported as a duplicate and changes nothing; the same id with
another content is refused. Unless --outcome says otherwise, the trade is a win,
loss or draw by the sign of PNL.`,
		Example: `  engagement trade 12345 mt5-881 150.75 --signal EURUSD_LONG_001
  engagement trade 12345 mt5-882 -12.5 --closed-at 2026-01-31T12:00:00Z`,
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if trade.UserID, err = parseUserID(args[0]); err != nil {
				return err
			}
			trade.TradeID = args[1]
			if trade.PnL, err = parsePnL(args[2]); err != nil {
				return err
			}
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				receipt, err := db.RecordTrade(ctx, trade)
				if err != nil {
					return err
				}
				return a.print(cmd, tradeOutput{trade.UserID, trade.TradeID, receipt.Status}, func() string {
					return fmt.Sprintf("%s: user %d closed trade %s with %s\n",
						statusText(receipt.Status), trade.UserID, trade.TradeID, cellText(money(trade.PnL)))
				})
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&trade.SignalID, "signal", "", "the signal `ID` that the trade followed (default none)")
	outcomeFlag(cmd, &trade.Outcome, "the `OUTCOME` of the trade: win, loss or draw (default by the sign of PNL)")
	timeFlag(flags, &trade.ClosedAt, "closed-at", "when it was closed")
	mustComplete(cmd, "signal")
	return cmd
}

// mustComplete sets what the shell offers as values of a flag.
func mustComplete(cmd *cobra.Command, flag string, values ...cobra.Completion) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the flag does not exist
	}
}
