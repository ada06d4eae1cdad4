package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// forTwoHandles runs fn on every engine with two databases open on the same
// data, which know no more of each other than two processes do.
func forTwoHandles(t *testing.T, c *clock, fn func(t *testing.T, dsn string, one, other *engagement.DB)) {
	t.Helper()
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.migrated(t)
			fn(t, dsn, openAt(t, dsn, c.option()), openAt(t, dsn, c.option()))
		})
	}
}

// plainSQL runs a statement as another program would.
func plainSQL(t tb, dsn, statement string) {
	t.Helper()
	statement = totalsOf(dsn, statement)
	if strings.HasPrefix(dsn, "postgres") {
		noError(t, pgtest.Exec(context.Background(), dsn, statement))
		return
	}
	execute(t, dsn, statement)
}

func TestErasingAUserWhoIsRecordedMeanwhile(t *testing.T) {
	ctx := context.Background()
	t.Run("waits for the one who records the user's first fire", func(t *testing.T) {
		forTwoHandles(t, newClock(noon), func(t *testing.T, _ string, one, other *engagement.DB) {
			erased := make(chan error, 1)
			var receipt engagement.EraseReceipt
			noError(t, one.Tx(ctx, func(tx *engagement.Tx) error {
				fire(t, tx, engagement.Fire{UserID: 1, SignalID: "A"})
				trade(t, tx, engagement.Trade{UserID: 1, TradeID: "A", PnL: 1})
				go func() {
					var err error
					receipt, err = other.EraseUser(ctx, 1)
					erased <- err
				}()
				select {
				case err := <-erased:
					t.Errorf("EraseUser did not wait: %v", err)
					erased <- err
				case <-time.After(200 * time.Millisecond):
				}
				return nil
			}))
			noError(t, <-erased)
			same(t, "fires and trades erased", []int64{receipt.Fires, receipt.Trades}, []int64{1, 1})
			_, err := one.UserStats(ctx, 1)
			only(t, err, engagement.ErrNotFound)
			proven(t, one)
		})
	})
	t.Run("leaves all figures right, again and again", func(t *testing.T) {
		forTwoHandles(t, newClock(noon), func(t *testing.T, _ string, one, other *engagement.DB) {
			const rounds, signals = 15, 6
			var wg sync.WaitGroup
			for caller := range 4 {
				wg.Go(func() {
					for i := range rounds * signals {
						_, err := one.RecordFire(ctx, engagement.Fire{
							UserID: int64(i%2 + 1), SignalID: fmt.Sprintf("S_%d", (i+caller)%signals), Executed: caller%2 == 0,
							At: noon.AddDate(0, 0, -(i % 3)),
						})
						if err != nil {
							t.Errorf("RecordFire: %v", err)
						}
						if _, err := one.RecordTrade(ctx, engagement.Trade{UserID: int64(i%2 + 1), TradeID: fmt.Sprint(i), PnL: 1, ClosedAt: noon}); err != nil {
							t.Errorf("RecordTrade: %v", err)
						}
					}
				})
			}
			wg.Go(func() {
				for i := range rounds {
					if _, err := other.EraseUser(ctx, int64(i%2+1)); err != nil && !errors.Is(err, engagement.ErrNotFound) {
						t.Errorf("EraseUser: %v", err)
					}
				}
			})
			wg.Wait()
			proven(t, one)
		})
	})
}

func TestACleanupWaitsForLateFiresUnderWay(t *testing.T) {
	ctx := context.Background()
	forTwoHandles(t, newClock(noon), func(t *testing.T, _ string, one, other *engagement.DB) {
		late := noon.AddDate(0, 0, -5)
		known := engagement.Fire{UserID: 1, SignalID: "KNOWN", At: late}
		fire(t, one, known)
		cleaned := make(chan error, 1)
		noError(t, one.Tx(ctx, func(tx *engagement.Tx) error {
			fire(t, tx, engagement.Fire{UserID: 1, SignalID: "LATE", At: late})
			go func() {
				_, err := other.Cleanup(ctx, 1)
				cleaned <- err
			}()
			select {
			case err := <-cleaned:
				t.Errorf("Cleanup did not wait: %v", err)
				cleaned <- err
			case <-time.After(300 * time.Millisecond):
			}
			_, err := tx.RecordFire(ctx, known) // it must still be there to be told apart
			return err
		}))
		noError(t, <-cleaned)
		_, err := one.RecordFire(ctx, known)
		only(t, err, engagement.ErrInvalid)
		same(t, "total fires", must(one.UserStats(ctx, 1))(t).TotalFires, int64(2))
		same(t, "fires kept", proven(t, one).Fires, int64(0))
	})
}

