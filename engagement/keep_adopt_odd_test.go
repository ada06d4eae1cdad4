package engagement_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gooselib "github.com/pressly/goose/v3"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
	"github.com/hydraxdev/engagementdb/migrations"
)

func TestOddStructuresAreFoundBeforeAnythingIsChanged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, statement, says string }{
		{"a column that every row must give", "ALTER TABLE signal_fires RENAME TO old; CREATE TABLE signal_fires (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, signal_id TEXT NOT NULL, timestamp DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, executed BOOLEAN NOT NULL DEFAULT 0, channel TEXT NOT NULL, UNIQUE(user_id, signal_id))",
			"its column signal_fires.channel must be given in every new row, which this program does not know of"},
		{"a column of our own name", "ALTER TABLE signal_fires ADD COLUMN day TEXT", "it has a column signal_fires.day that no migration made"},
		{"a trigger", "CREATE TRIGGER spy AFTER UPDATE ON user_stats BEGIN DELETE FROM signal_fires; END", "its trigger spy on user_stats would run while it is migrated"},
		{"a table of our own name", "CREATE TABLE trades (note TEXT)", "it has a table trades that no migration made"},
		{"a table of our own name in other letters", "CREATE TABLE Settings (note TEXT)", "it has a table Settings that no migration made"},
		{"a view of our own name", "CREATE VIEW user_days AS SELECT * FROM user_stats", "it has a view user_days that no migration made"},
		{"an index of our own name", "CREATE TABLE notes (text); CREATE INDEX idx_trades_closed_at ON notes(text)", "it has an index idx_trades_closed_at on notes that no migration made"},
		{"an index of the predecessor's name", "DROP INDEX idx_signal_fires_user_id; CREATE TABLE notes (text); CREATE INDEX idx_signal_fires_user_id ON notes(text)",
			"its index idx_signal_fires_user_id on notes has the name of this program's index idx_signal_fires_user_id on signal_fires"},
		{"a view in the place of a table", "ALTER TABLE signal_metrics RENAME TO hidden; CREATE VIEW signal_metrics AS SELECT * FROM hidden", "signal_metrics is a view, want a table"},
		{"somebody's table of versions", "CREATE TABLE goose_db_version (goose TEXT)", "its table goose_db_version, where goose keeps versions, is something else"},
		{"versions of somebody else", "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP); INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (20240101, 1)",
			"its schema version 20240101 is newer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := adoptable(t, settled)
			execute(t, path, c.statement)
			before := folder(t, filepath.Dir(path))
			_, err := engagement.Open(t.Context(), path)
			wantError(t, err, engagement.ErrSchema)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says: %v", err)
			}
			same(t, "the folder", folder(t, filepath.Dir(path)), before)
		})
	}
	for _, e := range engines[1:] {
		for name, c := range map[string]struct{ statement, says string }{
			"a table of our own name":  {"CREATE TABLE trades (note TEXT)", "it has a table trades that no migration made"},
			"a view of our own name":   {"CREATE VIEW readable_fires AS SELECT 1 AS one", "readable_fires that no migration made"},
			"an index of our own name": {"CREATE TABLE notes (note TEXT); CREATE INDEX idx_trades_closed_at ON notes(note)", "idx_trades_closed_at that no migration made"},
		} {
			t.Run(e.name+", "+name, func(t *testing.T) {
				t.Parallel()
				dsn := e.fresh(t)
				noError(t, pgtest.Exec(t.Context(), dsn, c.statement))
				_, err := engagement.Open(t.Context(), dsn)
				wantError(t, err, engagement.ErrSchema)
				if !strings.Contains(err.Error(), c.says) {
					t.Errorf("it says: %v", err)
				}
			})
		}
	}
}

func TestTriesThatFailLeaveNoBackup(t *testing.T) {
	t.Parallel()
	path := adoptable(t, settled)
	fires, users := storedFires(t, path), storedUsers(t, path)
	other := must(sql.Open("sqlite3", "file:"+path+"?_txlock=immediate"))(t)
	held := must(other.Begin())(t)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if _, err := engagement.Open(ctx, path); err == nil {
			t.Error("a file that another program holds was migrated")
		}
		cancel()
		same(t, "backups of a file that is held", len(backupsBeside(t, path)), 0)
	}
	noError(t, held.Rollback())
	noError(t, other.Close())

	// A migration that fails for good: a P&L that its sum cannot hold.
	execute(t, path, "ALTER TABLE user_stats ADD COLUMN extra INTEGER CHECK (total_fires > 0 OR user_id < 0)")
	for range 2 {
		if _, err := engagement.Open(t.Context(), path); err == nil {
			t.Fatal("it was migrated against a CHECK")
		}
	}
	if n := len(backupsBeside(t, path)); n > 1 {
		t.Errorf("%d backups of tries that failed", n)
	}
	_, _ = fires, users
}

