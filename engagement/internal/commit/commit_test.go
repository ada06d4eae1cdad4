package commit

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCallersShareCommits(t *testing.T) {
	late := context.DeadlineExceeded
	store := []work{{stores: 10 * ms}}
	prepare := []work{{prepares: 5 * ms, stores: 10 * ms}}
	tests := map[string]struct {
		callers  []caller
		works    []work
		detached bool
		batches  []string // leader: items
		outcomes map[string]string
	}{
		"a lone caller commits at once, each in a batch of its own": {
			callers:  []caller{{name: "a"}, {name: "b", comes: 20 * ms}},
			works:    store,
			batches:  []string{"a: [a]", "b: [b]"},
			outcomes: map[string]string{"a": "10ms ok", "b": "30ms ok"},
		},
		"those who come while one leads share the next batch in their order, and the first of them leads": {
			callers: []caller{{name: "a"}, {name: "b", comes: 3 * ms}, {name: "c", comes: 1 * ms}, {name: "d", comes: 2 * ms}},
			works:   store,
			batches: []string{"a: [a]", "c: [c d b]"},
			outcomes: map[string]string{
				"a": "10ms ok", "b": "20ms ok", "c": "20ms ok", "d": "20ms ok",
			},
		},
		"those who come until a batch is taken are in it": {
			callers:  []caller{{name: "a"}, {name: "b", comes: 4 * ms}, {name: "c", comes: 6 * ms}},
			works:    prepare,
			batches:  []string{"a: [a b]", "c: [c]"},
			outcomes: map[string]string{"a": "15ms ok", "b": "15ms ok", "c": "30ms ok"},
		},
		"who has given up before a batch is taken is in none, and the lead passes to the next": {
			callers:  []caller{{name: "a"}, {name: "b", comes: 1 * ms, leaves: 3 * ms}, {name: "c", comes: 2 * ms}},
			works:    store,
			batches:  []string{"a: [a]", "c: [c]"},
			outcomes: map[string]string{"a": "10ms ok", "b": "3ms " + late.Error(), "c": "20ms ok"},
		},
		"who gives up after its batch is taken leaves, and is committed": {
			callers:  []caller{{name: "a"}, {name: "b", comes: 1 * ms}, {name: "c", comes: 2 * ms, leaves: 15 * ms}},
			works:    store,
			batches:  []string{"a: [a]", "b: [b c]"},
			outcomes: map[string]string{"a": "10ms ok", "b": "20ms ok", "c": "15ms " + late.Error()},
		},
		"who leads and gives up before the batch is taken passes the lead": {
			callers:  []caller{{name: "a", leaves: 3 * ms}, {name: "b", comes: 1 * ms}, {name: "c", comes: 2 * ms}},
			works:    prepare,
			batches:  []string{"b: [b c]"},
			outcomes: map[string]string{"a": "3ms " + late.Error(), "b": "18ms ok", "c": "18ms ok"},
		},
		"who leads and gives up while the commit does not look commits for the others only": {
			callers:  []caller{{name: "a", leaves: 3 * ms}, {name: "b", comes: 1 * ms}},
			works:    []work{{prepares: 5 * ms, stores: 10 * ms, deaf: true}},
			batches:  []string{"a: [b]"},
			outcomes: map[string]string{"a": "15ms " + late.Error(), "b": "15ms ok"},
		},
		"who leads and gives up after the batch is taken stays until it is done": {
			callers:  []caller{{name: "a", leaves: 3 * ms}, {name: "b", comes: 1 * ms}},
			works:    store,
			batches:  []string{"a: [a]", "b: [b]"},
			outcomes: map[string]string{"a": "10ms ok", "b": "20ms ok"},
		},
		"who comes with a context that has ended is not committed": {
			callers:  []caller{{name: "a", comes: 2 * ms, leaves: 1 * ms}, {name: "b", comes: 3 * ms}},
			works:    prepare,
			batches:  []string{"b: [b]"},
			outcomes: map[string]string{"a": "2ms " + late.Error(), "b": "18ms ok"},
		},
		"a commit that fails after it has taken its batch fails those in it, and no others": {
			callers: []caller{
				{name: "a"}, {name: "b", comes: 1 * ms}, {name: "c", comes: 2 * ms}, {name: "d", comes: 12 * ms},
			},
			works:   []work{{stores: 10 * ms}, {stores: 10 * ms, fails: errStorage}, {stores: 10 * ms}},
			batches: []string{"a: [a]", "b: [b c]", "d: [d]"},
			outcomes: map[string]string{
				"a": "10ms ok", "b": "20ms " + errStorage.Error(), "c": "20ms " + errStorage.Error(), "d": "30ms ok",
			},
		},
		"a commit that fails before it takes its batch fails those who have waited for at least half of it": {
			callers: []caller{
				{name: "a"}, {name: "b", comes: 2 * ms}, {name: "c", comes: 5 * ms}, {name: "d", comes: 6 * ms}, {name: "e", comes: 9 * ms},
			},
			works:   []work{{prepares: 10 * ms, untaken: true, fails: errStorage}, {stores: 10 * ms}},
			batches: []string{"d: [d e]"},
			outcomes: map[string]string{
				"a": "10ms " + errStorage.Error(), "b": "10ms " + errStorage.Error(), "c": "10ms " + errStorage.Error(),
				"d": "20ms ok", "e": "20ms ok",
			},
		},
		"a panic is that of who leads; its batch does not know, and the queue goes on": {
			callers: []caller{
				{name: "a"}, {name: "b", comes: 1 * ms}, {name: "c", comes: 2 * ms}, {name: "d", comes: 12 * ms},
			},
			works:   []work{{stores: 10 * ms}, {stores: 10 * ms, panics: "boom"}, {stores: 10 * ms}},
			batches: []string{"a: [a]", "b: [b c]", "d: [d]"},
			outcomes: map[string]string{
				"a": "10ms ok", "b": "20ms panics: boom", "c": "20ms " + ErrPanicked.Error(), "d": "30ms ok",
			},
		},
		"a panic before a batch is taken leaves those who wait alone": {
			callers:  []caller{{name: "a"}, {name: "b", comes: 1 * ms}},
			works:    []work{{prepares: 5 * ms, untaken: true, panics: "boom"}, {stores: 10 * ms}},
			batches:  []string{"b: [b]"},
			outcomes: map[string]string{"a": "5ms panics: boom", "b": "15ms ok"},
		},
		"detached, who leads leaves when its context ends, and the batch goes on": {
			callers:  []caller{{name: "a", leaves: 7 * ms}, {name: "b", comes: 1 * ms}, {name: "c", comes: 8 * ms}},
			works:    prepare,
			detached: true,
			batches:  []string{"a: [a b]", "c: [c]"},
			outcomes: map[string]string{"a": "7ms " + late.Error(), "b": "15ms ok", "c": "30ms ok"},
		},
		"detached, who leads and leaves before the batch is taken is not in it": {
			callers:  []caller{{name: "a", leaves: 3 * ms}, {name: "b", comes: 1 * ms}},
			works:    []work{{prepares: 5 * ms, stores: 10 * ms, deaf: true}},
			detached: true,
			batches:  []string{"a: [b]"},
			outcomes: map[string]string{"a": "3ms " + late.Error(), "b": "15ms ok"},
		},
		"detached, an error reaches who leads and waits": {
			callers:  []caller{{name: "a", leaves: time.Second}, {name: "b", comes: 20 * ms}},
			works:    []work{{stores: 10 * ms, fails: errStorage}, {stores: 10 * ms}},
			detached: true,
			batches:  []string{"a: [a]", "b: [b]"},
			outcomes: map[string]string{"a": "10ms " + errStorage.Error(), "b": "30ms ok"},
		},
		"detached, a panic reaches who leads and waits": {
			callers: []caller{
				{name: "a", leaves: time.Second}, {name: "b", comes: 1 * ms}, {name: "c", comes: 8 * ms},
			},
			works:    []work{{prepares: 5 * ms, stores: 10 * ms, panics: "boom"}, {stores: 10 * ms}},
			detached: true,
			batches:  []string{"a: [a b]", "c: [c]"},
			outcomes: map[string]string{"a": "15ms panics: boom", "b": "15ms " + ErrPanicked.Error(), "c": "25ms ok"},
		},
		"detached, a panic after who leads has left is told to those who wait": {
			callers: []caller{
				{name: "a", leaves: 9 * ms}, {name: "b", comes: 1 * ms}, {name: "c", comes: 8 * ms},
			},
			works:    []work{{prepares: 5 * ms, stores: 10 * ms, panics: "boom"}, {stores: 10 * ms}},
			detached: true,
			batches:  []string{"a: [a b]", "c: [c]"},
			outcomes: map[string]string{"a": "9ms " + late.Error(), "b": "15ms " + ErrPanicked.Error(), "c": "25ms ok"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := play(test.callers, test.works, test.detached)
				batches, outcomes := []string{}, map[string]string{}
				for _, b := range r.batches {
					batches = append(batches, b.String())
				}
				for name, o := range r.outcomes {
					outcomes[name] = o.String()
				}
				if diff := cmp.Diff(test.batches, batches); diff != "" {
					t.Errorf("batches (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.outcomes, outcomes); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
				if r.stats.Waiting != 0 {
					t.Errorf("%d still wait", r.stats.Waiting)
				}
			})
		})
	}
}

