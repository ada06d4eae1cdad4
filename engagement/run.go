package engagement

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// retryFor is how long an operation is tried again after it failed for a reason
// that may pass: others hold the lock or have deadlocked with it, or the server
// is not reached.
const retryFor = 10 * time.Second

// retry runs fn until it succeeds, fails for good, ctx ends or retryFor has
// passed. The waits grow and are random, so that those who have collided do not
// meet again.
func (c *core) retry(ctx context.Context, doing string, fn func() error) error {
	start := time.Now()
	failed := fn()
	left := retryFor - time.Since(start)
	if ctx.Err() != nil || !c.passing(failed) || left <= 0 {
		return failed
	}
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.MaxInterval = 5*time.Millisecond, time.Second
	first := true
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		if !first {
			failed = fn()
		}
		first = false
		if failed != nil && (ctx.Err() != nil || !c.passing(failed)) {
			return struct{}{}, backoff.Permanent(failed)
		}
		return struct{}{}, failed
	},
		backoff.WithBackOff(waits), backoff.WithMaxElapsedTime(left),
		backoff.WithNotify(func(err error, wait time.Duration) {
			c.log.WarnContext(ctx, "trying again", "operation", doing, "wait", wait, "error", err)
		}))
	return err
}

// passing says whether err is of a kind that may have passed by the next try,
// and its operation may run again.
func (c *core) passing(err error) bool {
	if err == nil || errors.Is(err, errOnce) {
		return false
	}
	switch sentinelOf(c.engine, err) {
	case ErrBusy, ErrUnavailable:
		return true
	}
	return false
}

// errOnce marks the failure of an operation that must not run again.
var errOnce = errors.New("not tried again")

// core is what a DB and every Reader and Tx made from it share.
type core struct {
	engine engine.Engine
	loc    *time.Location
	clock  func() time.Time
	log    *slog.Logger
	slow   time.Duration

	readOnly bool

	// rules are the streak rules as last seen; whoever stores streaks by them
	// has the database compare.
	rules atomic.Pointer[storedRules]

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // operations and background work
}

// enter registers an operation, unless the database is closed. The operation
// calls core.running.Done when it has ended.
func (c *core) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.running.Add(1)
	return nil
}

// do runs one public operation: it refuses a closed database, explains errors
// and logs what happened. fn returns how many rows it read or wrote.
func (c *core) do(ctx context.Context, doing string, fn func() (rows int, err error)) error {
	if err := c.enter(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer c.running.Done()
	return c.observe(ctx, doing, fn)
}

// observe explains errors and logs what happened. By itself it serves the parts
// of an operation, which may end after Close has begun.
func (c *core) observe(ctx context.Context, doing string, fn func() (rows int, err error)) error {
	start := time.Now()
	rows, err := fn()
	took := time.Since(start)
	if err != nil {
		if cause := ctx.Err(); cause != nil && c.engine.Classify(err) == engine.Unavailable {
			err = fmt.Errorf("%w: %w", cause, err) // the caller has gone, not the server
		}
		err = explain(c.engine, doing, err)
		c.logFailure(ctx, doing, took, err)
		return err
	}
	level, message := slog.LevelDebug, "done"
	if took >= c.slow {
		level, message = slog.LevelWarn, "slow"
	}
	if c.log.Enabled(ctx, level) {
		c.log.Log(ctx, level, message, "operation", doing, "duration", took, "rows", rows)
	}
	return nil
}

// logFailure keeps the error level for what an operator must look at: an
// argument that was refused or a user who is not there is the caller's affair.
func (c *core) logFailure(ctx context.Context, doing string, took time.Duration, err error) {
	level := slog.LevelError
	for _, refusal := range []error{ErrInvalid, ErrConflict, ErrNotFound, errByCaller} {
		if errors.Is(err, refusal) {
			// Its text holds what the caller said of a user.
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

// stored returns t as the database keeps it: UTC, whole microseconds.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
