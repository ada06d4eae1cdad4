package engagement

import (
	"context"
	"errors"
	"fmt"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// Tx is a transaction: it reads what a [Reader] reads and writes what a [DB]
// writes. Nothing that it wrote is seen by others until it is committed. On
// PostgreSQL it sees what others commit meanwhile: reads that belong together go
// in [DB.View].
type Tx struct {
	*Reader
	inner *engine.Tx
	// failed is the first error that may have left a write half done. A
	// transaction with one cannot be committed.
	failed error
}

// Tx runs fn in a transaction and commits it if fn returns nil; if fn returns
// an error or panics, nothing of it is written. Writes of other callers wait
// meanwhile, and those of other processes get ErrBusy after 10 seconds, so fn
// should be short; inside it, use tx and not the DB. An error of fn is returned
// as it is.
func (db *DB) Tx(ctx context.Context, fn func(*Tx) error) error {
	var failed error
	err := db.core.do(ctx, "transaction", func() (int, error) {
		return db.writeOnce(ctx, func(tx *Tx) (int, error) {
			failed = fn(tx)
			return 0, byCaller(failed)
		})
	})
	if failed != nil {
		return failed
	}
	return err
}

// write runs an operation in a transaction of its own. fn may run several
// times, but never again once it may have been committed.
func (db *DB) write(ctx context.Context, doing string, fn func(*Tx) (rows int, err error)) error {
	return db.core.do(ctx, doing, func() (rows int, err error) {
		err = db.core.retry(ctx, doing, func() error {
			rows, err = db.writeOnce(ctx, fn)
			if errors.Is(err, errUncertain) {
				err = errors.Join(err, errOnce)
			}
			return err
		})
		return rows, err
	})
}

// writeKeyed is write for an fn that changes nothing when it runs again after
// it was committed.
func (db *DB) writeKeyed(ctx context.Context, doing string, fn func(*Tx) (rows int, err error)) error {
	return db.core.do(ctx, doing, func() (rows int, err error) {
		err = db.core.retry(ctx, doing, func() error {
			rows, err = db.writeOnce(ctx, fn)
			return err
		})
		return rows, err
	})
}

// writeOnce runs fn in a transaction and commits it if fn returns nil.
func (db *DB) writeOnce(ctx context.Context, fn func(*Tx) (rows int, err error)) (rows int, err error) {
	tx, err := db.begin(ctx)
	if err != nil {
		return 0, err
	}
	committed := false
	defer func() {
		if !committed {
			err = errors.Join(err, tx.rollback(ctx))
		}
	}()
	if rows, err = fn(tx); err != nil {
		return rows, err
	}
	if tx.failed != nil {
		return rows, fmt.Errorf("cannot commit after a failed write: %w", tx.failed)
	}
	if err := ctx.Err(); err != nil {
		return rows, err
	}
	committed = true
	return rows, tx.commit(ctx)
}

// begin opens a transaction, which ends with commit or rollback.
func (db *DB) begin(ctx context.Context) (*Tx, error) {
	var inner *engine.Tx
	err := db.core.retry(ctx, "begin a transaction", func() (err error) {
		inner, err = db.core.engine.BeginWrite(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	var tx *Tx
	defer func() {
		if tx == nil { // the caller's clock panicked
			_ = inner.Rollback(ctx)
		}
	}()
	tx = &Tx{Reader: &Reader{core: db.core, q: inner, now: db.core.instant()}, inner: inner}
	return tx, nil
}

// errUncertain says that a commit was sent and its answer never came.
var errUncertain = errors.New("it may or may not have been committed")

func (tx *Tx) commit(ctx context.Context) error {
	err := tx.inner.Commit(ctx)
	switch {
	case err == nil:
		return nil
	case tx.core.engine.Classify(err) == engine.Unavailable, tx.core.engine.Remote() && ctx.Err() != nil:
		return fmt.Errorf("commit: %w: %w", errUncertain, err)
	}
	return fmt.Errorf("commit: %w", err)
}

func (tx *Tx) rollback(ctx context.Context) error {
	if err := tx.inner.Rollback(ctx); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

// joined runs a write inside the caller's transaction.
func (tx *Tx) joined(ctx context.Context, doing string, fn func() (rows int, err error)) error {
	if tx.failed != nil {
		return fmt.Errorf("%s: an earlier write of this transaction failed: %w", doing, tx.failed)
	}
	err := tx.core.observe(ctx, doing, fn)
	if err != nil && !tx.refused(err) {
		tx.failed = err
	}
	return err
}

// refused says whether err was found by looking, before anything was written.
func (tx *Tx) refused(err error) bool {
	return tx.core.engine.Classify(err) == engine.Other &&
		(errors.Is(err, ErrInvalid) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict))
}
