// Package commit is the queue in which callers who come at the same time share
// one commit. It is pure: it knows nothing of what is committed, or how.
package commit

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	// capacity is how many items may wait; more wait for a place.
	capacity = 8_192
	// batchLimit is how many items share a commit. More would lengthen the wait
	// of everyone in the batch and no longer shorten the work for each.
	batchLimit = 1_024
)

// Queue lets callers share commits. There is no goroutine for it: a caller who
// finds nobody committing leads, that is commits for all who wait, then passes
// the lead to one of those who have come meanwhile. A lone caller commits at
// once.
type Queue[T any] struct {
	commit func(ctx context.Context, take func() []T) ([]int, error)
	// detach runs the leader's work, whose caller may leave when its context
	// ends; nil: callers who lead stay until it is done.
	detach func(func())
	places chan struct{} // holds one token an item in the queue

	mu      sync.Mutex
	waiting []*entry[T] // in order of arrival
	led     bool        // somebody leads
	last    int         // the size of the last batch
	stats   Stats
}

// entry is one item on its way.
type entry[T any] struct {
	item   T
	ctx    context.Context
	queued time.Time
	leads  bool      // under the queue's lock
	done   chan bool // receives once: true to lead, false when err is known
	err    error     // of the batch
}

// Stats are the figures of a queue since New. What failed is in none of them.
type Stats struct {
	Batches, Writes, LargestBatch int64         // commits, and items in them
	Waiting                       int64         // right now
	WaitTotal, WaitMax            time.Duration // from the call until its batch begins
	CommitTotal, CommitMax        time.Duration // from a batch's beginning until its end
}

// New returns a queue. commit commits one batch: once it is ready to write it calls
// take, at most once, for the items; callers may join or cancel until then. It
// returns how many items each commit has that happened, which is one number unless
// items were tried one by one, and the error of all of them. An item that has an
// error of its own keeps that itself and is in no commit. ctx is the context of the
// caller who leads: once the batch is taken it must not end the work of the others.
//
// detach may run a leader's work in another goroutine, so that its caller can
// leave when its context ends; nil: it runs in the caller's.
func New[T any](commit func(ctx context.Context, take func() []T) ([]int, error), detach func(func())) *Queue[T] {
	return &Queue[T]{commit: commit, detach: detach, places: make(chan struct{}, capacity)}
}

// Stats returns the figures so far.
func (q *Queue[T]) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	stats := q.stats
	stats.Waiting = int64(len(q.waiting))
	return stats
}

// Last returns the size of the last batch.
func (q *Queue[T]) Last() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last
}

// Do commits item with whatever else waits and returns the error of its batch.
// If ctx ends before item is taken into a batch it never will be; if after, the
// error is ctx.Err() and item may or may not be committed.
func (q *Queue[T]) Do(ctx context.Context, item T) error {
	select {
	case q.places <- struct{}{}:
		defer func() { <-q.places }()
	case <-ctx.Done():
		return ctx.Err()
	}
	e := &entry[T]{item: item, ctx: ctx, queued: time.Now(), done: make(chan bool, 1)}
	if q.join(e) {
		return q.leadFor(ctx, e)
	}
	select {
	case lead := <-e.done:
		if lead {
			return q.leadFor(ctx, e)
		}
		return e.err
	case <-ctx.Done():
		q.leave(e)
		return ctx.Err()
	}
}

