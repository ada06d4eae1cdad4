package engagement_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// oddPassword is made of what a URL has other uses for.
const oddPassword = `hunter2@/#:?%& +"'`

// as returns dsn with another user.
func as(dsn, user, password string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(err) // the DSN is a test's own
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// role makes a role that may log in with oddPassword, and goes away with t.
func role(t testing.TB, dsn, name string, statements ...string) {
	t.Helper()
	ctx := context.Background()
	quoted := "'" + strings.ReplaceAll(oddPassword, "'", "''") + "'"
	noError(t, pgtest.Exec(ctx, dsn, "CREATE ROLE "+name+" LOGIN PASSWORD "+quoted))
	for _, statement := range statements {
		noError(t, pgtest.Exec(ctx, dsn, statement))
	}
}

// openFails fails the test unless dsn cannot be opened for that reason alone,
// which is given without its password.
func openFails(t testing.TB, dsn string, kind error, opts ...engagement.Option) {
	t.Helper()
	db, err := engagement.Open(context.Background(), dsn, opts...)
	if err == nil {
		_ = db.Close()
		t.Fatalf("it was opened, want %v", kind)
	}
	only(t, err, kind)
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), url.QueryEscape("hunter2@")) {
		t.Errorf("%v tells the password", err)
	}
}

func TestWhatAServerRefuses(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server := ownServer(t)
	super := server.URL()
	schema := func(t *testing.T, name string, statements ...string) (dsn string) {
		t.Helper()
		for _, statement := range append([]string{"CREATE SCHEMA " + name}, statements...) {
			noError(t, pgtest.Exec(ctx, super, statement))
		}
		return pgtest.WithParam(super, "search_path", name)
	}

	t.Run("a server that is not there", func(t *testing.T) {
		t.Parallel()
		listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
		addr := listener.Addr().String()
		noError(t, listener.Close())
		openFails(t, as("postgres://"+addr+"/postgres", "bob", oddPassword), engagement.ErrUnavailable)
	})
	t.Run("a host that is not there", func(t *testing.T) {
		t.Parallel()
		openFails(t, as("postgres://nowhere.invalid/postgres", "bob", oddPassword), engagement.ErrUnavailable)
	})
	t.Run("a wrong password", func(t *testing.T) {
		t.Parallel()
		openFails(t, as(super, "engagement", oddPassword), engagement.ErrDenied)
	})
	t.Run("a user who is not known", func(t *testing.T) {
		t.Parallel()
		openFails(t, as(super, "nobody", oddPassword), engagement.ErrDenied)
	})
	t.Run("a database that is not there", func(t *testing.T) {
		t.Parallel()
		role(t, super, "lost")
		openFails(t, strings.Replace(as(super, "lost", oddPassword), "/postgres", "/elsewhere", 1), engagement.ErrUnavailable)
	})
	t.Run("a user without the privilege to make tables", func(t *testing.T) {
		t.Parallel()
		dsn := schema(t, "not_mine")
		role(t, super, "guest", "GRANT USAGE ON SCHEMA not_mine TO guest")
		openFails(t, as(dsn, "guest", oddPassword), engagement.ErrDenied)
	})
	t.Run("a user who may not use the schema", func(t *testing.T) {
		t.Parallel()
		dsn := schema(t, "closed")
		role(t, super, "outsider")
		openFails(t, as(dsn, "outsider", oddPassword), engagement.ErrSchema)
	})
	t.Run("too many connections", func(t *testing.T) {
		t.Parallel()
		role(t, super, "crowd", "ALTER ROLE crowd CONNECTION LIMIT 0")
		openFails(t, as(super, "crowd", oddPassword), engagement.ErrUnavailable)
	})
	t.Run("no schema in the search path", func(t *testing.T) {
		t.Parallel()
		openFails(t, pgtest.WithParam(super, "search_path", "nowhere"), engagement.ErrSchema)
	})
	t.Run("writes by default", func(t *testing.T) {
		t.Parallel()
		dsn := schema(t, "frozen", "CREATE SCHEMA thawed")
		db := openDurable(t, dsn)
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
		role(t, super, "careful",
			"ALTER ROLE careful SET default_transaction_read_only = on",
			"GRANT ALL ON SCHEMA frozen, thawed TO careful", "GRANT ALL ON ALL TABLES IN SCHEMA frozen TO careful")
		careful := as(dsn, "careful", oddPassword)
		openFails(t, careful, engagement.ErrReadOnly)
		openFails(t, pgtest.WithParam(careful, "search_path", "thawed"), engagement.ErrReadOnly)
		readsOnly(t, openAt(t, careful, engagement.WithReadOnly()))
	})
	t.Run("all but reading", func(t *testing.T) {
		t.Parallel()
		dsn := schema(t, "shown")
		db := openDurable(t, dsn)
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
		role(t, super, "analyst", "GRANT USAGE ON SCHEMA shown TO analyst", "GRANT SELECT ON ALL TABLES IN SCHEMA shown TO analyst")
		analyst := as(dsn, "analyst", oddPassword)
		readsOnly(t, openAt(t, analyst, engagement.WithReadOnly()))
		writer := openAt(t, analyst)
		_, err := writer.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "B"})
		only(t, err, engagement.ErrDenied)
		_, err = writer.EraseUser(ctx, 1)
		only(t, err, engagement.ErrDenied)
		same(t, "fires", proven(t, writer).Fires, int64(1))
	})
}

