package commit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// Whatever callers and commits do: nobody waits for ever, nothing is committed
// twice or for somebody who was told otherwise, and the figures are those of what
// was committed.
func TestWhatCallersAreToldIsWhatHappened(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		callers, works, detached := drawCallers(rt), drawWorks(rt), rapid.Bool().Draw(rt, "detached")
		var r run
		synctest.Test(t, func(*testing.T) { r = play(callers, works, detached) })

		in, want := map[string]batch{}, Stats{}
		var last time.Duration // when the last one taken had come
		for _, b := range r.batches {
			for _, name := range b.items {
				i := slices.IndexFunc(callers, func(c caller) bool { return c.name == name })
				c := callers[i]
				if _, twice := in[name]; twice {
					rt.Errorf("%s is taken twice", name)
				}
				in[name] = b
				if c.leaves > 0 && c.leaves < b.taken {
					rt.Errorf("%s left at %s and is taken at %s", name, c.leaves, b.taken)
				}
				if c.comes < last {
					rt.Errorf("%s came at %s and is taken behind one who came at %s", name, c.comes, last)
				}
				last = c.comes
				if b.ok() {
					want.WaitTotal += b.taken - c.comes
					want.WaitMax = max(want.WaitMax, b.taken-c.comes)
				}
			}
			if n := int64(len(b.items)); n > 0 && b.ok() {
				want.Batches++
				want.Writes += n
				want.LargestBatch = max(want.LargestBatch, n)
				want.CommitTotal += b.work.stores
				want.CommitMax = max(want.CommitMax, b.work.stores)
			}
		}
		if r.stats != want {
			rt.Errorf("stats are %+v, want %+v", r.stats, want)
		}
		for _, c := range callers {
			o := r.outcomes[c.name]
			b, taken := in[c.name]
			done := b.taken + b.work.stores
			switch {
			case o.panics != nil:
				if taken && b.leader != c.name {
					rt.Errorf("%s panics in place of %s", c.name, b.leader)
				}
			case o.err == nil:
				if !taken || !b.ok() || o.after != done {
					rt.Errorf("%s is told at %s that it is committed: batch %s, taken %t", c.name, o.after, b, taken)
				}
			case errors.Is(o.err, context.DeadlineExceeded):
				if c.leaves == 0 || o.after < c.leaves || (o.after > c.leaves && detached) {
					rt.Errorf("%s gives up at %s, its context ends at %s", c.name, o.after, c.leaves)
				}
			case errors.Is(o.err, ErrPanicked):
				if b.work.panics == nil || o.after != done {
					rt.Errorf("%s is told at %s of a panic: batch %s", c.name, o.after, b)
				}
			case errors.Is(o.err, errStorage):
				if taken && (b.work.fails == nil || o.after != done) {
					rt.Errorf("%s is told at %s of a failure: batch %s", c.name, o.after, b)
				}
			default:
				rt.Errorf("%s: %s", c.name, o)
			}
		}
	})
}

func (b batch) ok() bool { return b.work.fails == nil && b.work.panics == nil }

func drawTime(rt *rapid.T, most int, what string) time.Duration {
	return time.Duration(rapid.IntRange(0, most).Draw(rt, what)) * ms
}

func drawCallers(rt *rapid.T) []caller {
	callers := make([]caller, rapid.IntRange(1, 10).Draw(rt, "callers"))
	for i := range callers {
		callers[i] = caller{name: fmt.Sprint(i), comes: drawTime(rt, 60, "comes")}
		if rapid.Bool().Draw(rt, "gives up") {
			callers[i].leaves = callers[i].comes + ms + drawTime(rt, 40, "leaves after")
		}
	}
	return callers
}

func drawWorks(rt *rapid.T) []work {
	works := make([]work, rapid.IntRange(1, 5).Draw(rt, "commits"))
	for i := range works {
		works[i] = work{
			prepares: drawTime(rt, 20, "prepares"), stores: drawTime(rt, 20, "stores"), deaf: rapid.Bool().Draw(rt, "deaf"),
		}
		switch rapid.IntRange(0, 3).Draw(rt, "ends") {
		case 0:
			works[i].fails, works[i].untaken = errStorage, rapid.Bool().Draw(rt, "untaken")
		case 1:
			works[i].panics, works[i].untaken = "boom", rapid.Bool().Draw(rt, "untaken")
		}
	}
	return works
}