// A caller who is told to lead while its context ends either leads or passes the
// lead on; it never takes it away with it.
func TestTheLeadIsNotLostWithACallerWhoLeavesAsItGetsIt(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			var q *Queue[string]
			next, leave := context.WithCancel(context.Background())
			q = New(func(_ context.Context, take func() []string) ([]int, error) {
				if slices.Contains(take(), "first") {
					time.Sleep(10 * ms)
					leave() // and the lead passes at once
				}
				return []int{1}, nil
			}, nil)
			var calls sync.WaitGroup
			do := func(ctx context.Context, item string) {
				calls.Go(func() {
					if err := q.Do(ctx, item); err != nil && ctx.Err() == nil {
						t.Errorf("%s: %v", item, err)
					}
				})
				synctest.Wait()
			}
			do(context.Background(), "first")
			do(next, "next")
			do(context.Background(), "last")
			calls.Wait() // or the bubble reports a deadlock
			if s := q.Stats(); s.Writes < 2 || s.Waiting != 0 {
				t.Errorf("%+v, want at least the first and the last committed", s)
			}
		})
	}
}

func TestABatchAndTheQueueAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers := []caller{{name: "first"}}
		for i := range capacity - 1 {
			callers = append(callers, caller{name: fmt.Sprint(i), comes: ms})
		}
		callers = append(callers,
			caller{name: "gives up", comes: 2 * ms, leaves: 4 * ms},
			caller{name: "waits for a place", comes: 3 * ms})
		r := play(callers, []work{{stores: 10 * ms}}, false)
		sizes := []int{}
		for _, b := range r.batches {
			sizes = append(sizes, len(b.items))
		}
		if diff := cmp.Diff([]int{1, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024}, sizes); diff != "" {
			t.Errorf("sizes of the batches (-want +got):\n%s", diff)
		}
		for name, want := range map[string]string{
			"first": "10ms ok", "gives up": "4ms " + context.DeadlineExceeded.Error(), "waits for a place": "90ms ok",
		} {
			if got := r.outcomes[name].String(); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		last := r.batches[len(r.batches)-1].items
		if got := last[len(last)-1]; got != "waits for a place" {
			t.Errorf("%q is the last to be committed, want the one who waited for a place", got)
		}
	})
}

