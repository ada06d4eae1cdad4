package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// publicOutput is what the public command prints as JSON.
type publicOutput struct {
	UserID int64 `json:"user_id"`
	Public bool  `json:"public"`
}

func (a *app) publicCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "public USER [yes|no]",
		Short: "Note, or show, whether everybody may see a user's own figures",
		Long: `Note whether a user has agreed that everybody may see the user's own figures where
a server is public (engagement serve --public), or show what was noted. Nobody has
at first.`,
		Example: `  engagement public 12345 yes
  engagement public 12345`,
		Args:      cobra.RangeArgs(1, 2),
		ValidArgs: []string{"yes", "no"},
		RunE: func(cmd *cobra.Command, args []string) error {
			userID, err := parseUserID(args[0])
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
					public, err := db.IsPublic(ctx, userID)
					if err != nil {
						return err
					}
					return a.printPublic(cmd, publicOutput{userID, public})
				})
			}
			if args[1] != "yes" && args[1] != "no" {
				return invalid("answer", args[1], "want yes or no")
			}
			out := publicOutput{userID, args[1] == "yes"}
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				if err := db.SetPublic(ctx, userID, out.Public); err != nil {
					return err
				}
				return a.printPublic(cmd, out)
			})
		},
	}
	return cmd
}

func (a *app) printPublic(cmd *cobra.Command, out publicOutput) error {
	return a.print(cmd, out, func() string {
		if out.Public {
			return fmt.Sprintf("everybody may see the figures of user %d\n", out.UserID)
		}
		return fmt.Sprintf("not everybody may see the figures of user %d\n", out.UserID)
	})
}
