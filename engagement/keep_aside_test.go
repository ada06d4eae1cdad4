package engagement_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestRowsThatCannotBeFactsAreSetAside(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn := soon(t), e.migrated(t)
			db := openVaried(t, dsn)
			before := read(t, db)
			fires, trades := slices.Concat(badFires[""], badFires[e.name]), slices.Concat(badTrades[""], badTrades[e.name])
			insertInto(t, dsn, "signal_fires", fireColumns, fires)
			insertInto(t, dsn, "trades", tradeColumns, trades)
			stored := everythingOf(t, dsn)
			bad := int64(len(fires) + len(trades))

			same(t, "uncounted before anything looks at them", proven(t, db).Uncounted, bad)
			var log bytes.Buffer
			logged := engagement.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))
			db = openAt(t, dsn, newClock(noon).option(), logged)
			same(t, "warnings of the first Open", strings.Count(log.String(), "is set aside"), int(bad))
			if strings.Contains(log.String(), "bob") || strings.Contains(log.String(), "yesterday") {
				t.Errorf("what a row holds is logged: %s", &log)
			}
			same(t, "figures", read(t, db), before, withoutAside)
			same(t, "rows, but for their day", everythingOf(t, dsn), stored)
			report := proven(t, db)
			same(t, "set aside and listed by Verify", []int64{report.Aside, int64(len(report.AsideRows)), report.Uncounted}, []int64{bad, bad, 0})
			same(t, "what is said of fires", setAsideIn(t, db, "signal_fires"), reasonsOf(fires))
			same(t, "what is said of trades", setAsideIn(t, db, "trades"), reasonsOf(trades))

			log.Reset()
			db = openAt(t, dsn, newClock(noon).option(), logged)
			same(t, "what Rebuild puts right", must(db.Rebuild(ctx))(t).Repaired, []engagement.Finding{})
			must(db.Cleanup(ctx, 5))(t)
			same(t, "warnings later", strings.Count(log.String(), "is set aside"), 0)
			same(t, "figures after Rebuild and Cleanup", read(t, db), before, withoutAside)
			same(t, "rows after Rebuild and Cleanup", everythingOf(t, dsn), stored)

			for _, other := range engines {
				target := other.fresh(t)
				copied := must(db.CopyTo(ctx, target))(t)
				same(t, "left behind by a copy to "+other.name, copied.Aside, bad)
				same(t, "figures of the copy", read(t, openAt(t, target, newClock(noon).option())), before, withoutAside)
			}
			must(db.EraseUser(ctx, 1))(t)
			after := proven(t, db)
			same(t, "rows of the erased user", inDatabase(t, dsn, "SELECT CAST(id AS TEXT) FROM signal_fires WHERE user_id = 1"), []string{})
			for _, row := range must(db.Aside(ctx, anyPage))(t).Items {
				same(t, "deleted", must(db.DeleteAside(ctx, row.Table, row.ID))(t), row)
				_, err := db.DeleteAside(ctx, row.Table, row.ID)
				wantError(t, err, engagement.ErrNotFound)
				after.Aside--
			}
			same(t, "rows set aside in the end", []int64{after.Aside, proven(t, db).Aside}, []int64{0, 0})
		})
	}
}

func TestAdoptionSetsAsideWhatCannotBeAFact(t *testing.T) {
	t.Parallel()
	for _, fixture := range fixtures {
		t.Run(fixture.name, func(t *testing.T) {
			t.Parallel()
			path, sound := adoptable(t, fixture.name), adoptable(t, fixture.name)
			insertInto(t, path, "signal_fires", fireColumns, badFires["sqlite"])
			stored := texts(t, path, "SELECT quote(id) || quote(user_id) || quote(signal_id) || quote(timestamp) || quote(executed) FROM signal_fires ORDER BY id")
			then := newClock(time.Date(2026, time.November, 27, 12, 0, 0, 0, time.UTC)).option() // the fixtures are older
			db, want := openAt(t, path, then), openAt(t, sound, then)
			wanted := read(t, want)
			got := read(t, db)
			same(t, "figures", got, wanted, withoutAside)
			if got.Report.Aside < int64(len(badFires["sqlite"])) {
				t.Errorf("%d rows are set aside", got.Report.Aside)
			}
			same(t, "rows", texts(t, path, "SELECT quote(id) || quote(user_id) || quote(signal_id) || quote(timestamp) || quote(executed) FROM signal_fires ORDER BY id")[wanted.Report.Fires:], stored[wanted.Report.Fires:])
			must(db.CopyTo(t.Context(), freshFile(t)))(t)
		})
	}
}

