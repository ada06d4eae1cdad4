package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) eraseCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "erase USER",
		Short: "Delete everything kept about one user, for good",
		Long: `Delete everything kept about one user, for good, and take it out of the figures
of days and signals. Only fires that an earlier cleanup deleted stay counted in
their signals' totals, since nobody can tell any more whose they were.

Asks first, unless --yes is given.`,
		Example: `  engagement export 12345 --output user-12345.json
  engagement erase 12345 --yes`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if !yes && !isTerminal(cmd.InOrStdin()) {
				return errors.New("erasing cannot be undone, confirm it with --yes")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			userID, err := parseUserID(args[0])
			if err != nil {
				return err
			}
			return a.withDB(cmd, writing, func(ctx context.Context, db *engagement.DB) error {
				if !yes {
					if err := confirmErase(ctx, db, userID, cmd.InOrStdin(), cmd.ErrOrStderr()); err != nil {
						return err
					}
				}
				receipt, err := db.EraseUser(ctx, userID)
				if err != nil {
					return err
				}
				return a.print(cmd, receipt, func() string {
					return fmt.Sprintf("erased user %d: %s, %s, %s\n", receipt.UserID,
						counted(receipt.Fires, "fire"), counted(receipt.Trades, "trade"), counted(receipt.Days, "day"))
				})
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// confirmErase asks a person and returns an error unless the answer is yes.
func confirmErase(ctx context.Context, db *engagement.DB, userID int64, in io.Reader, out io.Writer) error {
	user, err := db.UserStats(ctx, userID)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Erase user %d with %s and %s for good? Type yes: ", userID,
		counted(user.TotalFires, "fire"), counted(user.Wins+user.Losses+user.Draws, "trade"))
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("nothing was erased")
	}
	return nil
}
