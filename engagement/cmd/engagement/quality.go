package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) qualityCommand() *cobra.Command {
	var signal string
	var balance float64
	var equity bool
	var days windowFlag
	cmd := &cobra.Command{
		Use:   "quality [USER]",
		Short: "Show how good a user's or a signal's trades were",
		Long: `Show how good a user's trades were, or with --signal those of everybody who
followed a signal: win rate, profit factor, expectancy, best and worst trade, the
current run of wins or losses, and the largest fall of the closed P&L from its
peak, which begins at 0. With --balance, what the account held before, the fall is
also shown in percent of what it fell from.`,
		Example: `  engagement quality 12345
  engagement quality 12345 --window month --balance 10000
  engagement quality --signal EURUSD_LONG_001 --equity
  engagement quality 12345 --window 2026-01-01..2026-01-31 --json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			userID, err := userOrSignal(args, signal)
			if err != nil {
				return err
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				window, err := days.window(db.Reader)
				if err != nil {
					return err
				}
				quality, err := db.TradeQuality(ctx, engagement.QualityQuery{
					UserID: userID, SignalID: signal, Window: window, Balance: balance,
				})
				if err != nil {
					return err
				}
				return a.print(cmd, quality, func() string {
					text := qualityTable(quality, window).String()
					if equity {
						text += "\n" + equityTable(quality.Equity).String()
					}
					return text
				})
			})
		},
	}
	signalFlag(cmd, &signal)
	days.add(cmd, "all")
	flags := cmd.Flags()
	flags.Float64Var(&balance, "balance", 0, "the `AMOUNT` that the account held before the first of these trades")
	flags.BoolVar(&equity, "equity", false, "list the P&L of each day as well")
	mustComplete(cmd, "balance")
	return cmd
}

// signalFlag adds the flag of commands about a user that can be about a signal
// instead.
func signalFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "signal", "", "the `ID` of a signal, instead of a user")
	mustComplete(cmd, "signal")
}

// userOrSignal returns the user id from the arguments, or 0 if a signal is given
// instead. Neither is an error.
func userOrSignal(args []string, signal string) (int64, error) {
	if len(args) == 1 {
		return parseUserID(args[0])
	}
	if signal == "" {
		return 0, invalid("user id", "", "want a user or --signal ID")
	}
	return 0, nil
}

// subjectText returns "user 7" or "signal X", for titles.
func subjectText(userID int64, signalID string) string {
	if signalID != "" {
		return "signal " + signalID
	}
	return "user " + cellText(id(userID))
}

func qualityTable(q engagement.TradeQuality, w engagement.Window) *table {
	t := &table{left: true}
	t.add("of", subjectText(q.UserID, q.SignalID)+", "+windowText(w))
	t.add("trades", fmt.Sprintf("%s: %s won, %s lost, %s drawn",
		cellText(q.Trades), cellText(q.Wins), cellText(q.Losses), cellText(q.Draws)))
	t.add("win rate", orNone[share](q.WinRate))
	t.add("P&L", money(q.PnL))
	if q.CarriedPnL != 0 {
		t.add("carried over", fmt.Sprintf("%s of it", cellText(money(q.CarriedPnL))))
	}
	t.add("profit factor", orNone[money](q.ProfitFactor))
	t.add("expectancy", orNone[money](q.Expectancy))
	t.add("average win", orNone[money](q.AverageWin))
	t.add("average loss", orNone[money](q.AverageLoss))
	t.add("best", tradeText(q.Best))
	t.add("worst", tradeText(q.Worst))
	t.add("current run", runText(q.Run))
	fall := fmt.Sprintf("%s from %s", cellText(money(q.Drawdown.Amount)), cellText(money(q.Drawdown.Peak)))
	if q.Drawdown.Share != nil {
		fall += fmt.Sprintf(", %s of the account", cellText(share(*q.Drawdown.Share)))
	}
	t.add("max drawdown", fall)
	return t
}

func equityTable(days []engagement.EquityDay) *table {
	t := &table{header: []any{"day", "P&L", "cumulative"}}
	for _, day := range days {
		t.add(day.Day, money(day.PnL), money(day.Cumulative))
	}
	return t
}

// orNone returns the cell of a ratio, which says that there is none if it is nil.
func orNone[T money | share](ratio *float64) string {
	if ratio == nil {
		return "none"
	}
	return cellText(T(*ratio))
}

func tradeText(t *engagement.ClosedTrade) string {
	if t == nil {
		return "none"
	}
	return fmt.Sprintf("%s, trade %s of user %s", cellText(money(t.PnL)), t.TradeID, cellText(id(t.UserID)))
}

func runText(run *engagement.Run) string {
	switch {
	case run == nil:
		return "none"
	case run.Outcome == engagement.Win:
		return counted(run.Length, "win")
	case run.Length == 1:
		return "1 loss"
	}
	return cellText(run.Length) + " losses"
}