func TestTwoCleanupsWithLateFires(t *testing.T) {
	ctx := context.Background()
	const days, users = 12, 20
	forTwoHandles(t, newClock(noon), func(t *testing.T, _ string, one, other *engagement.DB) {
		at := func(day int) time.Time { return noon.AddDate(0, 0, -day) }
		var wg sync.WaitGroup
		for _, db := range []*engagement.DB{one, other} {
			// The same late fires arrive through both, again and again: whoever
			// comes after the cleanup of their day is refused.
			for range 2 {
				wg.Go(func() {
					for range 3 {
						for day := range days {
							var fires []engagement.Fire
							for user := range users {
								fires = append(fires, engagement.Fire{UserID: int64(user + 1), SignalID: fmt.Sprint("S_", day), At: at(day)})
							}
							if _, err := db.RecordFires(ctx, fires); err != nil && !errors.Is(err, engagement.ErrInvalid) {
								t.Errorf("RecordFires: %v", err)
							}
							if _, err := db.RecordFire(ctx, fires[0]); err != nil && !errors.Is(err, engagement.ErrInvalid) {
								t.Errorf("RecordFire: %v", err)
							}
						}
					}
				})
			}
			wg.Go(func() {
				for keep := days; keep > 0; keep-- {
					if _, err := db.Cleanup(ctx, keep); err != nil {
						t.Errorf("Cleanup: %v", err)
					}
				}
			})
		}
		wg.Wait()
		proven(t, one)
		for day := range days {
			metrics := must(one.DailyFigures(ctx, engagement.Days(one.Today()-engagement.Day(day), one.Today()-engagement.Day(day))))(t)
			if fires := metrics[0].Fires; fires > users {
				t.Errorf("%d fires are counted on a day with %d keys", fires, users)
			}
		}
	})
}

func TestTwoRebuildsWhileOthersWrite(t *testing.T) {
	ctx := context.Background()
	forTwoHandles(t, newClock(noon), func(t *testing.T, dsn string, one, other *engagement.DB) {
		for user := range 10 {
			fireOn(t, one, int64(user+1), noon, noon.AddDate(0, 0, -1), noon.AddDate(0, 0, -2))
			trade(t, one, engagement.Trade{UserID: int64(user + 1), TradeID: "T", PnL: 5})
		}
		plainSQL(t, dsn, "UPDATE user_days SET fires = fires + 3, wins = wins + 1")
		plainSQL(t, dsn, "UPDATE fire_totals SET total_fires = 0")
		plainSQL(t, dsn, "UPDATE user_states SET streak_longest = 77, pnl_micros = 9")
		plainSQL(t, dsn, "UPDATE days SET active_users = 1, executed = 4")
		plainSQL(t, dsn, "DELETE FROM signal_days")

		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range 60 {
				if _, err := one.RecordFire(ctx, engagement.Fire{UserID: int64(i%12 + 1), SignalID: fmt.Sprint("W_", i), At: noon.AddDate(0, 0, -i%4)}); err != nil {
					t.Errorf("RecordFire: %v", err)
				}
				if _, err := one.UpdateUserPnL(ctx, int64(i%12+1), 1, true); err != nil {
					t.Errorf("UpdateUserPnL: %v", err)
				}
			}
		})
		for _, db := range []*engagement.DB{one, other} {
			wg.Go(func() {
				// What the other has just found may already be right again.
				if _, err := db.Rebuild(ctx); err != nil && !errors.Is(err, engagement.ErrCorrupt) {
					t.Errorf("Rebuild: %v", err)
				}
			})
		}
		wg.Wait()
		must(one.Rebuild(ctx))(t)
		proven(t, one)
	})
}

func TestUncountedFactsAreCountedOnceByTwoWhoOpen(t *testing.T) {
	t.Parallel()
	const facts = 2_500 // in three chunks
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.fresh(t)
			noError(t, engagement.Migrate(t.Context(), dsn))
			var fires, trades strings.Builder
			for i := range facts {
				fmt.Fprintf(&fires, ", (%d, 'S_%d', '2026-01-%02d 10:00:00', %t)", i%70+1, i/70, i%14+1, i%2 == 0)
				fmt.Fprintf(&trades, ", (%d, 'T_%d', 1000000, 'win', '2026-01-%02d 10:00:00')", i%70+1, i, i%14+1)
			}
			plainSQL(t, dsn, "INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES "+fires.String()[2:])
			plainSQL(t, dsn, "INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at) VALUES "+trades.String()[2:])

			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					if err := engagement.Migrate(context.Background(), dsn); err != nil {
						t.Errorf("Migrate: %v", err)
					}
				})
			}
			wg.Wait()
			db := openAt(t, dsn, engagement.WithoutMigrate())
			report := proven(t, db)
			same(t, "fires, trades and what is uncounted", []int64{report.Fires, report.Trades, report.Uncounted}, []int64{facts, facts, 0})
			wins := int64(0)
			for _, user := range must(db.Leaderboard(t.Context(), engagement.Board{Ranking: engagement.ByFires}, anyPage))(t).Items {
				wins += must(db.UserStats(t.Context(), user.UserID))(t).Wins
			}
			same(t, "wins of all", wins, int64(facts))
		})
	}
}

