package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hydraxdev/engagementdb/engagement"
)

// A page that ends where the list ends has no next one, and none is empty but
// that of an empty list.
func TestPagesEndWithTheirLists(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for _, want := range []struct{ Users, Signals, Fires, Trades int }{{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 4, 4}, {4, 4, 16, 16}} {
			for user := range int64(want.Users) {
				for i := range want.Signals {
					fire(t, db, engagement.Fire{UserID: user + 1, SignalID: fmt.Sprint("S_", i)})
					trade(t, db, engagement.Trade{UserID: user + 1, TradeID: fmt.Sprint(i), SignalID: fmt.Sprint("S_", i), PnL: 1})
				}
			}
			must(0, db.DefineMetric(ctx, engagement.MetricDefinition{Name: fmt.Sprint("m", want.Users), What: "count", Of: "fires", Per: "user"}))(t)
			for limit := 1; limit <= 5; limit++ {
				same(t, "Users", len(inPages(t, limit, db.Users)), want.Users)
				same(t, "Signals", len(inPages(t, limit, db.Signals)), want.Signals)
				same(t, "Fires", len(inPages(t, limit, listFires(db.Reader, engagement.FireFilter{}))), want.Fires)
				same(t, "Trades", len(inPages(t, limit, listTrades(db.Reader, engagement.TradeFilter{}))), want.Trades)
				same(t, "PopularSignals", len(inPages(t, limit, listPopular(db.Reader, db.TodayWindow()))), want.Signals)
				same(t, "StreakLeaderboard", len(inPages(t, limit, db.StreakLeaderboard)), want.Users)
				same(t, "Leaderboard", len(inPages(t, limit, listBoard(db.Reader, engagement.Board{Ranking: engagement.ByFires}))), want.Users)
				metric := engagement.MetricDefinition{Name: "m", What: "count", Of: "fires", Per: "user"}
				same(t, "EvaluateDefinition", len(inPages(t, limit, listMetric(db.Reader, metric))), want.Users)
			}
		}
		same(t, "CustomMetrics", len(inPages(t, 3, db.CustomMetrics)), 4)
	})
}

// What is recorded or deleted between two pages neither repeats nor hides what
// stays in its place.
func TestPagesOfAListThatChanges(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for _, user := range []int64{20, 30, 40, 50} {
			fire(t, db, engagement.Fire{UserID: user, SignalID: fmt.Sprint("S_", user), At: noon})
			trade(t, db, engagement.Trade{UserID: user, TradeID: "t", PnL: 1, ClosedAt: noon})
		}
		type pages struct {
			users         engagement.Page[engagement.UserStats]
			signals       engagement.Page[engagement.SignalMetrics]
			popular, ever engagement.Page[engagement.PopularSignal]
			streaks       engagement.Page[engagement.StreakRow]
			board, week   engagement.Page[engagement.BoardRow]
		}
		read := func(after pages) (p pages) {
			q := func(after engagement.Cursor) engagement.PageQuery {
				return engagement.PageQuery{Limit: 2, After: after}
			}
			p.users = must(db.Users(ctx, q(after.users.Next)))(t)
			p.signals = must(db.Signals(ctx, q(after.signals.Next)))(t)
			p.popular = must(db.PopularSignals(ctx, db.TodayWindow(), q(after.popular.Next)))(t)
			p.ever = must(db.PopularSignals(ctx, engagement.AllTime(), q(after.ever.Next)))(t)
			p.streaks = must(db.StreakLeaderboard(ctx, q(after.streaks.Next)))(t)
			p.board = must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, q(after.board.Next)))(t)
			p.week = must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires, Window: db.ThisWeek()}, q(after.week.Next)))(t)
			return p
		}
		type shown struct{ Users, Signals, Popular, Ever, Streaks, Board, Week []string }
		keys := func(p pages) (s shown) {
			for _, u := range p.users.Items {
				s.Users = append(s.Users, fmt.Sprint(u.UserID))
			}
			for _, x := range p.signals.Items {
				s.Signals = append(s.Signals, x.SignalID)
			}
			for _, x := range p.popular.Items {
				s.Popular = append(s.Popular, x.SignalID)
			}
			for _, x := range p.ever.Items {
				s.Ever = append(s.Ever, x.SignalID)
			}
			for _, row := range p.streaks.Items {
				s.Streaks = append(s.Streaks, fmt.Sprint(row.Rank, ": ", row.UserID))
			}
			for _, row := range p.board.Items {
				s.Board = append(s.Board, fmt.Sprint(row.Rank, ": ", row.UserID))
			}
			for _, row := range p.week.Items {
				s.Week = append(s.Week, fmt.Sprint(row.Rank, ": ", row.UserID))
			}
			return s
		}
		first := read(pages{})
		signals, board := []string{"S_20", "S_30"}, []string{"1: 20", "1: 30"}
		same(t, "the first pages", keys(first), shown{[]string{"20", "30"}, signals, signals, signals, board, board, board})

		must(db.EraseUser(ctx, 30))(t)                                // the last of the first pages, and with it its signal
		fireOn(t, db, 10, noon.AddDate(0, 0, -1), noon.Add(-1), noon) // before all, and the longest streak
		fire(t, db, engagement.Fire{UserID: 35, SignalID: "S_35", At: noon})
		second := read(first)
		signals, board = []string{"S_35", "S_40"}, []string{"2: 35", "2: 40"}
		same(t, "the second pages", keys(second), shown{[]string{"35", "40"}, signals, signals, signals, board, board, board})
		last := read(second)
		same(t, "the last pages", keys(last), shown{[]string{"50"}, []string{"S_50"}, []string{"S_50"}, []string{"S_50"},
			[]string{"2: 50"}, []string{"2: 50"}, []string{"2: 50"}})
		for _, next := range []engagement.Cursor{last.users.Next, last.signals.Next, last.popular.Next, last.ever.Next, last.streaks.Next, last.board.Next, last.week.Next} {
			same(t, "where the next page begins", string(next), "")
		}
	})
}

