// Package sqlite opens engagement databases kept in a SQLite file.
//
// One connection writes, so that writers queue in the process instead of
// failing in the file; a pool of query-only connections reads. The file is in
// WAL mode, where neither waits for the other.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
	_ "github.com/hydraxdev/engagementdb/engagement/internal/sqlite/needcgo" // for its error
)

const (
	// lockWait is how long a writer waits for another process's lock.
	lockWait = 10 * time.Second
	// lockPoll is how long SQLite itself waits before ctx is looked at again.
	lockPoll = 100 * time.Millisecond
	// maxReaders is how many snapshots may be open at a time; more wait.
	maxReaders = 64
)

// Options are the choices of whoever opens a file.
type Options struct {
	ReadOnly    bool
	Synchronous string // OFF, NORMAL or FULL
	Log         *slog.Logger
	// Like is a file whose mode and owner a new one gets ("": the default).
	Like string
}

// Engine is one SQLite file.
type Engine struct {
	path   string
	opts   Options
	reader *sql.DB
	writer *sql.DB // nil when read only
	still  bool    // nobody can write the file, so it is read without its locks
}

var _ engine.Engine = (*Engine)(nil)

// New returns the engine for the file at path, which need not exist yet.
// Nothing is opened.
func New(path string, opts Options) *Engine {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Engine{path: filepath.Clean(path), opts: opts}
}

// Path returns where the file is.
func (e *Engine) Path() string { return e.path }

// Open opens the pools.
func (e *Engine) Open(ctx context.Context) error {
	if err := e.openReader(ctx); err != nil {
		if e.still {
			return err
		}
		if err := e.standStill(e.path, err); err != nil {
			return err
		}
		return errors.Join(e.reader.Close(), e.openReader(ctx))
	}
	if e.opts.ReadOnly {
		return nil
	}
	e.writer = openWriter(e.path, e.opts.Synchronous, "MEMORY")
	return e.writer.PingContext(ctx)
}

func (e *Engine) openReader(ctx context.Context) error {
	// Measured with 256 fires a commit on this schema: the default checkpoint
	// every 1,000 pages and 2 MB cache cost half the write speed of 16,384
	// pages and 64 MB. Caching statements takes a query from 5.3 to 1.3 us.
	// Readers' caches are small, because sorting may use as much again.
	e.reader = openPool(e.path, maxReaders,
		e.mode(), "_query_only=true", "_busy_timeout=5000", "_cache_size=-8192", "_stmt_cache_size=128")
	e.reader.SetMaxIdleConns(max(4, runtime.GOMAXPROCS(0)))
	return e.reader.PingContext(ctx)
}

// mode returns how to open the file for reading. Unless it is opened read-only the
// mode allows writing too, because SQLite may have to recover the file first.
func (e *Engine) mode() string {
	switch {
	case e.still:
		return immutable
	case e.opts.ReadOnly:
		return "mode=ro"
	}
	return "mode=rw"
}

// openWriter opens the connection that writes. tempStore is where it keeps what a
// statement needs for itself: MEMORY or FILE.
func openWriter(path, synchronous, tempStore string) *sql.DB {
	hooked := &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		// A statement that stores many rows keeps the pages that it changes, in case
		// it fails half-way. In a file that took a fifth more processor time a fire
		// at 256 a commit, so they are kept in memory.
		_, err := c.Exec("PRAGMA temp_store = "+tempStore, nil)
		return err
	}}
	return openConnector(&connector{driver: hooked, writes: true, doubts: &doubts{dsn: fileDSN(path, "mode=rw")},
		dsn: "file:" + escapePath(path) +
			"?mode=rwc&_txlock=immediate&_journal_mode=WAL&_synchronous=" + synchronous +
			"&_busy_timeout=" + fmt.Sprint(lockPoll.Milliseconds()) +
			"&_cache_size=-" + fmt.Sprint(writerCache) + "&_stmt_cache_size=128&_mutex=no"}, 1)
}

// Remote reports whether commands travel over a network: they do not.
func (e *Engine) Remote() bool { return false }

// Queries returns the typed queries on the pool of readers.
func (e *Engine) Queries() dbgen.Querier { return dbgen.New(e.reader) }

// Classify maps SQLite's result codes (https://sqlite.org/rescode.html). Those
// of a backup come in their extended form.
func (e *Engine) Classify(err error) engine.Class {
	var se sqlite3.Error
	if !errors.As(err, &se) {
		return cmp.Or(engine.ClassOfScan(err), engine.ClassOfSystem(err))
	}
	switch se.Code & sqlite3.ErrNo(sqlite3.ErrNoMask) {
	case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrProtocol:
		return engine.Busy
	case sqlite3.ErrCantOpen:
		// Other for a path that does not exist. SQLite may report the number of a
		// later call, so a file that is there does exist.
		info := fileInfo(e.path)
		if se.SystemErrno != 0 && (se.SystemErrno != syscall.ENOENT || info == nil || info.IsDir()) {
			return engine.ClassOfSystem(se.SystemErrno)
		}
		return engine.Storage
	case sqlite3.ErrIoErr:
		return engine.Storage
	case sqlite3.ErrFull, sqlite3.ErrNomem, sqlite3.ErrNoLFS:
		return engine.Storage
	case sqlite3.ErrReadonly, sqlite3.ErrPerm:
		return engine.ReadOnly
	case sqlite3.ErrCorrupt, sqlite3.ErrFormat:
		return engine.Corrupt
	case sqlite3.ErrNotADB:
		return engine.Foreign
	case sqlite3.ErrConstraint, sqlite3.ErrTooBig, sqlite3.ErrRange:
		return engine.Refused
	}
	return engine.Other
}

// Size returns how many bytes the file has once the WAL is in it.
func (e *Engine) Size(ctx context.Context) (int64, error) {
	var pages, pageSize int64
	if err := e.reader.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		return 0, err
	}
	err := e.reader.QueryRowContext(ctx, "PRAGMA page_size").Scan(&pageSize)
	return pages * pageSize, err
}

// Close closes the pools. The last one to close the file moves the WAL into it.
func (e *Engine) Close() error {
	var errs []error
	// The reader goes first: a query-only connection cannot move the WAL.
	for _, db := range []*sql.DB{e.reader, e.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// exists reports whether there is a file with content at path.
func exists(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.IsDir():
		return false, fmt.Errorf("%s is a directory", path)
	}
	return info.Size() > 0, nil
}
