package engagement_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

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