func TestACursorIsGoodForItsListAlone(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for user := range int64(3) {
			for i := range 3 {
				fire(t, db, engagement.Fire{UserID: user + 1, SignalID: fmt.Sprint("S_", i)})
				trade(t, db, engagement.Trade{UserID: user + 1, TradeID: fmt.Sprint(i), SignalID: "S_1", PnL: 1})
			}
		}
		for _, name := range []string{"a", "b"} {
			noError(t, db.DefineMetric(ctx, engagement.MetricDefinition{Name: name, What: "count", Of: "fires", Per: "user"}))
		}
		today := db.TodayWindow()
		lists := map[string]func(engagement.PageQuery) (engagement.Cursor, error){
			"users":        nextOf(db.Users),
			"signals":      nextOf(db.Signals),
			"metrics":      nextOf(db.CustomMetrics),
			"streaks":      nextOf(db.StreakLeaderboard),
			"popular":      nextOf(listPopular(db.Reader, today)),
			"popular ever": nextOf(listPopular(db.Reader, engagement.AllTime())),
			"metric a": func(q engagement.PageQuery) (engagement.Cursor, error) {
				values, err := db.EvaluateMetric(ctx, "a", q)
				return values.Next, err
			},
			"metric b": func(q engagement.PageQuery) (engagement.Cursor, error) {
				values, err := db.EvaluateMetric(ctx, "b", q)
				return values.Next, err
			},
		}
		for i, filter := range []engagement.FireFilter{{}, {UserID: 1}, {UserID: 2}, {SignalID: "S_1"}, {Window: today}} {
			lists[fmt.Sprint("fires ", i)] = nextOf(listFires(db.Reader, filter))
		}
		for i, filter := range []engagement.TradeFilter{{}, {UserID: 1}, {SignalID: "S_1"}, {UserID: 1, SignalID: "S_1"}, {Outcome: engagement.Win}, {Window: today}} {
			lists[fmt.Sprint("trades ", i)] = nextOf(listTrades(db.Reader, filter))
		}
		for i, board := range []engagement.Board{
			{Ranking: engagement.ByFires}, {Ranking: engagement.ByPnL}, {Ranking: engagement.ByFires, Window: today},
			{Ranking: engagement.ByFires, Users: []int64{1, 2}}, {Ranking: engagement.ByWinRate, MinDecided: 1}, {Ranking: engagement.ByWinRate, MinDecided: 2},
		} {
			lists[fmt.Sprint("board ", i)] = nextOf(listBoard(db.Reader, board))
		}
		for _, figure := range []engagement.Figure{engagement.FigureFires, engagement.FigurePnL} {
			lists["user's "+string(figure)] = func(q engagement.PageQuery) (engagement.Cursor, error) {
				e, err := db.ExplainUser(ctx, 1, figure, q)
				return e.Next, err
			}
		}
		lists["signal's fires"] = func(q engagement.PageQuery) (engagement.Cursor, error) {
			e, err := db.ExplainSignal(ctx, "S_1", engagement.FigureFires, q)
			return e.Next, err
		}

		cursors := map[string]engagement.Cursor{}
		for name, list := range lists {
			cursors[name] = must(list(engagement.PageQuery{Limit: 1}))(t)
			if cursors[name] == "" || strings.Trim(string(cursors[name]), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
				t.Errorf("%s: %q does not stand in a URL as it is", name, cursors[name])
			}
		}
		for name, list := range lists {
			for of, cursor := range cursors {
				_, err := list(engagement.PageQuery{Limit: 1, After: cursor})
				if of == name {
					noError(t, err)
				} else if !errors.Is(err, engagement.ErrInvalid) {
					t.Errorf("%s with the cursor of %s: got %v, want ErrInvalid", name, of, err)
				}
			}
			own := cursors[name]
			last := own[len(own)-1:]
			for what, damaged := range map[string]engagement.Cursor{
				"cut":          own[:len(own)-1],
				"prolonged":    own + "A",
				"of two lines": own[:3] + "\n" + own[3:],
				"not base64":   own[:3] + "%" + own[4:],
				"padded":       own + "=",
				"changed":      own[:len(own)-1] + map[bool]engagement.Cursor{true: "B", false: "A"}[last == "A"],
				"short":        "A",
				"too long":     engagement.Cursor(strings.Repeat("A", 5_000)),
			} {
				_, err := list(engagement.PageQuery{Limit: 1, After: damaged})
				if !errors.Is(err, engagement.ErrInvalid) {
					t.Errorf("%s with a cursor that is %s: got %v, want ErrInvalid", name, what, err)
				} else if len(err.Error()) > 500 {
					t.Errorf("%s with a cursor that is %s: the error has %d bytes", name, what, len(err.Error()))
				}
			}
		}
	})
}

