package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
	"github.com/hydraxdev/engagementdb/migrations"
)

// server is the URL of a database where the tests may make schemas, or "".
var server string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if server = os.Getenv("ENGAGEMENT_TEST_POSTGRES"); server != "" {
		return m.Run(), nil
	}
	own, err := pgtest.Start(context.Background(), "fsync=off", "full_page_writes=off")
	if errors.Is(err, pgtest.ErrNotInstalled) && os.Getenv("ENGAGEMENT_TEST_POSTGRES_MUST_RUN") != "1" {
		return m.Run(), nil
	}
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, own.Stop()) }()
	server = own.URL()
	return m.Run(), nil
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// emptySchema returns a URL of a new schema, which goes away with t.
func emptySchema(t testing.TB) string {
	t.Helper()
	if server == "" {
		t.Skip(pgtest.ErrNotInstalled)
	}
	dsn, drop, err := pgtest.NewSchema(t.Context(), server)
	noError(t, err)
	t.Cleanup(func() { noError(t, drop()) })
	return dsn
}

func newEngine(t testing.TB, dsn string) *Engine {
	t.Helper()
	e, err := New(dsn, Options{Log: slog.New(slog.DiscardHandler)})
	noError(t, err)
	t.Cleanup(func() { noError(t, e.Close()) })
	return e
}

// migrated returns an engine on a new schema, and its DSN.
func migrated(t testing.TB) (*Engine, string) {
	t.Helper()
	dsn := emptySchema(t)
	e := newEngine(t, dsn)
	_, err := e.Migrate(t.Context())
	noError(t, err)
	noError(t, e.Open(t.Context()))
	return e, dsn
}

func exec(t testing.TB, dsn, statements string) {
	t.Helper()
	noError(t, pgtest.Exec(t.Context(), dsn, statements))
}

// value returns the only value of a query.
func value[T any](t testing.TB, e *Engine, query string) (v T) {
	t.Helper()
	noError(t, e.reader.QueryRowContext(t.Context(), query).Scan(&v))
	return v
}

func TestStructureCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change string
		finds  []string // the beginnings of its lines
	}{
		{"finds nothing in a sound schema", "SELECT 1", nil},
		{"leaves what others have beside it alone", `
			CREATE TABLE orders (id INT PRIMARY KEY, day BIGINT CHECK (day > 0));
			CREATE VIEW busy_days AS SELECT * FROM days`, nil},
		{"leaves comments, statistics and storage alone", `
			COMMENT ON TABLE trades IS 'ours'; ALTER TABLE trades SET (fillfactor = 70);
			ALTER TABLE trades ALTER user_id SET STATISTICS 500; ANALYZE trades`, nil},
		{"finds a dropped index", "DROP INDEX idx_trades_closed_at",
			[]string{"missing: index idx_trades_closed_at on trades (closed_at)"}},
		{"finds an index of another order", `
			DROP INDEX idx_user_stats_pnl; CREATE INDEX idx_user_stats_pnl ON user_states (pnl, user_id)`,
			[]string{"missing: index idx_user_stats_pnl", "unexpected: index idx_user_stats_pnl"}},
		{"finds an index of another condition", `
			DROP INDEX idx_trades_uncounted; CREATE INDEX idx_trades_uncounted ON trades (day, id) WHERE day < -1`,
			[]string{"missing: index idx_trades_uncounted", "unexpected: index idx_trades_uncounted"}},
		{"finds an index that refuses facts", "CREATE UNIQUE INDEX once ON trades (trade_id)",
			[]string{"unexpected: index once on trades (trade_id), unique t"}},
		{"finds an index that is not valid", "UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'idx_trades_closed_at'::regclass",
			[]string{"missing: index idx_trades_closed_at", "unexpected: index idx_trades_closed_at on trades (closed_at), unique f, valid f"}},
		{"finds a dropped column", "ALTER TABLE days DROP COLUMN executed",
			[]string{"missing: column days.executed bigint"}},
		{"finds a new column", "ALTER TABLE days ADD COLUMN note TEXT",
			[]string{"unexpected: column days.note text"}},
		{"finds a column of another type", "ALTER TABLE user_days ALTER COLUMN wins TYPE NUMERIC",
			[]string{"missing: column user_days.wins bigint", "unexpected: column user_days.wins numeric"}},
		{"finds a column of another default", "ALTER TABLE signal_fires ALTER COLUMN day SET DEFAULT 0",
			[]string{"missing: column signal_fires.day", "unexpected: column signal_fires.day"}},
		{"finds a column that may be null", "ALTER TABLE signal_fires ALTER COLUMN day DROP NOT NULL",
			[]string{"missing: column signal_fires.day", "unexpected: column signal_fires.day"}},
		{"finds a column that sorts by a language", `ALTER TABLE signal_days ALTER COLUMN signal_id TYPE TEXT COLLATE "default"`,
			[]string{"missing: column signal_days.signal_id text collate C", "unexpected: column signal_days.signal_id text, "}},
		{"finds a column that no longer counts up", "ALTER TABLE trades ALTER COLUMN id DROP IDENTITY",
			[]string{"missing: column trades.id", "unexpected: column trades.id"}},
		{"finds a CHECK removed", "ALTER TABLE trades DROP CONSTRAINT trades_outcome_check",
			[]string{"missing: constraint on trades: CHECK"}},
		{"finds a CHECK added", "ALTER TABLE days ADD CHECK (fires < 1000)",
			[]string{"unexpected: constraint on days: CHECK"}},
		{"finds another primary key", `
			ALTER TABLE user_days DROP CONSTRAINT user_days_pkey; ALTER TABLE user_days ADD PRIMARY KEY (day, user_id)`,
			[]string{
				"missing: constraint on user_days", "missing: index user_days_pkey",
				"unexpected: constraint on user_days", "unexpected: index user_days_pkey",
			}},
		{"finds a foreign key", "ALTER TABLE user_days ADD FOREIGN KEY (user_id) REFERENCES user_states",
			[]string{"unexpected: constraint on user_days: FOREIGN KEY"}},
		{"finds a trigger", `
			CREATE FUNCTION nothing() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
			CREATE TRIGGER swallow BEFORE INSERT ON trades FOR EACH ROW EXECUTE FUNCTION nothing()`,
			[]string{"unexpected: trigger swallow on trades"}},
		{"finds a rule", "CREATE RULE swallow AS ON INSERT TO trades DO INSTEAD NOTHING",
			[]string{"unexpected: rule swallow on trades"}},
		{"finds a dropped table", "DROP TABLE days",
			[]string{
				"missing: column days.active_users", "missing: column days.day", "missing: column days.executed", "missing: column days.fires", "missing: column days.losses", "missing: column days.new_users", "missing: column days.wins",
				"missing: constraint on days", "missing: index days_pkey",
			}},
		{"finds a view in the place of a table", `
			ALTER TABLE settings RENAME TO hidden; CREATE VIEW settings AS SELECT * FROM hidden`,
			[]string{
				"missing: column settings.name", "missing: column settings.value",
				"missing: constraint on settings", "missing: index settings_pkey", "unexpected: view settings",
			}},
		{"finds a view that shows other rows", "CREATE OR REPLACE VIEW readable_fires AS SELECT id, user_id, signal_id, timestamp, executed, day FROM signal_fires",
			[]string{"missing: view readable_fires", "unexpected: view readable_fires"}},
		{"finds a dropped view", "DROP VIEW readable_trades", []string{"missing: view readable_trades"}},
		{"finds totals without an index of a board", "DROP INDEX idx_fire_totals_executed",
			[]string{"missing: index idx_fire_totals_executed on fire_totals (executed DESC, user_id)"}},
		{"finds a table that a crash empties", "ALTER TABLE trades SET UNLOGGED",
			[]string{"unexpected: table trades is unlogged"}},
		{"finds row security", "ALTER TABLE trades ENABLE ROW LEVEL SECURITY",
			[]string{"unexpected: table trades has row security"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, dsn := migrated(t)
			exec(t, dsn, tt.change)
			lines, err := e.CheckStructure(t.Context())
			noError(t, err)
			if len(lines) != len(tt.finds) {
				t.Fatalf("found %d differences, want %d:\n%s", len(lines), len(tt.finds), strings.Join(lines, "\n"))
			}
			for i, beginning := range tt.finds {
				if !strings.HasPrefix(lines[i], beginning) {
					t.Errorf("found %q, want %q", lines[i], beginning)
				}
			}
		})
	}
	t.Run("leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		e, _ := migrated(t)
		e.reader.SetMaxOpenConns(1) // the session that makes the check is asked
		for range 2 {
			_, err := e.CheckStructure(t.Context())
			noError(t, err)
		}
		same(t, "temporary relations", value[int](t, e,
			"SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind <> 'i'"), 0)
		same(t, "search path", value[string](t, e, "SELECT current_schema()") != "", true)
	})
}

func TestSchemasOfOneDatabaseAreIndependent(t *testing.T) {
	t.Parallel()
	one, dsn := migrated(t)
	other, _ := migrated(t)
	exec(t, dsn, "INSERT INTO days (day, fires) VALUES (1, 1); DROP INDEX idx_trades_closed_at")
	same(t, "days of the other", value[int](t, other, "SELECT count(*) FROM days"), 0)
	for e, want := range map[*Engine]int{one: 1, other: 0} {
		lines, err := e.CheckStructure(t.Context())
		noError(t, err)
		same(t, "differences", len(lines), want)
	}
}

