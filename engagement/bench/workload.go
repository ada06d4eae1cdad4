package main

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	liveSignals  = 30
	signalPrefix = "EURUSD_LONG_"
)

// workload is how many users fire.
type workload int

// fire is one fire of the workload.
type fire struct {
	user     int64
	signal   int
	executed bool
}

func (f fire) signalID() string { return signalPrefix + strconv.Itoa(f.signal) }

// fireAt returns the i-th fire. Users and signals come in a scattered order,
// each pair once; when all users have fired all live signals, new signals go
// live.
func (users workload) fireAt(i int) fire {
	const step = 389_171 // a prime, so that it has no divisor in common with pairs
	pairs := int(users) * liveSignals
	place := (i % pairs) * step % pairs
	return fire{
		user:     int64(place%int(users)) + 1,
		signal:   place/int(users) + i/pairs*liveSignals,
		executed: i%2 == 1,
	}
}

// randomAt returns the i-th fire of users who come at random, each pair once: each
// signal meets them in an order of its own. When a tenth of all has fired a signal,
// new signals go live. The fires of n users are about as many as those of n that
// are drawn.
func (users workload) randomAt(i int) fire {
	perSignal := max(int(users)/10, 1)
	signal := i%liveSignals + i/(liveSignals*perSignal)*liveSignals
	place := i / liveSignals % perSignal
	offset := int(uint64(signal+1) * 0x9e3779b97f4a7c15 >> 33)
	return fire{user: int64((offset+place*stepOf(signal))%int(users)) + 1, signal: signal, executed: i%2 == 1}
}

// stepOf returns how far apart two users are who fire a signal one after the other: a
// prime, so that it has no divisor in common with the number of users.
func stepOf(signal int) int {
	steps := [...]int{389_171, 611_953, 224_737, 746_773, 99_991, 910_003, 512_927}
	return steps[signal%len(steps)]
}

// sample is what one measurement of one contender came to.
type sample struct {
	ops     int64
	commits int64
	trips   int64 // to the server and back, where they were counted
	took    time.Duration
	cpu     time.Duration // of the whole process, user and system
}

func (s *sample) add(other sample) {
	s.ops += other.ops
	s.commits += other.commits
	s.trips += other.trips
	s.took += other.took
	s.cpu += other.cpu
}

func (s sample) rate() float64           { return float64(s.ops) / s.took.Seconds() }
func (s sample) microsPerOp() float64    { return float64(s.took.Nanoseconds()) / 1e3 / float64(s.ops) }
func (s sample) cpuPerOp() float64       { return float64(s.cpu.Nanoseconds()) / 1e3 / float64(s.ops) }
func (s sample) batch() float64          { return float64(s.ops) / float64(s.commits) }
func (s sample) tripsPerOp() float64     { return float64(s.trips) / float64(s.ops) }
func (s sample) tripsPerCommit() float64 { return float64(s.trips) / float64(s.commits) }

// commitEach says that each operation of a sample was a commit.
func commitEach(s sample, err error) (sample, error) {
	s.commits = s.ops
	return s, err
}

// timed measures fn, which returns how many operations it did. The garbage of
// whoever ran before is not to be collected on fn's account.
func timed(fn func() (int64, error)) (sample, error) {
	runtime.GC()
	cpu, start := cpuTime(), time.Now()
	ops, err := fn()
	return sample{ops: ops, took: time.Since(start), cpu: cpuTime() - cpu}, err
}

// until calls fn again and again for about d; fn returns how many operations a
// call is.
func until(ctx context.Context, d time.Duration, fn func() (int, error)) (sample, error) {
	return timed(func() (ops int64, err error) {
		start := time.Now()
		for ops == 0 || time.Since(start) < d {
			if err := ctx.Err(); err != nil {
				return ops, err
			}
			n, err := fn()
			if err != nil {
				return ops, err
			}
			ops += int64(n)
		}
		return ops, nil
	})
}

// callers lets n goroutines call fn, each at least once, until done says so.
// next numbers the calls.
func callers(n int, next *atomic.Int64, done func() bool, fn func(caller, i int) error) (int64, error) {
	var ops atomic.Int64
	var failure atomic.Pointer[error]
	var group sync.WaitGroup
	for caller := range n {
		group.Go(func() {
			for ended := false; !ended; ended = done() || failure.Load() != nil {
				if err := fn(caller, int(next.Add(1))); err != nil {
					failure.CompareAndSwap(nil, &err)
					return
				}
				ops.Add(1)
			}
		})
	}
	group.Wait()
	if err := failure.Load(); err != nil {
		return ops.Load(), *err
	}
	return ops.Load(), nil
}

// load lets n goroutines call fn for about d.
func load(ctx context.Context, n int, d time.Duration, next *atomic.Int64, fn func(i int) error) (sample, error) {
	return timed(func() (int64, error) {
		start := time.Now()
		ops, err := callers(n, next, func() bool { return time.Since(start) >= d || ctx.Err() != nil },
			func(_, i int) error { return fn(i) })
		if err == nil {
			err = ctx.Err()
		}
		return ops, err
	})
}