func TestOpeningBalancesBelongToAllTimeOnly(t *testing.T) {
	t.Parallel()
	path := adoptable(t, settled)
	// Kept out: what no trade can make, and what is no number.
	kept := map[int64]string{9001: "1e13", 9002: "9e999", 9003: "'12 USD'", 9004: "'1,250.50'", 9005: "-9.5e12", 9006: "x'31'"}
	written := map[int64]string{9001: "10000000000000.0", 9002: "Inf", 9003: "12 USD", 9004: "1,250.50", 9005: "-9500000000000.0", 9006: "1"}
	for user, pnl := range kept {
		execute(t, path, "INSERT INTO user_stats (user_id, pnl, last_updated) VALUES ("+fmt.Sprint(user)+", "+pnl+", CURRENT_TIMESTAMP)")
	}
	execute(t, path, "UPDATE user_stats SET last_updated = CURRENT_TIMESTAMP")
	balances := 0
	for _, u := range storedUsers(t, settledCopy(t)) {
		if u.Cents != 0 {
			balances++
		}
	}
	db := openAt(t, path)
	ctx := soon(t)
	report := proven(t, db)
	same(t, "balances that are kept out", report.Aside, int64(len(kept)))
	for _, row := range report.AsideRows {
		var user int64
		fmt.Sscan(row.UserID, &user)
		same(t, "as it was written", row.SignalID, "P&L "+written[user])
		if stats, err := db.UserStats(ctx, user); err == nil {
			same(t, "P&L of one kept out", stats.PnL, 0.0)
		}
	}
	for _, w := range []engagement.Window{db.TodayWindow(), db.ThisWeek(), db.ThisMonth()} {
		same(t, "board of "+w.String(), must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByPnL, Window: w}, anyPage))(t).Items, []engagement.BoardRow{})
		same(t, "trades of "+w.String(), must(db.Trades(ctx, engagement.TradeFilter{Window: w}, anyPage))(t).Items, []engagement.ClosedTrade{})
	}
	all := inPages(t, 100, listTrades(db.Reader, engagement.TradeFilter{}))
	same(t, "balances of all time", len(all), balances)
	user := all[0].UserID
	pnl := must(db.UserStats(ctx, user))(t).PnL
	judged := quality(t, db.Reader, engagement.QualityQuery{UserID: user})
	same(t, "quality", []any{judged.PnL, judged.CarriedPnL, judged.Trades, judged.Equity, judged.Drawdown}, []any{pnl, pnl, int64(0), []engagement.EquityDay{}, engagement.Drawdown{}})
	trade(t, db, engagement.Trade{UserID: user, TradeID: "t", PnL: -5})
	judged = quality(t, db.Reader, engagement.QualityQuery{UserID: user})
	same(t, "quality with a trade beside it", []any{judged.CarriedPnL, judged.Trades, judged.Draws, *judged.Expectancy, judged.Equity, judged.Drawdown, judged.Worst.TradeID},
		[]any{pnl, int64(1), int64(0), -5.0, []engagement.EquityDay{{Day: db.Today(), PnL: -5, Cumulative: -5}}, engagement.Drawdown{Amount: 5}, "t"})
	trade(t, db, engagement.Trade{UserID: user, TradeID: "u", PnL: 5})
	explained := must(db.ExplainUser(ctx, user, engagement.FigurePnL, anyPage))(t)
	same(t, "explained", []any{explained.Exact, explained.Carried, explained.Sum, explained.Days}, []any{true, pnl, pnl, []engagement.FigureDay{}})
	_, err := db.RecordTrade(ctx, engagement.Trade{UserID: user, TradeID: "opening-balance", PnL: 1})
	wantError(t, err, engagement.ErrInvalid)
	if !strings.Contains(err.Error(), "reserved") {
		t.Errorf("refused: %v", err)
	}
}

// settledCopy returns the path of the predecessor's file with totals.
func settledCopy(t tb) string { return adoptable(t, settled) }

