package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

// hold keeps db's write lock until the returned function is called, so that
// writes queue up meanwhile.
func hold(t tb, db *engagement.DB) (release func()) {
	t.Helper()
	held, done, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		result <- db.Tx(context.Background(), func(*engagement.Tx) error {
			close(held)
			<-done
			return nil
		})
	}()
	<-held
	return sync.OnceFunc(func() {
		close(done)
		if err := <-result; err != nil {
			t.Errorf("the transaction that held the lock: %v", err)
		}
	})
}

// waiting blocks until n writes wait in db's queue.
func waiting(t tb, db *engagement.DB, n int64) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); db.CommitStats().Waiting != n; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d writes wait, want %d", db.CommitStats().Waiting, n)
		}
	}
}

// call is a RecordFire or RecordTrade on its way.
type call struct {
	status engagement.Status
	err    error
	done   chan struct{}
}

func (c *call) wait(t tb) (engagement.Status, error) {
	t.Helper()
	select {
	case <-c.done:
		return c.status, c.err
	case <-time.After(30 * time.Second):
		t.Fatalf("a call did not return")
		return 0, nil
	}
}

func sendFire(ctx context.Context, db *engagement.DB, f engagement.Fire) *call {
	c := &call{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		result, err := db.RecordFire(ctx, f)
		c.status, c.err = result.Status, err
	}()
	return c
}

func sendTrade(ctx context.Context, db *engagement.DB, tr engagement.Trade) *call {
	c := &call{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		result, err := db.RecordTrade(ctx, tr)
		c.status, c.err = result.Status, err
	}()
	return c
}

func TestFiresAndTradesOfCallersWhoWaitShareOneCommit(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open()
		ctx := context.Background()
		release := hold(t, db)
		defer release()
		var calls []*call
		for user := int64(1); user <= 20; user++ {
			calls = append(calls, sendFire(ctx, db, engagement.Fire{UserID: user, SignalID: "S_1"}))
			calls = append(calls, sendTrade(ctx, db, engagement.Trade{UserID: user, TradeID: "t", PnL: 1}))
		}
		waiting(t, db, 40)
		release()
		for _, c := range calls {
			status, err := c.wait(t)
			noError(t, err)
			same(t, "status", status, engagement.Recorded)
		}
		stats := db.CommitStats()
		same(t, "batches, writes, largest batch and waiting",
			[4]int64{stats.Batches, stats.Writes, stats.LargestBatch, stats.Waiting}, [4]int64{1, 40, 40, 0})
		if stats.WaitMax <= 0 || stats.CommitMax <= 0 || stats.WaitTotal < stats.WaitMax || stats.CommitTotal < stats.CommitMax {
			t.Errorf("times: %+v", stats)
		}
		report := proven(t, db)
		same(t, "fires and trades", [2]int64{report.Fires, report.Trades}, [2]int64{20, 20})
	})
}

// refusing makes the database refuse what only it knows of: trades that follow the
// signal "refused". What is returned undoes it.
func refusing(t *testing.T, db *engagement.DB) (undo func()) {
	t.Helper()
	run := func(statement string) {
		t.Helper()
		noError(t, db.Tx(context.Background(), func(tx *engagement.Tx) error {
			_, err := tx.SQL().ExecContext(context.Background(), statement)
			return err
		}))
	}
	if strings.HasSuffix(t.Name(), "/postgres") {
		run("ALTER TABLE trades ADD CONSTRAINT refusing CHECK (signal_id <> 'refused')")
		return func() { t.Helper(); run("ALTER TABLE trades DROP CONSTRAINT refusing") }
	}
	run("CREATE TRIGGER refusing BEFORE INSERT ON trades WHEN NEW.signal_id = 'refused' BEGIN SELECT RAISE(ABORT, 'refused'); END")
	return func() { t.Helper(); run("DROP TRIGGER refusing") }
}

