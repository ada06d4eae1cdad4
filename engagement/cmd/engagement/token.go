package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke the tokens that programs show to a server",
		Long: `Make, list and revoke the tokens that programs show to a server (engagement serve).
A token allows what its scopes say:

  read       everything that the database answers
  write      recording fires, trades and freezes
  admin      everything
  self:USER  one user's own figures, and the boards`,
		Example: `  engagement token create bot --scope read,write
  engagement token list`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.tokenCreateCommand(), a.tokenListCommand(), a.tokenRevokeCommand())
	return cmd
}

func (a *app) tokenCreateCommand() *cobra.Command {
	var scopes []string
	var token engagement.NewToken
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token and show it, once",
		Long: `Make a token and show it, once: the database keeps only what it takes to know it
again. NAME says whose or what it is for.`,
		Example: `  engagement token create bot --scope read,write
  engagement token create page --scope self:12345 --expires 2027-01-31T00:00:00Z`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			token.Name = args[0]
			for _, scope := range scopes {
				token.Scopes = append(token.Scopes, engagement.Scope(scope))
			}
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				created, err := db.CreateToken(ctx, token)
				if err != nil {
					return err
				}
				return a.print(cmd, created, func() string {
					return fmt.Sprintf("%s\nThis is the token of %s. Keep it: it cannot be shown again.\n", created.Secret, cellText(created.Name))
				})
			})
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "what it allows: `SCOPES` out of read, write and admin, or self:USER")
	if err := cmd.MarkFlagRequired("scope"); err != nil {
		panic(err) // there is such a flag
	}
	mustComplete(cmd, "scope", "read", "write", "admin")
	cmd.Flags().Func("expires", "when it ends: a `TIME` such as 2027-01-31T12:00:00Z (default never)", func(s string) (err error) {
		if token.ExpiresAt, err = time.Parse(time.RFC3339, s); err != nil {
			return fmt.Errorf("want the form 2027-01-31T12:00:00Z")
		}
		return nil
	})
	return cmd
}

func (a *app) tokenListCommand() *cobra.Command {
	var page pageFlags
	cmd := &cobra.Command{
		Use:               "list",
		Short:             "List all tokens",
		Long:              `List all tokens by their ids, which are the beginning of what programs show.`,
		Example:           `  engagement token list`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				tokens, err := db.Tokens(ctx, page.query())
				if err != nil {
					return err
				}
				return a.print(cmd, tokens, func() string {
					t := &table{header: []any{"token", "name", "scopes", "created", "expires", "last used"}}
					for _, token := range tokens.Items {
						t.add(token.ID, token.Name, scopesText(token.Scopes), clockTime(token.CreatedAt, db.Location()),
							timeOrNever(token.ExpiresAt, db.Location()), timeOrNever(token.LastUsed, db.Location()))
					}
					return t.String() + nextText(tokens.Next)
				})
			})
		},
	}
	page.add(cmd, engagement.DefaultLimit, "how many tokens to list")
	return cmd
}

func scopesText(scopes []engagement.Scope) string {
	names := make([]string, len(scopes))
	for i, scope := range scopes {
		names[i] = string(scope)
	}
	return strings.Join(names, ", ")
}

func timeOrNever(t *time.Time, loc *time.Location) string {
	if t == nil {
		return "never"
	}
	return clockTime(*t, loc)
}

// revokedToken is what token revoke prints as JSON.
type revokedToken struct {
	Revoked string `json:"revoked"`
}

func (a *app) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke TOKEN",
		Short: "Revoke a token",
		Long: `Revoke a token by its id, as token list shows it. A server that runs refuses it
within seconds.`,
		Example:           `  engagement token revoke 7kq2mzx4`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				if err := db.RevokeToken(ctx, args[0]); err != nil {
					return err
				}
				return a.print(cmd, revokedToken{args[0]}, func() string { return fmt.Sprintf("revoked: %s\n", cellText(args[0])) })
			})
		},
	}
}
