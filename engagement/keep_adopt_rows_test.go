package engagement_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestFactsThatAreNotCountedYetAreNotListed(t *testing.T) {
	t.Parallel()
	ctx, dsn := soon(t), freshFile(t)
	db := openAt(t, dsn)
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
	trade(t, db, engagement.Trade{UserID: 1, TradeID: "a", PnL: 1})
	execute(t, dsn, "INSERT INTO signal_fires (user_id, signal_id) VALUES (1, 'B')")
	execute(t, dsn, `INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES
		(1, 'C', 1700000000), (1, 'D', '2025-01-05T10:30:15Z'), (2, 'A', 1700000000)`)
	execute(t, dsn, `INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at) VALUES
		(1, 'c', 1, 'win', 1700000000), (1, 'd', 1, 'win', '2025-01-05T10:30:15Z'), (2, 'a', 1, 'win', CURRENT_TIMESTAMP)`)

	type listed struct {
		Exported, ExportedTrades, Fires, FiresOfA, FiresOfAll, Trades, TradesOfAll, Wins, LookedUp int
	}
	list := func(db *engagement.DB) (l listed) {
		noError(t, db.WriteUserExport(ctx, io.Discard, 1))
		export := must(db.ExportUser(ctx, 1))(t)
		l.Exported, l.ExportedTrades = len(export.SignalFires), len(export.Trades)
		l.Fires = len(inPages(t, 1, listFires(db.Reader, engagement.FireFilter{UserID: 1})))
		l.FiresOfA = len(inPages(t, 1, listFires(db.Reader, engagement.FireFilter{SignalID: "A"})))
		l.FiresOfAll = len(inPages(t, 1, listFires(db.Reader, engagement.FireFilter{})))
		l.Trades = len(inPages(t, 1, listTrades(db.Reader, engagement.TradeFilter{UserID: 1})))
		l.TradesOfAll = len(inPages(t, 1, listTrades(db.Reader, engagement.TradeFilter{})))
		l.Wins = len(inPages(t, 1, listTrades(db.Reader, engagement.TradeFilter{UserID: 1, Outcome: engagement.Win})))
		for _, err := range []error{lookUp(db.Fire(ctx, 1, "C")), lookUp(db.Trade(ctx, 1, "c"))} {
			if err == nil {
				l.LookedUp++
			} else {
				wantError(t, err, engagement.ErrNotFound)
			}
		}
		return l
	}
	same(t, "uncounted facts", proven(t, db).Uncounted, int64(7))
	same(t, "lists before they are counted", list(db), listed{1, 1, 1, 1, 1, 1, 1, 1, 0})
	counted := openAt(t, dsn)
	same(t, "uncounted facts afterwards", proven(t, counted).Uncounted, int64(0))
	same(t, "lists afterwards", list(counted), listed{4, 3, 4, 2, 5, 3, 4, 3, 2})
}

func TestLargeTradesOfAnotherProgramAreCounted(t *testing.T) {
	t.Parallel()
	dsn := freshFile(t)
	noError(t, openAt(t, dsn).Close())
	execute(t, dsn, `INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at, day) VALUES
		(1, 'a', 6000000000000000000, 'win', '2026-01-05 10:30:15.000000', -1),
		(1, 'b', -6000000000000000000, 'loss', '2026-01-05 10:30:15.000000', -1),
		(1, 'c', 6000000000000000000, 'win', '2026-01-06 10:30:15.000000', -1),
		(2, 'a', 1000000, 'win', '2026-01-05 10:30:15.000000', -1)`)
	db := openAt(t, dsn)
	same(t, "uncounted facts", proven(t, db).Uncounted, int64(0))
	stats := must(db.UserStats(t.Context(), 1))(t)
	same(t, "P&L, wins and losses", [3]float64{stats.PnL, float64(stats.Wins), float64(stats.Losses)}, [3]float64{6e12, 2, 1})
	same(t, "P&L of the other", must(db.UserStats(t.Context(), 2))(t).PnL, 1.0)
}

