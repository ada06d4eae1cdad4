package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) copyCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "copy --to DATABASE",
		Short: "Copy the database to another engine, or back",
		Long: `Copy everything to another database, which must be empty: from a file to a
PostgreSQL server, back, or between two of the same kind. Others may go on using
the database that is copied; what they write from now on is not in the copy. In
the end every row of both is compared and the copy is verified.

If it is interrupted, run it again: it goes on where it was. A copy that is not
complete cannot be opened. A password need not stand in a URL: PGPASSWORD and ~/.pgpass
are read too.`,
		Example: `  engagement copy --from engagement.db --to postgres://user@host/community
  engagement copy --from postgres://user@host/community --to engagement.db`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("from") {
				if err := cmd.Flags().Set("db", from); err != nil {
					return err
				}
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				report, err := db.CopyTo(ctx, to)
				if err != nil {
					return err
				}
				return a.print(cmd, report, func() string { return copyText(report) })
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the `DATABASE` to copy (default as --db)")
	cmd.Flags().StringVar(&to, "to", "", "the empty `DATABASE` to copy it to, or an interrupted copy")
	if err := cmd.MarkFlagRequired("to"); err != nil {
		panic(err) // the flag does not exist
	}
	return cmd
}

func copyText(r engagement.CopyReport) string {
	text := fmt.Sprintf("copied %s and %s of %s: %s, of which %s written now; compared and verified: %s\n",
		counted(r.Copy.Fires, "fire"), counted(r.Copy.Trades, "trade"), counted(r.Copy.Users, "user"),
		counted(r.Rows, "row"), cellText(r.Written), findingsText(r.Copy.Findings))
	if !r.Copy.OK() {
		text += "the differences were there before; put them right with: engagement rebuild\n"
	}
	if r.Aside > 0 {
		text += fmt.Sprintf("left behind, because they cannot be facts: %s; see: engagement aside list\n", counted(r.Aside, "row"))
	}
	return text
}