// Those who are told that they are committed, and call again at once, are all in
// the next batch, which would otherwise be taken before most of them have run.
func TestCallersWhoCallAgainAtOnceStayTogether(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the order in which they run is known
	synctest.Test(t, func(t *testing.T) {
		const callers, rounds = 64, 50
		q := New(func(_ context.Context, take func() []int) ([]int, error) {
			n := len(take())
			time.Sleep(ms)
			return []int{n}, nil
		}, nil)
		var running sync.WaitGroup
		for i := range callers {
			running.Go(func() {
				for range rounds {
					if err := q.Do(context.Background(), i); err != nil {
						t.Error(err)
					}
				}
			})
		}
		running.Wait()
		s := q.Stats()
		if s.Writes != callers*rounds || s.Batches > rounds*3/2 {
			t.Errorf("%d writes in %d batches, want %d in hardly more than %d", s.Writes, s.Batches, callers*rounds, rounds)
		}
	})
}

func TestStats(t *testing.T) {
	tests := map[string]struct {
		callers []caller
		works   []work
		want    Stats
	}{
		"of nothing": {},
		"wait until the batch is taken, commit from then on": {
			callers: []caller{
				{name: "a"}, {name: "b", comes: 2 * ms}, {name: "c", comes: 4 * ms}, {name: "d", comes: 6 * ms},
			},
			works: []work{{prepares: 5 * ms, stores: 10 * ms}, {prepares: 7 * ms, stores: 9 * ms}},
			want: Stats{
				Batches: 2, Writes: 4, LargestBatch: 3,
				WaitTotal: (5 + 3 + 1 + 16) * ms, WaitMax: 16 * ms, // d comes at 6 and is taken at 22
				CommitTotal: 19 * ms, CommitMax: 10 * ms,
			},
		},
		"a batch that fails is not counted": {
			callers: []caller{{name: "a"}, {name: "b", comes: 50 * ms}},
			works:   []work{{prepares: 20 * ms, stores: 10 * ms, fails: errStorage}, {prepares: 2 * ms, stores: 3 * ms}},
			want:    Stats{Batches: 1, Writes: 1, LargestBatch: 1, WaitTotal: 2 * ms, WaitMax: 2 * ms, CommitTotal: 3 * ms, CommitMax: 3 * ms},
		},
		"nor one that could not be taken": {
			callers: []caller{{name: "a"}, {name: "b", comes: 50 * ms}},
			works:   []work{{prepares: 20 * ms, untaken: true, fails: errStorage}, {prepares: 2 * ms, stores: 3 * ms}},
			want:    Stats{Batches: 1, Writes: 1, LargestBatch: 1, WaitTotal: 2 * ms, WaitMax: 2 * ms, CommitTotal: 3 * ms, CommitMax: 3 * ms},
		},
		"nor one that panics": {
			callers: []caller{{name: "a"}, {name: "b", comes: 50 * ms}},
			works:   []work{{prepares: 20 * ms, stores: 10 * ms, panics: "boom"}, {prepares: 2 * ms, stores: 3 * ms}},
			want:    Stats{Batches: 1, Writes: 1, LargestBatch: 1, WaitTotal: 2 * ms, WaitMax: 2 * ms, CommitTotal: 3 * ms, CommitMax: 3 * ms},
		},
		"of a batch tried one by one, each commit is counted": {
			callers: []caller{{name: "a"}, {name: "b", comes: ms}, {name: "c", comes: 2 * ms}},
			works:   []work{{prepares: 5 * ms, stores: 10 * ms, alone: true}},
			want: Stats{
				Batches: 2, Writes: 2, LargestBatch: 1,
				WaitTotal: (5 + 4 + 3) * ms, WaitMax: 5 * ms, CommitTotal: 10 * ms, CommitMax: 10 * ms,
			},
		},
		"and if all are refused, none": {
			callers: []caller{{name: "a"}},
			works:   []work{{prepares: 5 * ms, stores: 10 * ms, alone: true}},
		},
		"nor one from which all have gone": {
			callers: []caller{{name: "a", leaves: 3 * ms}},
			works:   []work{{prepares: 5 * ms, stores: 10 * ms, deaf: true}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if diff := cmp.Diff(test.want, play(test.callers, test.works, false).stats); diff != "" {
					t.Errorf("stats (-want +got):\n%s", diff)
				}
			})
		})
	}
	t.Run("know how many wait right now", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := New(func(_ context.Context, take func() []int) ([]int, error) {
				take()
				time.Sleep(10 * ms)
				return nil, nil
			}, nil)
			for i := range 5 {
				go func() { _ = q.Do(context.Background(), i) }()
				synctest.Wait()
			}
			if got := q.Stats().Waiting; got != 4 {
				t.Errorf("%d wait while the first is committed, want 4", got)
			}
			time.Sleep(time.Second)
			if got := q.Stats().Waiting; got != 0 {
				t.Errorf("%d wait at the end", got)
			}
		})
	})
}
