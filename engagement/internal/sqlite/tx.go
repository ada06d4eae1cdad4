package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// BeginRead opens a snapshot. It is taken by the first query.
func (e *Engine) BeginRead(ctx context.Context, _ engine.Gate) (engine.Snapshot, error) {
	return begin(ctx, e.reader, "BEGIN")
}

// BeginWrite opens a transaction that has the file's write lock, which is the gate
// too. It waits for other writers of this process, and for other processes no longer
// than lockPoll.
func (e *Engine) BeginWrite(ctx context.Context, _ engine.Gate) (engine.Tx, error) {
	if e.writer == nil {
		return nil, sqlite3.Error{Code: sqlite3.ErrReadonly}
	}
	t, err := begin(ctx, e.writer, "BEGIN IMMEDIATE")
	if err != nil {
		return nil, err
	}
	if err := t.conn.fitWAL(); err != nil {
		return nil, errors.Join(err, t.Rollback(ctx))
	}
	return t, nil
}

// Lanes returns 1: a file has one writer.
func (e *Engine) Lanes() int { return 1 }

// BeginBatch is BeginWrite.
func (e *Engine) BeginBatch(ctx context.Context, _ int) (engine.Tx, error) {
	return e.BeginWrite(ctx, engine.EnterGate)
}

// tx is a transaction. It is not database/sql's, which costs a goroutine a
// transaction and one a query, and rolls back behind its caller's back when a
// context ends.
type tx struct {
	*dbgen.Queries
	pooled *sql.Conn
	conn   *conn
	roomy  bool // its cache is larger than usual
}

// begin opens a transaction on a connection of pool, which it gives back when
// the transaction has ended or could not begin.
func begin(ctx context.Context, pool *sql.DB, statement string) (*tx, error) {
	pooled, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	t := &tx{Queries: dbgen.New(pooled), pooled: pooled}
	if err := pooled.Raw(func(c any) error { t.conn = c.(*conn); return nil }); err != nil {
		return nil, errors.Join(err, pooled.Close())
	}
	if _, err := pooled.ExecContext(ctx, statement); err != nil {
		return nil, errors.Join(err, pooled.Close())
	}
	t.conn.failed = nil
	return t, nil
}

// The cache of the connection that writes, in KiB. A large transaction whose pages do
// not fit writes them early and reads them again: with room for all it took two thirds
// of the time. A fact of a user seen at random changes some 13 pages.
const (
	writerCache  = 64 << 10
	largestCache = 512 << 10
	cacheOfAFact = 13 * 4
)

// Expect enlarges the cache, which is given back when the transaction ends.
func (t *tx) Expect(ctx context.Context, facts int) error {
	room := min(facts, largestCache/cacheOfAFact) * cacheOfAFact
	if room <= writerCache {
		return nil
	}
	t.roomy = true
	return t.setCache(ctx, room)
}

func (t *tx) setCache(ctx context.Context, kib int) error {
	_, err := t.pooled.ExecContext(ctx, fmt.Sprintf("PRAGMA cache_size = -%d", kib))
	return err
}

// release gives the connection back.
func (t *tx) release() error {
	if t.roomy {
		// The connection is as good without it: a larger cache is only memory.
		_ = t.setCache(context.Background(), writerCache)
	}
	return t.pooled.Close()
}

func (t *tx) Later() dbgen.Querier { return t.Queries }

func (t *tx) Flush(context.Context) error { return nil }

// SQL runs a caller's statements. If one fails, the commit fails, even if the caller
// ignores its error.
func (t *tx) SQL() engine.SQL { return (*callers)(t) }

// callers runs a caller's statements. A statement that fails before it reaches the
// connection, such as one with an argument of an unsupported type, makes the commit
// fail too.
type callers tx

func (s *callers) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if failed := s.conn.failed; failed != nil {
		return nil, failed
	}
	result, err := s.pooled.ExecContext(ctx, query, args...)
	return result, s.note(err)
}

func (s *callers) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if failed := s.conn.failed; failed != nil {
		return nil, failed
	}
	defer s.conn.stepAtOnce()()
	rows, err := s.pooled.QueryContext(ctx, query, args...)
	return rows, s.note(err)
}

func (s *callers) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if failed := s.conn.failed; failed != nil {
		return engine.FailedRow(failed)
	}
	defer s.conn.stepAtOnce()()
	row := s.pooled.QueryRowContext(ctx, query, args...)
	_ = s.note(row.Err())
	return row
}

func (s *callers) note(err error) error {
	if err != nil {
		_ = s.conn.fail(err)
	}
	return err
}

func (t *tx) Failed() error { return t.conn.failed }

// Load reads what a write depends on. Nobody else writes, so nothing need be held.
func (t *tx) Load(ctx context.Context, keys engine.Keys) (l engine.Loaded, err error) {
	if l.Settings, err = t.WriterSettings(ctx); err != nil {
		return l, err
	}
	if l.Users, err = t.HoldUsers(ctx, keys.Users); err != nil {
		return l, err
	}
	if keys.Fires != "" {
		if l.Fires, err = t.FiresByKey(ctx, keys.Fires); err != nil {
			return l, err
		}
	}
	if keys.Trades != "" {
		if l.Trades, err = t.TradesByKey(ctx, keys.Trades); err != nil {
			return l, err
		}
		l.Days, err = t.DaysOfTrades(ctx, keys.Trades)
	}
	return l, err
}

func (t *tx) Histories(ctx context.Context, users, awarded string) (h engine.Histories, err error) {
	if h.Rows, err = t.HistoriesOfUsers(ctx, users); err != nil {
		return h, err
	}
	h.Awards, err = t.AwardsOfUsers(ctx, awarded)
	return h, err
}

// Commit commits the transaction, or undoes it.
func (t *tx) Commit(ctx context.Context) error {
	if failed := t.conn.failed; failed != nil {
		return errors.Join(fmt.Errorf("a statement of the transaction failed: %w", failed), t.Rollback(ctx))
	}
	if _, err := t.pooled.ExecContext(context.Background(), "COMMIT"); err != nil {
		return errors.Join(err, t.Rollback(ctx))
	}
	return t.release()
}

// End ends a snapshot.
func (t *tx) End(ctx context.Context) error { return t.Rollback(ctx) }

// Rollback undoes the transaction, unless SQLite has done so itself, as after
// some errors. A connection that cannot be cleared is thrown away.
func (t *tx) Rollback(context.Context) error {
	var undone bool
	err := t.pooled.Raw(func(any) error { undone = t.conn.AutoCommit(); return nil })
	if err == nil && !undone {
		_, err = t.pooled.ExecContext(context.Background(), "ROLLBACK")
	}
	if err != nil {
		_ = t.pooled.Raw(func(any) error { return driver.ErrBadConn })
		return err
	}
	return t.release()
}
