package engagement_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
	"github.com/hydraxdev/engagementdb/engagement/internal/postgres"
	"github.com/hydraxdev/engagementdb/engagement/internal/sqlite"
)

// tb is what a test and one check of a property test have in common.
type tb interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// engine is a database engine that the suite runs on.
type engine struct {
	name string
	// fresh returns the DSN of a place for a database, where there is none yet.
	// It goes away with t.
	fresh func(t tb) string
	// migrated returns the DSN of a new database that nobody has opened. On the
	// suite's own server, and in a file, it has the latest schema already. It goes
	// away with t.
	migrated func(t tb) string
}

// engines are those that the suite runs on; TestMain adds PostgreSQL.
var engines = []engine{{name: "sqlite", fresh: freshFile, migrated: migratedFile}}

// Where the suite finds PostgreSQL: the URL of a database where it may make
// schemas. Without it, the suite starts a server of its own.
const (
	postgresURL     = "ENGAGEMENT_TEST_POSTGRES"
	postgresMustRun = "ENGAGEMENT_TEST_POSTGRES_MUST_RUN" // 1: fail rather than skip
	postgresCitus   = "ENGAGEMENT_TEST_CITUS"             // 1: it is the coordinator of a Citus cluster, over which tables are spread
)

func TestMain(m *testing.M) {
	flag.Parse()
	if fuzz := flag.Lookup("test.fuzz"); fuzz.Value.String() != "" { // by itself, without a server
		os.Exit(m.Run())
	}
	code, err := runWithPostgres(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func runWithPostgres(m *testing.M) (code int, err error) {
	dsn := os.Getenv(postgresURL)
	fresh := func(t tb) string { return freshSchema(t, dsn) }
	migrated := func(t tb) string { return migratedSchema(t, fresh(t)) }
	if dsn == "" {
		var server *pgtest.Server
		server, err = pgtest.Start(context.Background(), "fsync=off", "full_page_writes=off")
		if errors.Is(err, pgtest.ErrNotInstalled) && os.Getenv(postgresMustRun) != "1" {
			fmt.Fprintf(os.Stderr, "/postgres is skipped: %v and %s is not set\n", err, postgresURL)
			return m.Run(), nil
		}
		if err != nil {
			return 1, err
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
		dsn = server.URL()
		migrated = migratedSchemas(server)
	}
	engines = append(engines, engine{name: "postgres", fresh: fresh, migrated: migrated})
	return m.Run(), nil
}

func freshSchema(t tb, dsn string) string {
	t.Helper()
	schema, drop, err := pgtest.NewSchema(context.Background(), dsn)
	dropWith(t, drop, err)
	return schema
}

// migratedSchema migrates the schema at dsn, and spreads it if it is on a cluster.
// The engine does so, because Open would store a time zone.
func migratedSchema(t tb, dsn string) string {
	t.Helper()
	eng := must(postgres.New(dsn, postgres.Options{Spread: os.Getenv(postgresCitus) == "1"}))(t)
	must(eng.Migrate(context.Background()))(t)
	noError(t, eng.Close())
	return dsn
}

// dropWith drops a schema with t, unless it could not be made.
func dropWith(t tb, drop func() error, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("make a schema for the database: %v", err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Errorf("drop the schema: %v", err)
		}
	})
}

func freshFile(t tb) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "engagement-*")
	if err != nil {
		t.Fatalf("make a folder for the database: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the database: %v", err)
		}
	})
	return filepath.Join(dir, "engagement.db")
}

// Most tests begin with a copy of a database that was migrated once: migrating
// each anew took more time than the tests themselves.

var migratedOnce = sync.OnceValues(func() (content []byte, err error) {
	dir, err := os.MkdirTemp("", "engagement-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "engagement.db")
	if _, err := sqlite.New(path, sqlite.Options{}).Migrate(context.Background()); err != nil {
		return nil, err
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		return nil, fmt.Errorf("the database is not in one file: %v %w", files, err)
	}
	return os.ReadFile(path)
})

func migratedFile(t tb) string {
	t.Helper()
	path := freshFile(t)
	noError(t, os.WriteFile(path, must(migratedOnce())(t), 0o600))
	return path
}

// migratedSchemas returns what makes migrated schemas on server.
func migratedSchemas(server *pgtest.Server) func(t tb) string {
	template := sync.OnceValues(func() (*pgtest.Template, error) {
		return server.Template(context.Background(), func(dsn string) error {
			eng, err := postgres.New(dsn, postgres.Options{})
			if err != nil {
				return err
			}
			_, err = eng.Migrate(context.Background())
			return err
		})
	})
	return func(t tb) string {
		t.Helper()
		schema, drop, err := must(template())(t).NewSchema(context.Background())
		dropWith(t, drop, err)
		return schema
	}
}

// openFunc opens the test's own database, which is empty at first. Opening it
// again opens the same one. It is closed with the test.
type openFunc func(opts ...engagement.Option) *engagement.DB

// forEachEngine runs fn as a subtest on every engine.
func forEachEngine(t *testing.T, fn func(t *testing.T, open openFunc)) {
	t.Helper()
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.migrated(t)
			fn(t, func(opts ...engagement.Option) *engagement.DB {
				t.Helper()
				return openAt(t, dsn, opts...)
			})
		})
	}
}

