package postgres

import (
	"context"
	"database/sql/driver"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/hydraxdev/engagementdb/dbgen/pggen"
)

// connector opens connections that hold statements back. It tells a server
// that does not answer from a caller who gave up.
type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, unlessGivenUp(ctx, err)
	}
	return &conn{Conn: opened.(*stdlib.Conn)}, nil
}

// conn is a connection that holds some statements back and sends them with the
// one that follows.
type conn struct {
	*stdlib.Conn
	held []*pgx.QueuedQuery
}

// holdsBack says whether nobody looks at what becomes of a statement before the
// next. The rows that most writers share are changed by the last of them: sent
// with the COMMIT, they are locked for no longer than that takes.
func holdsBack(query string) bool {
	switch query {
	case pggen.AddUserFires, pggen.CreateUsers, pggen.AddSignalDays, pggen.AddSignals, pggen.AddDays:
		return true
	}
	return false
}

func (c *conn) hold(query string, args ...any) {
	c.held = append(c.held, &pgx.QueuedQuery{SQL: query, Arguments: args})
}

// send sends a statement behind those held back, and waits for these.
func (c *conn) send(ctx context.Context, query string, args ...any) (pgx.BatchResults, error) {
	c.hold(query, args...)
	held := len(c.held) - 1
	results := c.Conn.Conn().SendBatch(ctx, &pgx.Batch{QueuedQueries: c.held})
	c.held = nil
	for range held {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // returns the same error
			return nil, err
		}
	}
	return results, nil
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	switch {
	case holdsBack(query):
		c.hold(query, values(args)...)
		return driver.RowsAffected(0), nil
	case len(c.held) == 0:
		return c.Conn.ExecContext(ctx, query, args)
	}
	results, err := c.send(ctx, query, values(args)...)
	if err != nil {
		return nil, err
	}
	tag, err := results.Exec()
	if closed := results.Close(); err == nil {
		err = closed
	}
	return driver.RowsAffected(tag.RowsAffected()), err
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if len(c.held) == 0 {
		return c.Conn.QueryContext(ctx, query, args)
	}
	results, err := c.send(ctx, query, values(args)...)
	if err != nil {
		return nil, err
	}
	found, err := results.Query()
	if err != nil {
		_ = results.Close() // returns the same error
		return nil, err
	}
	return &batchRows{Rows: found, results: results}, nil
}

// commit commits the transaction.
func (c *conn) commit(ctx context.Context) error {
	results, err := c.send(ctx, "COMMIT")
	if err != nil {
		return err
	}
	tag, err := results.Exec()
	if closed := results.Close(); err == nil {
		err = closed
	}
	if err == nil && tag.String() != "COMMIT" {
		err = pgx.ErrTxCommitRollback // the transaction had failed before
	}
	return err
}

// rollback undoes the transaction.
func (c *conn) rollback(ctx context.Context) error {
	c.held = nil
	_, err := c.Conn.Conn().Exec(ctx, "ROLLBACK")
	return err
}

func values(args []driver.NamedValue) []any {
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg.Value
	}
	return values
}

// batchRows are the rows of the last statement of a batch.
type batchRows struct {
	pgx.Rows
	results pgx.BatchResults
}

func (r *batchRows) Columns() []string {
	fields := r.FieldDescriptions()
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.Name
	}
	return names
}

func (r *batchRows) Next(dest []driver.Value) error {
	if !r.Rows.Next() {
		if err := r.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	row, err := r.Values()
	for i, value := range row {
		dest[i] = value
	}
	return err
}

func (r *batchRows) Close() error {
	r.Rows.Close()
	return r.results.Close()
}
