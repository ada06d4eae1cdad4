package engagement

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// core is what a DB and every Reader and Tx made from it share.
type core struct {
	engine  engine.Engine
	loc     *time.Location
	skipped []int64 // days that loc has left out
	clock   func() time.Time
	log     *slog.Logger
	slow    time.Duration
	tryFor  time.Duration // instead of retryFor; 0: retryFor
	// observer is told of each operation; nil: nobody is.
	observer func(Observation)

	readOnly bool

	// parsedRules are the streak rules as last read, by their text.
	parsedRules atomic.Pointer[parsedRules]
	// inTx is the goroutine that runs a caller's function in DB.Tx; 0: none.
	inTx atomic.Int64

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // operations and background work
}

// errNotOpened refuses a zero DB, Reader or Tx.
var errNotOpened = invalid("database", nil, "it was never opened, want one that Open returns")

// enter registers an operation, unless the database is closed or was never
// opened. The operation calls core.running.Done when it has ended.
func (c *core) enter() error {
	if c == nil {
		return errNotOpened
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.running.Add(1)
	return nil
}

// run runs one public operation: it refuses a closed database, explains errors
// and logs what happened.
func run[T any](ctx context.Context, c *core, doing string, fn func() (T, error)) (T, error) {
	if err := c.enter(); err != nil {
		return *new(T), fmt.Errorf("%s: %w", doing, err)
	}
	defer c.running.Done()
	return observe(ctx, c, doing, fn)
}

// observe explains errors and logs what happened. By itself it serves the parts
// of an operation, which may end after Close has begun.
func observe[T any](ctx context.Context, c *core, doing string, fn func() (T, error)) (T, error) {
	start := time.Now()
	answer, err := fn()
	took := time.Since(start)
	if err != nil {
		err = explain(c.engine, doing, givenUp(ctx, c.engine, err))
	}
	if c.observer != nil {
		c.observer(observationOf(doing, took, answer, err))
	}
	if err != nil {
		c.logFailure(ctx, doing, took, err)
		return answer, err
	}
	level, message := slog.LevelDebug, "done"
	if took >= c.slow {
		level, message = slog.LevelWarn, "slow"
	}
	if c.log.Enabled(ctx, level) {
		c.log.Log(ctx, level, message, "operation", doing, "duration", took, "rows", rowsOf(answer))
	}
	return answer, nil
}

func observationOf(doing string, took time.Duration, answer any, err error) Observation {
	o := Observation{Operation: doing, Duration: took, Err: err}
	if err != nil {
		return o
	}
	switch a := answer.(type) {
	case FireReceipt:
		o.Fires = []Status{a.Status}
	case []FireReceipt:
		for _, receipt := range a {
			o.Fires = append(o.Fires, receipt.Status)
		}
	case TradeReceipt:
		o.Trades = []Status{a.Status}
	case []TradeReceipt:
		for _, receipt := range a {
			o.Trades = append(o.Trades, receipt.Status)
		}
	}
	return o
}

// rowsOf returns how many rows an answer has.
func rowsOf(answer any) int {
	switch v := reflect.ValueOf(answer); v.Kind() {
	case reflect.Slice:
		return v.Len()
	case reflect.Int, reflect.Int64:
		return int(v.Int())
	}
	return 1
}

// logFailure keeps the error level for what an operator must look at: an
// argument that was refused or a user who is not there is the caller's affair.
func (c *core) logFailure(ctx context.Context, doing string, took time.Duration, err error) {
	level := slog.LevelError
	for _, refusal := range []error{ErrInvalid, ErrConflict, ErrNotFound, errByCaller} {
		if errors.Is(err, refusal) {
			// Its text has what the caller said of a user.
			level, err = slog.LevelDebug, refusal
			break
		}
	}
	if ctx.Err() != nil {
		level = slog.LevelDebug
	}
	c.log.Log(ctx, level, "failed", "operation", doing, "duration", took, "error", err)
}

// instant returns now without its monotonic reading, in microseconds, as it is stored.
func (c *core) instant() time.Time { return stored(c.clock()) }

// retryFor is how long an operation is tried again after it failed for a reason
// that may pass: others hold the lock or have deadlocked with it, or the server
// is not reached.
const retryFor = 10 * time.Second

// retry runs fn until it succeeds, fails for good, ctx ends or retryFor has
// passed. The waits grow and are random, so that those who have collided do not
// meet again. Nothing else tries an operation again, but that a migration of a file
// begins anew when another program migrated it first.
func retry[T any](ctx context.Context, c *core, doing string, fn func(context.Context) (T, error)) (T, error) {
	start := time.Now()
	answer, failed := fn(ctx)
	left := cmp.Or(c.tryFor, retryFor) - time.Since(start)
	if ctx.Err() != nil || !c.mayPass(failed) || left <= 0 {
		return answer, failed
	}
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.MaxInterval = 5*time.Millisecond, 500*time.Millisecond
	first := true
	return backoff.Retry(ctx, func() (T, error) {
		if !first {
			answer, failed = fn(ctx)
		}
		first = false
		if failed != nil && (ctx.Err() != nil || !c.mayPass(failed)) {
			return answer, backoff.Permanent(failed)
		}
		return answer, failed
	},
		backoff.WithBackOff(waits), backoff.WithMaxElapsedTime(left),
		backoff.WithNotify(func(err error, wait time.Duration) {
			c.log.WarnContext(ctx, "trying again", "operation", doing, "wait", wait, "error", err)
		}))
}

// mayPass reports whether err is of a kind that may have passed by the next try.
func (c *core) mayPass(err error) bool {
	if _, isFinal := errors.AsType[finalError](err); isFinal || err == nil {
		return false
	}
	switch sentinelOf(c.engine, err) {
	case ErrBusy, ErrUnavailable:
		return true
	}
	return false
}

// finalError is the error of an operation that must not run again.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// final marks the error of an operation that must not run again.
func final(err error) error {
	if err == nil {
		return nil
	}
	return finalError{err}
}

// enterTx notes that this goroutine runs a caller's function in a transaction,
// until the function that it returns is called.
func (c *core) enterTx() (leave func()) {
	c.inTx.Store(goroutineID())
	return func() { c.inTx.Store(0) }
}

// refuseInTx refuses to write outside of the transaction that this goroutine is
// in, and to close the database: that would wait for the end of the transaction,
// which would wait for it. Nothing but the goroutine's number tells: a caller's
// function may pass any context.
func (c *core) refuseInTx() error {
	if c.inThisTx() {
		return invalid("call", nil, "inside Tx, it would wait for ever on the database; use the Tx to write")
	}
	return nil
}

// inThisTx reports whether this goroutine runs a caller's function in a transaction.
func (c *core) inThisTx() bool {
	owner := c.inTx.Load()
	return owner != 0 && owner == goroutineID()
}

// goroutineID returns the number that begins a goroutine's stack: "goroutine 7 [".
func goroutineID() int64 {
	var stack [64]byte
	text := stack[:runtime.Stack(stack[:], false)]
	number, _, _ := bytes.Cut(bytes.TrimPrefix(text, []byte("goroutine ")), []byte(" "))
	id, _ := strconv.ParseInt(string(number), 10, 64)
	return id
}
