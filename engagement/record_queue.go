package engagement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hydraxdev/engagementdb/engagement/internal/commit"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// queued is a fact on its way into the database and what became of it.
type queued struct {
	*fact
	receipt
	ctx context.Context // the caller's
}

// CommitStats are the figures of the commit queue since Open.
type CommitStats struct {
	Batches      int64         `json:"batches"` // commits that happened
	Writes       int64         `json:"writes"`  // facts in them, without those refused; Writes / Batches share one commit
	LargestBatch int64         `json:"largest_batch"`
	Waiting      int64         `json:"waiting"`    // right now
	WaitTotal    time.Duration `json:"wait_total"` // from the call until its batch begins, summed over the facts of batches of which something was committed
	WaitMax      time.Duration `json:"wait_max"`
	CommitTotal  time.Duration `json:"commit_total"` // from a batch's beginning until it is on disk, summed over the same batches
	CommitMax    time.Duration `json:"commit_max"`
}

// CommitStats returns the figures of the queue in which RecordFire and
// RecordTrade share commits; all zero for a database that was never opened.
func (db *DB) CommitStats() CommitStats {
	var sum CommitStats
	for _, queue := range db.lanes {
		s := queue.Stats()
		sum.Batches += s.Batches
		sum.Writes += s.Writes
		sum.LargestBatch = max(sum.LargestBatch, s.LargestBatch)
		sum.Waiting += s.Waiting
		sum.WaitTotal += s.WaitTotal
		sum.WaitMax = max(sum.WaitMax, s.WaitMax)
		sum.CommitTotal += s.CommitTotal
		sum.CommitMax = max(sum.CommitMax, s.CommitMax)
	}
	return sum
}

// lanes are the queues in which callers share commits, one for each batch that the
// engine can write at a time.
type lanes []*commit.Queue[*queued]

// newLanes returns an engine's queues. A server may not answer for long: then a
// caller still returns when its context ends, and the batch goes on without it.
func newLanes(c *core) lanes {
	var detach func(func())
	if c.engine.Remote() {
		detach = func(work func()) { c.running.Go(work) } // Close waits for it
	}
	all := make(lanes, c.engine.Lanes())
	for i := range all {
		all[i] = commit.New(func(leader context.Context, take func() []*queued) ([]int, error) {
			return c.commitBatch(leader, i, take)
		}, detach)
	}
	return all
}

// oneLane is up to how many facts in the last batches all share one lane. Two small
// batches cost the server and this process more than one of both sizes: 16 callers wrote
// as much by one lane with a third less processor time, 64 wrote 1.4 times as much by two.
const oneLane = 20

// of returns the lane for a fact of a user. Where there are many callers, users are
// divided: batches that are written at the same time then wait for each other only at
// the rows that all users share.
func (l lanes) of(user int64) *commit.Queue[*queued] {
	if len(l) == 1 {
		return l[0]
	}
	last := 0
	for _, queue := range l {
		last += queue.Last()
	}
	if last <= oneLane {
		return l[0]
	}
	return l[laneOf(user, len(l))]
}

func laneOf(user int64, lanes int) uint64 {
	const scatter = 0x9e37_79b9_7f4a_7c15 // ids may all be even
	return uint64(user) * scatter >> 32 % uint64(lanes)
}

// enqueue commits a fact with whatever else waits. If ctx ends before the fact
// is taken into a batch, nothing of it is recorded; if after, the error is
// ctx.Err() and it may or may not be recorded.
func (db *DB) enqueue(ctx context.Context, f *fact) (receipt, error) {
	if err := db.core.refuseInTx(); err != nil {
		return receipt{}, err
	}
	r := &queued{fact: f, ctx: ctx}
	if err := db.lanes.of(f.user()).Do(ctx, r); err != nil {
		return receipt{}, err
	}
	return r.receipt, r.err
}