func TestPostgresCarriesEveryDigit(t *testing.T) {
	t.Parallel()
	for _, e := range engines[1:] {
		dsn := e.fresh(t)
		noError(t, engagement.Migrate(t.Context(), dsn))
		down := must(sql.Open("pgx", dsn))(t)
		provider := must(gooselib.NewProvider(gooselib.DialectPostgres, down, migrations.Postgres, gooselib.WithDisableGlobalRegistry(true)))(t)
		must(provider.DownTo(t.Context(), 1))(t)
		noError(t, down.Close())
		noError(t, pgtest.Exec(t.Context(), dsn, `INSERT INTO user_stats (user_id, pnl) VALUES
			(1, 1234567890.123456), (2, -0.1), (3, 8999999999999.999), (4, 'NaN'), (5, 'Infinity'), (6, 9.1e12), (7, 0)`))
		db := openAt(t, dsn)
		for user, want := range map[int64]float64{1: 1234567890.123456, 2: -0.1, 3: 8999999999999.999} {
			same(t, "P&L", must(db.UserStats(t.Context(), user))(t).PnL, want)
		}
		report := proven(t, db)
		said := map[string]string{}
		for _, row := range report.AsideRows {
			said[row.UserID] = row.SignalID
		}
		same(t, "kept out", said, map[string]string{"4": "P&L NaN", "5": "P&L Infinity", "6": "P&L 9100000000000"})
	}
}

func TestDatabasesThatCountedFactsOnDay0ComeOutRight(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn := soon(t), e.migrated(t)
			driver, dialect, files := "sqlite3", gooselib.DialectSQLite3, fs.FS(migrations.SQLite)
			if e.name == "postgres" {
				driver, dialect, files = "pgx", gooselib.DialectPostgres, migrations.Postgres
			}
			raw := must(sql.Open(driver, dsn))(t)
			must(must(gooselib.NewProvider(dialect, raw, files, gooselib.WithDisableGlobalRegistry(true)))(t).DownTo(ctx, 4))(t)
			noError(t, raw.Close())
			alter(t, dsn,
				"INSERT INTO settings (name, value) VALUES ('time_zone', 'UTC')",
				`INSERT INTO signal_fires (user_id, signal_id, timestamp, executed, day) VALUES
					(1, 'A', '2026-01-14 09:00:00.000000', TRUE, 20467), (1, 'B', '1970-01-01 00:00:00.000000', FALSE, 0), (2, 'B', '1970-01-01 00:00:00.000000', TRUE, 0)`,
				`INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at, day) VALUES (1, 't', 5000000, 'win', '2026-01-14 09:00:00.000000', 20467),
					(1, 'opening-balance', 7000000, 'draw', '2026-01-13 09:00:00.000000', 20466), (1, 'u', 3000000, 'win', '1970-01-01 00:00:00.000000', 0)`,
				`INSERT INTO user_days (user_id, day, fires, executed, wins, draws, pnl_micros) VALUES
					(1, 20467, 1, 1, 1, 0, 5000000), (1, 20466, 0, 0, 0, 1, 7000000), (1, 0, 1, 0, 1, 0, 3000000), (2, 0, 1, 1, 0, 0, 0)`,
				"INSERT INTO signal_days (signal_id, day, fires, executed) VALUES ('A', 20467, 1, 1), ('B', 0, 2, 1)",
				"INSERT INTO days (day, fires, executed, active_users, new_users) VALUES (20467, 1, 1, 1, 1), (0, 2, 1, 2, 0)",
				`INSERT INTO user_stats (user_id, total_fires, executed, wins, draws, pnl, pnl_micros, win_rate, win_bound, first_day, streak_start, streak_end, streak_longest, streak_length, streak_until, last_updated) VALUES
					(1, 2, 1, 2, 1, 15, 15000000, 1, -1, 20467, 20467, 20467, 1, 1, 20468, '2026-01-14 09:00:00.000000')`,
				"INSERT INTO user_stats (user_id, total_fires, executed, last_updated) VALUES (2, 1, 1, '1970-01-01 00:00:00.000000')",
				"INSERT INTO signal_metrics (signal_id, total_fires, active_users, created_at) VALUES ('A', 1, 1, '2026-01-14 09:00:00.000000'), ('B', 2, 2, '1970-01-01 00:00:00.000000')")
			db := openAt(t, dsn, newClock(noon).option())
			report := proven(t, db)
			same(t, "set aside, uncounted, users and signals", []int64{report.Aside, report.Uncounted, report.Users, report.Signals}, []int64{3, 0, 1, 1})
			stats := must(db.UserStats(ctx, 1))(t)
			same(t, "fires, wins and P&L", []float64{float64(stats.TotalFires), float64(stats.Wins), stats.PnL}, []float64{1, 1, 12})
			for _, board := range []engagement.Window{db.ThisMonth(), engagement.Days(20466, 20466)} {
				rows := must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByPnL, Window: board}, anyPage))(t).Items
				if len(rows) > 0 {
					same(t, "P&L of "+board.String(), rows[0].PnL, 5.0)
				}
			}
		})
	}
}
