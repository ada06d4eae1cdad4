package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
	"github.com/hydraxdev/engagementdb/migrations"
)

// versionTable is where goose keeps the versions that are applied.
const versionTable = goose.DefaultTablename

// Migrate brings the file to the latest schema. A file with facts is first
// copied to a backup beside it. SQLite has no lock that spans several
// migrations, so processes take turns by a lock file that exists meanwhile.
func (e *Engine) Migrate(ctx context.Context) (applied []int64, err error) {
	path := realPath(e.path)
	if err := ctx.Err(); err != nil {
		return nil, err // and leave no file
	}
	if err := makeFolder(filepath.Dir(path), syncDir); err != nil {
		return nil, err
	}
	unlock, err := lockFile(ctx, path+".migrating")
	if err != nil {
		return nil, fmt.Errorf("lock migrations: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()

	// Another process may have migrated while this one waited.
	state, err := e.Inspect(ctx)
	switch {
	case err != nil || (state.Problem == "" && state.Version == state.Latest):
		return nil, err
	case state.Problem != "":
		return nil, fmt.Errorf("it has changed meanwhile: %s: %w", state.Problem, sqlite3.Error{Code: sqlite3.ErrNotADB})
	case state.Facts:
		if err := e.awaitWriteLock(ctx, path); err != nil {
			return nil, err
		}
		copyPath := fmt.Sprintf("%s.v%d-%s.bak", path, state.Version, time.Now().UTC().Format("20060102T150405.000Z"))
		if err := e.Backup(ctx, copyPath, nil); err != nil {
			return nil, fmt.Errorf("back up before migrating: %w", err)
		}
		e.opts.Log.Info("backed up before migrating", "backup", copyPath)
		defer func() {
			if err != nil && len(applied) == 0 { // the file is as it was, and the next try makes another
				err = errors.Join(err, os.Remove(copyPath))
			}
		}()
	}
	if e.opts.Like != "" {
		if err := makeLike(path, e.opts.Like); err != nil {
			return nil, err
		}
	}
	db := openWriter(path, "FULL", "FILE") // sorting the entries of an index takes as much room as they do
	defer func() { err = errors.Join(err, db.Close()) }()
	return e.up(ctx, db)
}

// awaitWriteLock waits until the file can be written, no longer than a writer does,
// and changes nothing. Without it, a backup would be made of a file that another
// program keeps locked.
func (e *Engine) awaitWriteLock(ctx context.Context, path string) (err error) {
	db := openPool(path, 1, "mode=rw", "_txlock=immediate", fmt.Sprintf("_busy_timeout=%d", lockPoll.Milliseconds()))
	defer func() { err = errors.Join(err, db.Close()) }()
	for deadline := time.Now().Add(lockWait); ; {
		tx, err := db.BeginTx(ctx, nil)
		if err == nil {
			return tx.Rollback()
		}
		if e.Classify(err) != engine.Busy || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
	}
}

// up migrates db to the latest version. A program that does not know the lock file
// may have SQLite's own lock, for which this waits. Or it may migrate first, as the
// goose command does; then this attempt fails as a whole, and the next one finds it
// done.
func (e *Engine) up(ctx context.Context, db *sql.DB) (applied []int64, err error) {
	deadline := time.Now().Add(lockWait)
	for lost := 0; lost < 3; {
		var now []int64
		now, err = upOnce(ctx, db, 0)
		applied = append(applied, now...)
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			break
		}
		switch e.Classify(err) {
		case engine.Busy:
		case engine.Storage, engine.Denied, engine.ReadOnly, engine.Corrupt:
			return applied, err // no race was lost
		default:
			lost++
		}
		time.Sleep(lockPoll / 10)
	}
	return applied, err
}

// upOnce migrates db to a version, or to the latest for 0.
func upOnce(ctx context.Context, db *sql.DB, version int64) (applied []int64, err error) {
	provider, err := newProvider(db)
	if err != nil {
		return nil, err
	}
	var results []*goose.MigrationResult
	if version == 0 {
		results, err = provider.Up(ctx)
	} else {
		results, err = provider.UpTo(ctx, version)
	}
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		results = partial.Applied
	}
	for _, result := range results {
		applied = append(applied, result.Source.Version)
	}
	return applied, err
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	return goose.NewProvider(goose.DialectSQLite3, db, migrations.SQLite, goose.WithDisableGlobalRegistry(true))
}

// realPath follows symbolic links, as SQLite does: what belongs to a file lies
// beside the file itself, whatever name it was opened by.
func realPath(path string) string {
	if followed, err := filepath.EvalSymlinks(path); err == nil {
		return followed
	}
	return path
}

