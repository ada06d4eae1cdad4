package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
	"github.com/hydraxdev/engagementdb/migrations"
)

// Migrate brings the file to the latest schema. A file with facts is first
// copied to a backup beside it. SQLite has no lock that spans several
// migrations, so processes take turns by a lock file that exists meanwhile.
func (e *Engine) Migrate(ctx context.Context) (applied []int64, err error) {
	if err := os.MkdirAll(filepath.Dir(e.path), 0o755); err != nil {
		return nil, err
	}
	unlock, err := lockFile(ctx, e.path+".migrating")
	if err != nil {
		return nil, fmt.Errorf("lock migrations: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()

	// Another process may have migrated while this one waited.
	state, err := e.Inspect(ctx)
	if err != nil || state.Problem != "" || state.Version == state.Latest {
		return nil, err
	}
	if state.Facts {
		copyPath := fmt.Sprintf("%s.v%d-%s.bak", e.path, state.Version, time.Now().UTC().Format("20060102T150405.000Z"))
		if err := e.Backup(ctx, copyPath, nil); err != nil {
			return nil, fmt.Errorf("back up before migrating: %w", err)
		}
		e.opts.Log.Info("backed up before migrating", "backup", copyPath)
	}
	db := openWriter(e.path, "FULL")
	defer func() { err = errors.Join(err, db.Close()) }()
	return up(ctx, db, 0)
}

// up migrates db to a version, or to the latest for 0. A program that knows
// nothing of the lock file, such as the goose command, may win the race for a
// migration; then this one's attempt fails as a whole and the next sees it done.
func up(ctx context.Context, db *sql.DB, version int64) (applied []int64, err error) {
	for range 3 {
		var provider *goose.Provider
		provider, err = goose.NewProvider(goose.DialectSQLite3, db, migrations.SQLite,
			goose.WithDisableGlobalRegistry(true))
		if err != nil {
			return applied, err
		}
		var results []*goose.MigrationResult
		if version == 0 {
			results, err = provider.Up(ctx)
		} else {
			results, err = provider.UpTo(ctx, version)
		}
		for _, result := range results {
			applied = append(applied, result.Source.Version)
		}
		if err == nil || ctx.Err() != nil {
			return applied, err
		}
	}
	return applied, err
}

// lockFile waits for the lock at path and returns what gives it back.
func lockFile(ctx context.Context, path string) (unlock func() error, err error) {
	for {
		lock := flock.New(path)
		if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
		// Whoever held the lock before has removed its file; a lock on a file
		// without a name locks nobody out.
		held, heldErr := lock.Stat()
		named, namedErr := os.Stat(path)
		if heldErr == nil && namedErr == nil && os.SameFile(held, named) {
			return func() error { return errors.Join(os.Remove(path), lock.Unlock()) }, nil
		}
		if err := lock.Unlock(); err != nil {
			return nil, err
		}
	}
}

// Inspect looks at the file without changing a byte of it.
func (e *Engine) Inspect(ctx context.Context) (engine.State, error) {
	latest, err := latestVersion()
	if err != nil {
		return engine.State{}, err
	}
	state := engine.State{Latest: latest}
	found, err := exists(e.path)
	if err != nil || !found {
		return state, err
	}
	before := fileInfo(e.path)
	// Opening a WAL file makes two files beside it even when only reading. As
	// long as there are none, nobody has the file open and it can be read as it
	// stands, without a trace.
	mode := "mode=ro&immutable=1"
	if fileInfo(e.path+"-wal") != nil || fileInfo(e.path+"-journal") != nil {
		mode = "mode=ro"
	}
	state, err = inspectOnce(ctx, e.path, mode, state)
	if after := fileInfo(e.path); err != nil && (after.ModTime() != before.ModTime() || fileInfo(e.path+"-journal") != nil) {
		// Another program has begun to write to it, or one died while writing
		// and its transaction must be undone to be read past.
		state, err = inspectOnce(ctx, e.path, "mode=rw", engine.State{Latest: latest})
	}
	if e.Classify(err) == engine.Foreign {
		return engine.State{Latest: latest, Problem: "it is not a SQLite database"}, nil
	}
	return state, err
}

// fileInfo returns nil for a file that is not there.
func fileInfo(path string) os.FileInfo {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return info
}

func inspectOnce(ctx context.Context, path, mode string, state engine.State) (_ engine.State, err error) {
	db := openPool(path, 1, mode, "_busy_timeout=5000")
	defer func() { err = errors.Join(err, db.Close()) }()

	live, err := readStructure(ctx, db)
	if err != nil {
		return state, err
	}
	if live.tables["goose_db_version"] {
		// goose deletes a version's row when it takes it down.
		err := db.QueryRowContext(ctx,
			"SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&state.Version)
		if err != nil {
			return state, err
		}
	}
	if state.Version > state.Latest {
		state.Problem = fmt.Sprintf("its schema version %d is newer than this program's %d", state.Version, state.Latest)
		return state, nil
	}
	if state.Version == 0 && live.empty() {
		return state, nil
	}
	want, err := structureOf(ctx, max(state.Version, 1))
	if err != nil {
		return state, err
	}
	if missing := want.missingColumns(live); missing != "" {
		state.Problem = "it is not an engagement database: " + missing
		return state, nil
	}
	err = db.QueryRowContext(ctx,
		"SELECT EXISTS (SELECT 1 FROM signal_fires) OR EXISTS (SELECT 1 FROM user_stats)").Scan(&state.Facts)
	return state, err
}

func latestVersion() (int64, error) {
	db := openDSN("file:/none?vfs=memdb", 1, false)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations.SQLite, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return 0, err
	}
	sources := provider.ListSources()
	return sources[len(sources)-1].Version, nil
}
