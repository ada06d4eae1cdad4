package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// connector opens connections that store times as engine.TimeFormat. The
// driver's own form is neither read by every Python nor compared as text.
type connector struct {
	driver *sqlite3.SQLiteDriver
	dsn    string
	writes bool    // it is the writer's
	doubts *doubts // nil: what SQLite says of damage is believed
}

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, c.doubts.settle(err)
	}
	made := &conn{SQLiteConn: opened.(*sqlite3.SQLiteConn), uncancelled: c.writes, doubts: c.doubts}
	if c.writes {
		if err := made.fitWAL(); err != nil {
			return nil, errors.Join(err, made.Close())
		}
	}
	return made, nil
}

func (c *connector) Driver() driver.Driver { return c.driver }

type conn struct {
	*sqlite3.SQLiteConn
	// uncancelled runs each statement to its end. A cancellable context costs
	// the driver a goroutine a statement, and those of the writer are short.
	uncancelled bool
	failed      error // of the first statement that failed since it was cleared
	steps       bool  // queries read their first row at once
	doubts      *doubts
	spoilt      bool  // its cache of the file may be wrong
	walPages    int64 // what fitWAL has set
}

// IsValid implements [driver.Validator].
func (c *conn) IsValid() bool { return !c.spoilt }

// fail remembers the first error. A statement undone by its error leaves the
// transaction open, and it must not be committed without it.
func (c *conn) fail(err error) error {
	if saysDamaged(err) {
		// A page that could not be read to its end stays in the cache, filled up with
		// zeros.
		c.spoilt = true
		err = c.doubts.settle(err)
	}
	if c.failed == nil {
		c.failed = err
	}
	return err
}

// CheckNamedValue implements [driver.NamedValueChecker].
func (c *conn) CheckNamedValue(nv *driver.NamedValue) error {
	if t, ok := nv.Value.(time.Time); ok {
		nv.Value = t.UTC().Format(engine.TimeFormat)
		return nil
	}
	return driver.ErrSkip
}

// BeginTx implements [driver.ConnBeginTx].
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.SQLiteConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, c.fail(err)
	}
	return tx, nil
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	ctx, err := c.statementContext(ctx)
	if err != nil {
		return nil, c.fail(err)
	}
	result, err := c.SQLiteConn.ExecContext(ctx, query, args)
	if err != nil {
		return nil, c.fail(err)
	}
	return result, nil
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	ctx, err := c.statementContext(ctx)
	if err != nil {
		return nil, c.fail(err)
	}
	found, err := c.SQLiteConn.QueryContext(ctx, query, args)
	if err != nil {
		return nil, c.fail(err)
	}
	r := &rows{SQLiteRows: found.(*sqlite3.SQLiteRows), conn: c}
	if c.steps {
		r.first = make([]driver.Value, len(r.Columns()))
		if r.ended = r.Next(r.first); r.ended != nil && r.ended != io.EOF {
			return nil, errors.Join(r.ended, r.Close())
		}
		r.ahead = true
	}
	return r, nil
}

// stepAtOnce makes queries read their first row at once, until stop is called. So a
// statement has run, and its error is known, even if its rows are never read.
func (c *conn) stepAtOnce() (stop func()) {
	c.steps = true
	return func() { c.steps = false }
}

// rows run their statement while they are read.
type rows struct {
	*sqlite3.SQLiteRows
	conn *conn

	first []driver.Value // the row that was read ahead
	ahead bool           // nobody has asked for it yet
	ended error          // io.EOF if there was none
}

func (r *rows) Next(dest []driver.Value) error {
	if r.ahead {
		r.ahead = false
		copy(dest, r.first)
		return r.ended
	}
	err := r.SQLiteRows.Next(dest)
	if err != nil && err != io.EOF {
		return r.conn.fail(err)
	}
	return err
}

func (c *conn) statementContext(ctx context.Context) (context.Context, error) {
	if !c.uncancelled {
		return ctx, nil
	}
	return context.Background(), ctx.Err()
}

// openPool returns a pool of connections to path. Settings are the driver's
// DSN keys; it ignores unknown ones silently, so they are only written here.
func openPool(path string, conns int, settings ...string) *sql.DB {
	dsn := fileDSN(path, settings...)
	return openConnector(&connector{driver: &sqlite3.SQLiteDriver{}, dsn: dsn, doubts: &doubts{dsn: dsn}}, conns)
}

// openMemory returns a pool of one connection to a database in memory.
func openMemory(name string) *sql.DB {
	return openConnector(&connector{driver: &sqlite3.SQLiteDriver{}, dsn: "file:/" + name + "?vfs=memdb"}, 1)
}

func openConnector(c *connector, conns int) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db
}

func fileDSN(path string, settings ...string) string {
	return "file:" + escapePath(path) + "?" + strings.Join(settings, "&")
}

// escapePath makes a path safe inside a file: URI.
func escapePath(path string) string {
	return (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}
