package engagement

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement/internal/commit"
)

// batchOf lets a queue commit one batch of n facts.
func batchOf(t *testing.T, n int) *commit.Queue[*queued] {
	t.Helper()
	ready := make(chan struct{})
	queue := commit.New(func(_ context.Context, take func() []*queued) ([]int, error) {
		<-ready
		return []int{len(take())}, nil
	}, nil)
	var callers sync.WaitGroup
	for range n {
		callers.Go(func() {
			if err := queue.Do(t.Context(), &queued{}); err != nil {
				t.Error(err)
			}
		})
	}
	for queue.Stats().Waiting < int64(n) {
		runtime.Gosched()
	}
	close(ready)
	callers.Wait()
	return queue
}

func TestOnlyManyCallersAreDividedOverTheLanes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		first, second int // the sizes of the last batches
		divided       bool
	}{
		{"nobody has come yet", 0, 0, false},
		{"a few share one lane", 16, 0, false},
		{"as many as make no two good batches", oneLane, 0, false},
		{"many are divided", oneLane + 1, 0, true},
		{"and stay so while both lanes are full", oneLane / 2, oneLane/2 + 1, true},
		{"until there are few again", 8, 8, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := lanes{batchOf(t, c.first), batchOf(t, c.second)}
			used := map[*commit.Queue[*queued]]bool{}
			for user := range int64(100) {
				lane := l.of(user)
				used[lane] = true
				if again := l.of(user); again != lane {
					t.Errorf("user %d has no lane of its own", user)
				}
			}
			if divided := used[l[1]]; divided != c.divided || !used[l[0]] {
				t.Errorf("the lanes used are %d, divided: %v, want %v", len(used), divided, c.divided)
			}
		})
	}
}
