package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) firesCommand() *cobra.Command {
	var filter engagement.FireFilter
	var days windowFlag
	var page pageFlags
	cmd := &cobra.Command{
		Use:   "fires",
		Short: "List fires, newest first",
		Long: `List fires, newest first: all of them, or those of a user, for a signal, that were
executed, of some days. Fires that a cleanup has deleted are not there any more.`,
		Example: `  engagement fires --limit 20
  engagement fires --user 12345 --window week
  engagement fires --signal EURUSD_LONG_001 --executed --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) (err error) {
				if filter.Window, err = days.window(db.Reader); err != nil {
					return err
				}
				fires, err := db.Fires(ctx, filter, page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, fires, func() string {
					t := &table{header: []any{"fired", "user", "signal", "executed"}}
					for _, fire := range fires.Items {
						t.add(clockTime(fire.Timestamp, db.Location()), id(fire.UserID), fire.SignalID, yesNo(fire.Executed))
					}
					return windowTitle(filter.Window) + t.String() + nextText(fires.Next)
				})
			})
		},
	}
	userFilterFlag(cmd, &filter.UserID)
	signalFilterFlag(cmd, &filter.SignalID)
	cmd.Flags().BoolVar(&filter.Executed, "executed", false, "only those whose order reached the broker")
	days.add(cmd, "all")
	page.add(cmd, 10, "how many fires to list")
	return cmd
}

// userFilterFlag adds the flag of lists that can be about one user.
func userFilterFlag(cmd *cobra.Command, into *int64) {
	cmd.Flags().Func("user", "only those of this `USER`", func(s string) (err error) {
		if *into, err = parseUserID(s); err == nil && *into == 0 {
			err = invalid("user id", s, "want a number other than 0")
		}
		return err
	})
	mustComplete(cmd, "user")
}

// signalFilterFlag adds the flag of lists that can be about one signal.
func signalFilterFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().Func("signal", "only those of the signal with this `ID`", func(s string) error {
		if *into = s; s == "" {
			return invalid("signal id", s, "it is empty")
		}
		return nil
	})
	mustComplete(cmd, "signal")
}
