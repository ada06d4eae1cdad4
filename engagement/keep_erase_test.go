package engagement_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// recordOthers records what user 1 does not.
func recordOthers(t tb, w writer) {
	t.Helper()
	for user := int64(2); user <= 3; user++ {
		for i := range 4 {
			fire(t, w, engagement.Fire{UserID: user, SignalID: fmt.Sprint("S_", i), At: noon.AddDate(0, 0, -i), Executed: i == 0})
		}
		trade(t, w, engagement.Trade{UserID: user, TradeID: "t", PnL: float64(user)})
	}
}

func recordOne(t tb, w writer) {
	t.Helper()
	for i := range 4 {
		fire(t, w, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), At: noon.AddDate(0, 0, -i).Add(60e9), Executed: i%2 == 0})
	}
	trade(t, w, engagement.Trade{UserID: 1, TradeID: "t", PnL: 1})
	trade(t, w, engagement.Trade{UserID: 1, TradeID: "u", PnL: 1, ClosedAt: noon.AddDate(0, 0, -20)})
}

func TestErasingAUserLeavesWhatTheOthersDid(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			db := openAt(t, e.migrated(t), newClock(noon).option())
			recordOthers(t, db)
			recordOne(t, db)
			receipt := must(db.EraseUser(ctx, 1))(t)
			same(t, "EraseUser", receipt, engagement.EraseReceipt{UserID: 1, Fires: 4, Trades: 2, Days: 5, ErasedAt: noon})

			without := openAt(t, e.migrated(t), newClock(noon).option())
			recordOthers(t, without)
			same(t, "contents as if the user had never been", read(t, db), read(t, without), withoutIDs)
			for i := range 4 {
				signal := fmt.Sprint("S_", i)
				same(t, "SignalMetrics", must(db.SignalMetrics(ctx, signal))(t), must(without.SignalMetrics(ctx, signal))(t))
			}
			_, err := db.UserStats(ctx, 1)
			wantError(t, err, engagement.ErrNotFound)
			_, err = db.EraseUser(ctx, 1)
			wantError(t, err, engagement.ErrNotFound)
			contains(t, err, "user 1")
			must(db.Rebuild(ctx))(t)
			same(t, "contents after Rebuild", read(t, db), read(t, without), withoutIDs)
		})
	}
}

func TestErasingAUserAfterACleanup(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		recordOthers(t, db)
		recordOne(t, db)
		must(db.Cleanup(ctx, 1))(t) // the fires of two and of three days ago go
		receipt := must(db.EraseUser(ctx, 1))(t)
		same(t, "EraseUser", receipt, engagement.EraseReceipt{UserID: 1, Fires: 2, Trades: 2, Days: 5, ErasedAt: noon})
		today := db.Today()
		var days, signals []int64
		for _, d := range must(db.DailyFigures(ctx, engagement.Days(today-3, today)))(t) {
			days = append(days, d.Fires, d.ActiveUsers)
		}
		same(t, "fires and users of the days, oldest first", days, []int64{2, 2, 2, 2, 2, 2, 2, 2})
		for i := range 4 {
			signals = append(signals, must(db.SignalMetrics(ctx, fmt.Sprint("S_", i)))(t).TotalFires)
		}
		same(t, "fires of the signals, newest first", signals, []int64{2, 2, 3, 3}) // whose the old ones were cannot be told
		proven(t, db)
		must(db.Rebuild(ctx))(t)
		proven(t, db)
	})
}

func TestAnErasedUserMayComeBack(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		recordOne(t, db)
		before := read(t, db)
		must(db.EraseUser(ctx, 1))(t)
		recordOne(t, db)
		same(t, "contents after the same once more", read(t, db), before, withoutIDs)
	})
}

func TestErasingLeavesNoTraceOfAnID(t *testing.T) {
	t.Parallel()
	const id = 918273645
	dsn := freshFile(t)
	db := openAt(t, dsn, newClock(noon).option())
	recordOthers(t, db)
	fire(t, db, engagement.Fire{UserID: id, SignalID: "S_0"})
	trade(t, db, engagement.Trade{UserID: id, TradeID: "t", PnL: 1})
	must(db.EraseUser(context.Background(), id))(t)

	raw, err := sql.Open("sqlite3", "file:"+dsn+"?mode=ro")
	noError(t, err)
	defer raw.Close()
	columns, err := raw.Query(`SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'`)
	noError(t, err)
	defer columns.Close()
	var queries []string
	for columns.Next() {
		var table, column string
		noError(t, columns.Scan(&table, &column))
		queries = append(queries, fmt.Sprintf("SELECT COUNT(*) FROM %q WHERE %q = %d", table, column, id))
	}
	noError(t, columns.Err())
	for _, query := range queries {
		var n int
		noError(t, raw.QueryRow(query).Scan(&n))
		same(t, strings.TrimPrefix(query, "SELECT COUNT(*) "), n, 0)
	}
}

func TestErasingIsUndoneWithItsTransaction(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		recordOne(t, db)
		unchanged(t, db, func() {
			wantError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
				must(tx.EraseUser(ctx, 1))(t)
				_, err := tx.UserStats(ctx, 1)
				wantError(t, err, engagement.ErrNotFound)
				return errRegret
			}), errRegret)
		})
	})
}

func TestErasingAUserOfManyFiresLeavesEverySignalRight(t *testing.T) {
	t.Parallel()
	const kept = 10
	ctx, dsn := context.Background(), freshFile(t)
	db := openAt(t, dsn, newClock(noon).option())
	var fires []engagement.Fire
	for i := range engagement.MaxLimit + 50 { // two pages
		fires = append(fires, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), At: noon.Add(-time.Duration(i) * time.Second), Executed: i%3 == 0})
	}
	for i := range kept {
		fires = append(fires, engagement.Fire{UserID: 2, SignalID: fmt.Sprint("S_", i*1100), At: noon})
	}
	must(db.RecordFires(ctx, fires))(t)
	// Their times compare as later than, and as earlier than, the counted ones.
	execute(t, dsn, `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
		INSERT INTO signal_fires (user_id, signal_id, timestamp)
		SELECT 1, 'U_' || i, CASE WHEN i % 2 THEN '2026-01-14T00:00:00' ELSE 1700000000 END FROM n`)
	receipt := must(db.EraseUser(ctx, 1))(t)
	same(t, "fires erased", receipt.Fires, int64(engagement.MaxLimit+50+10_000))
	report := proven(t, db)
	same(t, "signals, fires and users", [3]int64{report.Signals, report.Fires, report.Users}, [3]int64{kept, kept, 1})
	for _, table := range []string{"signal_days", "signal_metrics"} {
		var want []string
		for i := range kept {
			want = append(want, fmt.Sprint("S_", i*1100, " 1"))
		}
		column := map[string]string{"signal_days": "fires", "signal_metrics": "total_fires"}[table]
		got := texts(t, dsn, "SELECT signal_id || ' ' || "+column+" FROM "+table+" ORDER BY length(signal_id), signal_id")
		same(t, table, got, want)
	}
}
