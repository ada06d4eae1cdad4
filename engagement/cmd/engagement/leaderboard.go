package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// byStreak is the board that the library has besides those of its metrics.
const byStreak = "streak"

// boards are the names of all leaderboards.
func boards() []string {
	var names []string
	for _, metric := range engagement.Metrics() {
		names = append(names, metric.String())
	}
	return append(names, byStreak)
}

func (a *app) leaderboardCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "leaderboard [" + strings.Join(boards(), "|") + "]",
		Short: "Show the best users",
		Long: `Show the best users by total fires (unless another board is named), win rate,
profit and loss, or current streak. Users with the same value share a rank.`,
		Example: `  engagement leaderboard
  engagement leaderboard pnl --limit 20
  engagement leaderboard streak --json`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: boards(),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := engagement.ByFires.String()
			if len(args) == 1 {
				name = args[0]
			}
			if !slices.Contains(boards(), name) {
				return invalid("leaderboard", name, "want one of "+strings.Join(boards(), ", "))
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				if name == byStreak {
					return a.printStreaks(ctx, cmd, db, limit)
				}
				return a.printBoard(ctx, cmd, db, name, limit)
			})
		},
	}
	limitFlag(cmd, &limit, "how many users to list")
	return cmd
}

func (a *app) printStreaks(ctx context.Context, cmd *cobra.Command, db *engagement.DB, limit int) error {
	rows, err := db.StreakLeaderboard(ctx, limit)
	if err != nil {
		return err
	}
	return a.print(cmd, rows, func() string {
		t := &table{header: []any{"rank", "user", "streak", "longest", "kept by firing before"}}
		for _, row := range rows {
			t.add(row.Rank, id(row.UserID), row.Current, row.Longest, clockTime(*row.Expires, db.Location()))
		}
		return t.String()
	})
}

func (a *app) printBoard(ctx context.Context, cmd *cobra.Command, db *engagement.DB, name string, limit int) error {
	metric, err := engagement.ParseMetric(name)
	if err != nil {
		return err
	}
	rows, err := db.Leaderboard(ctx, engagement.Board{Metric: metric, Limit: limit})
	if err != nil {
		return err
	}
	return a.print(cmd, rows, func() string {
		t := &table{header: []any{"rank", "user", "fires", "win rate", "wins", "losses", "draws", "P&L"}}
		for _, row := range rows {
			t.add(row.Rank, id(row.UserID), row.TotalFires, share(row.WinRate), row.Wins, row.Losses, row.Draws, money(row.PnL))
		}
		return t.String()
	})
}
