package server

import (
	"context"
	"strconv"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/server/internal/params"
)

func parseUser(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, invalid("user", shortened(text), "want a whole number")
	}
	return id, nil
}

// explain registers an operation that answers with an explanation.
func explain[I any](s *Server, o operation, answer func(context.Context, *I) (engagement.Explanation, error)) {
	readOn(s, o, answer, func(e engagement.Explanation) engagement.Cursor { return e.Next })
}

func (s *Server) addSignals() {
	of := func(path, id, summary string) operation {
		return operation{path: "/v1/signals" + path, id: id, access: seenByAll, tag: "signals", summary: summary}
	}
	list(s, of("", "list-signals", "All signals' totals by signal id"),
		func(ctx context.Context, in *struct{ params.Page }) (engagement.Page[engagement.SignalMetrics], error) {
			return s.db.Signals(ctx, in.Query())
		})
	read(s, of("/{signal}", "get-signal", "How a signal was taken up, and how fast"),
		func(ctx context.Context, in *params.OfSignal) (engagement.SignalInsight, error) {
			return s.db.SignalInsight(ctx, in.Signal)
		})
	read(s, of("/{signal}/totals", "get-signal-totals", "A signal's totals"),
		func(ctx context.Context, in *params.OfSignal) (engagement.SignalMetrics, error) {
			return s.db.SignalMetrics(ctx, in.Signal)
		})
	list(s, operation{
		path: "/v1/popular", id: "list-popular", access: seenByAll, tag: "signals",
		summary: "The signals fired in a window, most fired first",
	}, func(ctx context.Context, in *struct {
		params.Days
		params.Page
	}) (engagement.Page[engagement.PopularSignal], error) {
		w, err := s.db.ParseWindow(in.Window)
		if err != nil {
			return engagement.Page[engagement.PopularSignal]{}, err
		}
		return s.db.PopularSignals(ctx, w, in.Query())
	})
	why := of("/{signal}/explain/{figure}", "explain-signal", "The days and fires that a signal's figure is made of")
	why.access = readers // it lists users' fires
	explain(s, why, func(ctx context.Context, in *struct {
		params.OfSignal
		params.OfFigure
		params.Page
	}) (engagement.Explanation, error) {
		return s.db.ExplainSignal(ctx, in.Signal, engagement.Figure(in.Figure), in.Query())
	})
}
