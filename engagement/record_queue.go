package engagement

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

const (
	// queueCapacity is how many writes may wait; more wait for a place.
	queueCapacity = 8_192
	// batchLimit is how many writes share a commit. More would lengthen the
	// wait of everyone in the batch and no longer shorten the work for each.
	batchLimit = 1_024
)

// queue is where RecordFire and RecordTrade meet, so that those who come at the
// same time share one commit. There is no goroutine for it: a caller who finds
// nobody committing commits for all who wait, then passes the lead to one of
// those who have come meanwhile. A lone caller commits at once.
type queue struct {
	places chan struct{} // holds one token a write in the queue

	mu      sync.Mutex
	waiting []*write // in order of arrival
	led     bool     // somebody leads
	last    int      // the size of the last batch
	stats   CommitStats
}

// write is one fact on its way into the database: a fire, or else a trade.
type write struct {
	fire  dbgen.SignalFire
	trade newTrade // its TradeID is not empty

	ctx    context.Context
	queued time.Time
	leads  bool // under the queue's lock
	// done receives once: true to lead, false when status and err are settled.
	done       chan bool
	status     Status
	milestones []int64 // that the fire has reached
	err        error
	settled    bool // status and err are what became of it
}

// CommitStats are the figures of the commit queue since Open.
type CommitStats struct {
	Batches      int64         `json:"batches"` // commits
	Writes       int64         `json:"writes"`  // facts in them; Writes / Batches share one commit
	LargestBatch int64         `json:"largest_batch"`
	Waiting      int64         `json:"waiting"`    // right now
	WaitTotal    time.Duration `json:"wait_total"` // from the call until its batch begins, summed over writes
	WaitMax      time.Duration `json:"wait_max"`
	CommitTotal  time.Duration `json:"commit_total"` // from a batch's beginning until it is on disk, summed over batches
	CommitMax    time.Duration `json:"commit_max"`
}

// CommitStats returns the figures of the queue in which RecordFire and
// RecordTrade share commits.
func (db *DB) CommitStats() CommitStats {
	db.queue.mu.Lock()
	defer db.queue.mu.Unlock()
	stats := db.queue.stats
	stats.Waiting = int64(len(db.queue.waiting))
	return stats
}

func newQueue() *queue {
	return &queue{places: make(chan struct{}, queueCapacity)}
}

// enqueue commits w with whatever else waits and returns its own error. If ctx
// ends before w is taken into a batch, nothing of it is recorded; if after, the
// error is ctx.Err() and w may or may not be recorded.
func (db *DB) enqueue(ctx context.Context, w *write) error {
	q := db.queue
	select {
	case q.places <- struct{}{}:
		defer func() { <-q.places }()
	case <-ctx.Done():
		return ctx.Err()
	}
	w.ctx, w.queued, w.done = ctx, time.Now(), make(chan bool, 1)
	if q.join(w) {
		return db.leadFor(ctx, w)
	}
	select {
	case lead := <-w.done:
		if lead {
			return db.leadFor(ctx, w)
		}
		return w.err
	case <-ctx.Done():
		q.leave(w)
		return ctx.Err()
	}
}

// leadFor commits a batch for all who wait. A server may not answer for long:
// then its caller still returns when ctx ends, and the batch goes on without.
func (db *DB) leadFor(ctx context.Context, w *write) error {
	if !db.core.engine.Remote() || ctx.Done() == nil {
		db.lead(w)
		return w.err
	}
	panicked := make(chan any, 1)
	db.core.running.Go(func() { // Close waits for it
		defer func() { panicked <- recover() }()
		db.lead(w)
	})
	select {
	case p := <-panicked:
		if p != nil {
			panic(p)
		}
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join puts w at the end of the queue and says whether it is to lead.
func (q *queue) join(w *write) (lead bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, w)
	w.leads = !q.led
	q.led = true
	return w.leads
}

// leave takes w out of the queue, unless it is in a batch, and passes the lead
// on if w had it.
func (q *queue) leave(w *write) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.remove(w)
	if w.leads {
		q.passLead(w)
	}
}

// remove takes w out of those who wait. The lock is held.
func (q *queue) remove(w *write) {
	if i := slices.Index(q.waiting, w); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
}

// passLead gives the lead of w to the first who waits. The lock is held.
func (q *queue) passLead(w *write) {
	w.leads = false
	if len(q.waiting) == 0 {
		q.led = false
		return
	}
	q.waiting[0].leads = true
	q.waiting[0].done <- true
}

// take moves the writes that have waited for so long, at most batchLimit, into
// a batch. Those whose context has ended stay behind: they are about to leave.
func (q *queue) take(now time.Time, atLeast time.Duration) []*write {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := make([]*write, 0, min(len(q.waiting), batchLimit))
	q.waiting = slices.DeleteFunc(q.waiting, func(w *write) bool {
		waited := now.Sub(w.queued)
		if len(batch) == batchLimit || w.ctx.Err() != nil || waited < atLeast {
			return false
		}
		batch = append(batch, w)
		q.stats.WaitTotal += waited
		q.stats.WaitMax = max(q.stats.WaitMax, waited)
		return true
	})
	return batch
}

