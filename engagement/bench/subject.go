package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// This file, workload.go and cputime_*.go are also compiled with the library of
// another commit (compare.go). So they use nothing of it that is new.

// beSubject is the first argument of a process that is measured from outside: it
// reads orders from stdin and prints what came of each.
const beSubject = "be-subject"

// order is what a subject is told to do. It has one database at a time.
type order struct {
	Do     string // open, warm, load, fire, frames, or close, which also verifies
	Path   string // to open
	Users  workload
	Random bool          // the users of fires come at random
	N      int           // fires to store, or callers
	For    time.Duration // to fire
}

// answered is what came of an order.
type answered struct {
	Ops, Commits int64
	Took, CPU    time.Duration
	Frames       int64
	Failure      string
}

func (a answered) sample() sample {
	return sample{ops: a.Ops, commits: a.Commits, took: a.Took, cpu: a.CPU}
}

func runSubject(orders io.Reader, answers io.Writer) error {
	s := &measured{}
	decoder, encoder := json.NewDecoder(orders), json.NewEncoder(answers)
	for {
		var o order
		if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		answer, err := s.obey(context.Background(), o)
		if err != nil {
			answer.Failure = err.Error()
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	}
}

// measured is a database that is written to.
type measured struct {
	db   *engagement.DB
	path string
	all  int64 // fires that it holds
	next atomic.Int64
}

func (s *measured) obey(ctx context.Context, o order) (a answered, err error) {
	switch o.Do {
	case "open":
		s.path = o.Path
		s.db, err = engagement.Open(ctx, o.Path)
		return a, err
	case "warm":
		return a, s.warm(ctx, o.Users)
	case "load":
		return s.load(ctx, o)
	case "fire":
		return s.fire(ctx, o, func(start time.Time) bool { return time.Since(start) >= o.For })
	case "frames":
		return s.frames(ctx, o)
	case "close":
		return a, s.verifyAndClose(ctx)
	}
	return a, fmt.Errorf("unknown order %q", o.Do)
}

// warm stores one fire of each user, of yesterday.
func (s *measured) warm(ctx context.Context, users workload) error {
	fires, at := make([]engagement.Fire, users), time.Now().AddDate(0, 0, -1)
	for i := range fires {
		fires[i] = engagement.Fire{UserID: int64(i) + 1, SignalID: "GBPUSD_SHORT_1", At: at}
	}
	_, err := s.db.RecordFires(ctx, fires)
	s.all += int64(len(fires))
	return err
}

// batchOf is how many fires a call of RecordFires brings.
const batchOf = 10_000

// load stores the next n fires with RecordFires.
func (s *measured) load(ctx context.Context, o order) (a answered, err error) {
	cpu, start := cpuTime(), time.Now()
	for left := o.N; left > 0; {
		fires := make([]engagement.Fire, min(left, batchOf))
		for i := range fires {
			f := o.fireAt(int(s.next.Add(1)))
			fires[i] = engagement.Fire{UserID: f.user, SignalID: f.signalID(), Executed: f.executed}
		}
		receipts, err := s.db.RecordFires(ctx, fires)
		if err != nil {
			return a, err
		}
		for _, r := range receipts {
			if r.Status != engagement.Recorded {
				return a, fmt.Errorf("a fire was not new: %s", r.Status)
			}
		}
		left -= len(fires)
		a.Ops += int64(len(fires))
		a.Commits++
	}
	s.all += a.Ops
	a.Took, a.CPU = time.Since(start), cpuTime()-cpu
	return a, nil
}

func (o order) fireAt(i int) fire {
	if o.Random {
		return o.Users.randomAt(i)
	}
	return o.Users.fireAt(i)
}

// fire lets o.N callers fire, each at least once, until done.
func (s *measured) fire(ctx context.Context, o order, done func(start time.Time) bool) (a answered, err error) {
	before := s.db.CommitStats()
	fired, err := timed(func() (int64, error) {
		start := time.Now()
		return callers(o.N, &s.next, func() bool { return done(start) }, func(_, i int) error {
			f := o.fireAt(i)
			receipt, err := s.db.RecordFire(ctx, engagement.Fire{UserID: f.user, SignalID: f.signalID(), Executed: f.executed})
			if err == nil && receipt.Status != engagement.Recorded {
				err = fmt.Errorf("a fire was not new: %s", receipt.Status)
			}
			return err
		})
	})
	s.all += fired.ops
	return answered{Ops: fired.ops, Commits: s.db.CommitStats().Batches - before.Batches, Took: fired.took, CPU: fired.cpu}, err
}

// framesFires is how many fires of n callers are counted: so few that the library moves
// nothing into the file meanwhile.
func framesFires(n int) int64 { return int64(max(400, 4*n)) }

// frames counts the pages that some fires write to the WAL of a file.
func (s *measured) frames(ctx context.Context, o order) (answered, error) {
	// The last to close a file moves its WAL into it, and then the first to write
	// begins it anew.
	if err := s.db.Close(); err != nil {
		return answered{}, err
	}
	var err error
	if s.db, err = engagement.Open(ctx, s.path); err != nil {
		return answered{}, err
	}
	one := o
	one.N = 1
	if _, err := s.fire(ctx, one, func(time.Time) bool { return true }); err != nil {
		return answered{}, err
	}
	turn, before, err := walOf(s.path)
	if err != nil {
		return answered{}, err
	}
	until := s.next.Load() + framesFires(o.N)
	a, err := s.fire(ctx, o, func(time.Time) bool { return s.next.Load() >= until })
	if err != nil {
		return a, err
	}
	turnNow, after, err := walOf(s.path)
	a.Frames = after - before
	if err == nil && turn != turnNow {
		err = errors.New("the WAL was moved into the file meanwhile")
	}
	return a, err
}

// walOf returns how many frames a WAL holds, and which of its beginnings it is at.
func walOf(path string) (turn uint32, frames int64, err error) {
	const headerSize, frameHeaderSize = 32, 24
	file, err := os.Open(path + "-wal")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var header [headerSize]byte
	if _, err := io.ReadFull(file, header[:]); err != nil {
		return 0, 0, err
	}
	page, salts := int64(binary.BigEndian.Uint32(header[8:])), [8]byte(header[16:])
	for ; ; frames++ { // those of an earlier beginning may follow, with other salts
		var frame [frameHeaderSize]byte
		_, err := file.ReadAt(frame[:], headerSize+frames*(page+frameHeaderSize))
		if errors.Is(err, io.EOF) || (err == nil && [8]byte(frame[8:]) != salts) {
			return binary.BigEndian.Uint32(header[12:]), frames, nil
		}
		if err != nil {
			return 0, 0, err
		}
	}
}

func (s *measured) verifyAndClose(ctx context.Context) error {
	report, err := s.db.Verify(ctx)
	if err == nil && !report.OK() {
		err = fmt.Errorf("%d figures are wrong, the first: %s", len(report.Findings), report.Findings[0])
	}
	if err == nil && report.Fires != s.all {
		err = fmt.Errorf("%d fires are stored, want %d", report.Fires, s.all)
	}
	return errors.Join(err, s.db.Close())
}
