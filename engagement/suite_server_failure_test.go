package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// ownServer starts a server that the test may break.
func ownServer(t testing.TB, settings ...string) *pgtest.Server {
	t.Helper()
	server, err := pgtest.Start(context.Background(), append([]string{"fsync=off", "max_connections=60"}, settings...)...)
	if errors.Is(err, pgtest.ErrNotInstalled) && os.Getenv(postgresMustRun) != "1" {
		t.Skip(err)
	}
	noError(t, err)
	t.Cleanup(func() { noError(t, server.Stop()) })
	return server
}

// onServer returns the DSN of a new schema, or skips the test.
func onServer(t testing.TB) string {
	t.Helper()
	for _, e := range engines {
		if e.name == "postgres" {
			return e.fresh(t)
		}
	}
	t.Skip(pgtest.ErrNotInstalled)
	return ""
}

// proxied returns a proxy to the server of dsn, and dsn through it.
func proxied(t testing.TB, dsn string) (*pgtest.Proxy, string) {
	t.Helper()
	proxy := must(pgtest.NewProxy(pgtest.AddrOf(dsn)))(t)
	t.Cleanup(func() { noError(t, proxy.Close()) })
	return proxy, proxy.URL(dsn)
}

// openDurable opens the database at dsn as users do, with commits that survive
// a crash of the server.
func openDurable(t testing.TB, dsn string, opts ...engagement.Option) *engagement.DB {
	t.Helper()
	return openAt(t, dsn, append(opts, engagement.WithSynchronous(engagement.SyncFull))...)
}

// slack is how much later than its deadline a call may return on a busy
// machine.
const slack = 5 * time.Second

// failedAsDocumented reports whether err is one that a server's failure may end
// in. A connection's deadline may be noticed a moment before that of its context.
func failedAsDocumented(ctx context.Context, err error) bool {
	_, limited := ctx.Deadline()
	return errors.Is(err, engagement.ErrUnavailable) || errors.Is(err, engagement.ErrBusy) ||
		(limited && errors.Is(err, context.DeadlineExceeded)) || (ctx.Err() != nil && errors.Is(err, ctx.Err()))
}

// load is what one caller has done during a test.
type load struct {
	user   int64
	fires  map[string]bool // signal → it was acknowledged
	trades map[string]bool // trade id → it was acknowledged
	// UpdateUserPnL was acknowledged, and was called.
	updated, updates int64
}

// run calls one method after the other until done, with short and long
// deadlines and without any.
func (l *load) run(t *testing.T, db *engagement.DB, done func() bool) {
	for i := 0; !done(); i++ {
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		timeouts := []time.Duration{0, 20 * time.Second, 50 * time.Millisecond}
		timeout := timeouts[i/7%len(timeouts)]
		if timeout > 0 {
			ctx, cancel = context.WithTimeout(ctx, timeout)
		}
		start := time.Now()
		name := fmt.Sprintf("S_%d_%d", l.user, i)
		var err error
		switch i % 7 {
		case 0, 1:
			_, err = db.RecordFire(ctx, engagement.Fire{UserID: l.user, SignalID: name, Executed: i%3 == 0})
			l.fires[name] = err == nil
		case 2:
			_, err = db.RecordTrade(ctx, engagement.Trade{UserID: l.user, TradeID: name, PnL: 1, Outcome: engagement.Draw})
			l.trades[name] = err == nil
		case 3:
			fires := []engagement.Fire{{UserID: l.user, SignalID: name + "a"}, {UserID: l.user, SignalID: name + "b"}}
			_, err = db.RecordFires(ctx, fires)
			for _, f := range fires {
				l.fires[f.SignalID] = err == nil
			}
		case 4:
			l.updates++
			if _, err = db.UpdateUserPnL(ctx, l.user, 1, true); err == nil {
				l.updated++
			}
		case 5:
			_, err = db.RealTimeStats(ctx)
		case 6:
			_, err = db.Fires(ctx, engagement.FireFilter{UserID: l.user}, engagement.PageQuery{Limit: 5})
		}
		if err != nil && !failedAsDocumented(ctx, err) {
			t.Errorf("call %d with a limit of %s: %v", i%7, timeout, err)
		}
		if took := time.Since(start); timeout > 0 && took > timeout+slack {
			t.Errorf("call %d with a limit of %s took %s", i%7, timeout, took)
		}
		cancel()
	}
}