func TestABatchInWhichAllAreRefusedIsNoCommit(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open()
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", PnL: 1})
		before := db.CommitStats()
		for range 3 {
			_, err := db.RecordTrade(context.Background(), engagement.Trade{UserID: 1, TradeID: "t", PnL: 2})
			only(t, err, engagement.ErrConflict)
		}
		same(t, "the figures of commits", db.CommitStats(), before)
	})
}

func TestOneThatFailsFailsAlone(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		var batches atomic.Int64 // that the database refused
		logged := handler(func(r slog.Record) {
			if strings.Contains(r.Message, "trying each alone") {
				batches.Add(1)
			}
		})
		db := open(newClock(noon).option(), logged.option())
		ctx, undo := context.Background(), refusing(t, db)
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "yesterday", PnL: -5, ClosedAt: noon.AddDate(0, 0, -1)})
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "first", PnL: 1})
		trade(t, db, engagement.Trade{UserID: 2, TradeID: "known", PnL: 5})
		trade(t, db, engagement.Trade{UserID: 3, TradeID: "first", PnL: engagement.MaxPnL})
		fireOn(t, db, 1, noon.AddDate(0, 0, -2)) // which is cleaned up
		must(db.Cleanup(ctx, 1))(t)
		before := db.CommitStats()

		release := hold(t, db)
		defer release()
		good := []*call{
			sendFire(ctx, db, engagement.Fire{UserID: 1, SignalID: "S_1"}),
			sendTrade(ctx, db, engagement.Trade{UserID: 4, TradeID: "new", PnL: 1}),
			sendFire(ctx, db, engagement.Fire{UserID: 2, SignalID: "S_1", Executed: true}),
		}
		bad := map[string]*call{
			"what only the database knows of": sendTrade(ctx, db, engagement.Trade{UserID: 1, TradeID: "second", SignalID: "refused", PnL: 1}),
			"the sum of a user":               sendTrade(ctx, db, engagement.Trade{UserID: 3, TradeID: "second", PnL: 1}),
			"a fire before the horizon":       sendFire(ctx, db, engagement.Fire{UserID: 5, SignalID: "S_2", At: noon.AddDate(0, 0, -2)}),
		}
		conflict := sendTrade(ctx, db, engagement.Trade{UserID: 2, TradeID: "known", PnL: 6})
		waiting(t, db, 7)
		release()
		for _, c := range good {
			status, err := c.wait(t)
			noError(t, err)
			same(t, "status", status, engagement.Recorded)
		}
		for name, c := range bad {
			if _, err := c.wait(t); !errors.Is(err, engagement.ErrInvalid) {
				t.Errorf("%s: got error %v, want %v", name, err, engagement.ErrInvalid)
			}
		}
		_, err := conflict.wait(t)
		wantError(t, err, engagement.ErrConflict)
		same(t, "batches that the database refused", batches.Load(), int64(1))
		undo()
		stats := db.CommitStats()
		same(t, "commits that happened, and facts in them", [2]int64{stats.Batches - before.Batches, stats.Writes - before.Writes}, [2]int64{3, 3})
		report := proven(t, db)
		same(t, "users, fires and trades", [3]int64{report.Users, report.Fires, report.Trades}, [3]int64{4, 2, 5})
	})
}

// On a server, and on a file whose lock another holds, callers leave with their
// contexts and leave nothing behind.
func TestACallGivenUpBeforeItIsTakenRecordsNothing(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open()
		release := hold(t, db)
		defer release()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		leader := sendFire(ctx, db, engagement.Fire{UserID: 98, SignalID: "S_1"})
		waiting(t, db, 1)
		stays := sendFire(context.Background(), db, engagement.Fire{UserID: 1, SignalID: "S_1"})
		waits := sendFire(ctx, db, engagement.Fire{UserID: 99, SignalID: "S_1"})
		waiting(t, db, 3)
		cancel()
		for _, quitter := range []*call{leader, waits} {
			_, err := quitter.wait(t)
			wantError(t, err, context.Canceled)
		}
		waiting(t, db, 1)
		release()
		_, err := stays.wait(t)
		noError(t, err)
		report := proven(t, db)
		same(t, "users and fires", [2]int64{report.Users, report.Fires}, [2]int64{1, 1})
	})
}

