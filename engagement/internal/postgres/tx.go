package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/dbgen/pggen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// How transactions begin. Nothing is set for the session, since behind a pooler
// the next transaction may run in another.
const (
	beginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	// A statement must see what others have committed while it waited for their
	// rows: the counters are added to, not overwritten.
	beginWrite  = "BEGIN ISOLATION LEVEL READ COMMITTED"
	commitAsync = "SET LOCAL synchronous_commit = off"
	idleForLong = "SET LOCAL idle_in_transaction_session_timeout = 0"
	// Several connections of a transaction to one node would take a snapshot each.
	oneConnection = "SET LOCAL citus.max_adaptive_executor_pool_size = 1"
)

// setUpSpread is what EnterGate sets, for a cluster, which tells its nodes only of SET
// LOCAL.
var setUpSpread = []string{
	oneConnection, "SET LOCAL citus.propagate_set_commands = 'local'",
	"SET LOCAL lock_timeout = '10s'", "SET LOCAL idle_in_transaction_session_timeout = '60s'",
	"SET LOCAL enable_seqscan = off", "SET LOCAL enable_hashjoin = off", "SET LOCAL enable_mergejoin = off",
	"SET LOCAL random_page_cost = 0", "SET LOCAL seq_page_cost = 0", "SET LOCAL jit = off",
}

// tx is a transaction on a connection of its own. It is not database/sql's, which
// rolls back behind its caller's back when a context ends.
//
// Statements may be queued: they travel with the next one, in one round trip for all
// of them.
type tx struct {
	querier
	engine *Engine
	pooled *sql.Conn
	conn   *pgx.Conn
	free   func() // lets the next writer of this process begin
	queued []*pgx.QueuedQuery
	failed error // of the first statement that failed or was lost
	ended  bool  // the connection is given back
	asSet  bool  // statements are planned by the server's own settings
}

// BeginRead opens a snapshot. It is taken by the first query; on a cluster by one
// that goes to every node, since each node takes its own.
func (e *Engine) BeginRead(ctx context.Context, gate engine.Gate) (engine.Snapshot, error) {
	t, err := e.newTx(ctx, e.reader, func() {})
	if err != nil {
		return nil, err
	}
	if !e.spread {
		t.queue(beginRead)
		return t, t.flushOrDiscard(ctx)
	}
	if gate == engine.CloseGate { // on a connection of its own, which is waited for last
		closed, err := e.beginWrite(ctx, engine.CloseGate, 0, lanes)
		if err != nil {
			return nil, errors.Join(err, t.release())
		}
		defer func() { _ = closed.Rollback(ctx) }() // nothing was written
	}
	t.queue(beginRead)
	t.queue(oneConnection)
	t.queue(pggen.TouchNodes)
	return t, t.flushOrDiscard(ctx)
}

// BeginWrite opens a transaction while no other of this process is written. It begins
// with the first statement, and with the gate.
func (e *Engine) BeginWrite(ctx context.Context, gate engine.Gate) (engine.Tx, error) {
	if e.opts.ReadOnly {
		return nil, errStandby
	}
	return e.beginWrite(ctx, gate, 0, lanes)
}

// Lanes returns how many batches are written at a time. On a cluster that is one: a
// batch there ends in a commit of two phases, whatever its size.
func (e *Engine) Lanes() int {
	if e.spread {
		return 1
	}
	return lanes
}

// BeginBatch opens a transaction on the writing connection of a lane. It begins with
// the first statement, and with the gate.
func (e *Engine) BeginBatch(ctx context.Context, lane int) (engine.Tx, error) {
	if e.opts.ReadOnly {
		return nil, errStandby
	}
	return e.beginWrite(ctx, engine.EnterGate, lane, 1)
}

// beginWrite opens a transaction of one lane that takes the place of so many.
func (e *Engine) beginWrite(ctx context.Context, gate engine.Gate, lane int, places int64) (engine.Tx, error) {
	if err := e.writing.Acquire(ctx, places); err != nil {
		return nil, err
	}
	t, err := e.newTx(ctx, e.writers[lane], sync.OnceFunc(func() { e.writing.Release(places) }))
	if err != nil {
		return nil, err
	}
	t.queue(beginWrite)
	if e.spread {
		for _, statement := range setUpSpread {
			t.queue(statement)
		}
	}
	if e.opts.Async {
		t.queue(commitAsync)
	}
	if gate == engine.CloseGate {
		t.queue(pggen.CloseGate)
		return t, t.flushOrDiscard(ctx)
	}
	t.queue(pggen.EnterGate)
	return t, nil
}