// check compares what was acknowledged with what is stored.
func (l *load) check(t *testing.T, db *engagement.DB) {
	t.Helper()
	export := must(db.ExportUser(t.Context(), l.user))(t)
	stored := map[string]bool{}
	for _, f := range export.SignalFires {
		stored[f.SignalID] = true
	}
	for signal, acknowledged := range l.fires {
		if acknowledged && !stored[signal] {
			t.Errorf("the acknowledged fire %s is lost", signal)
		}
	}
	trades := map[string]bool{}
	updates := int64(0)
	for _, tr := range export.Trades {
		trades[tr.TradeID] = true
		if tr.Outcome == engagement.Win {
			updates++
		}
	}
	for id, acknowledged := range l.trades {
		if acknowledged && !trades[id] {
			t.Errorf("the acknowledged trade %s is lost", id)
		}
	}
	if updates < l.updated || updates > l.updates {
		t.Errorf("%d updates of the P&L are stored, of %d calls and %d that succeeded", updates, l.updates, l.updated)
	}
	same(t, "wins", export.UserStats.Wins, updates)
	same(t, "total fires", export.UserStats.TotalFires, int64(len(export.SignalFires)))
}

func TestServerIsRestartedInTheMiddleOfALoad(t *testing.T) {
	const callers, crashes = 8, 3
	t.Parallel()
	server := ownServer(t)
	dsn := server.URL()
	db := openDurable(t, dsn)

	var over atomic.Bool
	loads := make([]*load, callers)
	var running sync.WaitGroup
	for i := range loads {
		loads[i] = &load{user: int64(i + 1), fires: map[string]bool{}, trades: map[string]bool{}}
		running.Go(func() { loads[i].run(t, db, over.Load) })
	}
	for range crashes {
		before := db.CommitStats().Batches
		waitUntil(t, func() bool { return db.CommitStats().Batches > before+20 })
		if err := server.Crash(context.Background()); err != nil {
			t.Errorf("restart the server: %v", err)
		}
	}
	before := db.CommitStats().Batches
	waitUntil(t, func() bool { return db.CommitStats().Batches > before+20 })
	over.Store(true)
	running.Wait()

	proven(t, db)
	for _, l := range loads {
		l.check(t, db)
	}
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "AFTER"})
}

func TestAServerThatStopsAnswering(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	calls := []struct {
		name string
		call func(ctx context.Context, db *engagement.DB, freeze func()) error
	}{
		{"RecordFire", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			freeze()
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "F"})
			return err
		}},
		{"RecordTrade", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			freeze()
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "F"})
			return err
		}},
		{"RecordFires", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			freeze()
			_, err := db.RecordFires(ctx, []engagement.Fire{{UserID: 1, SignalID: "F"}})
			return err
		}},
		{"UpdateUserPnL", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			freeze()
			_, err := db.UpdateUserPnL(ctx, 1, 1, true)
			return err
		}},
		{"UserStats", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			freeze()
			_, err := db.UserStats(ctx, 1)
			return err
		}},
		{"Leaderboard", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			freeze()
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByPnL}, anyPage)
			return err
		}},
		{"Verify", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			freeze()
			_, err := db.Verify(ctx)
			return err
		}},
		{"Rebuild", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			freeze()
			_, err := db.Rebuild(ctx)
			return err
		}},
		{"Cleanup", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			freeze()
			_, err := db.Cleanup(ctx, 1)
			return err
		}},
		{"EraseUser", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			freeze()
			_, err := db.EraseUser(ctx, 1)
			return err
		}},
		{"Tx before it writes", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			freeze()
			return db.Tx(ctx, func(*engagement.Tx) error { return nil })
		}},
		{"Tx between two writes", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			return db.Tx(ctx, func(tx *engagement.Tx) error {
				if _, err := tx.RecordFire(ctx, engagement.Fire{UserID: 2, SignalID: "F"}); err != nil {
					return err
				}
				freeze()
				_, err := tx.RecordFire(ctx, engagement.Fire{UserID: 2, SignalID: "G"})
				return err
			})
		}},
		{"Tx before it commits", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			return db.Tx(ctx, func(tx *engagement.Tx) error {
				_, err := tx.RecordFire(ctx, engagement.Fire{UserID: 2, SignalID: "H"})
				freeze()
				return err
			})
		}},
		{"View before it ends", func(ctx context.Context, db *engagement.DB, freeze func()) error {
			return db.View(ctx, func(r *engagement.Reader) error {
				if _, err := r.UserStats(ctx, 1); err != nil {
					return err
				}
				freeze()
				<-ctx.Done()
				return ctx.Err()
			})
		}},
	}
	for _, tt := range calls {
		t.Run(tt.name+" returns at its deadline", func(t *testing.T) {
			t.Parallel()
			proxy, dsn := proxied(t, onServer(t))
			db := openDurable(t, dsn)
			fire(t, db, engagement.Fire{UserID: 1, SignalID: "BEFORE"})

			limited, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			start := time.Now()
			err := tt.call(limited, db, proxy.Freeze)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got error %v, want that of its context", err)
			}
			if took := time.Since(start); took > time.Second+slack {
				t.Errorf("it took %s", took)
			}

			// Those who have no deadline go on when the server does.
			waiting := make(chan error, 2)
			go func() {
				_, err := db.RecordFire(ctx, engagement.Fire{UserID: 3, SignalID: "PATIENT"})
				waiting <- err
			}()
			go func() {
				_, err := db.UserStats(ctx, 1)
				waiting <- err
			}()
			proxy.Thaw()
			for range cap(waiting) {
				noError(t, <-waiting)
			}
			proven(t, db)
		})
	}

	t.Run("does not keep Close waiting", func(t *testing.T) {
		t.Parallel()
		proxy, dsn := proxied(t, onServer(t))
		db := openDurable(t, dsn)
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "BEFORE"})
		proxy.Freeze()
		limited, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		var callers sync.WaitGroup
		for i := range 20 {
			callers.Go(func() {
				if _, err := db.RecordFire(limited, engagement.Fire{UserID: int64(i + 1), SignalID: "F"}); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, engagement.ErrClosed) {
					t.Errorf("RecordFire: %v", err)
				}
			})
		}
		start := time.Now()
		noError(t, db.Close())
		if took := time.Since(start); took > slack {
			t.Errorf("Close took %s", took)
		}
		callers.Wait()
	})

	t.Run("while it is connected to is ErrUnavailable and not the caller's deadline", func(t *testing.T) {
		t.Parallel()
		proxy, dsn := proxied(t, onServer(t))
		proxy.Freeze()
		_, err := engagement.Open(ctx, pgtest.WithParam(dsn, "connect_timeout", "1"))
		only(t, err, engagement.ErrUnavailable)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v is a context's error", err)
		}
	})
}

