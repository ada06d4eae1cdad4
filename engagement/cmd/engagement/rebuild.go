package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) rebuildCommand() *cobra.Command {
	var horizon string
	var acceptLoss bool
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Recompute every figure and put right what is wrong",
		Long: `Recompute every figure from the fires and trades and list what was put right.
Others may use the database meanwhile. Needed only if verify finds something,
for example after another program changed the file.

Never takes history away: where days have counts and none of their facts is
there, though the horizon does not say that they were cleaned up, it changes
nothing and says which. Then restore a backup or the horizon, or accept the loss.`,
		Example: `  engagement backup before-rebuild.db
  engagement rebuild
  engagement rebuild --horizon 2026-01-31`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var options []engagement.RebuildOption
			if horizon != "" {
				day, err := engagement.ParseDay(horizon)
				if err != nil {
					return err
				}
				options = append(options, engagement.RestoreHorizon(day))
			}
			if acceptLoss {
				options = append(options, engagement.AcceptLoss())
			}
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				report, err := db.Rebuild(ctx, options...)
				if err != nil {
					return err
				}
				if err := a.print(cmd, report, func() string { return rebuildText(report) }); err != nil {
					return err
				}
				if !report.OK() {
					return fmt.Errorf("rebuild: %s left", findingsText(report.Findings))
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&horizon, "horizon", "", "set the first day whose fires are kept to `DAY` first, where it was lost or is too late")
	cmd.Flags().BoolVar(&acceptLoss, "accept-loss", false, "take counts away whose fires or trades are lost, and awards and freezes that make no sense without")
	return cmd
}

func rebuildText(r engagement.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "recomputed %s: put right %s\n", recomputedText(r), findingsText(r.Repaired))
	for _, finding := range r.Repaired {
		fmt.Fprintln(&b, cellText(finding))
	}
	if len(r.Findings) > 0 {
		fmt.Fprintf(&b, "left as it is: %s\n", findingsText(r.Findings))
	}
	for _, finding := range r.Findings {
		fmt.Fprintln(&b, cellText(finding))
	}
	b.WriteString(asideText(r))
	return b.String()
}
