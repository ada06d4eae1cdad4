package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// userOutput is what the user command prints as JSON.
type userOutput struct {
	engagement.UserSummary
	Ranks map[string]int64 `json:"ranks"` // by ranking; those of the boards that the user is on
}

func (a *app) userCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "user ID",
		Short: "Show one user's totals, streak and ranks",
		Long: `Show one user's totals since the beginning, the activity of the last seven days,
the current and the longest streak, and the ranks on the leaderboards.`,
		Example:           `  engagement user 12345`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			userID, err := parseUserID(args[0])
			if err != nil {
				return err
			}
			return a.withDB(cmd, reading, func(ctx context.Context, db *engagement.DB) error {
				user, err := readUser(ctx, db, userID)
				if err != nil {
					return err
				}
				return a.print(cmd, user, userTable(user, db.Location()).String)
			})
		},
	}
}

// readUser reads everything from one snapshot, so that the ranks fit the totals.
func readUser(ctx context.Context, db *engagement.DB, userID int64) (user userOutput, err error) {
	user.Ranks = map[string]int64{}
	err = db.View(ctx, func(r *engagement.Reader) error {
		if user.UserSummary, err = r.UserSummary(ctx, userID); err != nil {
			return err
		}
		for _, ranking := range engagement.Rankings() {
			row, err := placeOn(ctx, r, engagement.Board{Ranking: ranking}, userID)
			if err != nil {
				return err
			}
			if row != nil {
				user.Ranks[ranking.String()] = row.Rank
			}
		}
		return nil
	})
	return user, err
}

func userTable(u userOutput, loc *time.Location) *table {
	rank := func(m engagement.Ranking) string {
		if n, ok := u.Ranks[m.String()]; ok {
			return "rank " + cellText(n)
		}
		return "no rank"
	}
	t := &table{left: true}
	t.add("user", id(u.UserID))
	t.add("fires", fmt.Sprintf("%s, %s", cellText(u.TotalFires), rank(engagement.ByFires)))
	t.add("executed", fmt.Sprintf("%s, %s, %s", cellText(u.Executed), cellText(share(u.ExecutionRate)), rank(engagement.ByExecuted)))
	t.add("last 7 days", counted(u.RecentFires7d, "fire"))
	t.add("favorite", signalCountText(u.FavoriteSignal))
	t.add("trades", fmt.Sprintf("%s won, %s lost, %s drawn", cellText(u.Wins), cellText(u.Losses), cellText(u.Draws)))
	t.add("win rate", fmt.Sprintf("%s, %s", cellText(share(u.WinRate)), rank(engagement.ByWinRate)))
	t.add("P&L", fmt.Sprintf("%s, %s", cellText(money(u.PnL)), rank(engagement.ByPnL)))
	t.add("streak", fmt.Sprintf("%s, longest %s, %s", counted(u.CurrentStreak, "day"), counted(u.LongestStreak, "day"), rank(engagement.ByLongestStreak)))
	if u.StreakExpires != nil {
		t.add("kept by firing", "before "+clockTime(*u.StreakExpires, loc))
	}
	t.add("last change", clockTime(u.LastUpdated, loc))
	return t
}