// newTx returns a transaction that calls free when it has ended, or could not begin.
func (e *Engine) newTx(ctx context.Context, pool *sql.DB, free func()) (*tx, error) {
	pooled, err := pool.Conn(ctx)
	if err != nil {
		free()
		return nil, err
	}
	t := &tx{engine: e, pooled: pooled, free: free}
	t.querier = querier{pggen.New((*flushing)(t))}
	err = pooled.Raw(func(c any) error { t.conn = c.(*stdlib.Conn).Conn(); return nil })
	if err != nil {
		t.discard()
		return nil, err
	}
	if t.conn.IsClosed() { // by isLost
		t.discard()
		return nil, errNoAnswer
	}
	return t, nil
}

// flushOrDiscard sends what is queued, or gives up the transaction.
func (t *tx) flushOrDiscard(ctx context.Context) error {
	err := t.Flush(ctx)
	if err != nil {
		t.discard()
	}
	return err
}

func (t *tx) queue(query string, args ...any) {
	t.queued = append(t.queued, &pgx.QueuedQuery{SQL: query, Arguments: args})
}

// queueRows queues a query and reads its rows into into once it is sent.
func queueRows[T any](t *tx, into *[]T, convert pgx.RowToFunc[T], query string, args ...any) {
	t.queue(query, args...)
	t.queued[len(t.queued)-1].Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, convert)
		return err
	})
}

// Expect does nothing: the server has room of its own.
func (t *tx) Expect(context.Context, int) error { return nil }

// Flush sends what is queued and waits until it has run. If a queued statement fails
// or is lost, so does the commit.
func (t *tx) Flush(ctx context.Context) error {
	switch {
	case t.ended:
		return sql.ErrConnDone
	case t.failed != nil:
		return t.failed
	}
	if err := ctx.Err(); err != nil {
		return t.note(err) // and the connection stays as it is
	}
	if len(t.queued) == 0 {
		return nil
	}
	queued := t.queued
	t.queued = nil
	return t.note(t.engine.answered(ctx, func(ctx context.Context) error {
		return t.conn.SendBatch(ctx, &pgx.Batch{QueuedQueries: queued}).Close()
	}))
}

// note remembers the first error of a statement.
func (t *tx) note(err error) error {
	if t.failed == nil {
		t.failed = err
	}
	return err
}

// Failed returns the first error that Commit will fail with.
func (t *tx) Failed() error { return t.failed }

// Later queues statements.
func (t *tx) Later() dbgen.Querier { return querier{pggen.New((*queueing)(t))} }

// SQL runs statements after those that are queued, planned by the server's own
// settings.
func (t *tx) SQL() engine.SQL {
	if !t.asSet {
		t.asSet = true
		for _, setting := range []string{
			"enable_seqscan", "enable_hashjoin", "enable_mergejoin", "random_page_cost", "seq_page_cost", "jit",
		} {
			t.queue("RESET " + setting)
		}
	}
	return (*flushing)(t)
}

// flushing runs statements at once, after those that are queued.
type flushing tx

func (f *flushing) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	t := (*tx)(f)
	if err := t.Flush(ctx); err != nil {
		return nil, err
	}
	result, err := t.pooled.ExecContext(ctx, query, args...)
	return result, t.note(err)
}

func (f *flushing) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	t := (*tx)(f)
	if err := t.Flush(ctx); err != nil {
		return nil, err
	}
	rows, err := t.pooled.QueryContext(ctx, query, args...)
	return rows, t.note(err)
}

func (f *flushing) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	t := (*tx)(f)
	if err := t.Flush(ctx); err != nil {
		return engine.FailedRow(err)
	}
	row := t.pooled.QueryRowContext(ctx, query, args...)
	_ = t.note(row.Err())
	return row
}

func (f *flushing) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return f.pooled.PrepareContext(ctx, query)
}

// queueing queues statements that return nothing.
type queueing tx

var errReturnsRows = errors.New("a statement that returns something cannot be queued")

func (q *queueing) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	(*tx)(q).queue(query, args...)
	return driver.ResultNoRows, nil
}

func (q *queueing) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errReturnsRows
}

func (q *queueing) QueryRowContext(context.Context, string, ...any) *sql.Row {
	panic(errReturnsRows)
}

func (q *queueing) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, errReturnsRows
}

