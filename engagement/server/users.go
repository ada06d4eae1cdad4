package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server/internal/params"
)

// Visibility reports whether everybody may see a user's own figures.
type Visibility struct {
	Public bool `json:"public"`
}

// Count is how many there are.
type Count struct {
	Count int64 `json:"count"`
}

func (s *Server) addUsers() {
	list(s, operation{path: "/v1/users", id: "list-users", access: readers, tag: "users", summary: "All users' totals by user id"},
		func(ctx context.Context, in *struct{ params.Page }) (engagement.Page[engagement.UserStats], error) {
			return s.db.Users(ctx, in.Query())
		})
	read(s, operation{path: "/v1/users/count", id: "count-users", access: readers, tag: "users", summary: "How many users have fired or traded"},
		func(ctx context.Context, _ *struct{}) (Count, error) {
			n, err := s.db.CountUsers(ctx)
			return Count{n}, err
		})
	of := func(path, id string, a access, summary string) operation {
		return operation{path: "/v1/users/{user}" + path, id: id, access: a, tag: "users", summary: summary}
	}
	read(s, of("", "get-user", userPage, "A user's totals, recent activity and streak"),
		func(ctx context.Context, in *params.OfUser) (engagement.UserSummary, error) {
			return s.db.UserSummary(ctx, in.User)
		})
	read(s, of("/ranks", "get-user-ranks", userPage, "A user's place on every board; null where the user is not on it"), s.ranks)
	s.addUserStreak(of)
	s.addUserFacts(of)
	s.addVisibility(of)
	read(s, of("/versus/{other}", "compare-users", userPage, "Two users head to head"),
		func(ctx context.Context, in *struct {
			params.OfUser
			Other int64 `path:"other" doc:"the other user's id"`
			params.Days
		}) (engagement.HeadToHead, error) {
			w, err := s.db.ParseWindow(in.Window)
			if err != nil {
				return engagement.HeadToHead{}, err
			}
			return s.db.HeadToHead(ctx, in.User, in.Other, w)
		})
	erase := of("", "erase-user", admins, "Delete everything kept about a user, for good")
	erase.method, erase.long = http.MethodDelete, true
	write(s, erase, func(ctx context.Context, in *params.OfUser) (engagement.EraseReceipt, error) {
		return s.db.EraseUser(ctx, in.User)
	})
}

func (s *Server) ranks(ctx context.Context, in *struct {
	params.OfUser
	params.Board
}) (map[engagement.Ranking]*engagement.BoardRow, error) {
	places := map[engagement.Ranking]*engagement.BoardRow{}
	return places, s.db.View(ctx, func(r *engagement.Reader) error {
		if _, err := r.UserStats(ctx, in.User); err != nil {
			return err
		}
		for _, ranking := range engagement.Rankings() {
			board, err := in.Of(r, ranking.String())
			if err != nil {
				return err
			}
			row, err := r.UserRank(ctx, board, in.User)
			switch {
			case errors.Is(err, engagement.ErrNotFound):
				places[ranking] = nil
			case err != nil:
				return err
			default:
				places[ranking] = &row
			}
		}
		return nil
	})
}

func (s *Server) addUserStreak(of func(path, id string, a access, summary string) operation) {
	read(s, of("/streak", "get-streak", userPage, "A user's streak as of today"),
		func(ctx context.Context, in *params.OfUser) (engagement.Streak, error) {
			return s.db.Streak(ctx, in.User)
		})
	read(s, of("/streak/days", "get-streak-days", userPage, "The days of a user's streak, oldest first; none unless it is alive"),
		func(ctx context.Context, in *params.OfUser) ([]engagement.StreakDay, error) {
			return s.db.StreakDays(ctx, in.User)
		})
	read(s, of("/awards", "get-awards", userPage, "The milestones that a user's streaks were awarded"),
		func(ctx context.Context, in *params.OfUser) ([]engagement.Award, error) {
			return s.db.Awards(ctx, in.User)
		})
	read(s, of("/freezes", "get-freezes", userPage, "A user's streak freezes"),
		func(ctx context.Context, in *params.OfUser) ([]engagement.GrantedFreeze, error) {
			return s.db.Freezes(ctx, in.User)
		})
}

