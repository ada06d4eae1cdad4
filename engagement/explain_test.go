package engagement_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestExplainUser(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		// A streak of three days, and a fire before it; the older ones are cleaned up.
		for i, ago := range []int{0, 0, 1, 2, 9} {
			fire(t, db, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), At: noon.AddDate(0, 0, -ago), Executed: i%2 == 0})
		}
		for i, tr := range []engagement.Trade{{PnL: 10.5}, {PnL: -4}, {PnL: 2.25}, {PnL: 0}} {
			tr.UserID, tr.TradeID, tr.ClosedAt = 1, fmt.Sprint("t", i), noon.AddDate(0, 0, -5*i)
			trade(t, db, tr)
		}
		fire(t, db, engagement.Fire{UserID: 2, SignalID: "S_0"})
		must(db.Cleanup(ctx, 1))(t)
		horizon := db.Today() - 1
		day := func(ago int, value float64) engagement.FigureDay {
			return engagement.FigureDay{Day: db.Today() - engagement.Day(ago), Value: value}
		}
		decided := func(ago int, value float64) engagement.FigureDay {
			d := day(ago, value)
			d.Decided = 1
			return d
		}
		type facts struct {
			Signals, Trades []string
		}
		for _, tt := range []struct {
			figure               engagement.Figure
			value, before, facts float64
			days                 []engagement.FigureDay
			kept                 facts
		}{
			{engagement.FigureFires, 5, 2, 3, []engagement.FigureDay{day(9, 1), day(2, 1), day(1, 1), day(0, 2)}, facts{Signals: []string{"S_1", "S_0", "S_2"}}},
			{engagement.FigureExecuted, 3, 1, 2, []engagement.FigureDay{day(9, 1), day(1, 1), day(0, 1)}, facts{Signals: []string{"S_0", "S_2"}}},
			{engagement.FigureStreak, 3, 1, 2, []engagement.FigureDay{day(2, 1), day(1, 1), day(0, 1)}, facts{Signals: []string{"S_1", "S_0", "S_2"}}},
			{engagement.FigureWins, 2, 0, 2, []engagement.FigureDay{day(10, 1), day(0, 1)}, facts{Trades: []string{"t0", "t2"}}},
			{engagement.FigureLosses, 1, 0, 1, []engagement.FigureDay{day(5, 1)}, facts{Trades: []string{"t1"}}},
			{engagement.FigureDraws, 1, 0, 1, []engagement.FigureDay{day(15, 1)}, facts{Trades: []string{"t3"}}},
			{engagement.FigurePnL, 8.75, 0, 8.75, []engagement.FigureDay{day(10, 2.25), day(5, -4), day(0, 10.5)}, facts{Trades: []string{"t0", "t1", "t2", "t3"}}},
			{engagement.FigureWinRate, 2.0 / 3, 0, 2.0 / 3, []engagement.FigureDay{decided(10, 1), decided(5, 0), decided(0, 1)}, facts{Trades: []string{"t0", "t1", "t2"}}},
		} {
			t.Run(string(tt.figure), func(t *testing.T) {
				e := must(db.ExplainUser(ctx, 1, tt.figure, anyPage))(t)
				var kept facts
				for _, f := range e.Fires {
					kept.Signals = append(kept.Signals, f.SignalID)
				}
				for _, tr := range e.Trades {
					kept.Trades = append(kept.Trades, tr.TradeID)
				}
				same(t, "facts", kept, tt.kept)
				e.Fires, e.Trades = nil, nil
				same(t, "ExplainUser", e, engagement.Explanation{
					UserID: 1, Figure: tt.figure, Value: tt.value, Sum: tt.value, Exact: true, Days: tt.days,
					Horizon: horizon, BeforeHorizon: tt.before, FromFacts: tt.facts,
				})
			})
		}
	})
}

func TestABrokenStreakIsMadeOfNothing(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		fireOn(t, db, 1, noon.AddDate(0, 0, -2), noon.AddDate(0, 0, -3))
		trade(t, db, engagement.Trade{UserID: 2, TradeID: "t", PnL: 1, ClosedAt: noon})
		for _, user := range []int64{1, 2} {
			e := must(db.ExplainUser(context.Background(), user, engagement.FigureStreak, anyPage))(t)
			same(t, "ExplainUser", e, engagement.Explanation{UserID: user, Figure: engagement.FigureStreak, Exact: true, Horizon: 1}, cmpopts.EquateEmpty())
		}
	})
}

