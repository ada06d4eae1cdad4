package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestRebuildChangesNothingThatIsRight(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := openVaried(t, e.migrated(t))
			before := read(t, db)
			report := must(db.Rebuild(context.Background()))(t)
			same(t, "what Rebuild put right", report.Repaired, []engagement.Finding{})
			same(t, "contents", read(t, db), before)
		})
	}
}

func TestRebuildWhileOthersWrite(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	db := openVaried(t, dsn)
	writing, stop := context.WithCancel(ctx)
	defer stop()
	var writers sync.WaitGroup
	for worker := range 3 {
		writers.Go(func() {
			user := int64(worker + 1)
			for i := 0; writing.Err() == nil; i++ {
				at := noon.AddDate(0, 0, -i%5)
				_, fireErr := db.RecordFire(writing, engagement.Fire{UserID: user, SignalID: fmt.Sprint("more_", i%200), At: at, Executed: i >= 200})
				_, tradeErr := db.RecordTrade(writing, engagement.Trade{UserID: user, TradeID: fmt.Sprint("more_", i), PnL: 0.1, ClosedAt: at})
				if (fireErr != nil || tradeErr != nil) && writing.Err() == nil {
					t.Errorf("writing during a rebuild: %v %v", fireErr, tradeErr)
					return
				}
				if i%100 == 99 && worker == 2 {
					if _, err := db.EraseUser(writing, user); err != nil && writing.Err() == nil {
						t.Errorf("erasing during a rebuild: %v", err)
					}
				}
			}
		})
	}
	for range 2 {
		tamper(t, dsn,
			"UPDATE user_stats SET total_fires = total_fires + 3, wins = 9, streak_longest = 77, pnl = pnl - 1 WHERE user_id < 3",
			"UPDATE days SET active_users = active_users + 1, executed = executed - 1",
			"DELETE FROM signal_days WHERE signal_id = 'S_0'",
			"UPDATE user_days SET fires = fires + 2, losses = losses + 1 WHERE user_id = 1 AND day = "+recentDay)
		must(db.Rebuild(ctx))(t)
		proven(t, db)
	}
	stop()
	writers.Wait()
	proven(t, db)
}

// offBy makes figures of every kind wrong.
func offBy(n int) []string {
	return []string{
		fmt.Sprintf("UPDATE user_days SET fires = fires + %d, wins = wins + 1 WHERE user_id %% 2 = 1", n),
		fmt.Sprintf("UPDATE user_stats SET total_fires = total_fires - %d, losses = losses + 2, pnl_micros = pnl_micros + 7", n),
		"UPDATE user_stats SET streak_longest = streak_longest + 5, win_rate = 0.123",
		fmt.Sprintf("UPDATE signal_days SET fires = fires + %d", n),
		"UPDATE signal_metrics SET active_users = active_users + 1",
		"UPDATE days SET active_users = active_users + 1, executed = executed + 1",
	}
}

func TestRebuildsAtOnceAndErasingMakeNoFigureWrong(t *testing.T) {
	t.Parallel()
	const rounds, users = 12, 40
	ctx, dsn := context.Background(), freshFile(t)
	db := openAt(t, dsn, newClock(noon).option())
	var fires []engagement.Fire
	for user := range int64(users) {
		for i := range 30 {
			fires = append(fires, engagement.Fire{UserID: user + 1, SignalID: fmt.Sprint("S_", i), At: noon.AddDate(0, 0, -i), Executed: i%2 == 0})
		}
	}
	must(db.RecordFires(ctx, fires))(t)
	for round := range rounds {
		tamper(t, dsn, offBy(round+1)...)
		victim := int64(round + 1)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, err := db.Rebuild(ctx); err != nil {
					t.Errorf("a Rebuild among others: %v", err)
				}
			})
		}
		wg.Go(func() {
			time.Sleep(time.Duration(round) * 2 * time.Millisecond)
			if _, err := db.EraseUser(ctx, victim); err != nil {
				t.Errorf("EraseUser(%d): %v", victim, err)
			}
		})
		wg.Wait()
		must(db.Rebuild(ctx))(t)
		report := proven(t, db)
		same(t, "users and fires", [2]int64{report.Users, report.Fires}, [2]int64{users - victim, 30 * (users - victim)})
		_, err := db.UserStats(ctx, victim)
		wantError(t, err, engagement.ErrNotFound)
	}
}

// TestRebuildSeesWhatHappensBetweenItsLookAndItsRepair interrupts a Rebuild
// after each of the looks that find something.
func TestRebuildSeesWhatHappensBetweenItsLookAndItsRepair(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(db *engagement.DB) error{
		"another rebuild": func(db *engagement.DB) error {
			_, err := db.Rebuild(context.Background())
			return err
		},
		"the user is erased": func(db *engagement.DB) error {
			_, err := db.EraseUser(context.Background(), 1)
			return err
		},
	} {
		for nth := 1; nth <= 4; nth++ {
			t.Run(fmt.Sprint(name, " after look ", nth), func(t *testing.T) {
				t.Parallel()
				ctx, dsn := context.Background(), freshFile(t)
				var db *engagement.DB
				looks, between := 0, errors.New("no look has found anything")
				var rebuilding atomic.Bool
				db = openAt(t, dsn, newClock(noon).option(), handler(func(record slog.Record) {
					if !rebuilding.Load() || attribute(record, "operation") != "look for differences" || attribute(record, "rows") == "0" {
						return
					}
					if looks++; looks == nth {
						rebuilding.Store(false)
						between = meanwhile(db)
					}
				}).option())
				for user := range int64(3) {
					fireOn(t, db, user+1, noon, noon.AddDate(0, 0, -1))
					trade(t, db, engagement.Trade{UserID: user + 1, TradeID: "t", PnL: 1})
				}
				tamper(t, dsn, offBy(3)...)
				rebuilding.Store(true)
				must(db.Rebuild(ctx))(t)
				noError(t, between)
				report := proven(t, db)
				if name != "the user is erased" {
					same(t, "users", report.Users, int64(3))
					return
				}
				same(t, "users", report.Users, int64(2))
				for range 2 {
					_, err := db.UserStats(ctx, 1)
					wantError(t, err, engagement.ErrNotFound)
					must(db.Rebuild(ctx))(t)
				}
				same(t, "rows of the erased user", texts(t, dsn, "SELECT user_id FROM user_stats WHERE user_id = 1 UNION ALL SELECT user_id FROM user_days WHERE user_id = 1"), []string{})
			})
		}
	}
}
