package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// currentStreak is the name of the board of streaks that are alive. It is not a
// ranking but a board of its own in the library.
const currentStreak = "current_streak"

// rankingNames are the names of all rankings.
func rankingNames() []string {
	var names []string
	for _, ranking := range engagement.Rankings() {
		names = append(names, ranking.String())
	}
	return names
}

// boards are the names of all leaderboards.
func boards() []string { return append(rankingNames(), currentStreak) }

// boardFlags are the flags that say who is on a leaderboard.
type boardFlags struct {
	window     windowFlag
	minDecided int64
	users      []int64
}

func (f *boardFlags) add(cmd *cobra.Command) {
	f.window.add(cmd, "all")
	flags := cmd.Flags()
	flags.Int64Var(&f.minDecided, "min-decided", engagement.DefaultMinDecided, "by win rate: how many won and lost trades a user needs")
	flags.Func("users", "only these `USERS`, ranked among themselves, such as 1,2,3", func(s string) error {
		for user := range strings.SplitSeq(s, ",") {
			id, err := parseUserID(user)
			if err != nil {
				return err
			}
			f.users = append(f.users, id)
		}
		return nil
	})
	mustComplete(cmd, "min-decided")
	mustComplete(cmd, "users")
}

// board returns the board of a ranking that the flags name.
func (f *boardFlags) board(cmd *cobra.Command, r *engagement.Reader, m engagement.Ranking) (b engagement.Board, err error) {
	if f.minDecided < 1 {
		return b, invalid("--min-decided", cmd.Flag("min-decided").Value.String(), "want at least 1")
	}
	b = engagement.Board{Ranking: m, MinDecided: f.minDecided, Users: f.users}
	b.Window, err = f.window.window(r)
	return b, err
}

// leaderboardFlags are those of the leaderboard command.
type leaderboardFlags struct {
	boardFlags
	ranking string
	page    pageFlags
	around  int64
}

func (a *app) leaderboardCommand() *cobra.Command {
	var f leaderboardFlags
	cmd := &cobra.Command{
		Use:   "leaderboard [" + strings.Join(boards(), "|") + "]",
		Short: "Show the best users",
		Long: `Show the best users by total fires (unless another ranking is named), win rate,
profit and loss, executed fires, longest streak, or streak that is alive now.
Users with the same value share a rank. Win rates are ordered by the lower bound
of their 95 % interval, so that many trades count for more than few.`,
		Example: `  engagement leaderboard
  engagement leaderboard pnl --window week --limit 20
  engagement leaderboard win_rate --min-decided 50
  engagement leaderboard --users 1,2,3 --window 2026-01-01..2026-01-31
  engagement leaderboard pnl --around 12345 --limit 3
  engagement leaderboard current_streak --json`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: boards(),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := f.ranking
			if len(args) == 1 {
				if cmd.Flags().Changed("ranking") {
					return invalid("ranking", args[0], "--ranking names one too")
				}
				name = args[0]
			}
			if !slices.Contains(boards(), name) {
				return invalid("ranking", name, "want one of "+strings.Join(boards(), ", "))
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				if name == currentStreak {
					return a.printStreaks(ctx, cmd, db, f.page.query())
				}
				return a.printBoard(ctx, cmd, db, name, &f)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.ranking, "ranking", engagement.ByFires.String(), "what to order by, a `RANKING`")
	mustComplete(cmd, "ranking", boards()...)
	f.page.add(cmd, 10, "how many users to list, with --around on each side")
	flags.Int64Var(&f.around, "around", 0, "the part of the board around this `USER`")
	mustComplete(cmd, "around")
	cmd.MarkFlagsMutuallyExclusive("around", "after")
	f.add(cmd)
	return cmd
}

// printStreaks prints the board of current streaks, which is of everybody.
func (a *app) printStreaks(ctx context.Context, cmd *cobra.Command, db *engagement.DB, q engagement.PageQuery) error {
	for _, flag := range []string{"window", "min-decided", "users", "around"} {
		if cmd.Flags().Changed(flag) {
			return invalid("ranking", currentStreak, "it takes no --"+flag+", but "+engagement.ByLongestStreak.String()+" does")
		}
	}
	rows, err := db.StreakLeaderboard(ctx, q)
	if err != nil {
		return err
	}
	return a.print(cmd, rows, func() string {
		t := &table{header: []any{"rank", "user", "streak", "longest", "kept by firing before"}}
		for _, row := range rows.Items {
			t.add(row.Rank, id(row.UserID), row.Current, row.Longest, clockTime(*row.Expires, db.Location()))
		}
		return t.String() + nextText(rows.Next)
	})
}

func (a *app) printBoard(ctx context.Context, cmd *cobra.Command, db *engagement.DB, name string, f *leaderboardFlags) error {
	ranking, err := engagement.ParseRanking(name)
	if err != nil {
		return err
	}
	var board engagement.Board
	var rows engagement.Page[engagement.BoardRow]
	err = db.View(ctx, func(r *engagement.Reader) error {
		if board, err = f.board(cmd, r, ranking); err != nil {
			return err
		}
		if cmd.Flags().Changed("around") {
			rows.Items, err = r.Around(ctx, board, f.around, f.page.limit)
		} else {
			rows, err = r.Leaderboard(ctx, board, f.page.query())
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.print(cmd, rows, func() string {
		t := &table{header: []any{"rank", "user", "fires", "executed", "streak", "wins", "losses", "draws", "win rate", "bound", "P&L"}}
		for _, row := range rows.Items {
			t.add(row.Rank, id(row.UserID), row.TotalFires, row.Executed, row.LongestStreak,
				row.Wins, row.Losses, row.Draws, share(row.WinRate), share(row.WinRateBound), money(row.PnL))
		}
		return windowTitle(board.Window) + t.String() + nextText(rows.Next)
	})
}

// windowTitle returns the line above a table that names the days of a window, "" for
// all time.
func windowTitle(w engagement.Window) string {
	if w.IsAllTime() {
		return ""
	}
	return windowText(w) + "\n\n"
}

// figureText is the figure that a board of a ranking shows.
func figureText(m engagement.Ranking, f engagement.UserFigures) string {
	switch m {
	case engagement.ByWinRate:
		if f.Decided == 0 {
			return "none"
		}
		return fmt.Sprintf("%s of %s, at least %s", cellText(share(f.WinRate)), cellText(f.Decided), cellText(share(f.WinRateBound)))
	case engagement.ByPnL:
		return cellText(money(f.PnL))
	case engagement.ByExecuted:
		return cellText(f.Executed)
	case engagement.ByLongestStreak:
		return counted(f.LongestStreak, "day")
	}
	return cellText(f.TotalFires)
}
