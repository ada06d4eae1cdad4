package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Prove every figure by recomputing it",
		Long: `Recompute every figure from what it derives from and compare; check the schema
and the file too. Changes nothing, but notes when that was. What is not as it
should be is listed, and the exit code is 1; the rebuild command puts figures
right. Rows that are set aside are listed too: they are in no figure, so they leave
none unproven.`,
		Example:           `  engagement verify`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				report, err := db.Verify(ctx)
				if err != nil {
					return err
				}
				if err := a.print(cmd, report, func() string { return verifyText(report) }); err != nil {
					return err
				}
				if !report.Timestamp.IsZero() && report.Uncounted == 0 {
					a.note(cmd, engagement.Upkeep{LastVerify: &engagement.Verification{At: a.now(), Findings: int64(len(report.Findings))}})
				}
				if !report.OK() {
					return fmt.Errorf("verify: %s", findingsText(report.Findings))
				}
				return nil
			})
		},
	}
}

func verifyText(r engagement.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "recomputed %s: %s\n", recomputedText(r), findingsText(r.Findings))
	if r.Uncounted > 0 {
		fmt.Fprintf(&b, "stored by another program and not counted yet: %s; the next command that writes counts them\n",
			counted(r.Uncounted, "fact"))
	}
	for _, finding := range r.Findings {
		fmt.Fprintln(&b, cellText(finding))
	}
	b.WriteString(asideText(r))
	return b.String()
}

func recomputedText(r engagement.Report) string {
	return fmt.Sprintf("%s, %s and %s from %s and %s", counted(r.Users, "user"), counted(r.Signals, "signal"),
		counted(r.Days, "day"), counted(r.Fires, "fire"), counted(r.Trades, "trade"))
}

func findingsText(findings []engagement.Finding) string {
	return counted(int64(len(findings)), "difference")
}
