package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) usersCommand() *cobra.Command {
	var page pageFlags
	cmd := &cobra.Command{
		Use:   "users",
		Short: "List all users with their totals",
		Long: `List all users by their id, with their totals since the beginning. A cleanup does not
change these. See leaderboard for the best ones.`,
		Example: `  engagement users
  engagement users --limit 1000 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				users, err := db.Users(ctx, page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, users, func() string {
					t := &table{header: []any{"user", "fires", "executed", "wins", "losses", "draws", "win rate", "P&L", "last change"}}
					for _, u := range users.Items {
						t.add(id(u.UserID), u.TotalFires, u.Executed, u.Wins, u.Losses, u.Draws,
							share(u.WinRate), money(u.PnL), clockTime(u.LastUpdated, db.Location()))
					}
					return t.String() + nextText(users.Next)
				})
			})
		},
	}
	page.add(cmd, 10, "how many users to list")
	return cmd
}