// settle tells the callers of a batch, counts it and passes the lead on. The
// callers come first: those who call again at once are in the next batch.
func (q *queue) settle(leader *write, batch []*write, took time.Duration) {
	for _, w := range batch {
		if w != leader {
			w.done <- false
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = len(batch)
	if n := int64(len(batch)); n > 0 {
		q.stats.Batches++
		q.stats.Writes += n
		q.stats.LargestBatch = max(q.stats.LargestBatch, n)
		q.stats.CommitTotal += took
		q.stats.CommitMax = max(q.stats.CommitMax, took)
	}
	q.remove(leader)
	q.passLead(leader)
}

// gather lets callers who are ready to run join the batch. It waits for
// nobody: when no more come it is done, and a caller who was alone the last
// time does not ask.
func (q *queue) gather() {
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

// lead commits one batch on behalf of all who wait. The batch is taken only
// once the transaction holds the write lock, so that those who come or give up
// while the lock is waited for still can.
func (db *DB) lead(leader *write) {
	q := db.queue
	var batch []*write
	start := time.Now()
	defer func() {
		// Unsettled after a panic in the leader's clock or log: nobody may wait
		// for that for ever.
		fail(batch, errors.New("the caller who committed for this one panicked"))
		q.settle(leader, batch, time.Since(start))
	}()
	tx, err := db.begin(leader.ctx)
	if err != nil && leader.ctx.Err() != nil {
		leader.err = leader.ctx.Err()
		return
	}
	if err != nil {
		// Whoever has just come has not waited for the lock yet.
		batch = q.take(time.Now(), time.Since(start)/2)
		leader.err = err // also if it has given up since, and is not in the batch
		fail(batch, err)
		return
	}
	q.gather()
	start = time.Now()
	batch = q.take(start, 0)
	if !slices.Contains(batch, leader) {
		leader.err = leader.ctx.Err()
	}
	db.commitBatch(tx, batch)
}

// fail gives err to those of the batch that are not settled.
func fail(batch []*write, err error) {
	for _, w := range batch {
		if !w.settled {
			w.err, w.settled = err, true
		}
	}
}

// commitBatch stores a batch in tx and commits it. Nobody can give up a batch:
// it belongs to many. All its facts have keys, so it is tried again even when
// its commit may have happened. If one of its facts is refused by the database,
// each is tried in a transaction of its own, so that one that fails, fails
// alone.
func (db *DB) commitBatch(tx *Tx, batch []*write) {
	err := db.core.retry(context.Background(), "commit a batch", func() (err error) {
		if tx == nil {
			if tx, err = db.begin(context.Background()); err != nil {
				return err
			}
		}
		attempt := tx
		tx = nil
		return attempt.commitBatch(batch)
	})
	refused := errors.Is(err, ErrInvalid) || db.core.engine.Classify(err) == engine.Refused
	if err == nil || len(batch) == 1 || !refused {
		settled(batch, err)
		return
	}
	db.core.log.Warn("a fact of a batch was refused, trying each alone", "facts", len(batch))
	for _, w := range batch {
		db.commitBatch(nil, []*write{w})
	}
}

// settled says that what became of the batch is known: err for all, or what
// each write holds.
func settled(batch []*write, err error) {
	for _, w := range batch {
		if err != nil {
			w.err = err
		}
		w.settled = true
	}
}

// batchTimeout bounds how long a server may take to answer a batch.
const batchTimeout = 30 * time.Second

// commitBatch stores a batch and commits it, or undoes it.
func (tx *Tx) commitBatch(batch []*write) (err error) {
	ctx := context.Background()
	if tx.core.engine.Remote() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, batchTimeout)
		defer cancel()
	}
	ended := false // tx is committed or rolled back
	defer func() {
		if !ended { // also when a panic passes through
			err = errors.Join(err, tx.rollback(ctx))
		}
	}()
	for _, w := range batch {
		w.status, w.milestones, w.err = 0, nil, nil
	}
	if err := tx.storeBatch(ctx, batch); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: the server did not answer within %s", ErrUnavailable, batchTimeout)
		}
		return err
	}
	ended = true
	return tx.commit(context.Background())
}

// storeBatch stores the facts of a batch and moves their counters, as if they
// had come one after another. A fact that is refused, before anything of it is
// written, gets its own error and the others go on.
func (tx *Tx) storeBatch(ctx context.Context, batch []*write) error {
	t := newTally()
	if err := tx.storeBatchTrades(ctx, batch, t); err != nil {
		return err
	}
	if err := tx.storeBatchFires(ctx, batch, t); err != nil {
		return err
	}
	awarded, err := t.apply(ctx, tx)
	for _, w := range batch {
		if err == nil && w.err == nil && !w.isTrade() {
			w.milestones = awarded.take(w.fire, w.status)
		}
	}
	return err
}

func (tx *Tx) storeBatchTrades(ctx context.Context, batch []*write, t *tally) error {
	var writes []*write
	var facts []newTrade
	for _, w := range batch {
		if w.isTrade() {
			writes, facts = append(writes, w), append(facts, w.trade)
		}
	}
	statuses, errs, err := tx.storeTrades(ctx, facts, t)
	for i := range statuses {
		writes[i].status, writes[i].err = statuses[i], errs[i]
	}
	return err
}

func (tx *Tx) storeBatchFires(ctx context.Context, batch []*write, t *tally) error {
	writes := make([]*write, 0, len(batch))
	facts := make([]dbgen.SignalFire, 0, len(batch))
	for _, w := range batch {
		if !w.isTrade() {
			writes, facts = append(writes, w), append(facts, w.fire)
		}
	}
	if len(facts) == 0 {
		return nil
	}
	horizon, err := tx.horizonFor(ctx, earliestDay(facts))
	if err != nil {
		return err
	}
	late := 0
	for i, w := range writes {
		if w.err = checkHorizon(w.fire, horizon); w.err != nil {
			late++
			continue
		}
		writes[i-late], facts[i-late] = w, w.fire
	}
	statuses, err := tx.storeFires(ctx, facts[:len(facts)-late], t)
	for i := range statuses {
		writes[i].status = statuses[i]
	}
	return err
}

func (w *write) isTrade() bool { return w.trade.TradeID != "" }
