package engagement_test

import (
	"context"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hydraxdev/engagementdb/engagement"
)

// anyPage is the first page, of as many items as there are by default.
var anyPage engagement.PageQuery

// inPages reads a whole list, limit items at a time, and fails the test unless
// every page but the last is full and the last is not empty, or the only one.
func inPages[T any](t tb, limit int, list func(context.Context, engagement.PageQuery) (engagement.Page[T], error)) []T {
	t.Helper()
	all := []T{}
	for q := (engagement.PageQuery{Limit: limit}); ; {
		page := must(list(context.Background(), q))(t)
		all = append(all, page.Items...)
		n := len(page.Items)
		switch {
		case n > limit || (n < limit && page.Next != "") || (n == 0 && q.After != ""):
			t.Fatalf("a page of %d has %d items, and the next begins at %q", limit, n, page.Next)
		case page.Next != "" && page.Next == q.After:
			t.Fatalf("a page ends where it begins")
		case page.Items == nil:
			t.Fatalf("the items are nil, which is no list in JSON")
		case page.Next == "":
			return all
		}
		q.After = page.Next
	}
}

// The ways to ask for a list of which only the page is left open.

type lister[T any] = func(context.Context, engagement.PageQuery) (engagement.Page[T], error)

func listFires(r *engagement.Reader, f engagement.FireFilter) lister[engagement.SignalFire] {
	return func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.SignalFire], error) {
		return r.Fires(ctx, f, q)
	}
}

func listTrades(r *engagement.Reader, f engagement.TradeFilter) lister[engagement.ClosedTrade] {
	return func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.ClosedTrade], error) {
		return r.Trades(ctx, f, q)
	}
}

func listBoard(r *engagement.Reader, b engagement.Board) lister[engagement.BoardRow] {
	return func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.BoardRow], error) {
		return r.Leaderboard(ctx, b, q)
	}
}

func listPopular(r *engagement.Reader, w engagement.Window) lister[engagement.PopularSignal] {
	return func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.PopularSignal], error) {
		return r.PopularSignals(ctx, w, q)
	}
}

func listMetric(r *engagement.Reader, d engagement.MetricDefinition) lister[engagement.MetricRow] {
	return func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.MetricRow], error) {
		values, err := r.EvaluateDefinition(ctx, d, q)
		return values.Page, err
	}
}

// explainedInPages reads an explanation with all its facts, two at a time.
func explainedInPages(t tb, explain func(context.Context, engagement.PageQuery) (engagement.Explanation, error)) engagement.Explanation {
	t.Helper()
	ctx := context.Background()
	whole := must(explain(ctx, engagement.PageQuery{Limit: engagement.MaxLimit}))(t)
	same(t, "fires explained, in pages", inPages(t, 2, func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.SignalFire], error) {
		e, err := explain(ctx, q)
		if len(e.Trades) > 0 {
			return inPagesOf(e.Fires, ""), err
		}
		return inPagesOf(e.Fires, e.Next), err
	}), whole.Fires, cmpopts.EquateEmpty())
	same(t, "trades explained, in pages", inPages(t, 2, func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.ClosedTrade], error) {
		e, err := explain(ctx, q)
		if len(e.Fires) > 0 {
			return inPagesOf(e.Trades, ""), err
		}
		return inPagesOf(e.Trades, e.Next), err
	}), whole.Trades, cmpopts.EquateEmpty())
	return whole
}

func inPagesOf[T any](items []T, next engagement.Cursor) engagement.Page[T] {
	return engagement.Page[T]{Items: append([]T{}, items...), Next: next}
}

// nextOf returns what asks for a page of a list and keeps where the next begins.
func nextOf[T any](list lister[T]) func(engagement.PageQuery) (engagement.Cursor, error) {
	return func(q engagement.PageQuery) (engagement.Cursor, error) {
		page, err := list(context.Background(), q)
		return page.Next, err
	}
}

func listEnding(r *engagement.Reader) lister[engagement.Streak] {
	return func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.Streak], error) {
		ending, err := r.EndingStreaks(ctx, q)
		return ending.Page, err
	}
}

func listNew(r *engagement.Reader, day engagement.Day) lister[engagement.UserStats] {
	return func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.UserStats], error) {
		return r.NewUsers(ctx, day, q)
	}
}
