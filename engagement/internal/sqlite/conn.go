package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
)

// timeFormat is the predecessor's own form of a time: UTC, six decimals. It is
// read by SQLite's date functions and by every Python's fromisoformat, and it
// compares as text. The driver's own form has neither property.
const timeFormat = "2006-01-02 15:04:05.000000"

// connector opens connections that store times as timeFormat.
type connector struct {
	driver *sqlite3.SQLiteDriver
	dsn    string
	// uncancelled runs each statement to its end. A cancellable context costs
	// the driver a goroutine a statement, and those of the writer are short.
	uncancelled bool
}

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &conn{SQLiteConn: opened.(*sqlite3.SQLiteConn), uncancelled: c.uncancelled}, nil
}

func (c *connector) Driver() driver.Driver { return c.driver }

type conn struct {
	*sqlite3.SQLiteConn
	uncancelled bool
}

// CheckNamedValue implements [driver.NamedValueChecker].
func (c *conn) CheckNamedValue(nv *driver.NamedValue) error {
	if t, ok := nv.Value.(time.Time); ok {
		nv.Value = t.UTC().Format(timeFormat)
		return nil
	}
	return driver.ErrSkip
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	ctx, err := c.statementContext(ctx)
	if err != nil {
		return nil, err
	}
	return c.SQLiteConn.ExecContext(ctx, query, args)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	ctx, err := c.statementContext(ctx)
	if err != nil {
		return nil, err
	}
	return c.SQLiteConn.QueryContext(ctx, query, args)
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
	return openDSN("file:"+escapePath(path)+"?"+strings.Join(settings, "&"), conns, false)
}

func openDSN(dsn string, conns int, uncancelled bool) *sql.DB {
	db := sql.OpenDB(&connector{driver: &sqlite3.SQLiteDriver{}, dsn: dsn, uncancelled: uncancelled})
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db
}

// escapePath makes a path safe inside a file: URI.
func escapePath(path string) string {
	return (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}