func TestRowsOfOtherPrograms(t *testing.T) {
	t.Parallel()
	instant := time.Date(2026, time.January, 5, 10, 30, 15, 0, time.UTC)
	var none time.Time // it is set aside
	written := []struct {
		name  string
		value any
		want  time.Time
	}{
		{"the predecessor's form", "2026-01-05 10:30:15.123456", instant.Add(123456 * time.Microsecond)},
		{"no fraction", "2026-01-05 10:30:15", instant},
		{"milliseconds", "2026-01-05 10:30:15.5", instant.Add(500 * time.Millisecond)},
		{"nanoseconds", "2026-01-05 10:30:15.000000999", instant},
		{"T and Z", "2026-01-05T10:30:15Z", instant},
		{"T and an offset", "2026-01-05T12:30:15.25+02:00", instant.Add(250 * time.Millisecond)},
		{"a date", "2026-01-05", instant.Truncate(24 * time.Hour)},
		{"unix seconds", instant.Unix(), instant},
		{"unix milliseconds", instant.UnixMilli(), instant},
		{"garbage", "yesterday, I think", none},
		{"nothing", "", none},
		{"before 1970", "1912-06-23 08:00:00", none},
		{"the day of unreadable times", "1970-01-01 23:00:00", none},
		{"a far future", "9999-12-31 12:00:00.5", none},
	}
	ways := []struct {
		name  string
		count func(t *testing.T, path string, db *engagement.DB)
	}{
		{"the next Open", func(t *testing.T, path string, db *engagement.DB) { openAt(t, path) }},
		{"Rebuild", func(t *testing.T, path string, db *engagement.DB) { must(db.Rebuild(t.Context()))(t) }},
		{"Cleanup", func(t *testing.T, path string, db *engagement.DB) { must(db.Cleanup(t.Context(), 10_000))(t) }},
	}
	for _, way := range ways {
		t.Run(way.name+" counts them, whatever their time looks like", func(t *testing.T) {
			t.Parallel()
			path := freshFile(t)
			db := openAt(t, path)
			for i, row := range written {
				execute(t, path, "INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES (?, ?, ?, ?)",
					7, row.name, row.value, i%2 == 0)
			}
			execute(t, path, "INSERT INTO signal_fires (user_id, signal_id) VALUES (8, 'the default')")

			report := proven(t, db)
			same(t, "uncounted facts", report.Uncounted, int64(len(written)+1))
			if _, err := db.UserStats(t.Context(), 7); !errors.Is(err, engagement.ErrNotFound) {
				t.Errorf("they are counted before: %v", err)
			}

			way.count(t, path, db)
			report = proven(t, db)
			same(t, "uncounted facts", report.Uncounted, int64(0))
			want := map[string]time.Time{}
			for _, row := range written {
				if !row.want.IsZero() {
					want[row.name] = row.want
				}
			}
			same(t, "rows set aside", report.Aside, int64(len(written)-len(want)))
			got := map[string]time.Time{}
			for _, f := range must(db.Fires(t.Context(), engagement.FireFilter{UserID: 7}, anyPage))(t).Items {
				got[f.SignalID] = f.Timestamp
			}
			same(t, "times", got, want)
			same(t, "total fires", must(db.UserStats(t.Context(), 7))(t).TotalFires, int64(len(want)))
			day := engagement.DayOf(instant, time.UTC)
			same(t, "fires of the day", must(db.DailyFigures(t.Context(), engagement.Days(day, day)))(t)[0].Fires, int64(9))
			now := must(db.Fires(t.Context(), engagement.FireFilter{UserID: 8}, anyPage))(t).Items[0].Timestamp
			if since := time.Since(now); since < -2*time.Second || since > time.Minute {
				t.Errorf("CURRENT_TIMESTAMP is read as %s", now)
			}
		})
	}

	t.Run("trades are counted too", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		openAt(t, path)
		execute(t, path, `INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at) VALUES
			(7, 'a', 1500000, 'win', '2026-01-05T10:30:15Z'), (7, 'b', -250000, 'loss', 'garbage'), (8, 'a', 0, 'draw', 1767609015)`)
		db := openAt(t, path)
		proven(t, db)
		stats := must(db.UserStats(t.Context(), 7))(t)
		same(t, "P&L, wins and losses", [3]float64{stats.PnL, float64(stats.Wins), float64(stats.Losses)}, [3]float64{1.5, 1, 0})
		closed := map[string]time.Time{}
		for _, tr := range must(db.Trades(t.Context(), engagement.TradeFilter{}, anyPage))(t).Items {
			closed[fmt.Sprint(tr.UserID, tr.TradeID)] = tr.ClosedAt
		}
		same(t, "closing times", closed, map[string]time.Time{"7a": instant, "8a": instant})
	})

	t.Run("odd signal ids that RecordFire takes are counted as they are, others are set aside", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		openAt(t, path)
		odd := []string{
			"", " ", "\x01\x02", "line\nbreak", "nul\x00inside", "\xff\xfe\xfd", "half \xe2\x82", `"quoted\"`, `\`, `'`,
			"[1,2]", "\u2028", strings.Repeat("long ", 5000),
		}
		for i, id := range odd {
			for user := range i%3 + 1 {
				execute(t, path, "INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES (?, ?, '2026-01-05 10:30:15', 1)", user+1, id)
			}
		}
		db := openAt(t, path)
		proven(t, db)
		got, want := map[string]int64{}, map[string]int64{}
		for i, id := range odd {
			if _, err := db.RecordFire(t.Context(), engagement.Fire{UserID: 99, SignalID: id}); err != nil {
				wantError(t, err, engagement.ErrInvalid)
				continue
			}
			want[id] = int64(i%3 + 2)
		}
		for _, row := range query(t, path, "SELECT signal_id, total_fires FROM signal_metrics", func(rows *sql.Rows) (s engagement.SignalMetrics, err error) {
			return s, rows.Scan(&s.SignalID, &s.TotalFires)
		}) {
			got[row.SignalID] = row.TotalFires
		}
		same(t, "fires of signals", got, want)
		report := must(db.Rebuild(t.Context()))(t)
		same(t, "findings that Rebuild put right", report.Repaired, []engagement.Finding{})
		must(db.EraseUser(t.Context(), 1))(t)
		proven(t, db)
	})

	t.Run("recording a fire that is not counted yet keeps it to be counted", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		db := openAt(t, path)
		execute(t, path, `INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES
			(7, 'A', '2026-01-05 10:30:15', 0), (7, 'B', '2026-01-05T10:30:15Z', 0), (7, 'C', 1767609015, 1), (7, 'D', '2026-01-06', 0)`)
		same(t, "A again", fire(t, db, engagement.Fire{UserID: 7, SignalID: "A"}), engagement.Duplicate)
		same(t, "A executed", fire(t, db, engagement.Fire{UserID: 7, SignalID: "A", Executed: true}), engagement.MarkedExecuted)
		same(t, "A executed again", fire(t, db, engagement.Fire{UserID: 7, SignalID: "A", Executed: true}), engagement.Duplicate)
		noError(t, db.Tx(t.Context(), func(tx *engagement.Tx) error {
			same(t, "B executed", fire(t, tx, engagement.Fire{UserID: 7, SignalID: "B", Executed: true}), engagement.MarkedExecuted)
			same(t, "C again", fire(t, tx, engagement.Fire{UserID: 7, SignalID: "C", Executed: true}), engagement.Duplicate)
			same(t, "E", fire(t, tx, engagement.Fire{UserID: 7, SignalID: "E", At: instant}), engagement.Recorded)
			return nil
		}))
		same(t, "uncounted facts", proven(t, db).Uncounted, int64(4))
		same(t, "total fires before", must(db.UserStats(t.Context(), 7))(t).TotalFires, int64(1))

		db = openAt(t, path)
		proven(t, db)
		day := engagement.DayOf(instant, time.UTC)
		same(t, "the day", must(db.DailyFigures(t.Context(), engagement.Days(day, day)))(t), []engagement.DayFigures{
			{Day: day, Fires: 4, Executed: 3, ActiveUsers: 1, NewUsers: 1, ExecutionRate: 0.75},
		})
		summary := must(db.UserSummary(t.Context(), 7))(t)
		same(t, "total and executed fires", [2]int64{summary.TotalFires, summary.Executed}, [2]int64{5, 3})
		same(t, "days that are none", texts(t, path, `SELECT day FROM user_days WHERE day < 0
			UNION ALL SELECT day FROM signal_days WHERE day < 0 UNION ALL SELECT day FROM days WHERE day < 0`), []string{})
	})

	t.Run("Cleanup counts them before it deletes them", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		db := openAt(t, path)
		execute(t, path, `INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES
			(7, 'OLD', datetime('now', '-200 days')), (7, 'NEW', datetime('now', '-2 days')), (8, 'OLD', '2001-02-03'), (9, 'OLD', 86400 * 400)`)
		report := must(db.Cleanup(t.Context(), 90))(t)
		same(t, "fires deleted", report.FiresDeleted, int64(3))
		proven(t, db)
		same(t, "total fires of the user", must(db.UserStats(t.Context(), 7))(t).TotalFires, int64(2))
		same(t, "total fires of the signal", must(db.SignalMetrics(t.Context(), "OLD"))(t).TotalFires, int64(3))
		same(t, "fires kept", len(storedFires(t, path)), 1)

		execute(t, path, "INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (7, 'LATE', datetime('now', '-200 days'))")
		db = openAt(t, path)
		proven(t, db)
		same(t, "total fires with a late one", must(db.UserStats(t.Context(), 7))(t).TotalFires, int64(3))
		same(t, "late fires deleted", must(db.Cleanup(t.Context(), 90))(t).FiresDeleted, int64(1))
		proven(t, db)
	})

	t.Run("erasing a user erases them too", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		db := openAt(t, path)
		execute(t, path, "INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (7, 'A', 'garbage'), (7, 'B', 1767609015), (8, 'A', '2026-01-05')")
		same(t, "fires erased", must(db.EraseUser(t.Context(), 7))(t).Fires, int64(2))
		db = openAt(t, path)
		proven(t, db)
		same(t, "fires of A", must(db.SignalMetrics(t.Context(), "A"))(t).TotalFires, int64(1))
	})
}