// The predecessor's own table has no such rows, but nobody keeps a file from having
// another.
func TestAdoptedRowsMayBeMissingAnything(t *testing.T) {
	t.Parallel()
	path := adoptable(t, unsettled)
	execute(t, path, `ALTER TABLE signal_fires RENAME TO old; DROP INDEX idx_signal_fires_user_id; DROP INDEX idx_signal_fires_signal_id;
		DROP INDEX idx_signal_fires_timestamp;
		CREATE TABLE signal_fires (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER, signal_id TEXT, timestamp DATETIME, executed BOOLEAN, UNIQUE(user_id, signal_id));
		INSERT INTO signal_fires SELECT * FROM old; DROP TABLE old`)
	insertInto(t, path, "signal_fires", fireColumns, []badRow{
		{values: "NULL, 'S', '2026-01-14', 0"}, {values: "7, NULL, '2026-01-14', 0"},
		{values: "7, 'S', NULL, 0"}, {values: "7, 'T', '2026-01-14', NULL"}, {values: "NULL, NULL, NULL, NULL"},
	})
	db := openAt(t, path)
	same(t, "what is said of them", setAsideIn(t, db, "signal_fires"),
		[]string{"user id: it is missing", "signal id: it is missing", "timestamp: it is missing", "executed: it is missing", "user id: it is missing"})
	for _, finding := range must(db.Verify(t.Context()))(t).Findings {
		if finding.Invariant != "V5" { // the table is another
			t.Errorf("Verify: %s", finding)
		}
	}
	must(db.EraseUser(t.Context(), 7))(t)
	same(t, "rows without a user", len(setAsideIn(t, db, "signal_fires")), 2)
	for _, row := range must(db.Aside(t.Context(), anyPage))(t).Items {
		must(db.DeleteAside(t.Context(), row.Table, row.ID))(t)
	}
	same(t, "rows in the end", len(setAsideIn(t, db, "signal_fires")), 0)
}

func TestRowsSetAsideThatBecomeFactsAreCounted(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn, now := soon(t), e.migrated(t), newClock(noon)
			openVaried(t, dsn)
			insertInto(t, dsn, "signal_fires", fireColumns, []badRow{{values: "0, 'MENDED', '2026-01-14 09:00:00', FALSE"}, {values: "4, 'AHEAD', '2026-01-16 09:00:00', FALSE"}})
			insertInto(t, dsn, "trades", tradeColumns, []badRow{{values: "4, 'big', '', 9000000000000000000, 'win', '2026-01-14 09:00:00'"}, {values: "4, 'bigger', '', 9000000000000000000, 'win', '2026-01-13 10:00:00'"}})
			db := openAt(t, dsn, now.option())
			same(t, "set aside", proven(t, db).Aside, int64(3))
			same(t, "P&L of the trade that fits", must(db.UserStats(ctx, 4))(t).PnL, engagement.MaxPnL)
			for _, row := range must(db.Aside(ctx, anyPage))(t).Items {
				if row.Table == "trades" && !strings.HasPrefix(row.Reason, "P&L: the sum of the user's trades") {
					t.Errorf("of the other: %s", row)
				}
			}

			alter(t, dsn, toUser("signal_fires", "signal_id, timestamp, executed, day", 5, "signal_id = 'MENDED'"))
			must(db.Rebuild(ctx))(t)
			same(t, "set aside after a mend", proven(t, db).Aside, int64(2))
			same(t, "fires of the mended row's user", must(db.UserStats(ctx, 5))(t).TotalFires, int64(1))
			now.Advance(48 * time.Hour)
			trade(t, db, engagement.Trade{UserID: 4, TradeID: "back", PnL: -engagement.MaxPnL})
			db = openAt(t, dsn, now.option())
			same(t, "set aside two days later", proven(t, db).Aside, int64(0))
			same(t, "fires and P&L of the user", []float64{float64(must(db.UserStats(ctx, 4))(t).TotalFires), must(db.UserStats(ctx, 4))(t).PnL}, []float64{1, engagement.MaxPnL})
		})
	}
}

