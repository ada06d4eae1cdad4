package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// now is what every clock of an attack says, so that a seed gives the same
// facts on any day.
var now = time.Date(2026, time.December, 1, 12, 0, 0, 0, time.UTC)

func clock() engagement.Option { return engagement.WithClock(func() time.Time { return now }) }

// The community that is attacked. It is large enough for upkeep to take several
// transactions.
const (
	members     = 600
	memberFires = 8
	firstVictim = 501 // those from here on are erased
	keepDays    = 30
)

// cleanedHorizon is where a cleanup of keepDays moves the horizon.
var cleanedHorizon = engagement.DayOf(now, time.UTC) - keepDays

// otherRules are those that opRules sets.
var otherRules = engagement.StreakRules{
	RestDays: []time.Weekday{time.Sunday, time.Saturday}, Milestones: []int64{2, 3, 5}, FreezeCap: 5,
}

// place is a database that is copied for every attack, and what is in it.
type place struct {
	path string
	world
}

// makeCommunity makes the file of a community that no one has attacked yet.
func makeCommunity(ctx context.Context, path string) (_ *place, err error) {
	db, err := engagement.Open(ctx, path, clock(), engagement.WithSynchronous(engagement.SyncOff))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	random := rand.New(rand.NewPCG(1, 1))
	var fires []engagement.Fire
	for user := int64(1); user <= members; user++ {
		day := random.IntN(60)
		for range memberFires {
			day += []int{0, 1, 1, 1, 1, 2, 3}[random.IntN(7)]
			fires = append(fires, engagement.Fire{
				UserID: user, SignalID: fmt.Sprintf("PAIR%d_LONG_%03d_%d", user%7, day, len(fires)%9), Executed: random.IntN(2) == 0,
				At: now.AddDate(0, 0, -day).Add(-time.Duration(random.IntN(12)) * time.Hour),
			})
		}
	}
	for len(fires) > 0 {
		n := min(500, len(fires))
		if _, err := db.RecordFires(ctx, fires[:n]); err != nil {
			return nil, err
		}
		fires = fires[n:]
	}
	err = db.Tx(ctx, func(tx *engagement.Tx) error {
		for user := int64(1); user <= members; user++ {
			if _, err := tx.RecordTrade(ctx, engagement.Trade{
				UserID: user, TradeID: "t1", SignalID: "PAIR1_LONG", PnL: float64(random.IntN(2000))/8 - 100,
				ClosedAt: now.AddDate(0, 0, -random.IntN(60)),
			}); err != nil {
				return err
			}
			if user%5 == 0 {
				if _, err := tx.GrantFreeze(ctx, engagement.Freeze{UserID: user, GrantID: "g1"}); err != nil {
					return err
				}
			}
		}
		// Whoever has the P&L updated must be known before, so that its user is not
		// taken for one that nobody recorded.
		if _, err := tx.UpdateUserPnL(ctx, pnlUser, 1, true); err != nil {
			return err
		}
		return tx.DefineMetric(ctx, engagement.MetricDefinition{Name: "executed", What: "count", Of: "fires", Per: "user"})
	})
	if err != nil {
		return nil, err
	}
	return seen(ctx, path, db)
}

// seen returns the place whose content db shows.
func seen(ctx context.Context, path string, db *engagement.DB) (*place, error) {
	w, err := look(ctx, db)
	if err != nil {
		return nil, err
	}
	return &place{path, *w}, nil
}

// makeNothing returns the place where there is no database yet, and what is in
// one that has just been made.
func makeNothing(ctx context.Context, path string) (_ *place, err error) {
	db, err := engagement.Open(ctx, path, clock(), engagement.WithSynchronous(engagement.SyncOff))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close(), os.Remove(path)) }()
	return seen(ctx, "", db)
}

// makePredecessor makes a file of the Python module with more fires than are
// adopted in one transaction. What is in it is what an adoption without
// disturbance finds.
func makePredecessor(ctx context.Context, fixture, path string) (_ *place, err error) {
	content, err := os.ReadFile(fixture)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return nil, err
	}
	if err := execute(path, `INSERT INTO signal_fires (user_id, signal_id, timestamp, executed)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
		SELECT i % 150 + 1, 'MORE_LONG_' || i, '2026-10-' || printf('%02d', i % 28 + 1) || ' 12:00:00', i % 2 FROM n`); err != nil {
		return nil, err
	}
	adopted := filepath.Join(filepath.Dir(path), "adopted")
	if err := os.Mkdir(adopted, 0o755); err != nil {
		return nil, err
	}
	copied := filepath.Join(adopted, "copy.db")
	if err := copyFile(path, copied); err != nil {
		return nil, err
	}
	db, err := engagement.Open(ctx, copied, clock(), engagement.WithSynchronous(engagement.SyncOff))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return seen(ctx, path, db)
}

// execute runs a statement as another program would.
func execute(path, statement string) error {
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=10000")
	if err != nil {
		return err
	}
	_, err = db.Exec(statement)
	return errors.Join(err, db.Close())
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}