// leadFor commits a batch for all who wait, in the caller's goroutine unless the
// queue detaches.
func (q *Queue[T]) leadFor(ctx context.Context, e *entry[T]) error {
	if q.detach == nil || ctx.Done() == nil {
		q.lead(e)
		return e.err
	}
	panicked := make(chan any, 1)
	q.detach(func() {
		defer func() { panicked <- recover() }()
		q.lead(e)
	})
	select {
	case p := <-panicked:
		if p != nil {
			panic(p)
		}
		return e.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ErrPanicked is the error of those whose leader panicked: whether they were
// committed is not known.
var ErrPanicked = errors.New("the caller who committed for this one panicked")

// lead commits one batch and passes the lead on, also when commit panics: nobody
// may wait for that for ever.
func (q *Queue[T]) lead(leader *entry[T]) {
	var batch []*entry[T]
	var commits []int
	start, err := time.Now(), ErrPanicked
	defer func() { q.finish(leader, batch, commits, err, start) }()
	commits, err = q.commit(leader.ctx, func() []T {
		q.gather()
		start = time.Now()
		batch = q.take(start, 0)
		items := make([]T, len(batch))
		for i, e := range batch {
			items[i] = e.item
		}
		return items
	})
	if err != nil && batch == nil && leader.ctx.Err() == nil {
		// It was not ready in time. Whoever has just come has not waited for it yet.
		batch = q.take(time.Now(), time.Since(start)/2)
	}
}

// join puts e at the end of the queue and reports whether it is to lead.
func (q *Queue[T]) join(e *entry[T]) (lead bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, e)
	e.leads = !q.led
	q.led = true
	return e.leads
}

// leave takes e out of the queue, unless it is in a batch, and passes the lead
// on if e had it.
func (q *Queue[T]) leave(e *entry[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.remove(e)
	if e.leads {
		q.passLead(e)
	}
}

// remove takes e out of those who wait. The lock is held.
func (q *Queue[T]) remove(e *entry[T]) {
	if i := slices.Index(q.waiting, e); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
}

// passLead gives the lead of e to the first who waits. The lock is held.
func (q *Queue[T]) passLead(e *entry[T]) {
	e.leads = false
	if len(q.waiting) == 0 {
		q.led = false
		return
	}
	q.waiting[0].leads = true
	q.waiting[0].done <- true
}

// take moves the items that have waited for so long, at most batchLimit, into a
// batch. Those whose context has ended stay behind: they are about to leave.
func (q *Queue[T]) take(now time.Time, atLeast time.Duration) []*entry[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := make([]*entry[T], 0, min(len(q.waiting), batchLimit))
	q.waiting = slices.DeleteFunc(q.waiting, func(e *entry[T]) bool {
		if len(batch) == batchLimit || e.ctx.Err() != nil || now.Sub(e.queued) < atLeast {
			return false
		}
		batch = append(batch, e)
		return true
	})
	return batch
}

// gather lets callers who are ready to run join the batch. It waits for nobody:
// when no more come it is done, and a caller who was alone the last time does
// not ask.
func (q *Queue[T]) gather() {
	for before := -1; ; runtime.Gosched() {
		q.mu.Lock()
		now, alone := len(q.waiting), q.last <= 1
		q.mu.Unlock()
		if now == before || now >= batchLimit || (now <= 1 && alone) {
			return
		}
		before = now
	}
}

// finish tells the callers of a batch, which began at start, what became of it,
// counts its commits and passes the lead on. The callers come first: those who call again
// at once are in the next batch.
func (q *Queue[T]) finish(leader *entry[T], batch []*entry[T], commits []int, err error, start time.Time) {
	took := time.Since(start)
	leader.err = err
	if err == nil && !slices.Contains(batch, leader) {
		leader.err = leader.ctx.Err() // it gave up while it led
	}
	for _, e := range batch {
		if e != leader {
			e.err = err
			e.done <- false
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = len(batch)
	for _, n := range commits {
		q.stats.Batches++
		q.stats.Writes += int64(n)
		q.stats.LargestBatch = max(q.stats.LargestBatch, int64(n))
	}
	if len(commits) > 0 {
		q.stats.CommitTotal += took
		q.stats.CommitMax = max(q.stats.CommitMax, took)
		for _, e := range batch {
			waited := start.Sub(e.queued)
			q.stats.WaitTotal += waited
			q.stats.WaitMax = max(q.stats.WaitMax, waited)
		}
	}
	q.remove(leader)
	q.passLead(leader)
}
