package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"

	"github.com/hydraxdev/engagementdb/dbgen/pggen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
	"github.com/hydraxdev/engagementdb/migrations"
)

// versionTable is where goose keeps the versions that are applied.
const versionTable = goose.DefaultTablename

// errNoTurn says that another process has been migrating the schema for too long.
var errNoTurn = &pgconn.PgError{
	Severity: "ERROR", Code: "55P03", Message: "another program has been migrating the schema for ten minutes",
}

// Migrate brings the schema to the latest version, and spreads its tables over a
// cluster if that is wanted or was done before. Processes take turns.
func (e *Engine) Migrate(ctx context.Context) (applied []int64, err error) {
	db := e.openPool(2) // for the turn and for what is done in it
	defer func() { err = errors.Join(err, db.Close()) }()
	turn, err := e.takeTurn(ctx, db)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, turn.Rollback(ctx)) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Postgres, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, err
	}
	results, err := provider.Up(ctx)
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		results = partial.Applied
	}
	for _, result := range results {
		applied = append(applied, result.Source.Version)
	}
	if err != nil {
		return applied, err
	}
	wanted := e.opts.Spread
	if !wanted && len(applied) > 0 { // what a migration adds is spread like the rest
		if wanted, err = isSpread(ctx, db); err != nil {
			return applied, err
		}
	}
	if wanted {
		err = spread(ctx, db)
	}
	return applied, err
}

// takeTurn waits until no other process migrates the schema, and returns a transaction
// that keeps them from it until it ends. Goose's own lock is one of the session, which a
// pooler gives to somebody else after each transaction. Who waits holds no session
// meanwhile, so that a small pool has one for the migrations.
func (e *Engine) takeTurn(ctx context.Context, db *sql.DB) (*tx, error) {
	schema, err := schemaOf(ctx, db)
	if err != nil {
		return nil, err
	}
	key := int64(crc32.ChecksumIEEE([]byte("engagementdb " + schema))) // known to older programs
	return backoff.Retry(ctx, func() (*tx, error) {
		turn, err := e.newTx(ctx, db, func() {})
		if err != nil {
			return nil, backoff.Permanent(err)
		}
		var taken []bool
		turn.queue(beginWrite)
		turn.queue(idleForLong)
		queueRows(turn, &taken, pgx.RowTo[bool], pggen.TakeTurn, key)
		if err := turn.flushOrDiscard(ctx); err != nil {
			return nil, backoff.Permanent(err)
		}
		if taken[0] {
			return turn, nil
		}
		return nil, cmp.Or(turn.Rollback(ctx), error(errNoTurn))
	}, backoff.WithBackOff(backoff.NewConstantBackOff(100*time.Millisecond)), backoff.WithMaxElapsedTime(10*time.Minute))
}

// schemaOf returns the schema that the tables are in: the first of the search
// path that exists, or "".
func schemaOf(ctx context.Context, db queryer) (schema string, err error) {
	err = db.QueryRowContext(ctx, "SELECT COALESCE(current_schema(), '')").Scan(&schema)
	return schema, err
}

// Inspect looks at the schema without changing it.
func (e *Engine) Inspect(ctx context.Context) (engine.State, error) {
	tables, err := tablesByVersion()
	if err != nil {
		return engine.State{}, err
	}
	state := engine.State{Latest: int64(len(tables))}
	// Somebody may be migrating it, so everything is read from one snapshot. A server
	// that takes connections may still not answer, as behind a pooler that is full.
	t, err := e.newTx(ctx, e.reader, func() {})
	if err != nil {
		return state, err
	}
	t.queue(beginRead)
	if err := t.flushOrDiscard(ctx); err != nil {
		return state, err
	}
	defer func() { _ = t.Rollback(ctx) }() // nothing was written
	tx := (*flushing)(t)

	schema, err := schemaOf(ctx, tx)
	if err != nil {
		return state, err
	}
	if schema == "" {
		state.Problem = "no schema of the search path exists"
		return state, nil
	}
	found, err := relations(ctx, tx, schema)
	if err != nil {
		return state, err
	}
	if found[versionTable] {
		err := tx.QueryRowContext(ctx,
			"SELECT COALESCE(MAX(version_id), 0) FROM "+versionTable+" WHERE is_applied").Scan(&state.Version)
		if err != nil {
			return state, err
		}
	}
	if state.Problem = problem(state, tables, found); state.Problem == "" && (state.Version > 0 || !found[versionTable]) {
		if state.Problem, err = clash(state.Version, found); err != nil {
			return state, err
		}
	}
	if state.Problem == "" && found["signal_fires"] && found["user_stats"] {
		err = tx.QueryRowContext(ctx,
			"SELECT EXISTS (SELECT 1 FROM signal_fires) OR EXISTS (SELECT 1 FROM user_stats)").Scan(&state.Facts)
	}
	return state, err
}