// What Verify would find, an explanation shows.
func TestAFigureThatDoesNotAddUpIsNotExact(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, change string
		wrong        []engagement.Figure // of user 1
		signal       []engagement.Figure // of signal S_0
	}{
		{"nothing", "UPDATE user_stats SET wins = wins WHERE user_id = 1", nil, nil},
		{"a user's fires", "UPDATE user_stats SET total_fires = total_fires + 1 WHERE user_id = 1", []engagement.Figure{engagement.FigureFires}, nil},
		{"a user's wins", "UPDATE user_stats SET wins = wins + 1 WHERE user_id = 1", []engagement.Figure{engagement.FigureWins, engagement.FigureWinRate}, nil},
		{"a user's draws", "UPDATE user_stats SET draws = draws + 1 WHERE user_id = 1", []engagement.Figure{engagement.FigureDraws}, nil},
		{"a user's P&L in millionths", "UPDATE user_stats SET pnl_micros = pnl_micros + 1 WHERE user_id = 1", []engagement.Figure{engagement.FigurePnL}, nil},
		{"a user's P&L", "UPDATE user_stats SET pnl = pnl + 0.000001 WHERE user_id = 1", []engagement.Figure{engagement.FigurePnL}, nil},
		{"a user's win rate", "UPDATE user_stats SET win_rate = win_rate / 2 + 0.1 WHERE user_id = 1", []engagement.Figure{engagement.FigureWinRate}, nil},
		{"the fires of a user's day", "UPDATE user_days SET fires = fires + 1 WHERE user_id = 1 AND day = " + recentDay, []engagement.Figure{engagement.FigureFires}, nil},
		{"a lost fire", "DELETE FROM signal_fires WHERE user_id = 1 AND signal_id = 'S_0'", []engagement.Figure{engagement.FigureFires, engagement.FigureExecuted, engagement.FigureStreak}, []engagement.Figure{engagement.FigureFires, engagement.FigureExecuted}},
		{"a lost day of a user", "DELETE FROM user_days WHERE user_id = 1 AND day = " + recentDay, []engagement.Figure{engagement.FigureFires, engagement.FigureExecuted, engagement.FigureLosses, engagement.FigurePnL, engagement.FigureWinRate, engagement.FigureStreak}, nil},
		{"a lost trade", "DELETE FROM trades WHERE user_id = 1 AND trade_id = 't3'", []engagement.Figure{engagement.FigureWins, engagement.FigurePnL, engagement.FigureWinRate}, nil},
		{"a signal's fires", "UPDATE signal_metrics SET total_fires = total_fires + 1 WHERE signal_id = 'S_0'", nil, []engagement.Figure{engagement.FigureFires}},
		{"the executed fires of a signal's day", "UPDATE signal_days SET executed = executed - 1 WHERE signal_id = 'S_0' AND executed > 0", nil, []engagement.Figure{engagement.FigureExecuted}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, path := context.Background(), freshFile(t)
			db := openVaried(t, path)
			tamper(t, path, tt.change)
			var wrong, signal []engagement.Figure
			for _, figure := range engagement.FiguresOfUser() {
				if e := must(db.ExplainUser(ctx, 1, figure, anyPage))(t); !e.Exact {
					wrong = append(wrong, figure)
				}
			}
			for _, figure := range engagement.FiguresOfSignal() {
				if e := must(db.ExplainSignal(ctx, "S_0", figure, anyPage))(t); !e.Exact {
					signal = append(signal, figure)
				}
			}
			same(t, "the user's figures that are not exact", wrong, tt.wrong)
			same(t, "the signal's figures that are not exact", signal, tt.signal)
			if found := must(db.Verify(ctx))(t).Findings; (len(found) > 0) != (len(wrong)+len(signal) > 0) {
				t.Errorf("Verify finds %v", found)
			}
		})
	}
}

func TestWhatCannotBeExplained(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
		user := func(id int64, figure engagement.Figure, limit int) error {
			_, err := db.ExplainUser(ctx, id, figure, engagement.PageQuery{Limit: limit})
			return err
		}
		signal := func(id string, figure engagement.Figure, limit int) error {
			_, err := db.ExplainSignal(ctx, id, figure, engagement.PageQuery{Limit: limit})
			return err
		}
		for _, tt := range []struct {
			name string
			err  error
			kind error
			says string
		}{
			{"an unknown figure", user(1, "luck", 0), engagement.ErrInvalid, `figure "luck": want one of total_fires, executed, wins`},
			{"no figure", user(1, "", 0), engagement.ErrInvalid, `figure ""`},
			{"a signal's P&L", signal("A", engagement.FigurePnL, 0), engagement.ErrInvalid, `figure "pnl": want one of total_fires, executed`},
			{"user 0", user(0, engagement.FigureFires, 0), engagement.ErrInvalid, "user id 0"},
			{"an unknown user", user(9, engagement.FigureFires, 0), engagement.ErrNotFound, "user 9"},
			{"a signal without a name", signal("", engagement.FigureFires, 0), engagement.ErrInvalid, `signal id ""`},
			{"an unknown signal", signal("B", engagement.FigureFires, 0), engagement.ErrNotFound, `signal "B"`},
			{"too many fires", user(1, engagement.FigureFires, 10_001), engagement.ErrInvalid, "limit 10001"},
			{"too many trades", user(1, engagement.FigureWinRate, 10_001), engagement.ErrInvalid, "limit 10001"},
			{"fewer fires than none", signal("A", engagement.FigureFires, -1), engagement.ErrInvalid, "limit -1"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				only(t, tt.err, tt.kind)
				contains(t, tt.err, tt.says)
			})
		}
	})
}
