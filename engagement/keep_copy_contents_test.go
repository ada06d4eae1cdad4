package engagement_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/hydraxdev/engagementdb/engagement"
)

// openSQL opens a database of either engine as any other program would.
func openSQL(t tb, dsn string) *sql.DB {
	t.Helper()
	if isPostgres(dsn) {
		return must(sql.Open("pgx", dsn))(t)
	}
	return must(sql.Open("sqlite3", "file:"+dsn+"?_busy_timeout=10000"))(t)
}

func isPostgres(dsn string) bool { return strings.HasPrefix(dsn, "postgres://") }

// totalsOf returns a statement that changes a part of users' totals, by the name that
// it has on PostgreSQL, for the engine of dsn: SQLite keeps both parts in one table.
func totalsOf(dsn, statement string) string {
	if isPostgres(dsn) {
		return statement
	}
	return strings.NewReplacer("fire_totals", "user_stats", "user_states", "user_stats").Replace(statement)
}

// execSQL runs statements as another program would.
func execSQL(t tb, dsn string, statements ...string) {
	t.Helper()
	db := openSQL(t, dsn)
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(totalsOf(dsn, statement)); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// tablesOf lists the tables of a database that are copied.
func tablesOf(t tb, db *sql.DB, dsn string) []string {
	t.Helper()
	return slices.DeleteFunc(allTables(t, db, dsn), func(table string) bool { return engagement.NotCopied[table] != "" })
}

// allTables lists the tables of a database, and on PostgreSQL user_stats in place of
// the two that it is a view of.
func allTables(t tb, db *sql.DB, dsn string) (tables []string) {
	t.Helper()
	list := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
	if isPostgres(dsn) {
		list = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND (" +
			"table_name = 'user_stats' OR (table_type = 'BASE TABLE' AND table_name NOT IN ('fire_totals', 'user_states')))"
	}
	rows := must(db.Query(list))(t)
	defer rows.Close()
	for rows.Next() {
		var table string
		noError(t, rows.Scan(&table))
		tables = append(tables, table)
	}
	noError(t, rows.Err())
	slices.Sort(tables)
	return tables
}

// dump returns every column of every row of every table, sorted, but of those that
// are set aside, which a copy leaves behind, and of notes of upkeep, which is of a
// database and not of its contents.
func dump(t tb, dsn string) []string {
	t.Helper()
	db := openSQL(t, dsn)
	defer db.Close()
	var lines []string
	for _, table := range tablesOf(t, db, dsn) {
		if !strings.HasPrefix(table, "readable_") {
			lines = append(lines, dumpTable(t, db, table)...)
		}
	}
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return strings.Contains(line, " day=-2 ") || strings.HasPrefix(line, "settings name=last_")
	})
	slices.Sort(lines)
	return lines
}

func dumpTable(t tb, db *sql.DB, table string) (lines []string) {
	t.Helper()
	rows := must(db.Query("SELECT * FROM " + table))(t)
	defer rows.Close()
	names := must(rows.Columns())(t)
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		noError(t, rows.Scan(into...))
		cells := make([]string, len(names))
		for i, value := range values {
			if at, ok := value.(time.Time); ok {
				value = at.UTC().Format(time.RFC3339Nano)
			}
			cells[i] = fmt.Sprintf("%s=%v", names[i], value)
		}
		slices.Sort(cells)
		lines = append(lines, table+" "+strings.Join(cells, " "))
	}
	noError(t, rows.Err())
	return lines
}

// richDSN returns a database that has something of everything: an adopted
// fixture (where there are files), days with fires cleaned up, an erased user,
// results of all kinds, facts whose time cannot be known, another time zone.
func richDSN(t tb, e engine) string {
	t.Helper()
	dsn := e.migrated(t)
	if !isPostgres(dsn) {
		copyFixture(t, settled, dsn)
	}
	ctx := context.Background()
	clock := newClock(noon)
	db := openAt(t, dsn, clock.option(), engagement.WithLocation(zone(t, "Europe/Berlin")))
	var fires []engagement.Fire
	for day := range 120 {
		for user := int64(-2); user < 12; user++ {
			if user == 0 || (day*int(user+3))%4 == 0 {
				continue
			}
			fires = append(fires, engagement.Fire{
				UserID: user, SignalID: fmt.Sprintf("ÄÖ\"\\_%03d", day), Executed: day%3 == 0,
				At: noon.Add(-time.Duration(day) * 25 * time.Hour).Add(time.Duration(user) * 1234567 * time.Microsecond),
			})
		}
	}
	must(db.RecordFires(ctx, fires))(t)
	for i, pnl := range []float64{0.1, -0.2, 1e9 + 0.000001, -3.333333, 0, 12.5, 7} {
		for user := int64(1); user < 8; user += int64(i%3) + 1 {
			trade(t, db, engagement.Trade{
				UserID: user, TradeID: fmt.Sprint("t", i), SignalID: "GOLD_1", PnL: pnl,
				ClosedAt: noon.Add(-time.Duration(i) * 31 * time.Hour),
			})
		}
	}
	must(db.EraseUser(ctx, 5))(t)
	must(db.Cleanup(ctx, 60))(t)
	// Freezes of which some are spent, awards and a metric.
	grant := func(id string) { must(db.GrantFreeze(ctx, engagement.Freeze{UserID: 40, GrantID: id}))(t) }
	clock.Set(noon.Add(-72 * time.Hour))
	fireOn(t, db, 40, clock.Now())
	grant("a")
	grant("b")
	clock.Set(noon)
	fireOn(t, db, 40, noon)
	grant("c")
	noError(t, db.DefineMetric(ctx, must(engagement.ParseMetricDefinition([]byte(`{"name": "fires", "what": "count", "of": "fires", "per": "user"}`)))(t)))
	must(db.CreateToken(ctx, engagement.NewToken{Name: "bot", Scopes: []engagement.Scope{engagement.ScopeRead}}))(t)
	noError(t, db.SetPublic(ctx, 40, true))
	noError(t, db.Close())
	execSQL(t, dsn,
		"INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (3, 'FUTURE', '2099-01-01 00:00:00+00:00')",
		"INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at) VALUES (3, 'OLD', 1, 'win', '1969-01-01 00:00:00+00:00')")
	noError(t, openAt(t, dsn, clock.option()).Close()) // counts them
	return dsn
}

// copyTo copies the database at from to the one at to.
func copyTo(t tb, from, to string) engagement.CopyReport {
	t.Helper()
	db := openAt(t, from)
	report, err := db.CopyTo(context.Background(), to)
	noError(t, err)
	noError(t, db.Close())
	return report
}

// sameContents fails the test unless both databases hold and answer the same.
func sameContents(t tb, got, want string) {
	t.Helper()
	same(t, "all rows", dump(t, got), dump(t, want))
	at := newClock(noon).option()
	same(t, "contents", read(t, openAt(t, got, at)), read(t, openAt(t, want, at)), withoutAside)
}

// forEachDirection runs fn as a subtest for every pair of engines.
func forEachDirection(t *testing.T, fn func(t *testing.T, from, to engine)) {
	t.Helper()
	t.Parallel()
	for _, from := range engines {
		for _, to := range engines {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				fn(t, from, to)
			})
		}
	}
}
