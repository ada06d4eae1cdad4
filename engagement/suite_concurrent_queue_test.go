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

	"github.com/hydraxdev/engagementdb/engagement"
)

// survive runs fn and returns what it panicked with, nil if it did not.
func survive(fn func()) (cause any) {
	defer func() { cause = recover() }()
	fn()
	return nil
}

func TestAClockThatPanicsOnceLeavesTheQueueWorking(t *testing.T) {
	t.Run("of a lone caller", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			var left atomic.Int64
			db := open(engagement.WithClock(func() time.Time {
				if left.Add(-1) == 0 {
					panic("the clock is broken")
				}
				return noon
			}))
			// A call asks the clock more than once, also while it holds the lock.
			nth, panics := int64(1), true
			for ; panics; nth++ {
				left.Store(nth)
				panics = nil != survive(func() { _, _ = db.RecordFire(soon(t), engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", nth)}) })
				left.Store(0)
				_, err := db.RecordFire(soon(t), engagement.Fire{UserID: 2, SignalID: fmt.Sprint("S_", nth)})
				noError(t, err)
				_, err = db.EraseUser(soon(t), 2) // asks for the lock without the queue
				noError(t, err)
			}
			if nth <= 2 {
				t.Error("the clock was not asked")
			}
			same(t, "fires", proven(t, db).Fires, int64(1))
		})
	})
	t.Run("while others wait", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			const callers = 20
			var broken atomic.Bool
			db := open(engagement.WithClock(func() time.Time {
				if broken.CompareAndSwap(true, false) {
					panic("the clock is broken")
				}
				return noon
			}))
			release := hold(t, db)
			defer release()
			ctx := soon(t)
			var wg sync.WaitGroup
			var panics, recorded atomic.Int64
			for user := range int64(callers) {
				wg.Go(func() {
					cause := survive(func() {
						_, err := db.RecordFire(ctx, engagement.Fire{UserID: user + 1, SignalID: "A"})
						switch {
						case err == nil:
							recorded.Add(1)
						case errors.Is(err, context.DeadlineExceeded):
							t.Errorf("a caller waited in vain: %v", err)
						}
					})
					if cause != nil {
						panics.Add(1)
					}
				})
			}
			waiting(t, db, callers)
			broken.Store(true)
			release()
			wg.Wait()
			same(t, "callers who panicked", panics.Load(), int64(1))
			_, err := db.RecordFire(soon(t), engagement.Fire{UserID: 99, SignalID: "A"})
			noError(t, err)
			same(t, "fires", proven(t, db).Fires, recorded.Load()+1)
			same(t, "writes that wait", db.CommitStats().Waiting, int64(0))
		})
	})
}

func TestALogThatPanicsOnceLeavesTheQueueWorking(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		var broken atomic.Bool
		db := open(newClock(noon).option(), engagement.WithSlowThreshold(time.Hour), handler(func(record slog.Record) {
			if record.Level == slog.LevelWarn && broken.CompareAndSwap(true, false) {
				panic("the log is broken")
			}
		}).option())
		undo := refusing(t, db)
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "first"})
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "other"})
		broken.Store(true)
		release := hold(t, db)
		defer release()
		ctx := soon(t)
		leader := make(chan any, 1)
		go func() {
			leader <- survive(func() { _, _ = db.RecordFire(ctx, engagement.Fire{UserID: 2, SignalID: "A"}) })
		}()
		waiting(t, db, 1)
		others := []*call{
			sendFire(ctx, db, engagement.Fire{UserID: 3, SignalID: "A"}),
			// The database refuses it, which the leader logs.
			sendTrade(ctx, db, engagement.Trade{UserID: 1, TradeID: "second", SignalID: "refused"}),
		}
		waiting(t, db, 3)
		release()
		for _, c := range others {
			_, err := c.wait(t)
			if err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a caller in the batch of the one who panicked: error %v", err)
			}
		}
		if cause := <-leader; cause == nil {
			t.Error("the log did not panic in the one who led")
		}
		undo()
		same(t, "fires and trades", [2]int64{proven(t, db).Fires, proven(t, db).Trades}, [2]int64{0, 2})
		_, err := db.RecordFire(soon(t), engagement.Fire{UserID: 4, SignalID: "A"})
		noError(t, err)
		proven(t, db)
	})
}

func TestARefusedFactOfABatchIsNotLoggedWithItsPnL(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		var log journal
		ctx, db := soon(t), open(log.option(), newClock(noon).option(), engagement.WithSlowThreshold(1))
		undo := refusing(t, db)
		release := hold(t, db)
		defer release()
		calls := []*call{
			sendTrade(ctx, db, engagement.Trade{UserID: 1, TradeID: "a", SignalID: "refused", PnL: 612345.678901}),
			sendTrade(ctx, db, engagement.Trade{UserID: 1, TradeID: "b", SignalID: "refused", PnL: 612345.678901}),
			sendTrade(ctx, db, engagement.Trade{UserID: 1, TradeID: "c", PnL: 1}),
		}
		waiting(t, db, 3)
		release()
		for _, c := range calls {
			if _, err := c.wait(t); err != nil {
				only(t, err, engagement.ErrInvalid)
			}
		}
		log.has(t, "WARN a fact of a batch was refused, trying each alone")
		undo()
		for _, amount := range []string{"612345678901", "612345.678901", "6.12345678901", "612345"} {
			if strings.Contains(log.String(), amount) {
				t.Errorf("a P&L was logged:\n%s", &log)
			}
		}
		proven(t, db)
	})
}

// TestErrBusy lets one caller wait for another program's lock in vain, and one
// who comes late wait for the lock as long as anybody.
func TestErrBusy(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	retries := make(chan struct{}, 10_000)
	logged := handler(func(r slog.Record) {
		if r.Message == "trying again" {
			retries <- struct{}{}
		}
	})
	openVaried(t, dsn)
	db := openAt(t, dsn, engagement.WithRetries(2*time.Second), logged.option())
	other := must(rawDB(t, dsn).Conn(ctx))(t)
	defer other.Close()
	must(other.ExecContext(ctx, "BEGIN IMMEDIATE"))(t)
	before := must(db.UserStats(ctx, 1))(t) // readers do not wait
	start, first := time.Now(), sendFire(ctx, db, engagement.Fire{UserID: 1, SignalID: "busy"})
	for time.Since(start) < 1200*time.Millisecond { // more than half of what the first waits
		<-retries
	}
	late := sendFire(ctx, db, engagement.Fire{UserID: 2, SignalID: "busy"})
	waiting(t, db, 2)
	_, err := first.wait(t)
	only(t, err, engagement.ErrBusy)
	for len(retries) > 0 {
		<-retries
	}
	<-retries // the late one goes on
	same(t, "UserStats", must(db.UserStats(ctx, 1))(t), before)
	must(other.ExecContext(ctx, "ROLLBACK"))(t)
	status, err := late.wait(t)
	noError(t, err)
	same(t, "the one who came late", status, engagement.Recorded)
	same(t, "the first again", fire(t, db, engagement.Fire{UserID: 1, SignalID: "busy"}), engagement.Recorded)
	same(t, "fires of the signal", must(db.SignalMetrics(ctx, "busy"))(t).TotalFires, int64(2))
	proven(t, db)
}