// openAt opens the database at dsn without waiting for the disk.
func openAt(t tb, dsn string, opts ...engagement.Option) *engagement.DB {
	t.Helper()
	opts = append([]engagement.Option{engagement.WithSynchronous(engagement.SyncOff)}, opts...)
	db, err := engagement.Open(context.Background(), dsn, opts...)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

// clock tells the time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// noon is when most tests happen: a Wednesday, far from any change of clocks.
var noon = time.Date(2026, time.January, 14, 12, 0, 0, 0, time.UTC)

func newClock(now time.Time) *clock { return &clock{now: now} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func (c *clock) Advance(d time.Duration) { c.Set(c.Now().Add(d)) }

// option makes a database tell the time by c.
func (c *clock) option() engagement.Option { return engagement.WithClock(c.Now) }

// zone returns a time zone by its name.
func zone(t tb, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatalf("time zone %s: %v", name, err)
	}
	return loc
}

// noError ends the test if err is not nil.
func noError(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

// must returns v, or ends the test with err.
func must[T any](v T, err error) func(t tb) T {
	return func(t tb) T {
		t.Helper()
		noError(t, err)
		return v
	}
}

// same reports where got differs from want.
func same(t tb, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	opts = append(opts, cmpopts.EquateComparable(engagement.Window{}))
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// waitUntil waits for something that another goroutine is about to do.
func waitUntil(t tb, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain")
		}
	}
}

// writer is what a database and a transaction have in common.
type writer interface {
	RecordFire(context.Context, engagement.Fire) (engagement.FireReceipt, error)
	RecordFires(context.Context, []engagement.Fire) ([]engagement.FireReceipt, error)
	RecordTrade(context.Context, engagement.Trade) (engagement.TradeReceipt, error)
	RecordTrades(context.Context, []engagement.Trade) ([]engagement.TradeReceipt, error)
	UpdateUserPnL(context.Context, int64, float64, bool) (engagement.UserStats, error)
	GrantFreeze(context.Context, engagement.Freeze) (engagement.FreezeReceipt, error)
	EraseUser(context.Context, int64) (engagement.EraseReceipt, error)
}

var (
	_ writer = (*engagement.DB)(nil)
	_ writer = (*engagement.Tx)(nil)
)

// fire records a fire and returns its status.
func fire(t tb, w writer, f engagement.Fire) engagement.Status {
	t.Helper()
	result, err := w.RecordFire(context.Background(), f)
	if err != nil {
		t.Fatalf("RecordFire(%+v): %v", f, err)
	}
	return result.Status
}

// trade records a trade and returns its status.
func trade(t tb, w writer, tr engagement.Trade) engagement.Status {
	t.Helper()
	result, err := w.RecordTrade(context.Background(), tr)
	if err != nil {
		t.Fatalf("RecordTrade(%+v): %v", tr, err)
	}
	return result.Status
}

// fireOn records a fire of user at each of the given times, of a signal each.
func fireOn(t tb, w writer, user int64, times ...time.Time) {
	t.Helper()
	for _, at := range times {
		signal := "S_" + at.UTC().Format("20060102150405.000000")
		if got := fire(t, w, engagement.Fire{UserID: user, SignalID: signal, At: at}); got != engagement.Recorded {
			t.Fatalf("fire of user %d at %s: %s", user, at, got)
		}
	}
}

// proven fails the test unless every figure of db is what its facts say.
func proven(t tb, db *engagement.DB) engagement.Report {
	t.Helper()
	report, err := db.Verify(context.Background())
	noError(t, err)
	for _, finding := range report.Findings {
		t.Errorf("Verify: %s", finding)
	}
	return report
}

// contents is everything that a database answers which can change.
type contents struct {
	Report  engagement.Report
	Users   []engagement.BoardRow
	Streaks []engagement.StreakRow
	Trades  []engagement.ClosedTrade
	Signals []engagement.PopularSignal
	Days    []engagement.DayFigures
	Exports []engagement.UserExport
}

// read returns the contents of db as of its clock.
func read(t tb, db *engagement.DB) contents {
	t.Helper()
	ctx := context.Background()
	c := contents{Report: proven(t, db)}
	today := db.Today()
	noError(t, db.View(ctx, func(r *engagement.Reader) (err error) {
		c.Users = must(r.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, anyPage))(t).Items
		c.Streaks = must(r.StreakLeaderboard(ctx, anyPage))(t).Items
		c.Trades = must(r.Trades(ctx, engagement.TradeFilter{}, anyPage))(t).Items
		c.Signals = must(r.PopularSignals(ctx, engagement.AllTime(), anyPage))(t).Items
		c.Days = must(r.DailyFigures(ctx, engagement.Days(today-400, today+2)))(t)
		for _, user := range c.Users {
			c.Exports = append(c.Exports, must(r.ExportUser(ctx, user.UserID))(t))
		}
		return nil
	}))
	return c
}

// unchanged runs fn and fails the test if it changed anything in db.
func unchanged(t tb, db *engagement.DB, fn func()) {
	t.Helper()
	before := read(t, db)
	fn()
	same(t, "contents after what must change nothing", read(t, db), before)
}

// soon is a context for what must not wait for ever: a test that is wrong about
// that fails and goes on.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