// readsOnly fails the test unless db, where user 1 has one fire, answers and
// refuses to write.
func readsOnly(t testing.TB, db *engagement.DB) {
	t.Helper()
	ctx := context.Background()
	same(t, "fires", must(db.UserStats(ctx, 1))(t).TotalFires, int64(1))
	same(t, "fires listed", len(must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, anyPage))(t).Items), 1)
	for name, write := range map[string]func() error{
		"RecordFire": func() error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "B"})
			return err
		},
		"RecordFires": func() error {
			_, err := db.RecordFires(ctx, []engagement.Fire{{UserID: 1, SignalID: "B"}})
			return err
		},
		"EraseUser": func() error { _, err := db.EraseUser(ctx, 1); return err },
		"Cleanup":   func() error { _, err := db.Cleanup(ctx, 1); return err },
		"Tx": func() error {
			return db.Tx(ctx, func(tx *engagement.Tx) error { _, err := tx.UpdateUserPnL(ctx, 1, 1, true); return err })
		},
	} {
		if err := write(); !errors.Is(err, engagement.ErrReadOnly) {
			t.Errorf("%s: %v, want ErrReadOnly", name, err)
		}
	}
}

func TestStandby(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	primary := ownServer(t)
	proxy, dsn := proxied(t, primary.URL())
	db := openDurable(t, dsn)
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
	standby := must(primary.Standby(ctx))(t)
	t.Cleanup(func() { noError(t, standby.Stop()) })

	openFails(t, standby.URL(), engagement.ErrReadOnly)
	noError(t, pgtest.Exec(ctx, primary.URL(), "CREATE SCHEMA empty"))
	waitUntil(t, func() bool {
		return pgtest.Exec(ctx, standby.URL(), "DO $$ BEGIN ASSERT to_regnamespace('empty') IS NOT NULL; END $$") == nil
	})
	openFails(t, pgtest.WithParam(standby.URL(), "search_path", "empty"), engagement.ErrReadOnly)
	reader := openAt(t, standby.URL(), engagement.WithReadOnly())
	readsOnly(t, reader)
	_, err := reader.Verify(ctx) // which makes temporary tables
	only(t, err, engagement.ErrReadOnly)

	fire(t, db, engagement.Fire{UserID: 2, SignalID: "A"})
	waitUntil(t, func() bool {
		metrics, err := reader.SignalMetrics(ctx, "A")
		return err == nil && metrics.TotalFires == 2
	})

	// A database that was opened on the primary and is led to the standby.
	proxy.Redirect(standby.Addr())
	readsOnly(t, db)
	proxy.Redirect(primary.Addr())
	noError(t, db.View(ctx, func(r *engagement.Reader) error { _, err := r.UserStats(ctx, 1); return err }))
	proxy.Redirect(primary.Addr())
	noError(t, db.Tx(ctx, func(tx *engagement.Tx) error { _, err := tx.UpdateUserPnL(ctx, 1, 1, true); return err }))
	proxy.Redirect(primary.Addr())
	proven(t, db)
	proxy.Redirect(primary.Addr())
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "B"})
	proven(t, db)
}

// catalog returns what a schema consists of, so that any change shows.
func catalog(t testing.TB, dsn string) (lines []string) {
	t.Helper()
	db := must(sql.Open("pgx", dsn))(t)
	defer db.Close()
	rows := must(db.Query(`
		SELECT concat_ws(' ', c.relname, c.relkind, c.oid, c.relfilenode, c.xmin, string_agg(concat(a.attname, a.xmin), ' ' ORDER BY a.attnum))
		FROM pg_class AS c LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid
		WHERE c.relnamespace = current_schema()::regnamespace
		GROUP BY c.oid, c.relname, c.relkind, c.relfilenode, c.xmin ORDER BY c.oid`))(t)
	defer rows.Close()
	for rows.Next() {
		var line string
		noError(t, rows.Scan(&line))
		lines = append(lines, line)
	}
	noError(t, rows.Err())
	return lines
}

const otherVersions = `
	CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
		version_id BIGINT NOT NULL, is_applied BOOLEAN NOT NULL, tstamp TIMESTAMP NOT NULL DEFAULT now());
	INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, TRUE), `

func TestASchemaOfSomebodyElseIsNotTouched(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		setUp string
		says  string
	}{
		{"with a table of the same name", "CREATE TABLE trades (id INT)", "trades"},
		{"with a view of the same name", "CREATE VIEW user_stats AS SELECT 1 AS user_id", "user_stats"},
		{"with a materialized view of the same name", "CREATE MATERIALIZED VIEW days AS SELECT 1 AS day", "days"},
		{"with migrations of its own", otherVersions + "(20240101000000, TRUE)", "newer"},
		{"with as many migrations of its own", otherVersions + "(1, TRUE), (2, TRUE), (3, TRUE); CREATE TABLE trades (id INT)", "missing"},
		{"with a table of versions that is no goose's", "CREATE TABLE goose_db_version (version TEXT)", "version_id"},
		{"of a newer version", "engagement", "newer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dsn := onServer(t)
			if tt.setUp == "engagement" {
				noError(t, engagement.Migrate(t.Context(), dsn))
				tt.setUp = "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, TRUE)"
			}
			plainSQL(t, dsn, tt.setUp)
			before := catalog(t, dsn)
			openFails(t, dsn, engagement.ErrSchema)
			openFails(t, dsn, engagement.ErrSchema, engagement.WithReadOnly())
			_, err := engagement.Open(t.Context(), dsn)
			contains(t, err, tt.says)
			same(t, "the schema after it", catalog(t, dsn), before)
		})
	}
	t.Run("and with other tables of its own is shared", func(t *testing.T) {
		t.Parallel()
		dsn := onServer(t)
		plainSQL(t, dsn, "CREATE TABLE orders (id INT PRIMARY KEY); CREATE INDEX orders_id ON orders (id); CREATE VIEW recent AS SELECT * FROM orders")
		db := openAt(t, dsn)
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
		proven(t, db)
	})
}
