package server

import (
	"context"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server/internal/params"
)

func (s *Server) addBoards() {
	of := func(path, id, summary string) operation {
		return operation{path: "/v1/boards/" + path, id: id, access: seenByAll, tag: "boards", summary: summary}
	}
	list(s, of("{ranking}", "get-board", "Users from the best on"),
		func(ctx context.Context, in *struct {
			params.OfRanking
			params.Board
			params.Page
		}) (engagement.Page[engagement.BoardRow], error) {
			b, err := in.Of(s.db.Reader, in.Ranking)
			if err != nil {
				return engagement.Page[engagement.BoardRow]{}, err
			}
			return s.db.Leaderboard(ctx, b, in.Query())
		})
	read(s, of("{ranking}/users/{user}", "get-rank", "A user's place on a board"),
		func(ctx context.Context, in *struct {
			params.OfRanking
			params.OfUser
			params.Board
		}) (engagement.BoardRow, error) {
			b, err := in.Of(s.db.Reader, in.Ranking)
			if err != nil {
				return engagement.BoardRow{}, err
			}
			return s.db.UserRank(ctx, b, in.User)
		})
	read(s, of("{ranking}/users/{user}/around", "get-neighbours", "A user's place between those before and behind"),
		func(ctx context.Context, in *struct {
			params.OfRanking
			params.OfUser
			params.Board
			N int `query:"n" default:"5" doc:"how many before, and how many behind"`
		}) ([]engagement.BoardRow, error) {
			b, err := in.Of(s.db.Reader, in.Ranking)
			if err != nil {
				return nil, err
			}
			return s.db.Around(ctx, b, in.User, in.N)
		})
	ending := operation{
		path: "/v1/streaks/ending", id: "list-ending-streaks", access: readers, tag: "boards",
		summary: "The users whose streaks end today unless they fire, the longest first, and how many there are",
	}
	readOn(s, ending, func(ctx context.Context, in *struct{ params.Page }) (engagement.EndingStreaks, error) {
		return s.db.EndingStreaks(ctx, in.Query())
	}, func(e engagement.EndingStreaks) engagement.Cursor { return e.Next })
	list(s, of("current_streak", "get-streak-board", "Users whose streaks are alive, the longest first"),
		func(ctx context.Context, in *struct{ params.Page }) (engagement.Page[engagement.StreakRow], error) {
			return s.db.StreakLeaderboard(ctx, in.Query())
		})
}
