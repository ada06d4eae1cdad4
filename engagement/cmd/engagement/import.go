package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/importer"
)

func (a *app) importCommand() *cobra.Command {
	var o importer.Options
	var format, signal, columns string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Bring in the trades of a trading platform's export",
		Long: `Bring in the trades of a file that a trading platform exported: freqtrade's
database or JSON, reports of MetaTrader 4 and 5, exports of Myfxbook and cTrader,
or a table with --columns. Which it is shows in the file. - is standard input.

Trades have keys, so a file may be imported again: what is known is a duplicate.
An import that was interrupted goes on when it is run again. A row that cannot be
read stops nothing and is reported with its line; --strict refuses the whole file.

The reports of most platforms show the broker's time without a zone: --timezone
says which, such as Europe/Athens, UTC+3, or America/New_York+7 for clocks that are
7 hours ahead of New York's.`,
		Example: `  engagement import ReportHistory-88012345.html --user 12345 --timezone UTC+3
  engagement import tradesv3.sqlite --user 12345 --fires --dry-run
  engagement import t.csv --columns trade_id=Id,user_id=User,pnl=Net,closed_at=Closed`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Format, err = importer.ParseFormat(format); err != nil {
				return err
			}
			if o.Signal, err = importer.ParseSignalFrom(signal); err != nil {
				return err
			}
			if o.Columns, err = importer.ParseColumns(columns); err != nil {
				return err
			}
			if args[0] == "-" && isTerminal(cmd.InOrStdin()) {
				return invalid("file", args[0], "standard input is a terminal")
			}
			file, err := openArgument(cmd, args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				var finish func()
				o.Progress, finish = a.progress(cmd)
				report, err := importer.Import(ctx, db, file, o)
				finish()
				if err != nil && report.Read == 0 {
					return err
				}
				return errors.Join(err, a.print(cmd, report, func() string { return importText(report) }))
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&format, "format", "", "what the file is: a `FORMAT` such as mt5 (default by its content)")
	flags.Int64Var(&o.User, "user", 0, "the `USER` whose trades they are (default a column user_id)")
	flags.StringVar(&o.Account, "account", "", "the `ACCOUNT` in the ids of trades (default the one that the file names)")
	flags.StringVar(&o.TimeZone, "timezone", "", "the `ZONE` that the times of the file are of, if they name none")
	flags.StringVar(&signal, "signal", "", "`WHERE` a trade's signal stands: tag, comment, symbol or none (default tag for freqtrade)")
	flags.StringVar(&columns, "columns", "", "which columns of a table are what: `KEY=NAME,...`")
	flags.BoolVar(&o.Fires, "fires", false, "also record a fire for each trade with a signal")
	flags.BoolVar(&o.DryRun, "dry-run", false, "only say what would be recorded")
	flags.BoolVar(&o.Strict, "strict", false, "record nothing unless every row can be recorded")
	var formats, places []cobra.Completion
	for _, f := range importer.Formats() {
		formats = append(formats, string(f))
	}
	for _, p := range importer.SignalPlaces() {
		places = append(places, string(p))
	}
	mustComplete(cmd, "format", formats...)
	mustComplete(cmd, "signal", places...)
	for _, flag := range []string{"user", "account", "timezone", "columns"} {
		mustComplete(cmd, flag)
	}
	return cmd
}

// openArgument opens the file that an argument names; - is standard input.
func openArgument(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	file, err := os.Open(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, invalid("file", name, "there is none")
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%w: %w", engagement.ErrDenied, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", engagement.ErrStorage, err)
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, errors.Join(invalid("file", name, "it is a folder"), file.Close())
	}
	return file, nil
}

func importText(r importer.Summary) string {
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	recorded := "recorded"
	if r.DryRun {
		recorded = "would be recorded"
	}
	of := ""
	if r.Account != "" {
		of = ", account " + cellText(r.Account)
	}
	line("%s%s: %s read; %s %s, %s, %s in conflict, %s unreadable; P&L %s", r.Format, of, counted(r.Read, "row"),
		cellText(r.Recorded), recorded, counted(r.Duplicates, "duplicate"), cellText(r.Conflicts), cellText(r.Unreadable), cellText(money(r.PnL)))
	for _, c := range r.LeftOut {
		line("left out: %s %s", cellText(c.Count), c.Reason)
	}
	if f := r.Fires; f != nil {
		line("fires: %s %s, %s, %s marked as executed, %s refused", cellText(f.Recorded), recorded, counted(f.Duplicates, "duplicate"), cellText(f.Marked), cellText(f.Refused))
	}
	if r.AmbiguousTimes > 0 {
		line("%s shown twice by the clocks of the zone; the first was taken", counted(r.AmbiguousTimes, "time"))
	}
	for _, total := range r.Totals {
		if total.Same {
			line("%s %s: the same", cellText(total.Name), cellText(money(total.Theirs)))
		} else {
			line("%s %s: differs, %s here", cellText(total.Name), cellText(money(total.Theirs)), cellText(money(total.Ours)))
		}
	}
	for _, p := range r.Problems {
		at := fmt.Sprintf("%s: line %d", p.Kind, p.Line)
		if p.Column != "" {
			at += ", " + cellText(p.Column)
		}
		if p.Text != "" {
			at += fmt.Sprintf(", %q", p.Text)
		}
		line("%s: %s", at, cellText(p.Reason))
	}
	if r.MoreProblems > 0 {
		line("and %s more", cellText(r.MoreProblems))
	}
	return text.String()
}