func TestRecordingAFactWhoseKeyIsSetAside(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn := soon(t), e.migrated(t)
			now := newClock(noon)
			noError(t, openAt(t, dsn).Close())
			times := []string{"'1969-01-01'"}
			if e.name == "postgres" {
				times = append(times, "'infinity'")
			} else {
				times = append(times, "'garbage'", "x'00'", "1e300")
			}
			keys := len(times)
			for i, at := range times {
				insertInto(t, dsn, "signal_fires", fireColumns, []badRow{{values: fmt.Sprintf("7, 'S%d', %s, TRUE", i, at)}})
				insertInto(t, dsn, "trades", tradeColumns, []badRow{{values: fmt.Sprintf("7, 't%d', '', 1000000, 'win', %s", i, at)}})
			}
			if e.name == "sqlite" {
				insertInto(t, dsn, "signal_fires", fireColumns, []badRow{{values: "7, 'S4', '2026-01-14 09:00:00', 'perhaps'"}})
				insertInto(t, dsn, "trades", tradeColumns, []badRow{{values: "7, 't4', '', 'much', 'win', '2026-01-14 09:00:00'"}})
				keys++
			}
			for _, counted := range []bool{true, false} {
				db := openAt(t, dsn, now.option())
				for i := range keys {
					_, err := db.RecordFire(ctx, engagement.Fire{UserID: 7, SignalID: fmt.Sprint("S", i), Executed: counted})
					wantError(t, err, engagement.ErrConflict)
					if !strings.Contains(err.Error(), fmt.Sprintf("signal_fires, row %d ", i+1)) {
						t.Errorf("it does not name the row: %v", err)
					}
					_, err = db.RecordTrade(ctx, engagement.Trade{UserID: 7, TradeID: fmt.Sprint("t", i), PnL: 1})
					wantError(t, err, engagement.ErrConflict)
				}
				_, err := db.UserStats(ctx, 7)
				wantError(t, err, engagement.ErrNotFound)
				proven(t, db)
			}
		})
	}
}

func TestMending(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn := soon(t), e.migrated(t)
			noError(t, openAt(t, dsn).Close())
			insertInto(t, dsn, "signal_fires", fireColumns, []badRow{
				{values: "0, 'S', '2026-01-14 09:00:00', TRUE"}, {values: "8, 'T', '1969-01-01', FALSE"}, {values: "8, '', '2026-01-13 09:00:00', FALSE"},
			})
			insertInto(t, dsn, "trades", tradeColumns, []badRow{
				{values: "9, 'opening-balance', 'P&L 1,250.50', 0, 'draw', '2026-01-10'"}, {values: "0, 't', 'S', 2500000, 'win', '2026-01-14 09:00:00'"},
			})
			db := openAt(t, dsn, newClock(noon).option())
			same(t, "set aside", proven(t, db).Aside, int64(5))

			_, err := db.MendFire(ctx, 1, func(*engagement.Fire) {})
			wantError(t, err, engagement.ErrInvalid)
			_, err = db.MendFire(ctx, 99, func(*engagement.Fire) {})
			wantError(t, err, engagement.ErrNotFound)
			_, err = db.MendTrade(ctx, 1, func(tr *engagement.Trade) {
				if !math.IsNaN(tr.PnL) || tr.SignalID != "" {
					t.Errorf("the balance is given as %+v", *tr)
				}
			})
			wantError(t, err, engagement.ErrInvalid)
			same(t, "set aside after what was refused", proven(t, db).Aside, int64(5))

			receipt := must(db.MendFire(ctx, 1, func(f *engagement.Fire) {
				same(t, "what can be read of it", *f, engagement.Fire{SignalID: "S", At: noon.Add(-3 * time.Hour), Executed: true})
				f.UserID = 8
			}))(t)
			same(t, "status", receipt.Status, engagement.Recorded)
			receipt = must(db.MendFire(ctx, 3, func(f *engagement.Fire) { f.SignalID = "S" }))(t)
			same(t, "status of a twin", receipt.Status, engagement.Duplicate)
			must(db.MendFire(ctx, 2, func(f *engagement.Fire) { f.At = noon.AddDate(0, 0, -1) }))(t)
			must(db.MendTrade(ctx, 1, func(tr *engagement.Trade) { tr.PnL = 1250.5 }))(t)
			must(db.MendTrade(ctx, 2, func(tr *engagement.Trade) { tr.UserID = 8 }))(t)
			report := proven(t, db)
			same(t, "set aside, fires and trades", []int64{report.Aside, report.Fires, report.Trades}, []int64{0, 2, 2})
			same(t, "streak", must(db.Streak(ctx, 8))(t).Current, int64(2))
			quality := quality(t, db.Reader, engagement.QualityQuery{UserID: 9})
			same(t, "balance", []float64{quality.PnL, quality.CarriedPnL, float64(quality.Trades)}, []float64{1250.5, 1250.5, 0})
		})
	}
}