// On PostgreSQL an id orders facts of the same time and need not be their own.
func TestPagesOfFactsWithTheSameTimeAndID(t *testing.T) {
	t.Parallel()
	dsn := onServer(t)
	db := openAt(t, dsn, newClock(noon).option())
	for user := range int64(3) {
		for i := range 3 {
			fire(t, db, engagement.Fire{UserID: user + 1, SignalID: fmt.Sprint("S_", i), At: noon})
			trade(t, db, engagement.Trade{UserID: user + 1, TradeID: fmt.Sprint("t", i), SignalID: "S_1", PnL: 1, ClosedAt: noon})
		}
	}
	plainSQL(t, dsn, "UPDATE signal_fires SET id = 7; UPDATE trades SET id = 7")
	for _, tt := range []struct {
		filter engagement.FireFilter
		want   int
	}{{engagement.FireFilter{}, 9}, {engagement.FireFilter{UserID: 2}, 3}, {engagement.FireFilter{SignalID: "S_2"}, 3}} {
		found := map[string]bool{}
		for _, f := range inPages(t, 2, listFires(db.Reader, tt.filter)) {
			found[fmt.Sprint(f.UserID, f.SignalID)] = true
		}
		same(t, fmt.Sprintf("fires of %+v", tt.filter), len(found), tt.want)
	}
	for _, tt := range []struct {
		filter engagement.TradeFilter
		want   int
	}{
		{engagement.TradeFilter{}, 9}, {engagement.TradeFilter{UserID: 2}, 3},
		{engagement.TradeFilter{SignalID: "S_1"}, 9}, {engagement.TradeFilter{Outcome: engagement.Win}, 9},
	} {
		found := map[string]bool{}
		for _, tr := range inPages(t, 2, listTrades(db.Reader, tt.filter)) {
			found[fmt.Sprint(tr.UserID, tr.TradeID)] = true
		}
		same(t, fmt.Sprintf("trades of %+v", tt.filter), len(found), tt.want)
	}
}

