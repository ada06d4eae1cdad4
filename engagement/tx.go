package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// Tx is a transaction: it reads what a [Reader] reads and writes what a [DB]
// writes. Nothing that it wrote is seen by others until it is committed. On
// PostgreSQL it sees what others commit meanwhile: reads that belong together go
// in [DB.View]. It is for one goroutine at a time.
//
// A call that refuses its arguments (ErrInvalid, ErrNotFound, ErrConflict)
// leaves the transaction as it was. After any other error, also of a read, it
// cannot be committed.
type Tx struct {
	*Reader
	writing *writing
}

// writing is a view that may be changed.
type writing struct {
	*view
	tx     engine.Tx
	joined bool // a caller's function goes on after each write
}

// later takes statements that return nothing; see [engine.Tx].
func (w *writing) later() dbgen.Querier { return w.tx.Later() }

// Tx runs fn in a transaction and commits it if fn returns nil; if fn returns
// an error or panics, nothing of it is written. Writes of other callers wait
// meanwhile, and those of other processes get ErrBusy after 10 seconds, so fn
// should be short; inside it, use tx and not the DB, whose writes are ErrInvalid
// there. fn runs at most once; its error is returned as it is.
func (db *DB) Tx(ctx context.Context, fn func(*Tx) error) error {
	var failed error
	_, err := run(ctx, db.shared(), "transaction", func() (struct{}, error) {
		w, err := db.core.beginAlive(ctx)
		if err != nil {
			return struct{}{}, err
		}
		return commitAfter(ctx, w, func(w *writing) (struct{}, error) {
			defer db.core.enterTx()()
			failed = fn(&Tx{&Reader{w.core, w.view}, w})
			return struct{}{}, byCaller(failed)
		})
	})
	if failed != nil {
		return failed
	}
	return err
}

// beginAlive opens a transaction for a caller's function. It has reached the
// server when it is returned, for the function cannot be tried again.
func (c *core) beginAlive(ctx context.Context) (*writing, error) {
	if err := c.refuseInTx(); err != nil {
		return nil, err
	}
	return retry(ctx, c, "begin a transaction", func(ctx context.Context) (*writing, error) {
		w, err := c.begin(ctx, engine.EnterGate)
		if err != nil {
			return nil, err
		}
		w.joined = true
		if err := w.tx.Flush(ctx); err != nil {
			return nil, errors.Join(err, w.rollback(ctx))
		}
		return w, nil
	})
}

// SQL runs a caller's own statements in a transaction, for tables of its own:
// they are committed with the facts that the transaction records, or not at all.
// The tables of this library must not be written so. Their errors are those of
// the driver, wrapped. After one the transaction cannot be committed.
type SQL struct{ w *writing }

// SQL returns what runs a caller's own statements in the transaction.
func (tx *Tx) SQL() SQL { return SQL{tx.writing} }

// ExecContext runs a statement that returns no rows.
func (s SQL) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if s.w == nil {
		return nil, errNotOpened
	}
	result, err := s.w.tx.SQL().ExecContext(ctx, query, args...)
	return result, explain(s.w.engine, "run a statement", err)
}

// QueryContext runs a query. Its rows must be closed before the transaction is
// used again.
func (s SQL) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s.w == nil {
		return nil, errNotOpened
	}
	rows, err := s.w.tx.SQL().QueryContext(ctx, query, args...)
	return rows, explain(s.w.engine, "run a query", err)
}

// QueryRowContext runs a query of at most one row, whose error Scan returns.
func (s SQL) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s.w == nil {
		return engine.FailedRow(errNotOpened)
	}
	return s.w.tx.SQL().QueryRowContext(ctx, query, args...)
}

// manner says how a write runs.
type manner struct {
	idempotent bool // it may run again after a commit whose answer was lost
	gate       engine.Gate
}

// The manners of writing.
var (
	once       = manner{}
	idempotent = manner{idempotent: true}
	// alone changes what every writer must agree on; it is idempotent.
	alone = manner{idempotent: true, gate: engine.CloseGate}
)

// write runs fn in a transaction of its own and commits it. If that fails for a
// reason that may pass it runs fn again, as its manner allows.
func write[T any](ctx context.Context, db *DB, doing string, how manner, fn func(*writing) (T, error)) (T, error) {
	return run(ctx, db.shared(), doing, func() (T, error) {
		if err := db.core.refuseInTx(); err != nil {
			return *new(T), err
		}
		return retry(ctx, db.core, doing, func(ctx context.Context) (T, error) {
			w, err := db.core.begin(ctx, how.gate)
			if err != nil {
				return *new(T), err
			}
			answer, err := commitAfter(ctx, w, fn)
			if errors.Is(err, errUncertain) && !how.idempotent {
				err = final(err)
			}
			return answer, err
		})
	})
}

// begin opens a transaction, which ends with commit or rollback.
func (c *core) begin(ctx context.Context, gate engine.Gate) (*writing, error) {
	return c.beginOn(ctx, func(ctx context.Context) (engine.Tx, error) { return c.engine.BeginWrite(ctx, gate) })
}

// beginOn is begin on what open opens.
func (c *core) beginOn(ctx context.Context, open func(context.Context) (engine.Tx, error)) (*writing, error) {
	tx, err := open(ctx)
	if err != nil {
		return nil, err
	}
	var w *writing
	defer func() {
		if w == nil { // the caller's clock panicked or is wrong
			_ = tx.Rollback(ctx)
		}
	}()
	now := c.instant()
	if err := checkClock(now); err != nil {
		return nil, err
	}
	w = &writing{view: &view{c, tx, now}, tx: tx}
	return w, nil
}

// commitAfter runs fn and commits, or undoes everything if fn fails or panics or
// ctx ends meanwhile.
func commitAfter[T any](ctx context.Context, w *writing, fn func(*writing) (T, error)) (answer T, err error) {
	ended := false
	defer func() {
		if !ended {
			err = errors.Join(err, w.rollback(ctx))
		}
	}()
	if answer, err = fn(w); err != nil {
		return answer, err
	}
	if err := ctx.Err(); err != nil {
		return answer, err
	}
	ended = true
	return answer, w.commit(ctx)
}

// errUncertain: a commit was sent and its answer never came.
var errUncertain = errors.New("it may or may not have been committed")

func (w *writing) commit(ctx context.Context) error {
	if failed := w.tx.Failed(); failed != nil {
		return errors.Join(fmt.Errorf("commit: a statement of the transaction failed: %w", failed), w.rollback(ctx))
	}
	err := w.tx.Commit(ctx)
	switch {
	case err == nil:
		return nil
	case w.engine.Classify(err) == engine.Unavailable, w.engine.Remote() && ctx.Err() != nil:
		return fmt.Errorf("commit: %w: %w", errUncertain, err)
	}
	return fmt.Errorf("commit: %w", err)
}

func (w *writing) rollback(ctx context.Context) error {
	if err := w.tx.Rollback(ctx); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

// join runs a write as part of a caller's transaction.
func join[T any](ctx context.Context, tx *Tx, doing string, fn func(*writing) (T, error)) (T, error) {
	w := tx.writing
	if w == nil {
		return *new(T), fmt.Errorf("%s: %w", doing, errNotOpened)
	}
	if failed := w.tx.Failed(); failed != nil {
		return *new(T), explain(w.engine, doing+": an earlier statement of this transaction failed", failed)
	}
	return observe(ctx, w.core, doing, func() (T, error) { return fn(w) })
}
