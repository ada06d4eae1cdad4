package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// serverLosses lets callers record on a server that is restarted, ends sessions
// and loses connections meanwhile.
func serverLosses(ctx context.Context, a *attack) (err error) {
	s, err := a.newServerScene()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	proxy, err := pgtest.NewProxy(pgtest.AddrOf(s.dsn))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, proxy.Close()) }()
	return s.with(ctx, proxy.URL(s.dsn), func(db *engagement.DB) error {
		var over atomic.Bool
		var mu sync.Mutex // of the ledger and of what failed
		var failed error
		var callers sync.WaitGroup
		for caller := range 6 {
			random := rand.New(rand.NewPCG(a.seed, uint64(caller)+1))
			callers.Go(func() {
				for i := 0; !over.Load(); i++ {
					name := fmt.Sprintf("%s%d.%d", unitPrefix, caller, i)
					mu.Lock()
					s.ledger.begin(name)
					mu.Unlock()
					limited, cancel := ctx, context.CancelFunc(func() {})
					if random.IntN(4) == 0 {
						limited, cancel = context.WithTimeout(ctx, time.Duration(1+random.IntN(200))*time.Millisecond)
					}
					err := unitOf(name).record(limited, db)
					mu.Lock()
					switch {
					case err == nil:
						s.ledger.end(name)
					case !lost(limited, err):
						failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
					}
					mu.Unlock()
					cancel()
				}
			})
		}
		err := s.lose(ctx, db, proxy)
		over.Store(true)
		callers.Wait()
		if err = errors.Join(err, failed); err != nil {
			return err
		}
		current, err := look(ctx, db)
		if err != nil {
			return err
		}
		return s.place.compare(current, s.ledger)
	}, engagement.WithSynchronous(engagement.SyncFull))
}

func (a *attack) newServerScene() (s *scene, err error) {
	s = &scene{attack: a, place: a.community, ledger: newLedger()}
	s.dsn, s.close, err = a.template.NewSchema(context.Background())
	return s, err
}

// lost reports whether err is one that a lost server may end in.
func lost(ctx context.Context, err error) bool {
	return errors.Is(err, engagement.ErrUnavailable) || errors.Is(err, engagement.ErrBusy) || (ctx.Err() != nil && errors.Is(err, ctx.Err()))
}

// lose takes the server away in some ways, each once the callers record again.
func (s *scene) lose(ctx context.Context, db *engagement.DB, proxy *pgtest.Proxy) error {
	losses := []struct {
		name string
		lose func() error
	}{
		{"an immediate restart", func() error { return s.server.Restart(ctx, "immediate") }},
		{"a fast restart", func() error { return s.server.Restart(ctx, "fast") }},
		{"ended sessions", func() error {
			return pgtest.Exec(ctx, s.server.URL(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
		}},
		{"cut connections", func() error { proxy.Redirect(s.server.Addr()); return nil }},
		{"a lost answer to a commit", func() error { proxy.LoseCommits(1 + s.IntN(3)); return nil }},
		{"a frozen network", func() error {
			proxy.Freeze()
			time.Sleep(time.Duration(s.IntN(100)) * time.Millisecond)
			proxy.Thaw()
			return nil
		}},
	}
	for range 4 {
		if err := s.recordsAgain(ctx, db); err != nil {
			return err
		}
		loss := losses[s.IntN(len(losses))]
		if err := loss.lose(); err != nil {
			return fmt.Errorf("%s: %w", loss.name, err)
		}
		s.count++
	}
	return s.recordsAgain(ctx, db)
}

// recordsAgain waits until some more commits have happened.
func (s *scene) recordsAgain(ctx context.Context, db *engagement.DB) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for goal := db.CommitStats().Batches + 10; db.CommitStats().Batches < goal; {
		select {
		case <-ctx.Done():
			return fmt.Errorf("nothing was recorded for a minute: %w", ctx.Err())
		case <-ticker.C:
		}
	}
	return nil
}