func TestWindowsBefore1970HoldNothingThatIsNotCounted(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn := soon(t), e.migrated(t)
			noError(t, openAt(t, dsn).Close())
			insertInto(t, dsn, "signal_fires", fireColumns, []badRow{{values: "1, 'SPOILT_1', '1970-01-01', TRUE"}, {values: "1, 'SPOILT_2', '1969-12-31', TRUE"}})
			insertInto(t, dsn, "trades", tradeColumns, []badRow{
				{values: "1, 'old', 'SPOILT_1', 5000000, 'win', '1970-01-01'"}, {values: "1, 'opening-balance', '', 7000000, 'draw', '1970-01-05'"},
			})
			early := time.Date(1970, time.January, 14, 12, 0, 0, 0, time.UTC)
			db := openAt(t, dsn, newClock(early).option())
			fire(t, db, engagement.Fire{UserID: 1, SignalID: "GOOD_1"})
			alter(t, dsn, "INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (1, 'LATE_1', '1970-01-02'), (1, 'LATE_2', '1970-01-02')",
				"INSERT INTO trades (user_id, trade_id, signal_id, pnl_micros, outcome, closed_at) VALUES (1, 'late', '', 3000000, 'win', '1970-01-02')")

			for _, w := range []engagement.Window{engagement.Days(-400, 0), engagement.Days(0, 0)} {
				same(t, "popular signals", must(db.PopularSignals(ctx, w, anyPage))(t).Items, []engagement.PopularSignal{})
				days := must(db.DailyFigures(ctx, w))(t)
				same(t, "fires of the last day", days[len(days)-1].Fires, int64(0))
				for _, what := range []engagement.MetricPart{{What: "count", Of: "trades"}, {What: "pnl", Of: "trades"}, {What: "count", Of: "fires"}} {
					rows := must(db.EvaluateDefinition(ctx, engagement.MetricDefinition{
						Name: "m", What: what.What, Of: what.Of, Per: "user", Window: fmt.Sprint(w),
					}, anyPage))(t)
					same(t, "metric of "+string(what.Of), rows.Items, []engagement.MetricRow{})
				}
				same(t, "board", must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByPnL, Window: w}, anyPage))(t).Items, []engagement.BoardRow{})
				same(t, "trades", must(db.Trades(ctx, engagement.TradeFilter{Window: w}, anyPage))(t).Items, []engagement.ClosedTrade{})
			}
			same(t, "P&L of the week", must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByPnL, Window: engagement.Days(1, 13)}, anyPage))(t).Items, []engagement.BoardRow{})
			same(t, "favourite", must(db.UserSummary(ctx, 1))(t).FavoriteSignal, engagement.SignalCount{SignalID: ptr("GOOD"), FireCount: 1})
			same(t, "P&L of all time", must(db.UserStats(ctx, 1))(t).PnL, 7.0)
		})
	}
}

func TestAnyBadRowsLeaveTheFiguresOfTheGoodOnes(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			fires, trades := slices.Concat(badFires[""], badFires[e.name]), slices.Concat(badTrades[""], badTrades[e.name])
			checks := 0
			rapid.Check(t, func(t *rapid.T) {
				if checks++; checks > 12 {
					return // each takes a database
				}
				dsn := e.migrated(t)
				db := openVaried(t, dsn)
				before := read(t, db)
				for i := range rapid.IntRange(1, 5).Draw(t, "rounds") {
					table, columns, row := "signal_fires", fireColumns, rapid.SampledFrom(fires).Draw(t, "row")
					if rapid.Bool().Draw(t, "a trade") {
						table, columns, row = "trades", tradeColumns, rapid.SampledFrom(trades).Draw(t, "trade")
					}
					try(dsn, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, columns, row.values)) // it may be there
					switch rapid.IntRange(0, 3).Draw(t, "then") {
					case 0:
						db = openAt(t, dsn, newClock(noon).option())
					case 1:
						must(db.Rebuild(context.Background()))(t)
					case 2:
						_, err := db.RecordFire(context.Background(), engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", 900+i), At: noon.AddDate(-1, 0, 0)})
						wantError(t, err, engagement.ErrInvalid)
					}
				}
				db = openAt(t, dsn, newClock(noon).option())
				same(t, "figures", read(t, db), before, withoutAside)
			})
		})
	}
}
