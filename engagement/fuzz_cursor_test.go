package engagement

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func FuzzPosition(f *testing.F) {
	f.Add("users", int64(1), int64(math.MinInt64), "", "")
	f.Add("fires of 0 for \"\" in all", int64(-1), int64(math.MaxInt64), "EURUSD\x00", "_vyuO4Do1uC9upAEBAJC")
	f.Fuzz(func(t *testing.T, list string, a, b int64, text, other string) {
		p := position{[]int64{a, b}, text}
		c := p.cursor(list)
		if len(c) <= maxCursorBytes {
			back, err := c.position(list, 2)
			if err != nil || ascending(back, p) != 0 {
				t.Errorf("%+v is read back as %+v: %v", p, back, err)
			}
			if strings.Trim(string(c), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
				t.Errorf("%q does not stand in a URL as it is", c)
			}
		}
		if back, err := Cursor(other).position(list, 2); err != nil {
			refused(t, err)
		} else if back.cursor(list) != Cursor(other) {
			t.Errorf("%q is read as %+v", other, back)
		}
	})
}

// FuzzCursorOfEveryList follows cursors that were made up, with a checksum that is
// right or not: they are refused or followed, and come to an end.
func FuzzCursorOfEveryList(f *testing.F) {
	ctx, noon := context.Background(), time.Date(2026, 1, 14, 12, 0, 0, 0, time.UTC)
	db, err := Open(ctx, filepath.Join(f.TempDir(), "engagement.db"), WithClock(func() time.Time { return noon }))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	for user := int64(1); user <= 3; user++ {
		for _, id := range []string{"A", "B"} {
			_, err := db.RecordFire(ctx, Fire{UserID: user, SignalID: id})
			_, tradeErr := db.RecordTrade(ctx, Trade{UserID: user, TradeID: id, SignalID: id, PnL: float64(user)})
			if err := errors.Join(err, tradeErr); err != nil {
				f.Fatal(err)
			}
		}
	}
	metric := MetricDefinition{Name: "m", What: WhatPnL, Of: OfTrades, Per: PerUser}
	metricText, err := json.Marshal(metric)
	if err := errors.Join(err, db.DefineMetric(ctx, metric)); err != nil {
		f.Fatal(err)
	}
	today := Days(db.Today(), db.Today())
	board := func(ranking Ranking, w Window) func(PageQuery) (int, Cursor, error) {
		return func(q PageQuery) (int, Cursor, error) {
			p, err := db.Leaderboard(ctx, Board{Ranking: ranking, Window: w, MinDecided: 1}, q)
			return len(p.Items), p.Next, err
		}
	}
	lists := []struct {
		name    string
		numbers int
		page    func(PageQuery) (int, Cursor, error)
	}{
		{"users", 1, func(q PageQuery) (int, Cursor, error) { p, err := db.Users(ctx, q); return len(p.Items), p.Next, err }},
		{"signals", 0, func(q PageQuery) (int, Cursor, error) { p, err := db.Signals(ctx, q); return len(p.Items), p.Next, err }},
		{"metrics", 0, func(q PageQuery) (int, Cursor, error) {
			p, err := db.CustomMetrics(ctx, q)
			return len(p.Items), p.Next, err
		}},
		{"streaks", 2, func(q PageQuery) (int, Cursor, error) {
			p, err := db.StreakLeaderboard(ctx, q)
			return len(p.Items), p.Next, err
		}},
		{"new users of " + db.Today().String(), 1, func(q PageQuery) (int, Cursor, error) {
			p, err := db.NewUsers(ctx, db.Today(), q)
			return len(p.Items), p.Next, err
		}},
		{"ending streaks", 2, func(q PageQuery) (int, Cursor, error) {
			p, err := db.EndingStreaks(ctx, q)
			return len(p.Items), p.Next, err
		}},
		{"popular signals in all", 1, func(q PageQuery) (int, Cursor, error) {
			p, err := db.PopularSignals(ctx, AllTime(), q)
			return len(p.Items), p.Next, err
		}},
		{"popular signals in " + today.String(), 1, func(q PageQuery) (int, Cursor, error) {
			p, err := db.PopularSignals(ctx, today, q)
			return len(p.Items), p.Next, err
		}},
		{`fires of 0 for "", executed false, in all`, 3, func(q PageQuery) (int, Cursor, error) {
			p, err := db.Fires(ctx, FireFilter{}, q)
			return len(p.Items), p.Next, err
		}},
		{`fires of 1 for "", executed false, in ` + today.String(), 3, func(q PageQuery) (int, Cursor, error) {
			p, err := db.Fires(ctx, FireFilter{UserID: 1, Window: today}, q)
			return len(p.Items), p.Next, err
		}},
		{`trades of 0 for "" with 0 in all`, 3, func(q PageQuery) (int, Cursor, error) {
			p, err := db.Trades(ctx, TradeFilter{}, q)
			return len(p.Items), p.Next, err
		}},
		{"total_fires of user 1", 3, func(q PageQuery) (int, Cursor, error) {
			e, err := db.ExplainUser(ctx, 1, FigureFires, q)
			return len(e.Fires), e.Next, err
		}},
		{"metric " + string(metricText), 3, func(q PageQuery) (int, Cursor, error) {
			p, err := db.EvaluateMetric(ctx, "m", q)
			return len(p.Items), p.Next, err
		}},
	}
	for _, ranking := range Rankings() {
		for _, w := range []Window{AllTime(), today} {
			b := Board{Ranking: ranking, Window: w, MinDecided: 1}
			lists = append(lists, struct {
				name    string
				numbers int
				page    func(PageQuery) (int, Cursor, error)
			}{b.list(), 2, board(ranking, w)})
		}
	}
	for _, list := range lists { // cursors with another name would all be refused
		_, next, err := list.page(PageQuery{Limit: 1})
		if next != "" && err == nil {
			_, err = next.position(list.name, list.numbers)
		}
		if err != nil {
			f.Fatalf("%s: %v", list.name, err)
		}
	}
	f.Add(int64(0), int64(0), int64(0), "", "")
	f.Add(int64(math.MaxInt64), int64(math.MinInt64), int64(-1), "B", "x")
	f.Add(int64(math.MinInt64), int64(math.MaxInt64), int64(1), "\x00\xff", strings.Repeat("A", 5_000))
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 0.1} {
		f.Add(int64(math.Float64bits(value)), int64(math.Float64bits(value)), int64(1), "", "")
	}
	f.Add(noon.UnixMicro(), int64(2), int64(2), "A", "")
	f.Fuzz(func(t *testing.T, a, b, c int64, text, other string) {
		defer quick(t)()
		for _, list := range lists {
			for _, cursor := range []Cursor{position{[]int64{a, b, c}[:list.numbers], text}.cursor(list.name), Cursor(other)} {
				q := PageQuery{Limit: 2, After: cursor}
				for pages := 0; ; pages++ {
					items, next, err := list.page(q)
					if err != nil && (pages > 0 || !errors.Is(err, ErrInvalid)) {
						t.Fatalf("%s behind %q: %v", list.name, q.After, err)
					}
					if items > 2 || pages > 20 {
						t.Fatalf("%s behind %q has %d items on page %d", list.name, cursor, items, pages)
					}
					if q.After = next; err != nil || next == "" {
						break
					}
				}
			}
		}
	})
}