func TestCloseDrainsTheQueue(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open()
		ctx := context.Background()
		release := hold(t, db)
		defer release()
		var calls []*call
		for user := range int64(50) {
			calls = append(calls, sendFire(ctx, db, engagement.Fire{UserID: user + 1, SignalID: "S_1"}))
		}
		waiting(t, db, 50)
		closed := make(chan error, 1)
		go func() { closed <- db.Close() }()
		for {
			// Until Close has begun, a call that is refused for its argument is
			// refused for that.
			if _, err := db.RecordFire(ctx, engagement.Fire{}); errors.Is(err, engagement.ErrClosed) {
				break
			}
			time.Sleep(time.Millisecond)
		}
		release()
		for _, c := range calls {
			status, err := c.wait(t)
			noError(t, err)
			same(t, "status", status, engagement.Recorded)
		}
		noError(t, <-closed)
		again := open()
		report := proven(t, again)
		same(t, "fires", report.Fires, int64(50))
	})
}

// attempt is one call of the interleaving test and what it returned.
type attempt struct {
	fire   engagement.Fire
	status engagement.Status
}

func TestAnyInterleavingEqualsSomeSequentialOrder(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open()
		ctx := context.Background()
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++ // signals of their own, so that one database serves all rounds
			callers := make([][]attempt, rapid.IntRange(2, 8).Draw(rt, "callers"))
			for i := range callers {
				callers[i] = make([]attempt, rapid.IntRange(1, 4).Draw(rt, "calls"))
				for j := range callers[i] {
					callers[i][j].fire = engagement.Fire{
						UserID:   rapid.Int64Range(1, 2).Draw(rt, "user"),
						SignalID: fmt.Sprintf("R%d_%d", round, rapid.IntRange(1, 2).Draw(rt, "signal")),
						Executed: rapid.Bool().Draw(rt, "executed"),
					}
				}
			}
			var wg sync.WaitGroup
			for i := range callers {
				wg.Go(func() {
					for j := range callers[i] {
						result, err := db.RecordFire(ctx, callers[i][j].fire)
						if err != nil {
							t.Errorf("RecordFire: %v", err)
						}
						callers[i][j].status = result.Status
					}
				})
			}
			wg.Wait()
			type key struct {
				user   int64
				signal string
			}
			keys := map[key]bool{}
			for _, attempts := range callers {
				for _, a := range attempts {
					keys[key{a.fire.UserID, a.fire.SignalID}] = true
				}
			}
			for k := range keys {
				var of [][]attempt // the calls for k, in the order of each caller
				for _, attempts := range callers {
					var mine []attempt
					for _, a := range attempts {
						if a.fire.UserID == k.user && a.fire.SignalID == k.signal {
							mine = append(mine, a)
						}
					}
					of = append(of, mine)
				}
				if !explainable(of, 0) {
					rt.Fatalf("no order of these calls explains their statuses: %+v", of)
				}
			}
		})
		proven(t, db)
	})
}

// explainable reports whether the calls of several callers for one key can be
// merged into one order in which each status is right. stored is 0 before the
// fire is stored, then 1, and 2 once it has executed.
func explainable(callers [][]attempt, stored int) bool {
	done := true
	for i, calls := range callers {
		if len(calls) == 0 {
			continue
		}
		done = false
		want, next := engagement.Duplicate, stored
		switch {
		case stored == 0 && calls[0].fire.Executed:
			want, next = engagement.Recorded, 2
		case stored == 0:
			want, next = engagement.Recorded, 1
		case stored == 1 && calls[0].fire.Executed:
			want, next = engagement.MarkedExecuted, 2
		}
		if calls[0].status != want {
			continue
		}
		rest := append([][]attempt{}, callers...)
		rest[i] = calls[1:]
		if explainable(rest, next) {
			return true
		}
	}
	return done
}
