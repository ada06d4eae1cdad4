package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

func (a *app) rankCommand() *cobra.Command {
	var f boardFlags
	cmd := &cobra.Command{
		Use:   "rank USER",
		Short: "Show one user's place on every leaderboard",
		Long: `Show one user's place on every leaderboard. A rank is one more than how many
users are strictly better. A user who is not on a board has no rank there.`,
		Example: `  engagement rank 12345
  engagement rank 12345 --window month
  engagement rank 12345 --users 12345,777,888`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			userID, err := parseUserID(args[0])
			if err != nil {
				return err
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				return a.printRanks(ctx, cmd, db, userID, &f)
			})
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) printRanks(ctx context.Context, cmd *cobra.Command, db *engagement.DB, userID int64, f *boardFlags) error {
	places := map[engagement.Ranking]*engagement.BoardRow{} // by ranking; nil: not on that board
	var board engagement.Board
	err := db.View(ctx, func(r *engagement.Reader) (err error) {
		if _, err := r.UserStats(ctx, userID); err != nil {
			return err
		}
		for _, ranking := range engagement.Rankings() {
			if board, err = f.board(cmd, r, ranking); err != nil {
				return err
			}
			if places[ranking], err = placeOn(ctx, r, board, userID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.print(cmd, places, func() string {
		t := &table{left: true, header: []any{"leaderboard", "rank", "with"}}
		for _, ranking := range engagement.Rankings() {
			if row := places[ranking]; row != nil {
				t.add(ranking, row.Rank, figureText(ranking, row.UserFigures))
			} else {
				t.add(ranking, "none", "")
			}
		}
		return windowTitle(board.Window) + t.String()
	})
}

// placeOn returns a user's place on a board, or nil if the user is not on it.
func placeOn(ctx context.Context, r *engagement.Reader, b engagement.Board, userID int64) (*engagement.BoardRow, error) {
	row, err := r.UserRank(ctx, b, userID)
	if errors.Is(err, engagement.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &row, nil
}
