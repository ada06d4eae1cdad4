package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Show the days and facts that a figure is made of",
		Long: `Show the days that a figure is made of, which add up to it, and the latest of the
facts behind them. A cleanup deletes single fires: of the days before it, only
the sums are left.`,
		Example: `  engagement explain user 12345 total_fires
  engagement explain signal EURUSD_LONG_001 executed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.explainOneCommand("user", engagement.FiguresOfUser(), "12345 pnl",
			func(ctx context.Context, db *engagement.DB, key string, figure engagement.Figure, page engagement.PageQuery) (engagement.Explanation, error) {
				userID, err := parseUserID(key)
				if err != nil {
					return engagement.Explanation{}, err
				}
				return db.ExplainUser(ctx, userID, figure, page)
			}),
		a.explainOneCommand("signal", engagement.FiguresOfSignal(), "EURUSD_LONG_001 total_fires",
			func(ctx context.Context, db *engagement.DB, key string, figure engagement.Figure, page engagement.PageQuery) (engagement.Explanation, error) {
				return db.ExplainSignal(ctx, key, figure, page)
			}),
	)
	return cmd
}

func (a *app) explainOneCommand(
	what string, figures []engagement.Figure, example string,
	explain func(context.Context, *engagement.DB, string, engagement.Figure, engagement.PageQuery) (engagement.Explanation, error),
) *cobra.Command {
	var page pageFlags
	names := make([]string, len(figures))
	for i, figure := range figures {
		names[i] = string(figure)
	}
	cmd := &cobra.Command{
		Use:   what + " ID FIGURE",
		Short: "Explain a figure of one " + what,
		Long: "Explain a figure of one " + what + ":\n" + strings.Join(names, ", ") + `.

Days are listed from the oldest on, facts from the latest on.`,
		Example: "  engagement explain " + what + " " + example,
		Args:    cobra.ExactArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) != 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				// The library checks the figure: users and signals have different
				// ones.
				e, err := explain(ctx, db, args[0], engagement.Figure(args[1]), page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, e, func() string { return explanationText(e, db.Location()) + nextText(e.Next) })
			})
		},
	}
	page.add(cmd, 10, "how many facts to list")
	return cmd
}

func explanationText(e engagement.Explanation, loc *time.Location) string {
	show := func(v float64) any { return plain{&v} }
	switch e.Figure {
	case engagement.FigurePnL:
		show = func(v float64) any { return money(v) }
	case engagement.FigureWinRate:
		show = func(v float64) any { return share(v) }
	}
	facts := &table{left: true}
	if e.SignalID != "" {
		facts.add("signal", e.SignalID)
	} else {
		facts.add("user", id(e.UserID))
	}
	facts.add(e.Figure, show(e.Value))
	facts.add("sum of days", show(e.Sum))
	if e.BeforeHorizon != 0 {
		facts.add("cleaned up", fmt.Sprintf("%s, of days before %s", cellText(show(e.BeforeHorizon)), e.Horizon))
	}
	facts.add("from facts", show(e.FromFacts))
	if !e.Exact {
		facts.add("", "these do not agree: see engagement verify")
	}
	blocks := []string{facts.String(), explainedDays(e).String()}
	if len(e.Fires) > 0 {
		blocks = append(blocks, explainedFires(e, loc).String())
	}
	if len(e.Trades) > 0 {
		t := &table{header: []any{"trades", "trade", "signal", "outcome", "P&L"}}
		for _, trade := range e.Trades {
			t.add(clockTime(trade.ClosedAt, loc), trade.TradeID, trade.SignalID, trade.Outcome, money(trade.PnL))
		}
		blocks = append(blocks, t.String())
	}
	return strings.Join(blocks, "\n")
}

func explainedDays(e engagement.Explanation) *table {
	t := &table{header: []any{"day", e.Figure}}
	if e.Figure == engagement.FigureWinRate {
		t.header = []any{"day", engagement.FigureWins, "decided"}
	}
	for _, d := range e.Days {
		switch e.Figure {
		case engagement.FigurePnL:
			t.add(d.Day, money(d.Value))
		case engagement.FigureWinRate:
			t.add(d.Day, plain{&d.Value}, d.Decided)
		default:
			t.add(d.Day, plain{&d.Value})
		}
	}
	return t
}

func explainedFires(e engagement.Explanation, loc *time.Location) *table {
	if e.SignalID != "" {
		return firesTable("fires", e.Fires, loc)
	}
	t := &table{header: []any{"fires", "signal", "executed"}}
	for _, fire := range e.Fires {
		t.add(clockTime(fire.Timestamp, loc), fire.SignalID, yesNo(fire.Executed))
	}
	return t
}
