package engagement

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
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
