package commit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

const ms = time.Millisecond

// caller calls Do with its name.
type caller struct {
	name   string
	comes  time.Duration
	leaves time.Duration // when its context ends; 0: never
}

// work is how one call of commit goes. A commit that has not taken its batch yet
// gives up when its context ends, unless it is deaf.
type work struct {
	prepares time.Duration // until it takes its batch
	stores   time.Duration // from then until it ends
	untaken  bool          // it ends when it has prepared, and takes nothing
	fails    error
	panics   any
	deaf     bool
	alone    bool   // all but the first of its items are committed, each alone
	meets    func() // is called when it has taken its batch
}

// batch is one that commit took.
type batch struct {
	leader string // whose context commit was called with
	items  []string
	taken  time.Duration
	work   work
}

func (b batch) String() string { return fmt.Sprintf("%s: %v", b.leader, b.items) }

// outcome is what a call of Do came to.
type outcome struct {
	err    error
	panics any
	after  time.Duration // since the test began
}

func (o outcome) String() string {
	switch {
	case o.panics != nil:
		return fmt.Sprintf("%s panics: %v", o.after, o.panics)
	case o.err != nil:
		return fmt.Sprintf("%s %v", o.after, o.err)
	}
	return fmt.Sprintf("%s ok", o.after)
}

// run is what happened to some callers of a queue.
type run struct {
	batches  []batch
	outcomes map[string]outcome
	stats    Stats
}

type leaderName struct{}

var errStorage = errors.New("the disk is full")

// play lets callers come to a queue whose commits go as works say, one after
// another, the later ones as the last. It must be called in a bubble, and returns
// when all calls have.
func play(callers []caller, works []work, detached bool) run {
	start := time.Now()
	r := run{outcomes: map[string]outcome{}}
	var mu sync.Mutex
	calls := 0
	commit := func(ctx context.Context, take func() []string) (commits []int, err error) {
		mu.Lock()
		w := works[min(calls, len(works)-1)]
		calls++
		mu.Unlock()
		ended := ctx.Done()
		if w.deaf {
			ended = nil
		}
		select {
		case <-time.After(w.prepares):
		case <-ended:
			return nil, ctx.Err()
		}
		if !w.untaken {
			leader, _ := ctx.Value(leaderName{}).(string)
			b := batch{leader, take(), time.Since(start), w}
			mu.Lock()
			r.batches = append(r.batches, b)
			mu.Unlock()
			if w.meets != nil {
				w.meets()
			}
			time.Sleep(w.stores)
			switch {
			case w.fails != nil || len(b.items) == 0:
			case w.alone:
				commits = slices.Repeat([]int{1}, len(b.items)-1) // the first is refused
			default:
				commits = []int{len(b.items)}
			}
		}
		if w.panics != nil {
			panic(w.panics)
		}
		return commits, w.fails
	}
	var detach func(func())
	if detached {
		detach = func(work func()) { go work() }
	}
	q := New(commit, detach)
	var running sync.WaitGroup
	for _, c := range callers {
		running.Go(func() {
			time.Sleep(c.comes)
			ctx := context.WithValue(context.Background(), leaderName{}, c.name)
			if c.leaves > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.leaves-c.comes)
				defer cancel()
			}
			var o outcome
			defer func() {
				o.panics, o.after = recover(), time.Since(start)
				mu.Lock()
				defer mu.Unlock()
				r.outcomes[c.name] = o
			}()
			o.err = q.Do(ctx, c.name)
		})
	}
	running.Wait()
	synctest.Wait() // for work whose caller has left
	time.Sleep(time.Hour)
	r.stats = q.Stats()
	return r
}