func TestStreaksThatTwoExtend(t *testing.T) {
	ctx := context.Background()
	const users, days = 12, 14
	forTwoHandles(t, newClock(noon), func(t *testing.T, _ string, one, other *engagement.DB) {
		var wg sync.WaitGroup
		for half, db := range []*engagement.DB{one, other} {
			// One adds the even days forward, the other the odd ones backward.
			wg.Go(func() {
				for i := range days / 2 {
					day := 2 * i
					if half == 1 {
						day = days - 1 - 2*i
					}
					var fires []engagement.Fire
					for user := range users {
						fires = append(fires, engagement.Fire{
							UserID: int64(user + 1), SignalID: fmt.Sprint("S_", day), At: noon.AddDate(0, 0, day+1-days),
						})
					}
					if _, err := db.RecordFires(ctx, fires); err != nil {
						t.Errorf("RecordFires: %v", err)
					}
				}
			})
		}
		wg.Wait()
		proven(t, one)
		for user := range users {
			summary := must(other.UserSummary(ctx, int64(user+1)))(t)
			same(t, "current and longest streak", []int64{summary.CurrentStreak, summary.LongestStreak}, []int64{days, days})
		}
	})
}

func TestTwoHandlesUnderRandomLoad(t *testing.T) {
	const callers, lasts = 4, 2 * time.Second
	ctx := context.Background()
	forTwoHandles(t, newClock(noon), func(t *testing.T, _ string, one, other *engagement.DB) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		until := time.Now().Add(lasts)
		var wg sync.WaitGroup
		for h, db := range []*engagement.DB{one, other} {
			for caller := range callers {
				wg.Go(func() {
					random := rand.New(rand.NewPCG(seed, uint64(h*callers+caller)))
					for time.Now().Before(until) {
						if err := randomCall(ctx, db, random); err != nil && !isRefusal(err) {
							t.Errorf("%v", err)
							return
						}
					}
				})
			}
		}
		wg.Wait()
		proven(t, one)
		report := must(other.Rebuild(ctx))(t)
		same(t, "what Rebuild repaired", len(report.Repaired), 0)
	})
}

// isRefusal reports whether err is an answer to a random call and no failure.
func isRefusal(err error) bool {
	return errors.Is(err, engagement.ErrInvalid) || errors.Is(err, engagement.ErrNotFound) || errors.Is(err, engagement.ErrConflict)
}

func randomCall(ctx context.Context, db *engagement.DB, random *rand.Rand) error {
	drawFire := func() engagement.Fire {
		return engagement.Fire{
			UserID: random.Int64N(8) + 1, SignalID: fmt.Sprintf("S_%d", random.IntN(12)),
			At: noon.AddDate(0, 0, -random.IntN(6)), Executed: random.IntN(2) == 0,
		}
	}
	drawTrade := func() engagement.Trade {
		return engagement.Trade{
			UserID: random.Int64N(8) + 1, TradeID: fmt.Sprint(random.IntN(40)), PnL: float64(random.IntN(3) - 1),
			ClosedAt: noon.AddDate(0, 0, -random.IntN(6)),
		}
	}
	var err error
	switch random.IntN(16) {
	default:
		_, err = db.RecordFire(ctx, drawFire())
	case 0, 1:
		_, err = db.RecordTrade(ctx, drawTrade())
	case 2, 3:
		fires := make([]engagement.Fire, random.IntN(20)+1)
		for i := range fires {
			fires[i] = drawFire()
		}
		_, err = db.RecordFires(ctx, fires)
	case 4:
		_, err = db.UpdateUserPnL(ctx, random.Int64N(8)+1, 1, random.IntN(2) == 0)
	case 5:
		_, err = db.EraseUser(ctx, random.Int64N(8)+1)
	case 6:
		_, err = db.Cleanup(ctx, random.IntN(4)+1)
	case 7:
		_, err = db.Rebuild(ctx)
	case 8:
		// In one transaction, in the order in which batches lock.
		err = db.Tx(ctx, func(tx *engagement.Tx) error {
			_, err := tx.RecordFire(ctx, drawFire())
			return err
		})
	case 9:
		report, verifyErr := db.Verify(ctx)
		if err = verifyErr; err == nil && !report.OK() {
			err = fmt.Errorf("in the middle of it all: %s", report.Findings[0])
		}
	case 10:
		_, err = db.ExportUser(ctx, random.Int64N(8)+1)
	}
	return err
}

func TestRulesReachAUserWhoIsNewMeanwhile(t *testing.T) {
	ctx := context.Background()
	friday := time.Date(2026, 1, 30, 12, 0, 0, 0, time.UTC)
	forTwoHandles(t, newClock(friday), func(t *testing.T, dsn string, one, other *engagement.DB) {
		set := make(chan error, 1)
		noError(t, one.Tx(ctx, func(tx *engagement.Tx) error {
			fire(t, tx, engagement.Fire{UserID: 1, SignalID: "A"})
			if _, err := tx.UserStats(ctx, 1); err != nil {
				return err
			}
			go func() {
				set <- other.SetStreakRules(ctx, engagement.StreakRules{RestDays: []time.Weekday{0, 6}, FreezeCap: 2})
			}()
			// On PostgreSQL the rules are soon stored; a file's wait for this transaction.
			for range 50 {
				if rules := must(other.StreakRules(ctx))(t); len(rules.RestDays) == 2 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			return nil
		}))
		noError(t, <-set)
		proven(t, one)
	})
}
