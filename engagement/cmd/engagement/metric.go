package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) metricCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "metric",
		Short: "Define figures of your own and show them",
		Long: `Define figures of your own and show them. A definition is kept in the database,
so that every program that uses the database can show it.`,
		Example: `  engagement metric define weekend.yaml
  engagement metric show weekend_execution_rate`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.metricDefineCommand(), a.metricListCommand(), a.metricShowCommand(), a.metricDeleteCommand())
	return cmd
}

func (a *app) metricDefineCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "define FILE",
		Short: "Store the definition in a file, in place of one of the same name",
		Long: `Store the definition in a file of YAML or JSON (- reads standard input), in place
of one of the same name. It has at most 64 KB, and no anchors or aliases. This one
is the share of each user's weekend fires that executed, in the last 30 days:

  name: weekend_execution_rate
  what: ratio              # or count, pnl (its sum), users (how many)
  numerator:
    {what: count, of: fires, filter: {executed: true, weekdays: [saturday, sunday]}}
  denominator:
    {what: count, of: fires, filter: {weekdays: [saturday, sunday]}}
  per: user                # or signal, day
  window: 30d              # or all, today, week, month, 2026-01-01..2026-01-31
  limit: 10

What is no ratio has "of" and "filter" itself:

  {name: eur_wins, what: pnl, of: trades, per: day,
   filter: {signal_prefix: EUR, outcome: [win]}, window: month}`,
		Example: `  engagement metric define weekend.yaml
  engagement metric define - < weekend.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := readDefinition(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				if err := db.DefineMetric(ctx, d); err != nil {
					return err
				}
				return a.print(cmd, d, func() string { return fmt.Sprintf("defined: %s, %s\n", cellText(d.Name), metricText(d)) })
			})
		},
	}
}

func (a *app) metricListCommand() *cobra.Command {
	var page pageFlags
	cmd := &cobra.Command{
		Use:               "list",
		Short:             "List all definitions",
		Long:              `List all definitions by name. With --json they are there in full.`,
		Example:           `  engagement metric list`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				definitions, err := db.CustomMetrics(ctx, page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, definitions, func() string {
					t := &table{header: []any{"metric", "definition"}}
					for _, d := range definitions.Items {
						t.add(d.Name, metricText(d))
					}
					return t.String() + nextText(definitions.Next)
				})
			})
		},
	}
	page.add(cmd, engagement.DefaultLimit, "how many definitions to list")
	return cmd
}

func (a *app) metricShowCommand() *cobra.Command {
	var page pageFlags
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show what a metric comes to now",
		Long: `Show what a metric comes to now: users and signals from the highest value on, days
in their order. A ratio with nothing to divide by has no value.`,
		Example:           `  engagement metric show weekend_execution_rate --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				values, err := db.EvaluateMetric(ctx, args[0], page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, values, func() string { return metricValuesText(values) + nextText(values.Next) })
			})
		},
	}
	page.add(cmd, engagement.DefaultLimit, "how many of the definition's rows to list")
	return cmd
}

func (a *app) metricDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "delete NAME",
		Short:             "Delete a definition",
		Long:              `Delete a definition. The facts that it counts stay.`,
		Example:           `  engagement metric delete weekend_execution_rate`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				if err := db.DeleteMetric(ctx, args[0]); err != nil {
					return err
				}
				return a.print(cmd, deletedMetric{args[0]}, func() string { return fmt.Sprintf("deleted: %s\n", cellText(args[0])) })
			})
		},
	}
}

// deletedMetric is what the metric delete command prints as JSON.
type deletedMetric struct {
	Deleted string `json:"deleted"`
}

// metricText says in a line what a definition is about.
func metricText(d engagement.MetricDefinition) string {
	measure := partText(engagement.MetricPart{What: d.What, Of: d.Of, Filter: d.Filter})
	if d.Numerator != nil {
		measure = partText(*d.Numerator) + " / " + partText(*d.Denominator)
	}
	window := "all time"
	switch {
	case d.Window == "week" || d.Window == "month":
		window = "this " + d.Window
	case strings.HasSuffix(d.Window, "d"):
		window = "last " + strings.TrimSuffix(d.Window, "d") + " days"
	case d.Window != "" && d.Window != "all":
		window = d.Window
	}
	return fmt.Sprintf("%s per %s, %s", measure, d.Per, window)
}

func partText(p engagement.MetricPart) string {
	text := p.What.String() + " of " + p.Of.String()
	var filters []string
	if p.Filter.SignalPrefix != "" {
		filters = append(filters, "signal "+p.Filter.SignalPrefix+"…")
	}
	if p.Filter.Executed != nil {
		filters = append(filters, map[bool]string{true: "executed", false: "not executed"}[*p.Filter.Executed])
	}
	if len(p.Filter.Outcome) > 0 {
		outcomes := make([]string, len(p.Filter.Outcome))
		for i, outcome := range p.Filter.Outcome {
			outcomes[i] = outcome.String()
		}
		filters = append(filters, strings.Join(outcomes, " or "))
	}
	if len(p.Filter.Weekdays) > 0 {
		filters = append(filters, strings.Join(p.Filter.Weekdays, " or "))
	}
	if len(filters) > 0 {
		text += " (" + strings.Join(filters, ", ") + ")"
	}
	return text
}

func metricValuesText(v engagement.MetricValues) string {
	text := cellText(v.Metric.Name) + ": " + cellText(metricText(v.Metric)) + "\n"
	if v.Horizon != nil {
		text += fmt.Sprintf("from %s on, since single fires before were cleaned up\n", v.Horizon)
	}
	t := &table{header: []any{v.Metric.Per, "value"}}
	if v.Metric.Numerator != nil {
		t.header = append(t.header, "numerator", "denominator")
	}
	for _, row := range v.Items {
		cells := []any{row.Key, plain{row.Value}}
		if row.Numerator != nil {
			cells = append(cells, plain{row.Numerator}, plain{row.Denominator})
		}
		t.add(cells...)
	}
	return text + "\n" + t.String()
}