// commitBatch commits one batch of a lane on behalf of all who wait. The batch is taken only
// once there is a transaction, which on SQLite has the write lock: until then
// callers may still join or cancel. All its facts have keys, so it is tried again
// even when its commit may have happened. It returns how many facts each commit
// has.
func (c *core) commitBatch(leader context.Context, lane int, take func() []*queued) (commits []int, err error) {
	// The leader may cancel until the batch is taken, and then only all callers together.
	ctx, cancel := context.WithCancel(context.WithoutCancel(leader))
	defer cancel()
	release, stop := context.AfterFunc(leader, cancel), func() {}
	defer func() { stop() }()
	var batch []*queued
	receipts, err := retry(ctx, c, "commit a batch", func(ctx context.Context) ([]receipt, error) {
		w, err := c.beginOn(ctx, func(ctx context.Context) (engine.Tx, error) { return c.engine.BeginBatch(ctx, lane) })
		if err != nil {
			return nil, err
		}
		return commitAfter(ctx, w, func(w *writing) ([]receipt, error) {
			if batch == nil {
				if !release() {
					return nil, leader.Err()
				}
				batch = take()
				if c.engine.Remote() {
					stop = cancelWithAll(batch, cancel)
				}
			}
			return w.recordBatch(ctx, batch)
		})
	})
	if batch == nil {
		return nil, cmp.Or(leader.Err(), err)
	}
	stored := 0
	for i, r := range receipts {
		batch[i].receipt = r
		if err == nil && r.err == nil {
			stored++
		}
	}
	if stored > 0 {
		commits = []int{stored}
	}
	if len(batch) < 2 || !(errors.Is(err, ErrInvalid) || c.engine.Classify(err) == engine.Refused) {
		return commits, err
	}
	return c.commitEach(lane, batch), nil
}

// commitEach commits each fact of a batch that the database refused in a
// transaction of its own, so that one that is refused is refused alone.
func (c *core) commitEach(lane int, batch []*queued) (commits []int) {
	c.log.Warn("a fact of a batch was refused, trying each alone", "facts", len(batch))
	var unavailable error
	for _, r := range batch {
		if unavailable != nil {
			r.receipt = receipt{err: unavailable}
			continue
		}
		stored, err := c.commitBatch(context.Background(), lane, func() []*queued { return []*queued{r} })
		commits = append(commits, stored...)
		if r.err = errors.Join(r.err, err); c.mayPass(err) {
			unavailable = err // the others would wait for as long, one after another
		}
	}
	return commits
}

// cancelWithAll cancels once the contexts of all callers of a batch have ended,
// unless it is stopped before: then the server is no longer waited for.
func cancelWithAll(batch []*queued, cancel func()) (stop func()) {
	var left atomic.Int64
	left.Store(int64(len(batch)))
	stops := make([]func() bool, len(batch))
	for i, r := range batch {
		stops[i] = context.AfterFunc(r.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// batchTimeout bounds how long a server may take to answer a batch.
const batchTimeout = 30 * time.Second

// recordBatch records the facts of callers who do not know of each other: one
// that is refused leaves the others alone.
func (w *writing) recordBatch(wanted context.Context, batch []*queued) ([]receipt, error) {
	facts := make([]*fact, len(batch))
	for i, r := range batch {
		facts[i] = r.fact
	}
	ctx := context.WithoutCancel(wanted) // database/sql starts a goroutine for each query that can be cancelled
	if w.engine.Remote() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(wanted, batchTimeout)
		defer cancel()
	}
	l, err := w.load(ctx, facts)
	if err != nil {
		if ctx.Err() != nil && wanted.Err() == nil {
			return nil, fmt.Errorf("%w: the server did not answer within %s", ErrUnavailable, batchTimeout)
		}
		return nil, err
	}
	d := decide(l, facts, w.now)
	return d.receipts, w.store(ctx, d.changes)
}

// storeChunk is how many facts of one call are recorded at a time.
const storeChunk = 4_096

// recordAll records the facts of one caller, in their order: if one is refused,
// so are all, before any is written.
func (w *writing) recordAll(ctx context.Context, facts []*fact) ([]receipt, error) {
	if err := w.tx.Expect(ctx, len(facts)); err != nil {
		return nil, err
	}
	if len(facts) > storeChunk {
		// What a later chunk refuses must be known before the first is stored.
		horizon, err := w.horizon(ctx)
		if err != nil {
			return nil, err
		}
		for i, f := range facts {
			if err := f.checkHorizon(horizon); err != nil {
				return nil, batchError(i, len(facts), err)
			}
		}
	}
	receipts := make([]receipt, 0, len(facts))
	for len(receipts) < len(facts) {
		chunk := facts[len(receipts):min(len(receipts)+storeChunk, len(facts))]
		l, err := w.load(ctx, chunk)
		if err != nil {
			return nil, err
		}
		d := decide(l, chunk, w.now)
		for i, r := range d.receipts {
			if r.err != nil {
				err = batchError(len(receipts)+i, len(facts), r.err)
				return nil, errors.Join(err, w.store(ctx, changes{unused: l.created}))
			}
		}
		if err := w.store(ctx, d.changes); err != nil {
			return nil, err
		}
		receipts = append(receipts, d.receipts...)
	}
	return receipts, nil
}

// batchError returns err with which of several facts it belongs to.
func batchError(i, n int, err error) error {
	if n == 1 {
		return err
	}
	return fmt.Errorf("number %d of %d: %w", i+1, n, err)
}
