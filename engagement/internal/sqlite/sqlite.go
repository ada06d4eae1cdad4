// Package sqlite opens engagement databases kept in a SQLite file.
//
// One connection writes, so that writers queue in the process instead of
// failing in the file; a pool of query-only connections reads. The file is in
// WAL mode, where neither waits for the other.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/mattn/go-sqlite3"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

const (
	// lockWait is how long a writer waits for another process's lock.
	lockWait = 10 * time.Second
	// lockPoll is how long SQLite itself waits before ctx is looked at again.
	lockPoll = 100 * time.Millisecond
	// maxReaders is how many snapshots may be held at a time; more wait.
	maxReaders = 64
)

// Options are the choices of whoever opens a file.
type Options struct {
	ReadOnly    bool
	Synchronous string // OFF, NORMAL or FULL
	Log         *slog.Logger
}

// Engine is one SQLite file.
type Engine struct {
	path   string
	opts   Options
	reader *sql.DB
	writer *sql.DB // nil when read only
}

var _ engine.Engine = (*Engine)(nil)

// New returns the engine for the file at path, which need not exist yet.
// Nothing is opened.
func New(path string, opts Options) *Engine {
	return &Engine{path: filepath.Clean(path), opts: opts}
}

// Open opens the pools.
func (e *Engine) Open(ctx context.Context) error {
	// Measured with 256 fires a commit on this schema: the default checkpoint
	// every 1,000 pages and 2 MB cache cost half the write speed of 16,384
	// pages and 64 MB. Caching statements takes a query from 5.3 to 1.3 us.
	// Readers' caches are small, because sorting may use as much again.
	e.reader = openPool(e.path, maxReaders,
		e.mode(), "_query_only=true", "_busy_timeout=5000", "_cache_size=-8192", "_stmt_cache_size=128")
	e.reader.SetMaxIdleConns(max(4, runtime.GOMAXPROCS(0)))
	if err := e.reader.PingContext(ctx); err != nil {
		return err
	}
	if e.opts.ReadOnly {
		return nil
	}
	e.writer = openWriter(e.path, e.opts.Synchronous)
	tx, err := e.BeginWrite(ctx) // waits, should another process hold the lock
	if err != nil {
		return err
	}
	return tx.Rollback(ctx)
}

// mode is how to open the file for reading. Where writing is allowed the mode
// allows it too, because SQLite may have to recover the file first.
func (e *Engine) mode() string {
	if e.opts.ReadOnly {
		return "mode=ro"
	}
	return "mode=rw"
}

func openWriter(path, synchronous string) *sql.DB {
	hooked := &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		// A statement that stores many rows keeps the pages it changes, in case
		// it fails half-way: in a file, which took a fifth more processor time a
		// fire at 256 a commit, unless temporary data is kept in memory.
		_, err := c.Exec("PRAGMA wal_autocheckpoint = 16384; PRAGMA journal_size_limit = 134217728; "+
			"PRAGMA temp_store = MEMORY", nil)
		return err
	}}
	db := sql.OpenDB(&connector{driver: hooked, uncancelled: true, dsn: "file:" + escapePath(path) +
		"?mode=rwc&_txlock=immediate&_journal_mode=WAL&_synchronous=" + synchronous +
		"&_busy_timeout=" + fmt.Sprint(lockPoll.Milliseconds()) +
		"&_cache_size=-65536&_stmt_cache_size=128&_mutex=no"})
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	return db
}

// Remote says that the file is at hand.
func (e *Engine) Remote() bool { return false }

// Queries returns the typed queries on the pool of readers.
func (e *Engine) Queries() dbgen.Querier { return dbgen.New(e.reader) }

// BeginRead opens a snapshot. It is taken by the first query.
func (e *Engine) BeginRead(ctx context.Context) (*engine.Tx, error) {
	conn, err := e.reader.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return begin(ctx, conn, "BEGIN")
}

// BeginWrite opens a transaction that holds the file's write lock.
func (e *Engine) BeginWrite(ctx context.Context) (*engine.Tx, error) {
	if e.writer == nil {
		return nil, sqlite3.Error{Code: sqlite3.ErrReadonly}
	}
	tx, err := e.tryWrite(ctx)
	if err == nil || e.Classify(err) != engine.Busy {
		return tx, err
	}
	e.opts.Log.Warn("database is locked by another process, waiting for it", "error", err)
	return backoff.Retry(ctx, func() (*engine.Tx, error) {
		tx, err := e.tryWrite(ctx)
		if err != nil && e.Classify(err) != engine.Busy {
			return nil, backoff.Permanent(err)
		}
		return tx, err
	},
		backoff.WithBackOff(backoff.NewConstantBackOff(time.Millisecond)), // SQLite has waited already
		backoff.WithMaxElapsedTime(lockWait))
}

// tryWrite waits for other writers of this process, and for other processes no
// longer than lockPoll.
func (e *Engine) tryWrite(ctx context.Context) (*engine.Tx, error) {
	conn, err := e.writer.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return begin(ctx, conn, "BEGIN IMMEDIATE")
}

// begin opens a transaction on conn, which it gives back when the transaction
// has ended or could not begin. It is not database/sql's, which costs a
// goroutine a transaction and one a query, and rolls back behind its caller's
// back when ctx ends.
func begin(ctx context.Context, conn *sql.Conn, statement string) (*engine.Tx, error) {
	if _, err := conn.ExecContext(ctx, statement); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	commit := func(context.Context) error {
		if _, err := conn.ExecContext(context.Background(), "COMMIT"); err != nil {
			return errors.Join(err, rollback(conn))
		}
		return conn.Close()
	}
	return &engine.Tx{
		Querier:   dbgen.New(conn),
		LockUsers: func(context.Context) error { return nil }, // nobody else writes
		Commit:    commit,
		Rollback:  func(context.Context) error { return rollback(conn) },
	}, nil
}

// rollback undoes conn's transaction, unless SQLite has done so itself, as
// after some errors. A connection that cannot be cleared is thrown away.
func rollback(c *sql.Conn) error {
	var undone bool
	err := c.Raw(func(driverConn any) error {
		undone = driverConn.(*conn).AutoCommit()
		return nil
	})
	if err == nil && !undone {
		_, err = c.ExecContext(context.Background(), "ROLLBACK")
	}
	if err != nil {
		_ = c.Raw(func(any) error { return driver.ErrBadConn })
		return err
	}
	return c.Close()
}

// Classify maps SQLite's result codes (https://sqlite.org/rescode.html).
func (e *Engine) Classify(err error) engine.Class {
	var se sqlite3.Error
	if !errors.As(err, &se) {
		return engine.Other
	}
	switch se.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return engine.Busy
	case sqlite3.ErrReadonly, sqlite3.ErrPerm:
		return engine.ReadOnly
	case sqlite3.ErrCorrupt:
		return engine.Corrupt
	case sqlite3.ErrNotADB:
		return engine.Foreign
	case sqlite3.ErrConstraint, sqlite3.ErrTooBig, sqlite3.ErrRange:
		return engine.Refused
	}
	return engine.Other
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

// exists says whether there is a file with content at path.
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