// problem says why a schema with these relations is not an engagement
// database, or "".
func problem(state engine.State, tables [][]string, found map[string]bool) string {
	if state.Version > state.Latest {
		return fmt.Sprintf("its schema version %d is newer than this program's %d", state.Version, state.Latest)
	}
	// The first migration leaves its tables when it is taken down.
	if state.Version == 0 && found[versionTable] {
		return ""
	}
	for i, made := range tables {
		for _, table := range made {
			switch {
			case int64(i) < state.Version && !found[table]:
				return "table " + table + " is missing"
			case int64(i) >= state.Version && found[table]:
				return "it has a table " + table + " that no migration made"
			}
		}
	}
	return ""
}

// clash names an index that does not belong to this library and has the name of one
// that a coming migration makes, or "".
func clash(version int64, found map[string]bool) (string, error) {
	statements, err := ups()
	made := map[string]bool{}
	for i, up := range statements {
		for _, match := range createIndex.FindAllStringSubmatch(up, -1) {
			if index := match[1]; int64(i) >= version && !made[index] && found[index] {
				return "it has an index " + index + " that no migration made", nil
			}
			made[match[1]] = true
		}
	}
	return "", err
}

// relations returns the names of everything in the schema that a table of ours could
// clash with.
func relations(ctx context.Context, db queryer, schema string) (map[string]bool, error) {
	names := map[string]bool{}
	err := eachRow(ctx, db, `
		SELECT c.relname FROM pg_catalog.pg_class AS c
		JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'i', 'S')`,
		func(rows *sql.Rows) error {
			var name string
			err := rows.Scan(&name)
			names[name] = true
			return err
		}, schema)
	return names, err
}

// ups returns the statements of each migration upward, in order.
func ups() ([]string, error) {
	files, err := fs.Glob(migrations.Postgres, "*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	statements := make([]string, len(files))
	for i, file := range files {
		text, err := fs.ReadFile(migrations.Postgres, file)
		if err != nil {
			return nil, err
		}
		statements[i], _, _ = strings.Cut(string(text), "-- +goose Down")
	}
	return statements, nil
}

var createIndex = regexp.MustCompile(`(?m)^CREATE INDEX (?:IF NOT EXISTS )?(\w+)`)

var createTable = regexp.MustCompile(`(?m)^(?:CREATE (?:TABLE|VIEW) (?:IF NOT EXISTS )?|ALTER TABLE \w+ RENAME TO )(\w+)`)

// tablesByVersion returns the tables and views that each migration makes under new
// names.
func tablesByVersion() ([][]string, error) {
	statements, err := ups()
	tables := make([][]string, len(statements))
	known := map[string]bool{}
	for i, up := range statements {
		made := map[string]bool{}
		for _, match := range createTable.FindAllStringSubmatch(up, -1) {
			if !known[match[1]] {
				made[match[1]] = true
			}
		}
		maps.Copy(known, made)
		tables[i] = slices.Sorted(maps.Keys(made))
	}
	return tables, err
}

// queryer is a pool or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func eachRow(ctx context.Context, db queryer, query string, use func(*sql.Rows) error, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := use(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