func (s *Server) addUserFacts(of func(path, id string, a access, summary string) operation) {
	list(s, of("/fires", "list-user-fires", ownFacts, "A user's fires that are kept one by one, newest first"),
		func(ctx context.Context, in *struct {
			params.OfUser
			params.Fires
			params.Days
			params.Page
		}) (engagement.Page[engagement.SignalFire], error) {
			return s.fires(ctx, engagement.FireFilter{UserID: in.User, Executed: in.Executed}, in.Days, in.Page)
		})
	read(s, of("/fires/{signal}", "get-fire", ownFacts, "A user's fire for a signal"),
		func(ctx context.Context, in *struct {
			params.OfUser
			params.OfSignal
		}) (engagement.SignalFire, error) {
			return s.db.Fire(ctx, in.User, in.Signal)
		})
	list(s, of("/trades", "list-user-trades", ownFacts, "A user's trades, last closed first"),
		func(ctx context.Context, in *struct {
			params.OfUser
			params.Trades
			params.Days
			params.Page
		}) (engagement.Page[engagement.ClosedTrade], error) {
			return s.trades(ctx, engagement.TradeFilter{UserID: in.User, SignalID: in.Signal}, in.Outcome, in.Days, in.Page)
		})
	read(s, of("/trades/{trade}", "get-trade", ownFacts, "A user's trade"),
		func(ctx context.Context, in *struct {
			params.OfUser
			Trade string `path:"trade" doc:"a trade's id"`
		}) (engagement.ClosedTrade, error) {
			return s.db.Trade(ctx, in.User, in.Trade)
		})
	explain(s, of("/explain/{figure}", "explain-user", ownFacts, "The days and facts that a user's figure is made of"),
		func(ctx context.Context, in *struct {
			params.OfUser
			params.OfFigure
			params.Page
		}) (engagement.Explanation, error) {
			return s.db.ExplainUser(ctx, in.User, engagement.Figure(in.Figure), in.Query())
		})
	export := of("/export", "export-user", ownFacts, "Everything kept about a user, of one moment and without a cap")
	export.long = true
	s.plain(export, "application/json", schemaOf[engagement.UserExport](s.api.OpenAPI().Components.Schemas), s.export)
}

func (s *Server) addVisibility(of func(path, id string, a access, summary string) operation) {
	read(s, of("/public", "get-visibility", ownFacts, "Whether everybody may see a user's own figures"),
		func(ctx context.Context, in *params.OfUser) (Visibility, error) {
			public, err := s.db.IsPublic(ctx, in.User)
			return Visibility{public}, err
		})
	set := of("/public", "set-visibility", userConsent, "Say whether everybody may see a user's own figures")
	set.method = http.MethodPut
	write(s, set, func(ctx context.Context, in *struct {
		params.OfUser
		params.Body
	}) (Visibility, error) {
		var wanted struct {
			Public *bool `json:"public"`
		}
		if err := decode(in.RawBody, &wanted); err != nil {
			return Visibility{}, err
		}
		if wanted.Public == nil {
			return Visibility{}, invalid("public", nil, "want true or false")
		}
		return Visibility{*wanted.Public}, s.db.SetPublic(ctx, in.User, *wanted.Public)
	})
	s.takes(set.method, set.path, schemaOf[Visibility](s.api.OpenAPI().Components.Schemas))
}

// export streams the one answer that is too long to be held in memory.
func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	userID, err := parseUser(r.PathValue("user"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	out := &begun{w: w, begin: func() {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="user-%d.json"`, userID))
	}}
	err = s.db.WriteUserExport(r.Context(), out, userID)
	switch {
	case err != nil && out.begin == nil:
		exchangeOf(r.Context()).noteFailure(err)
		panic(http.ErrAbortHandler) // half of it must not look like a whole
	case err != nil:
		s.fail(w, r, err)
	}
}

// begun sets the headers of an answer when it begins.
type begun struct {
	w     http.ResponseWriter
	begin func() // nil: it has begun
}

func (b *begun) Write(text []byte) (int, error) {
	if b.begin != nil {
		b.begin()
		b.begin = nil
	}
	return b.w.Write(text)
}
