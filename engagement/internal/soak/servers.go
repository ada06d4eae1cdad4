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
	err = s.with(ctx, proxy.URL(s.dsn), func(db *engagement.DB) error {
		c := callers{db: db, ledger: s.ledger}
		for caller := range 6 {
			random := rand.New(rand.NewPCG(a.seed, uint64(caller)+1))
			c.running.Go(func() { c.record(ctx, caller, random) })
		}
		random := rand.New(rand.NewPCG(a.seed, 0))
		c.running.Go(func() { c.upkeep(ctx, random) })
		err := s.lose(ctx, db, proxy)
		c.over.Store(true)
		c.running.Wait()
		return errors.Join(err, c.failed)
	}, engagement.WithSynchronous(engagement.SyncFull))
	if err != nil {
		return err
	}
	return s.inspect(ctx, s.dsn, s.ledger) // opening finishes what was interrupted
}

// callers record and do upkeep until it is over.
type callers struct {
	db      *engagement.DB
	running sync.WaitGroup
	over    atomic.Bool

	mu     sync.Mutex // of what follows
	ledger *ledger
	failed error
}

// do notes what begins and what becomes of it. Only a lost server may fail it.
func (c *callers) do(ctx context.Context, name string, what func() error) {
	c.mu.Lock()
	c.ledger.begin(name)
	c.mu.Unlock()
	err := what()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.ledger.end(name)
	case !lost(ctx, err):
		c.failed = errors.Join(c.failed, fmt.Errorf("%s: %w", name, err))
	}
}

// record records units, some of them with a short deadline.
func (c *callers) record(ctx context.Context, caller int, random *rand.Rand) {
	for i := 0; !c.over.Load(); i++ {
		limited, cancel := ctx, context.CancelFunc(func() {})
		if random.IntN(4) == 0 {
			limited, cancel = context.WithTimeout(ctx, time.Duration(1+random.IntN(200))*time.Millisecond)
		}
		name := fmt.Sprintf("%s%d.%d", unitPrefix, caller, i)
		c.do(limited, name, func() error { return unitOf(name).record(limited, c.db) })
		cancel()
	}
}

// upkeep cleans up, erases, sets rules and rebuilds.
func (c *callers) upkeep(ctx context.Context, random *rand.Rand) {
	for !c.over.Load() {
		switch random.IntN(4) {
		case 0:
			c.do(ctx, opCleanup, func() error { _, err := c.db.Cleanup(ctx, keepDays); return err })
		case 1:
			user := int64(firstVictim + random.IntN(members-firstVictim+1))
			c.do(ctx, erasing(user), func() error {
				if _, err := c.db.EraseUser(ctx, user); !errors.Is(err, engagement.ErrNotFound) {
					return err
				}
				return nil // it was erased before
			})
		case 2:
			c.do(ctx, opRules, func() error { return c.db.SetStreakRules(ctx, otherRules) })
		case 3:
			c.do(ctx, opRebuild, func() error { _, err := c.db.Rebuild(ctx); return err })
		}
	}
}

func (a *attack) newServerScene() (s *scene, err error) {
	s = &scene{attack: a, place: a.community, ledger: newLedger()}
	s.dsn, s.close, err = a.template.NewSchema(context.Background())
	return s, err
}

// lost reports whether err is one that a lost server may end in. A connection's
// deadline may be noticed a moment before that of its context.
func lost(ctx context.Context, err error) bool {
	_, limited := ctx.Deadline()
	return errors.Is(err, engagement.ErrUnavailable) || errors.Is(err, engagement.ErrBusy) || (limited && errors.Is(err, context.DeadlineExceeded))
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