func TestManyMigrateOneEmptySchema(t *testing.T) {
	const engines = 8
	t.Parallel()
	dsn := emptySchema(t)
	var mu sync.Mutex
	var applied []int64
	var wg sync.WaitGroup
	for range engines {
		e := newEngine(t, dsn)
		wg.Go(func() {
			versions, err := e.Migrate(context.Background())
			if err != nil {
				t.Errorf("Migrate: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			applied = append(applied, versions...)
		})
	}
	wg.Wait()
	slices.Sort(applied)
	same(t, "versions applied by all together", applied, []int64{1, 2, 3, 4, 5, 6, 7, 8})
	e := newEngine(t, dsn)
	lines, err := e.CheckStructure(t.Context())
	noError(t, err)
	same(t, "differences", lines, []string(nil))
	same(t, "versions stored", value[int](t, e, "SELECT count(*) FROM goose_db_version"), 9)
}

// gooseProvider is what anybody makes of the migrations without this library.
func gooseProvider(t testing.TB, dsn string) *goose.Provider {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	noError(t, err)
	t.Cleanup(func() { noError(t, db.Close()) })
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Postgres, goose.WithDisableGlobalRegistry(true))
	noError(t, err)
	return provider
}

func TestMigrationsDownAndUp(t *testing.T) {
	t.Parallel()
	facts := func(t *testing.T, e *Engine) []string {
		t.Helper()
		return []string{
			value[string](t, e, "SELECT COALESCE(string_agg(concat_ws(' ', id, user_id, signal_id, timestamp, executed), '; ' ORDER BY id), '') FROM signal_fires"),
			value[string](t, e, "SELECT COALESCE(string_agg(concat_ws(' ', user_id, total_fires, pnl), '; ' ORDER BY user_id), '') FROM user_stats"),
			value[string](t, e, "SELECT COALESCE(string_agg(concat_ws(' ', signal_id, total_fires), '; ' ORDER BY signal_id), '') FROM signal_metrics"),
		}
	}
	for version := range int64(3) {
		t.Run(fmt.Sprintf("to version %d", version), func(t *testing.T) {
			t.Parallel()
			e, dsn := migrated(t)
			exec(t, dsn, `
				INSERT INTO signal_fires (user_id, signal_id, timestamp, executed, day) VALUES (7, 'A', '2026-01-14 12:00+00', TRUE, 20467);
				INSERT INTO fire_totals (user_id, total_fires) VALUES (7, 1);
				INSERT INTO user_states (user_id, pnl, pnl_micros) VALUES (7, 2.5, 2500000);
				INSERT INTO signal_metrics (signal_id, total_fires, active_users) VALUES ('A', 1, 1);
				INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, day) VALUES (7, 'T', 2500000, 'win', 20467)`)
			before := facts(t, e)
			provider := gooseProvider(t, dsn)
			_, err := provider.DownTo(t.Context(), version)
			noError(t, err)
			same(t, "facts and totals below", facts(t, e), before)

			state, err := e.Inspect(t.Context())
			noError(t, err)
			same(t, "state", state, engine.State{Version: version, Latest: 8, Facts: true})
			_, err = provider.Up(t.Context())
			noError(t, err)
			same(t, "fires", facts(t, e)[0], before[0])
			same(t, "P&L of the trades", value[int](t, e, "SELECT SUM(pnl_micros) FROM trades"), 2_500_000)
			lines, err := e.CheckStructure(t.Context())
			noError(t, err)
			same(t, "differences", lines, []string(nil))
		})
	}
}

func TestAServerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	direct := emptySchema(t)
	e := newEngine(t, direct)
	_, err := e.Migrate(ctx)
	noError(t, err)

	for _, tt := range []struct {
		name string
		call func(e *Engine, freeze func()) error
	}{
		{"to BEGIN", func(e *Engine, freeze func()) error {
			freeze()
			tx, err := e.BeginWrite(ctx, engine.EnterGate) // sent with the first statement
			noError(t, err)
			return errors.Join(tx.RederiveUser(ctx, 1), tx.Rollback(ctx))
		}},
		{"to a reader whose connection was idle", func(e *Engine, freeze func()) error {
			_, err := e.Inspect(ctx) // connects
			noError(t, err)
			freeze()
			_, err = e.BeginRead(ctx, engine.EnterGate) // and the first use after it asks
			return err
		}},
		{"to whoever opens the database", func(e *Engine, freeze func()) error {
			for range 2 { // connects, and asks whether the connection is alive
				_, err := e.Inspect(ctx)
				noError(t, err)
			}
			freeze()
			_, err := e.Inspect(ctx)
			return err
		}},
		{"to COMMIT", func(e *Engine, freeze func()) error {
			tx, err := e.BeginWrite(ctx, engine.EnterGate)
			noError(t, err)
			freeze()
			return tx.Commit(ctx)
		}},
	} {
		t.Run(tt.name+" is given up as unavailable, and not as the caller's deadline", func(t *testing.T) {
			t.Parallel()
			proxy, err := pgtest.NewProxy(pgtest.AddrOf(direct))
			noError(t, err)
			t.Cleanup(func() { noError(t, proxy.Close()) })
			e := newEngine(t, proxy.URL(direct))
			tx, err := e.BeginWrite(ctx, engine.EnterGate) // connects
			noError(t, err)
			noError(t, tx.Rollback(ctx))
			e.answerTimeout = 300 * time.Millisecond
			err = tt.call(e, proxy.Freeze)
			same(t, "class", e.Classify(err), engine.Unavailable)
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v is a context's error", err)
			}
		})
	}
	t.Run("to ROLLBACK is left, and the next transaction has another connection", func(t *testing.T) {
		t.Parallel()
		proxy, err := pgtest.NewProxy(pgtest.AddrOf(direct))
		noError(t, err)
		t.Cleanup(func() { noError(t, proxy.Close()) })
		e := newEngine(t, proxy.URL(direct))
		tx, err := e.BeginWrite(ctx, engine.EnterGate)
		noError(t, err)
		e.answerTimeout = 300 * time.Millisecond
		proxy.Freeze()
		noError(t, tx.Rollback(ctx))
		proxy.Thaw()
		e.answerTimeout = time.Minute
		tx, err = e.BeginWrite(ctx, engine.EnterGate)
		noError(t, err)
		noError(t, tx.Commit(ctx))
	})
}

