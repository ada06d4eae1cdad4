package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) cohortsCommand() *cobra.Command {
	var window windowFlag
	var by engagement.Period
	var periods int
	var orAfter bool
	cmd := &cobra.Command{
		Use:   "cohorts",
		Short: "Show how many new users come back",
		Long: `Show the users who fired for the first time in each week or day, and how many
percent of them fired in the first, second, third and so on after it; with
--or-after, in it or any later one. What is not over is left empty. Weeks begin
on Monday. A cleanup does not change these figures.`,
		Example: `  engagement cohorts
  engagement cohorts --or-after --periods 4
  engagement cohorts --by day --window 14d --periods 7
  engagement cohorts --window 2026-01-01..2026-01-31 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				w, err := window.window(db.Reader)
				if err != nil {
					return err
				}
				cohorts, err := db.Cohorts(ctx, w, by, periods)
				if err != nil {
					return err
				}
				return a.print(cmd, cohorts, cohortTable(cohorts, by, periods, orAfter).String)
			})
		},
	}
	window.add(cmd, "56d")
	periodFlag(cmd, &by, engagement.Weekly)
	flags := cmd.Flags()
	flags.IntVar(&periods, "periods", 8, fmt.Sprintf("how many periods to follow each cohort, at most %d", engagement.MaxCohorts))
	flags.BoolVar(&orAfter, "or-after", false, "count users who fired in a period or any later one")
	mustComplete(cmd, "periods")
	return cmd
}

func cohortTable(cohorts []engagement.Cohort, by engagement.Period, periods int, orAfter bool) *table {
	t := &table{header: []any{by, "users"}}
	for k := range periods {
		t.header = append(t.header, fmt.Sprintf("+%d", k+1))
	}
	for _, c := range cohorts {
		back := c.On
		if orAfter {
			back = c.OnOrAfter
		}
		row := []any{c.Start, c.Size}
		for _, users := range back {
			row = append(row, partOf(users, c.Size))
		}
		t.add(append(row, soFar(c.Partial))...)
	}
	return t
}

// partOf returns the cell for part / whole: empty while part is not known, a dash if
// whole is 0.
func partOf(part *int64, whole int64) any {
	switch {
	case part == nil:
		return ""
	case whole == 0:
		return "-"
	}
	return share(float64(*part) / float64(whole))
}
