package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) usersCommand() *cobra.Command {
	var page pageFlags
	var newOn string
	cmd := &cobra.Command{
		Use:   "users",
		Short: "List all users with their totals",
		Long: `List all users by their id, with their totals since the beginning. A cleanup does not
change these. With --new-on, list those who fired for the first time on that day. See
leaderboard for the best ones.`,
		Example: `  engagement users
  engagement users --new-on 2026-01-31
  engagement users --limit 1000 --json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				list := db.Users
				if newOn != "" {
					day, err := engagement.ParseDay(newOn)
					if err != nil {
						return err
					}
					list = func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.UserStats], error) {
						return db.NewUsers(ctx, day, q)
					}
				}
				users, err := list(ctx, page.query())
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
	cmd.Flags().StringVar(&newOn, "new-on", "", "only those who fired for the first time on this `DAY`")
	mustComplete(cmd, "new-on")
	return cmd
}