func TestTheAnswerToACommitIsLost(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	setUp := func(t *testing.T) (*pgtest.Proxy, *engagement.DB) {
		t.Helper()
		t.Parallel()
		proxy, dsn := proxied(t, onServer(t))
		db := openDurable(t, dsn)
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "BEFORE"})
		return proxy, db
	}
	lose := func(t *testing.T, proxy *pgtest.Proxy, call func()) {
		t.Helper()
		before := proxy.Lost()
		proxy.LoseCommits(1)
		call()
		same(t, "commits whose answer was lost", proxy.Lost()-before, 1)
	}
	t.Run("what has a key is done again and is there once", func(t *testing.T) {
		proxy, db := setUp(t)
		lose(t, proxy, func() {
			must(db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A", Executed: true}))(t)
		})
		lose(t, proxy, func() {
			must(db.RecordFires(ctx, []engagement.Fire{{UserID: 1, SignalID: "B"}, {UserID: 2, SignalID: "B"}}))(t)
		})
		lose(t, proxy, func() {
			must(db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "A", PnL: 2}))(t)
		})
		lose(t, proxy, func() {
			stats := must(db.UpdateUserPnL(ctx, 1, 3, true))(t)
			same(t, "P&L", stats.PnL, 5.0)
		})
		proven(t, db)
		stats := must(db.UserStats(ctx, 1))(t)
		same(t, "fires, wins and P&L", []any{stats.TotalFires, stats.Wins, stats.PnL}, []any{int64(3), int64(2), 5.0})
	})
	t.Run("EraseUser is not done again", func(t *testing.T) {
		proxy, db := setUp(t)
		lose(t, proxy, func() {
			_, err := db.EraseUser(ctx, 1)
			only(t, err, engagement.ErrUnavailable)
			contains(t, err, "may or may not")
		})
		_, err := db.EraseUser(ctx, 1)
		only(t, err, engagement.ErrNotFound)
		proven(t, db)
	})
	t.Run("Tx does not run its function again", func(t *testing.T) {
		proxy, db := setUp(t)
		runs := 0
		lose(t, proxy, func() {
			err := db.Tx(ctx, func(tx *engagement.Tx) error {
				runs++
				_, err := tx.UpdateUserPnL(ctx, 1, 1, true)
				return err
			})
			only(t, err, engagement.ErrUnavailable)
			contains(t, err, "may or may not")
		})
		same(t, "runs", runs, 1)
		same(t, "wins", must(db.UserStats(ctx, 1))(t).Wins, int64(1))
		proven(t, db)
	})
	t.Run("Rebuild adds no difference twice", func(t *testing.T) {
		t.Parallel()
		direct := onServer(t)
		proxy, dsn := proxied(t, direct)
		db := openDurable(t, dsn)
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
		noError(t, pgtest.Exec(ctx, direct, "UPDATE user_days SET fires = 7"))
		lose(t, proxy, func() {
			_, err := db.Rebuild(ctx)
			only(t, err, engagement.ErrUnavailable)
		})
		must(db.Rebuild(ctx))(t)
		proven(t, db)
	})
}