// release removes a lock's file and gives the lock back.
func release(lock *flock.Flock) error {
	if runtime.GOOS != "windows" {
		return errors.Join(os.Remove(lock.Path()), lock.Unlock())
	}
	// Where an open file cannot be removed, the last process that closes it removes
	// it.
	err := lock.Unlock()
	_ = os.Remove(lock.Path())
	return err
}

// lockFile waits for the lock at path and returns what gives it back.
func lockFile(ctx context.Context, path string) (unlock func() error, err error) {
	for {
		// Other users of the database need to open the file too; a lock asks
		// for no right to write.
		lock := flock.New(path, flock.SetPermissions(0o644))
		if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
		// Whoever had the lock before may have removed its file; a lock on a deleted
		// file locks nobody out.
		if isNamed(lock) {
			return func() error { return release(lock) }, nil
		}
		if err := lock.Unlock(); err != nil {
			return nil, err
		}
	}
}

// Inspect looks at the file without changing a byte of it. The exception is a file
// with an unfinished transaction of a program that died while writing: it cannot be
// read before that is undone.
func (e *Engine) Inspect(ctx context.Context) (engine.State, error) {
	latest, err := latestVersion()
	if err != nil {
		return engine.State{}, err
	}
	blank := engine.State{Latest: latest}
	path := realPath(e.path)
	if info := fileInfo(path); info != nil && !info.Mode().IsRegular() {
		return engine.State{Latest: latest, Problem: "it is not a file"}, nil
	}
	found, err := exists(path)
	if err != nil || !found {
		blank.Missing = fileInfo(path) == nil
		return blank, err
	}
	state, err := e.inspect(ctx, path, blank)
	if e.Classify(err) == engine.Foreign {
		return engine.State{Latest: latest, Problem: "it is not a SQLite database"}, nil
	}
	return state, err
}

func (e *Engine) inspect(ctx context.Context, path string, blank engine.State) (state engine.State, err error) {
	// Opening a WAL file makes two files beside it even when only reading. As long as
	// they are missing, nobody has the file open, and it can be read as it is,
	// without a lock and without leaving a trace. If somebody has begun to use it
	// meanwhile, what was read is dropped.
	if before := glance(path); before.quiet() {
		state, err = inspectOnce(ctx, path, immutable, blank)
		if glance(path) == before {
			return state, err
		}
	}
	mode := "mode=ro"
	if glance(path).journal && !e.opts.ReadOnly {
		mode = "mode=rw" // only a connection that may write can undo a transaction
	}
	state, err = inspectOnce(ctx, path, mode, blank)
	if err == nil {
		return state, nil
	}
	if err := e.standStill(path, err); err != nil {
		return state, err
	}
	return inspectOnce(ctx, path, immutable, blank)
}

// appearance is what can be seen of a file without opening it. Only SQLite opens it:
// closing it elsewhere in the process would drop SQLite's locks.
type appearance struct {
	size, changed int64
	wal, journal  bool
}

func glance(path string) appearance {
	a := appearance{wal: fileInfo(path+"-wal") != nil, journal: fileInfo(path+"-journal") != nil}
	if info := fileInfo(path); info != nil {
		a.size, a.changed = info.Size(), info.ModTime().UnixNano()
	}
	return a
}

func (a appearance) quiet() bool { return !a.wal && !a.journal }

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
	// Somebody may be migrating it, so everything is read from one snapshot.
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return state, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written

	live, err := readStructure(ctx, tx)
	if err != nil {
		return state, err
	}
	if live.tables[versionTable] && live.columns[versionTable+".version_id"] == "" {
		state.Problem = "its table " + versionTable + ", where goose keeps versions, is something else"
		return state, nil
	}
	if live.columns[versionTable+".version_id"] != "" && live.columns[versionTable+".is_applied"] != "" {
		// goose deletes a version's row when it takes it down.
		err := tx.QueryRowContext(ctx,
			"SELECT COALESCE(MAX(version_id), 0) FROM "+versionTable+" WHERE is_applied").Scan(&state.Version)
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
	if missing := want.missing(live); missing != "" {
		state.Problem = "it is not an engagement database: " + missing
		return state, nil
	}
	if state.Version < state.Latest {
		latest, err := structureOf(ctx, 0)
		if err != nil {
			return state, err
		}
		if state.Problem = want.obstacle(latest, live); state.Problem != "" {
			return state, nil
		}
	}
	err = tx.QueryRowContext(ctx,
		"SELECT EXISTS (SELECT 1 FROM signal_fires) OR EXISTS (SELECT 1 FROM user_stats)").Scan(&state.Facts)
	return state, err
}

func latestVersion() (int64, error) {
	db := openMemory("none")
	defer db.Close()
	provider, err := newProvider(db)
	if err != nil {
		return 0, err
	}
	sources := provider.ListSources()
	return sources[len(sources)-1].Version, nil
}
