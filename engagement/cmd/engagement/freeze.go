package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// freezeOutput is what freeze grant prints as JSON.
type freezeOutput struct {
	engagement.Freeze
	engagement.FreezeReceipt
}

func (a *app) freezeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "freeze",
		Short: "Grant streak freezes",
		Long: `Grant streak freezes, each of which keeps a streak alive over one missed day. What
became of a user's freezes is shown by: engagement streak USER`,
		Example: `  engagement freeze grant 12345 bought-8812`,
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.freezeGrantCommand())
	return cmd
}

func (a *app) freezeGrantCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "grant USER GRANT_ID",
		Short: "Grant a user a freeze, which covers one missed day of a streak",
		Long: `Grant a user a freeze. It is spent by itself on the first missed day from today
on, so that the streak stays alive. GRANT_ID names the grant, so that repeating
it grants nothing more. A user who holds as many unspent freezes as the rules
allow is refused another.`,
		Example:           `  engagement freeze grant 12345 bought-8812`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			userID, err := parseUserID(args[0])
			if err != nil {
				return err
			}
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				freeze := engagement.Freeze{UserID: userID, GrantID: args[1]}
				receipt, err := db.GrantFreeze(ctx, freeze)
				if err != nil {
					return err
				}
				return a.print(cmd, freezeOutput{freeze, receipt}, func() string {
					return fmt.Sprintf("%s: freeze %s of user %d\n", statusText(receipt.Status), freeze.GrantID, userID)
				})
			})
		},
	}
}
