package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) lifecycleCommand() *cobra.Command {
	var window windowFlag
	var by engagement.Period
	cmd := &cobra.Command{
		Use:   "lifecycle",
		Short: "Show who comes, stays, comes back and goes",
		Long: `Show the users who fired in each day or week: new ones, returning ones who fired
in the one before too, and resurrected ones who fired earlier, but not in the one
before. Dormant are those who fired in the one before, and not again. Weeks begin
on Monday. A cleanup does not change these figures.`,
		Example: `  engagement lifecycle
  engagement lifecycle --by week --window 84d
  engagement lifecycle --window 2026-01-01..2026-01-31 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				w, err := window.window(db.Reader)
				if err != nil {
					return err
				}
				list, err := db.Lifecycle(ctx, w, by)
				if err != nil {
					return err
				}
				return a.print(cmd, list, lifecycleTable(list, by).String)
			})
		},
	}
	window.add(cmd, "30d")
	periodFlag(cmd, &by, engagement.Daily)
	return cmd
}

// periodFlag adds the flag --by.
func periodFlag(cmd *cobra.Command, into *engagement.Period, standard engagement.Period) {
	*into = standard
	cmd.Flags().Func("by", fmt.Sprintf("the `PERIOD`, day or week (default %s)", standard), func(s string) (err error) {
		*into, err = engagement.ParsePeriod(s)
		return err
	})
	var names []string
	for _, period := range engagement.Periods() {
		names = append(names, period.String())
	}
	mustComplete(cmd, "by", names...)
}

func lifecycleTable(list []engagement.Lifecycle, by engagement.Period) *table {
	t := &table{header: []any{by, "active", "new", "returning", "resurrected", "dormant", ""}}
	for _, p := range list {
		t.add(p.Start, p.Active, p.New, p.Returning, p.Resurrected, p.Dormant, soFar(p.Partial))
	}
	return t
}