func TestAll(t *testing.T) {
	pages := []engagement.Page[int]{{Items: []int{1, 2}, Next: "b"}, {Items: []int{3}, Next: "c"}, {Items: []int{4}}}
	wrong := errors.New("wrong")
	for _, tt := range []struct {
		name    string
		failing int // page
		stop    int // after so many items
		want    []int
		err     error
		asked   []engagement.Cursor
	}{
		{"it reads every page", -1, 9, []int{1, 2, 3, 4}, nil, []engagement.Cursor{"", "b", "c"}},
		{"it asks for no page more than it is told to", -1, 3, []int{1, 2, 3}, nil, []engagement.Cursor{"", "b"}},
		{"an error is the last that it yields", 1, 9, []int{1, 2}, wrong, []engagement.Cursor{"", "b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked []engagement.Cursor
			var got []int
			var last error
			for n, err := range engagement.All(t.Context(), func(_ context.Context, q engagement.PageQuery) (engagement.Page[int], error) {
				asked = append(asked, q.After)
				if len(asked)-1 == tt.failing {
					return engagement.Page[int]{}, wrong
				}
				return pages[len(asked)-1], nil
			}) {
				if last = err; err != nil {
					continue
				}
				if got = append(got, n); len(got) == tt.stop {
					break
				}
			}
			same(t, "items", got, tt.want)
			same(t, "cursors asked for", asked, tt.asked)
			same(t, "error", last, tt.err, cmpopts.EquateErrors())
		})
	}
}

// A method whose only argument is the page is read whole as it is; any other is
// wrapped.
func ExampleAll() {
	ctx := context.Background()
	path, remove := examplePath()
	defer remove()
	db, err := engagement.Open(ctx, path)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	for user := int64(1); user <= 3; user++ {
		if _, err := db.RecordTrade(ctx, engagement.Trade{UserID: user, TradeID: "1", PnL: float64(user) - 2}); err != nil {
			log.Fatal(err)
		}
	}

	for user, err := range engagement.All(ctx, db.Users) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("user", user.UserID, user.PnL)
	}
	wins := engagement.TradeFilter{Outcome: engagement.Win}
	list := func(ctx context.Context, q engagement.PageQuery) (engagement.Page[engagement.ClosedTrade], error) {
		return db.Trades(ctx, wins, q)
	}
	for trade, err := range engagement.All(ctx, list) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("won by", trade.UserID)
	}
	// Output:
	// user 1 -1
	// user 2 0
	// user 3 1
	// won by 3
}

func TestListsOfWhatOtherProgramsStored(t *testing.T) {
	t.Parallel()
	dsn := freshFile(t)
	clock := newClock(noon)
	noError(t, openAt(t, dsn, clock.option()).Close())
	execute(t, dsn, `INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES
		(1, '', '2026-01-14 10:00:00'), (1, 'A', '2026-01-14 09:00:00'), (1, 'ahead', '2026-01-20 00:00:00'), (1, 'unknown', 'soon')`)
	execute(t, dsn, `INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at) VALUES
		(1, 't', 1, 'win', '2026-01-14 10:00:00'), (1, 'ahead', 1, 'win', '2026-01-20 00:00:00')`)
	db := openAt(t, dsn, clock.option())
	proven(t, db)
	var signals, fires, trades []string
	for _, s := range inPages(t, 1, db.Signals) {
		signals = append(signals, s.SignalID)
	}
	same(t, "signals", signals, []string{"A"})
	same(t, "fires of all time", len(inPages(t, 1, listFires(db.Reader, engagement.FireFilter{}))), 1)
	same(t, "trades of all time", len(inPages(t, 1, listTrades(db.Reader, engagement.TradeFilter{}))), 1)
	same(t, "rows set aside", len(inPages(t, 1, db.Aside)), 4)
	month := db.ThisMonth()
	for _, f := range must(db.Fires(t.Context(), engagement.FireFilter{Window: month}, anyPage))(t).Items {
		fires = append(fires, f.SignalID)
	}
	for _, tr := range must(db.Trades(t.Context(), engagement.TradeFilter{Window: month}, anyPage))(t).Items {
		trades = append(trades, tr.TradeID)
	}
	same(t, "fires of the month", fires, []string{"A"})
	same(t, "trades of the month", trades, []string{"t"})
}