// What was never tried may be a setting that a pooler does not know. What has worked
// is none: a fire is not invalid because the pooler is full.
func TestAPoolerThatRefusesAConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	refusal := errors.Join(&pgconn.ConnectError{}, &pgconn.PgError{Code: "08P01"})
	plain := newEngine(t, "postgres://localhost/db")
	same(t, "without settings", plain.Classify(refusal), engine.Unavailable)
	e := newEngine(t, emptySchema(t)) // a setting of its own
	same(t, "with settings that were not tried", e.Classify(refusal), engine.Refused)
	_, err := e.Inspect(t.Context())
	noError(t, err)
	same(t, "with settings that have worked", e.Classify(refusal), engine.Unavailable)
}

func TestMigrateWaitsForAnotherProgram(t *testing.T) {
	t.Parallel()
	dsn := emptySchema(t)
	e := newEngine(t, dsn)
	schema := value[string](t, e, "SELECT current_schema()")
	other, err := e.reader.Conn(t.Context())
	noError(t, err)
	defer other.Close()
	lock := func(how string) { // as older versions do, for the session
		_, err := other.ExecContext(t.Context(), "SELECT "+how+"($1)", int64(crc32.ChecksumIEEE([]byte("engagementdb "+schema))))
		noError(t, err)
	}
	lock("pg_advisory_lock")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := e.Migrate(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v, want that of the context", err)
	}
	state, err := e.Inspect(t.Context())
	noError(t, err)
	same(t, "version meanwhile", state.Version, int64(0))
	lock("pg_advisory_unlock")
	applied, err := e.Migrate(t.Context())
	noError(t, err)
	same(t, "versions applied", int64(len(applied)), state.Latest)
	same(t, "class of waiting for too long", e.Classify(errNoTurn), engine.Busy)
}

func TestAsyncTurnsSynchronousCommitOff(t *testing.T) {
	t.Parallel()
	dsn := emptySchema(t)
	for name, async := range map[string]bool{"waits_for_the_disk": false, "does_not_wait": true} {
		e, err := New(pgtest.WithParam(dsn, "application_name", name), Options{Async: async, Log: slog.New(slog.DiscardHandler)})
		noError(t, err)
		t.Cleanup(func() { noError(t, e.Close()) })
		tx, err := e.BeginWrite(t.Context(), engine.EnterGate)
		noError(t, err)
		var setting string
		noError(t, tx.SQL().QueryRowContext(t.Context(), "SHOW synchronous_commit").Scan(&setting))
		noError(t, tx.Rollback(t.Context()))
		same(t, name+": synchronous_commit is off", setting == "off", async)
	}
}