// Load holds users and reads what a write of their facts depends on, in one round
// trip. Each statement sees what was committed when it began, so those after
// CreateUsers see all that others have stored of these users.
func (t *tx) Load(ctx context.Context, keys engine.Keys) (l engine.Loaded, err error) {
	queueRows(t, &l.Settings, rowTo(func(row pggen.Setting) dbgen.Setting { return dbgen.Setting(row) }), pggen.WriterSettings)
	queueRows(t, &l.Created, pgx.RowTo[int64], pggen.CreateUsers, keys.Users)
	queueRows(t, &l.Users, rowTo(func(row pggen.HoldUsersRow) dbgen.HoldUsersRow { return dbgen.HoldUsersRow(row) }),
		pggen.HoldUsers, keys.Users)
	if keys.Fires != "" {
		queueRows(t, &l.Fires, rowTo(func(row pggen.FiresByKeyRow) dbgen.FiresByKeyRow { return dbgen.FiresByKeyRow(row) }),
			pggen.FiresByKey, keys.Fires)
	}
	if keys.Trades != "" {
		queueRows(t, &l.Trades, rowTo(func(row pggen.TradesByKeyRow) dbgen.TradesByKeyRow { return dbgen.TradesByKeyRow(row) }),
			pggen.TradesByKey, keys.Trades)
		queueRows(t, &l.Days, rowTo(func(row pggen.DaysOfTradesRow) dbgen.DaysOfTradesRow { return dbgen.DaysOfTradesRow(row) }),
			pggen.DaysOfTrades, keys.Trades)
	}
	return l, t.Flush(ctx)
}

// Histories reads days, freezes and awards, in one round trip.
func (t *tx) Histories(ctx context.Context, users, awarded string) (h engine.Histories, err error) {
	queueRows(t, &h.Rows, rowTo(func(row pggen.HistoriesOfUsersRow) dbgen.HistoriesOfUsersRow {
		return dbgen.HistoriesOfUsersRow(row)
	}), pggen.HistoriesOfUsers, users)
	queueRows(t, &h.Awards, rowTo(func(row pggen.StreakAward) dbgen.StreakAward { return dbgen.StreakAward(row) }),
		pggen.AwardsOfUsers, awarded)
	return h, t.Flush(ctx)
}

// rowTo reads a row of pggen as one of dbgen.
func rowTo[A, B any](convert func(A) B) pgx.RowToFunc[B] {
	return func(row pgx.CollectableRow) (B, error) {
		a, err := pgx.RowToStructByPos[A](row)
		return convert(a), err
	}
}

// Commit sends what is queued together with the COMMIT: rows that most writers share
// are changed last, and so locked for one round trip only.
func (t *tx) Commit(ctx context.Context) error {
	if failed := t.failed; failed != nil {
		return errors.Join(fmt.Errorf("a statement of the transaction failed: %w", failed), t.Rollback(ctx))
	}
	var ended pgconn.CommandTag
	t.queue("COMMIT")
	t.queued[len(t.queued)-1].Exec(func(tag pgconn.CommandTag) error { ended = tag; return nil })
	err := t.Flush(ctx)
	if err == nil && ended.String() != "COMMIT" {
		err = pgx.ErrTxCommitRollback // the transaction had failed before
	}
	if err != nil {
		_ = t.Rollback(ctx) // or the server does so by itself
		return err
	}
	return t.release()
}

// End ends a snapshot.
func (t *tx) End(ctx context.Context) error { return t.Rollback(ctx) }

// Rollback undoes the transaction. One that has not begun yet is dropped. A
// connection that cannot be cleared is closed, on which the server undoes the
// transaction.
func (t *tx) Rollback(ctx context.Context) error {
	t.queued = nil
	if t.ended {
		return nil
	}
	if t.conn.IsClosed() {
		t.discard()
		return nil
	}
	if t.conn.PgConn().TxStatus() == 'I' {
		return t.release()
	}
	err := t.engine.answered(ctx, func(ctx context.Context) error {
		_, err := t.conn.Exec(ctx, "ROLLBACK")
		return err
	})
	if err != nil {
		t.discard()
		return nil
	}
	return t.release()
}

// discard closes a connection whose state is not known, instead of giving it
// back.
func (t *tx) discard() {
	t.ended = true
	_ = t.pooled.Raw(func(any) error { return driver.ErrBadConn })
	t.free()
}

// release gives the connection back.
func (t *tx) release() error {
	t.ended = true
	defer t.free()
	return t.pooled.Close()
}