func TestOpeningBalances(t *testing.T) {
	t.Parallel()
	path := adoptable(t, unsettled)
	amounts := map[int64]float64{
		101: 0.1, 102: -0.1, 103: 0.0000004, 104: 1e-6, 105: -12345678.905, 106: 9e12, 107: -9e12, 108: 0,
		109: 1234567.891234, 110: 1.0 / 3,
	}
	for user, pnl := range amounts {
		execute(t, path, "INSERT INTO user_stats (user_id, total_fires, win_rate, pnl, last_updated) VALUES (?, 99, 0.7, ?, 'garbage')", user, pnl)
	}
	db := openAt(t, path)
	proven(t, db)
	for user, pnl := range amounts {
		rounded := math.Round(pnl*1e6) / 1e6
		trades := must(db.Trades(t.Context(), engagement.TradeFilter{UserID: user}, anyPage))(t).Items
		if rounded == 0 {
			same(t, fmt.Sprintf("trades of %g", pnl), len(trades), 0)
			continue
		}
		same(t, fmt.Sprintf("P&L of %g", pnl), must(db.UserStats(t.Context(), user))(t).PnL, rounded)
		same(t, "trades", len(trades), 1)
		same(t, "trade id and result", trades[0].TradeID+" "+trades[0].Outcome.String(), "opening-balance draw")
	}
}

// lookUp returns the error of a look-up.
func lookUp[T any](_ T, err error) error { return err }
