package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// The tables of facts, as the list names them.
const ofFires, ofTrades = "signal_fires", "trades"

func (a *app) asideCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "aside",
		Short: "List, mend and delete rows that cannot be facts",
		Long: `List, mend and delete the rows that are set aside: fires and trades that another
program stored, or damage made, such as one of a user who is not a number. They
are left as they are, are in no figure, and stop nothing. A row that has been
mended by hand is counted by the next command that writes.`,
		Example: `  engagement aside list
  engagement aside mend signal_fires 17 --user 12345
  engagement aside delete trades 4`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.asideListCommand(), a.asideMendCommand(), a.asideDeleteCommand())
	return cmd
}

func (a *app) asideListCommand() *cobra.Command {
	var page pageFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the rows that are set aside, and what is wrong with each",
		Long: `List the rows that are set aside with what they hold, as far as it can be shown,
and what is wrong with each: fires first, by the numbers of their rows.`,
		Example:           `  engagement aside list --limit 50`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				rows, err := db.Aside(ctx, page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, rows, func() string {
					t := &table{header: []any{"table", "row", "user", "signal", "trade", "time", "wrong"}}
					for _, row := range rows.Items {
						t.add(row.Table, strconv.FormatInt(row.ID, 10), row.UserID, row.SignalID, row.TradeID, row.Time, row.Reason)
					}
					return t.String() + nextText(rows.Next)
				})
			})
		},
	}
	page.add(cmd, 10, "how many rows to list")
	return cmd
}

// parseRow reads the arguments that name a row.
func parseRow(args []string) (table string, id int64, err error) {
	if args[0] != ofFires && args[0] != ofTrades {
		return "", 0, invalid("table", args[0], "want "+ofFires+" or "+ofTrades)
	}
	if id, err = strconv.ParseInt(args[1], 10, 64); err != nil {
		return "", 0, invalid("row", args[1], "want a whole number, as aside list shows it")
	}
	return args[0], id, nil
}

func (a *app) asideDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete TABLE ROW",
		Short: "Delete a row that is set aside, for good",
		Long: `Delete a row that is set aside, for good. TABLE and ROW are as the list shows them.
It was in no figure, so none changes.`,
		Example:           `  engagement aside delete trades 4`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: cobra.FixedCompletions([]string{ofFires, ofTrades}, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			table, id, err := parseRow(args)
			if err != nil {
				return err
			}
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				row, err := db.DeleteAside(ctx, table, id)
				if err != nil {
					return err
				}
				return a.print(cmd, row, func() string { return fmt.Sprintf("deleted %s\n", cellText(row)) })
			})
		},
	}
}

// mendOutput is what aside mend prints as JSON.
type mendOutput struct {
	Table  string            `json:"table"`
	ID     int64             `json:"id"` // of the row that is no more
	Status engagement.Status `json:"status"`
}

func (a *app) asideMendCommand() *cobra.Command {
	var m mending
	cmd := &cobra.Command{
		Use:   "mend TABLE ROW",
		Short: "Give a row that is set aside what it lacks, and count it",
		Long: `Give a row that is set aside what it lacks, and count it: what no flag names stays
as far as it can be read. The row is replaced by the fire or the trade.`,
		Example: `  engagement aside mend signal_fires 17 --user 12345 --at 2026-01-31T12:00:00Z
  engagement aside mend trades 4 --pnl 1250.50`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: cobra.FixedCompletions([]string{ofFires, ofTrades}, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			table, id, err := parseRow(args)
			if err != nil {
				return err
			}
			m.given = cmd.Flags().Changed
			if err := m.check(table); err != nil {
				return err
			}
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				out := mendOutput{Table: table, ID: id}
				if table == ofFires {
					receipt, err := db.MendFire(ctx, id, m.fire)
					if err != nil {
						return err
					}
					out.Status = receipt.Status
				} else {
					receipt, err := db.MendTrade(ctx, id, m.trade)
					if err != nil {
						return err
					}
					out.Status = receipt.Status
				}
				return a.print(cmd, out, func() string {
					return fmt.Sprintf("%s: %s, row %d\n", statusText(out.Status), table, id)
				})
			})
		},
	}
	flags := cmd.Flags()
	flags.Int64Var(&m.user, "user", 0, "the `USER`")
	flags.StringVar(&m.signal, "signal", "", "the signal `ID`")
	flags.Func("at", "when it was fired or closed: a `TIME` such as 2026-01-31T12:00:00Z", func(s string) (err error) {
		m.at, err = time.Parse(time.RFC3339, s)
		return err
	})
	flags.BoolVar(&m.executed, "executed", false, "of a fire: the order reached the broker")
	flags.StringVar(&m.id, "trade", "", "of a trade: its `ID`")
	flags.Float64Var(&m.pnl, "pnl", 0, "of a trade: its profit or loss `PNL`")
	outcomeFlag(cmd, &m.outcome, "of a trade: its `OUTCOME`: win, loss or draw")
	for _, flag := range []string{"user", "signal", "at", "trade", "pnl"} {
		mustComplete(cmd, flag)
	}
	return cmd
}

// mending is the values for a row that are given by flags.
type mending struct {
	user       int64
	signal, id string
	at         time.Time
	executed   bool
	pnl        float64
	outcome    engagement.Outcome
	given      func(flag string) bool
}

// check refuses flags for columns that a table does not have.
func (m *mending) check(table string) error {
	foreign := []string{"trade", "pnl", "outcome"}
	if table == ofTrades {
		foreign = []string{"executed"}
	}
	for _, flag := range foreign {
		if m.given(flag) {
			return invalid("flag", "--"+flag, "a row of "+table+" has no such value")
		}
	}
	return nil
}

func (m *mending) fire(f *engagement.Fire) {
	set(m, "user", &f.UserID, m.user)
	set(m, "signal", &f.SignalID, m.signal)
	set(m, "at", &f.At, m.at)
	set(m, "executed", &f.Executed, m.executed)
}

func (m *mending) trade(t *engagement.Trade) {
	set(m, "user", &t.UserID, m.user)
	set(m, "signal", &t.SignalID, m.signal)
	set(m, "at", &t.ClosedAt, m.at)
	set(m, "trade", &t.TradeID, m.id)
	set(m, "pnl", &t.PnL, m.pnl)
	set(m, "outcome", &t.Outcome, m.outcome)
}

// set sets a value if its flag is given.
func set[T any](m *mending, flag string, into *T, value T) {
	if m.given(flag) {
		*into = value
	}
}

// asideText returns lines about the rows set aside that a report counts.
func asideText(r engagement.Report) string {
	if r.Aside == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "set aside, in no figure: %s; mend or delete them with: engagement aside\n", counted(r.Aside, "row"))
	for _, row := range r.AsideRows {
		fmt.Fprintln(&b, cellText(row))
	}
	return b.String()
}
