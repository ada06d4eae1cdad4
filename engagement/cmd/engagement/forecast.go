package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Whose forecasts can be scored.
const (
	scoreUsers   = "users"
	scoreSignals = "signals"
)

func (a *app) forecastCommand() *cobra.Command {
	var signal, score string
	var strength float64
	var minDecided int64
	var days windowFlag
	cmd := &cobra.Command{
		Use:   "forecast [USER]",
		Short: "Show how likely a user's or a signal's next win is",
		Long: `Show how likely the next trade of a user that is not a draw is a win, or with
--signal that of those who follow a signal: from what the community has won, which
weighs as much as --strength trades, and from what the user or signal has won.

With --score, show instead how good such forecasts of past trades were, each made
from nothing but what had closed before: the Brier score (0 is perfect), that of
always forecasting the community's win rate, and how often forecasts came true.`,
		Example: `  engagement forecast 12345
  engagement forecast --signal EURUSD_LONG_001 --min-decided 20
  engagement forecast --score users
  engagement forecast --score signals --window 2026-01-01..2026-01-31 --json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if minDecided < 1 {
				return invalid("--min-decided", cmd.Flag("min-decided").Value.String(), "want at least 1")
			}
			if cmd.Flags().Changed("score") {
				return a.printScore(cmd, args, score, days, engagement.CalibrationQuery{Strength: strength, MinDecided: minDecided})
			}
			if cmd.Flags().Changed("window") {
				return invalid("--window", days.text, "it goes with --score")
			}
			userID, err := userOrSignal(args, signal)
			if err != nil {
				return err
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				forecast, err := db.Forecast(ctx, engagement.ForecastQuery{
					UserID: userID, SignalID: signal, Strength: strength, MinDecided: minDecided,
				})
				if err != nil {
					return err
				}
				return a.print(cmd, forecast, forecastTable(forecast).String)
			})
		},
	}
	signalFlag(cmd, &signal)
	days.add(cmd, "all")
	flags := cmd.Flags()
	flags.StringVar(&score, "score", "", "score past forecasts of `WHOM`: users or signals")
	flags.Float64Var(&strength, "strength", engagement.DefaultStrength, "how many trades the community's win rate weighs")
	flags.Int64Var(&minDecided, "min-decided", engagement.DefaultMinDecided, "how many wins and losses a forecast needs")
	cmd.MarkFlagsMutuallyExclusive("score", "signal")
	mustComplete(cmd, "score", scoreUsers, scoreSignals)
	mustComplete(cmd, "strength")
	mustComplete(cmd, "min-decided")
	return cmd
}

func (a *app) printScore(cmd *cobra.Command, args []string, whose string, days windowFlag, q engagement.CalibrationQuery) error {
	if len(args) > 0 {
		return invalid("user id", args[0], "--score is about everybody")
	}
	if whose != scoreUsers && whose != scoreSignals {
		return invalid("--score", whose, "want "+scoreUsers+" or "+scoreSignals)
	}
	q.BySignal = whose == scoreSignals
	return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) (err error) {
		if q.Window, err = days.window(db.Reader); err != nil {
			return err
		}
		calibration, err := db.ScoreForecasts(ctx, q)
		if err != nil {
			return err
		}
		return a.print(cmd, calibration, func() string { return calibrationText(calibration, whose, q.Window) })
	})
}

func forecastTable(f engagement.Forecast) *table {
	t := &table{left: true}
	whose := scoreUsers
	if f.SignalID != "" {
		whose = scoreSignals
	}
	t.add("of", subjectText(f.UserID, f.SignalID))
	if f.Probability == nil {
		t.add("next win", fmt.Sprintf("too few trades to say: %s decided, %s needed", cellText(f.Decided), cellText(f.Needed)))
	} else {
		t.add("next win", share(*f.Probability))
		t.add("90% interval", fmt.Sprintf("%s to %s", cellText(share(*f.Low)), cellText(share(*f.High))))
	}
	t.add("own trades", fmt.Sprintf("%s won, %s lost", cellText(f.Wins), cellText(f.Losses)))
	t.add("base rate", fmt.Sprintf("%s, weighs %g trades", cellText(share(f.BaseRate)), f.Strength))
	t.add("how good", "see: engagement forecast --score "+whose)
	return t
}

func calibrationText(c engagement.Calibration, whose string, w engagement.Window) string {
	t := &table{left: true}
	t.add("of", whose+", "+windowText(w))
	t.add("forecasts", fmt.Sprintf("%s, too early for %s", counted(c.Forecasts, "trade"), cellText(c.TooEarly)))
	if c.Forecasts == 0 {
		return t.String() + "\nNo trade was forecast, so nothing is known of such forecasts.\n"
	}
	t.add("Brier score", fmt.Sprintf("%.4f", *c.Brier))
	t.add("of base rate", fmt.Sprintf("%.4f", *c.BaseBrier))
	t.add("skill", share(*c.Skill))
	verdict := "The forecasts were better than the base rate."
	if *c.Skill <= 0 {
		verdict = "The forecasts were no better than the base rate."
	}
	bins := &table{header: []any{"forecast", "trades", "mean", "won"}}
	for _, bin := range c.Bins {
		bins.add(fmt.Sprintf("%.0f%% to %.0f%%", 100*bin.From, 100*bin.To),
			bin.Forecasts, orNone[share](bin.MeanForecast), orNone[share](bin.WinRate))
	}
	return strings.Join([]string{t.String(), verdict + "\n", bins.String()}, "\n")
}
