package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) rebuildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild",
		Short: "Recompute every figure and put right what is wrong",
		Long: `Recompute every figure from the fires and trades and list what was put right.
Others may use the database meanwhile. Needed only if verify finds something,
for example after another program changed the file.`,
		Example: `  engagement backup before-rebuild.db
  engagement rebuild`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				report, err := db.Rebuild(ctx)
				if err != nil {
					return err
				}
				return a.print(cmd, report, func() string { return rebuildText(report) })
			})
		},
	}
}

func rebuildText(r engagement.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "recomputed %s: put right %s\n", recomputedText(r), findingsText(r.Repaired))
	for _, finding := range r.Repaired {
		fmt.Fprintln(&b, cellText(finding))
	}
	b.WriteString(asideText(r))
	return b.String()
}
