package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// errRegret makes a transaction roll back.
var errRegret = errors.New("regret")

func TestATransaction(t *testing.T) {
	ctx := context.Background()
	write := func(t tb, w writer) {
		t.Helper()
		fire(t, w, engagement.Fire{UserID: 1, SignalID: "A"})
		trade(t, w, engagement.Trade{UserID: 1, TradeID: "t", PnL: 2})
	}
	t.Run("commits everything when its function returns nil, and nothing is seen before", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
				write(t, tx)
				want := engagement.UserStats{UserID: 1, TotalFires: 1, Wins: 1, WinRate: 1, PnL: 2, LastUpdated: noon}
				same(t, "UserStats inside", must(tx.UserStats(ctx, 1))(t), want)
				same(t, "fires inside", must(tx.RealTimeStats(ctx))(t).TotalFiresToday, int64(1))
				_, err := db.UserStats(ctx, 1)
				wantError(t, err, engagement.ErrNotFound)
				return nil
			}))
			same(t, "PnL after", must(db.UserStats(ctx, 1))(t).PnL, 2.0)
			proven(t, db)
		})
	})
	t.Run("writes nothing when its function returns an error, which it returns", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			unchanged(t, db, func() {
				wantError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
					write(t, tx)
					return errRegret
				}), errRegret)
			})
		})
	})
	t.Run("writes nothing when its function panics, and others can write after it", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			unchanged(t, db, func() {
				defer func() { same(t, "panic", recover(), any("at the disco")) }()
				_ = db.Tx(ctx, func(tx *engagement.Tx) error {
					write(t, tx)
					panic("at the disco")
				})
			})
			write(t, db)
			proven(t, db)
		})
	})
	t.Run("writes nothing when its context has ended", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			unchanged(t, db, func() {
				cancelled, cancel := context.WithCancel(ctx)
				defer cancel()
				wantError(t, db.Tx(cancelled, func(tx *engagement.Tx) error {
					write(t, tx)
					cancel()
					return nil
				}), context.Canceled)
			})
			write(t, db)
		})
	})
	t.Run("cannot be committed after a write that failed half done", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			unchanged(t, db, func() {
				err := db.Tx(ctx, func(tx *engagement.Tx) error {
					write(t, tx)
					most := engagement.Trade{UserID: 2, TradeID: "a", PnL: engagement.MaxPnL}
					trade(t, tx, most)
					most.TradeID = "b" // beyond what a total can hold
					_, err := tx.RecordTrade(ctx, most)
					wantError(t, err, engagement.ErrInvalid)
					_, err = tx.RecordFire(ctx, engagement.Fire{UserID: 3, SignalID: "A"})
					wantError(t, err, engagement.ErrInvalid)
					contains(t, err, "an earlier write of this transaction failed")
					return nil
				})
				wantError(t, err, engagement.ErrInvalid)
				contains(t, err, "cannot commit after a failed write")
			})
		})
	})
	t.Run("goes on after a write that was refused or found nothing to do", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
				_, err := tx.RecordFire(ctx, engagement.Fire{SignalID: "A"})
				wantError(t, err, engagement.ErrInvalid)
				_, err = tx.RecordFires(ctx, []engagement.Fire{{UserID: 5, SignalID: "A"}, {UserID: 5}})
				wantError(t, err, engagement.ErrInvalid)
				_, err = tx.UpdateUserPnL(ctx, 1, math.NaN(), true)
				wantError(t, err, engagement.ErrInvalid)
				_, err = tx.EraseUser(ctx, 99)
				wantError(t, err, engagement.ErrNotFound)
				_, err = tx.UserStats(ctx, 99)
				wantError(t, err, engagement.ErrNotFound)
				write(t, tx)
				_, err = tx.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", PnL: 3})
				wantError(t, err, engagement.ErrConflict)
				return nil
			}))
			same(t, "users", proven(t, db).Users, int64(1))
		})
	})
	t.Run("has ended with its function", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			var kept *engagement.Tx
			noError(t, db.Tx(ctx, func(tx *engagement.Tx) error { kept = tx; return nil }))
			_, err := kept.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A"})
			wantError(t, err, engagement.ErrClosed)
			_, err = kept.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, anyPage)
			wantError(t, err, engagement.ErrClosed)
			var reader *engagement.Reader
			noError(t, db.View(ctx, func(r *engagement.Reader) error { reader = r; return nil }))
			_, err = reader.RealTimeStats(ctx)
			wantError(t, err, engagement.ErrClosed)
		})
	})
	t.Run("has one time from its beginning to its end", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			clock := newClock(noon)
			db := open(clock.option())
			noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
				clock.Advance(48 * time.Hour)
				write(t, tx)
				same(t, "Today", tx.Today(), day(t, "2026-01-14"))
				same(t, "AsOf", must(tx.RealTimeStats(ctx))(t).Timestamp, noon)
				return nil
			}))
			same(t, "time of the fire", must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, anyPage))(t).Items[0].Timestamp, noon)
			same(t, "time of the trade", must(db.Trades(ctx, engagement.TradeFilter{}, anyPage))(t).Items[0].ClosedAt, noon)
			same(t, "LastUpdated", must(db.UserStats(ctx, 1))(t).LastUpdated, noon)
		})
	})
	t.Run("keeps other writers waiting, who give up with their context", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
				brief, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
				_, err := db.RecordFire(brief, engagement.Fire{UserID: 1, SignalID: "A"})
				wantError(t, err, context.DeadlineExceeded)
				_, err = db.RecordFires(brief, []engagement.Fire{{UserID: 1, SignalID: "A"}})
				wantError(t, err, context.DeadlineExceeded)
				wantError(t, db.Tx(brief, func(*engagement.Tx) error { return nil }), context.DeadlineExceeded)
				return nil
			}))
			same(t, "fires", proven(t, db).Fires, int64(0))
		})
	})
}

func TestACancelledContextWritesNothing(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		fireOn(t, db, 1, noon.AddDate(0, 0, -9))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		unchanged(t, db, func() {
			for name, call := range map[string]func() error{
				"RecordFire": func() error {
					_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A"})
					return err
				},
				"RecordFires": func() error {
					_, err := db.RecordFires(ctx, []engagement.Fire{{UserID: 1, SignalID: "A"}})
					return err
				},
				"RecordTrade": func() error {
					_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t"})
					return err
				},
				"UpdateUserPnL": func() error { _, err := db.UpdateUserPnL(ctx, 1, 1, true); return err },
				"Cleanup":       func() error { _, err := db.Cleanup(ctx, 1); return err },
				"EraseUser":     func() error { _, err := db.EraseUser(ctx, 1); return err },
				"Rebuild":       func() error { _, err := db.Rebuild(ctx); return err },
				"Tx":            func() error { return db.Tx(ctx, func(*engagement.Tx) error { return nil }) },
				"UserStats":     func() error { _, err := db.UserStats(ctx, 1); return err },
				"Verify":        func() error { _, err := db.Verify(ctx); return err },
			} {
				if err := call(); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: got %v, want %v", name, err, context.Canceled)
				}
			}
		})
	})
}

func TestAViewStandsStillWhileOthersWrite(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		fireOn(t, db, 1, noon)
		noError(t, db.View(ctx, func(r *engagement.Reader) error {
			first := must(r.ExportUser(ctx, 1))(t)
			live := must(r.RealTimeStats(ctx))(t)
			clock.Advance(36 * time.Hour)
			fireOn(t, db, 1, clock.Now())
			fireOn(t, db, 2, clock.Now())
			trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", PnL: 1})
			must(db.Cleanup(ctx, 1))(t)
			same(t, "ExportUser", must(r.ExportUser(ctx, 1))(t), first)
			same(t, "RealTimeStats", must(r.RealTimeStats(ctx))(t), live)
			same(t, "Leaderboard", len(must(r.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, anyPage))(t).Items), 1)
			same(t, "Today", r.Today(), day(t, "2026-01-14"))
			return nil
		}))
		same(t, "users after it", len(must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, anyPage))(t).Items), 2)
	})
}

func TestFiguresReadTogetherAgreeWhileOthersWrite(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		db := open(newClock(noon).option())
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "first"})
		var writers sync.WaitGroup
		for worker := range 4 {
			writers.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					_, err := db.RecordFire(ctx, engagement.Fire{UserID: int64(worker + 1), SignalID: fmt.Sprint("S_", i)})
					if err != nil && ctx.Err() == nil {
						t.Errorf("RecordFire: %v", err)
						return
					}
				}
			})
		}
		for range 20 {
			noError(t, db.View(ctx, func(r *engagement.Reader) error {
				var sum int64
				for _, row := range must(r.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, anyPage))(t).Items {
					sum += row.TotalFires
				}
				same(t, "fires of the day and of the users", must(r.RealTimeStats(ctx))(t).TotalFiresToday, sum)
				return nil
			}))
			export := must(db.ExportUser(ctx, 1))(t)
			same(t, "fires listed and counted", int64(len(export.SignalFires)), export.UserStats.TotalFires)
			report := must(db.Verify(ctx))(t)
			same(t, "findings", report.Findings, []engagement.Finding{})
		}
		cancel()
		writers.Wait()
	})
}

func TestAViewReturnsTheErrorOfItsFunction(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open()
		wantError(t, db.View(context.Background(), func(*engagement.Reader) error { return errRegret }), errRegret)
	})
}

func TestClose(t *testing.T) {
	ctx := context.Background()
	t.Run("later calls are refused and a second one does nothing", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			fireOn(t, db, 1, noon)
			noError(t, db.Close())
			noError(t, db.Close())
			for name, call := range map[string]func() error{
				"RecordFire": func() error {
					_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A"})
					return err
				},
				"RecordFires": func() error { _, err := db.RecordFires(ctx, nil); return err },
				"RecordTrade": func() error {
					_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t"})
					return err
				},
				"UpdateUserPnL":  func() error { _, err := db.UpdateUserPnL(ctx, 1, 1, true); return err },
				"Cleanup":        func() error { _, err := db.Cleanup(ctx, 1); return err },
				"PlanCleanup":    func() error { _, err := db.PlanCleanup(ctx, 1); return err },
				"EraseUser":      func() error { _, err := db.EraseUser(ctx, 1); return err },
				"Verify":         func() error { _, err := db.Verify(ctx); return err },
				"Rebuild":        func() error { _, err := db.Rebuild(ctx); return err },
				"Backup":         func() error { return db.Backup(ctx, "never-made.db") },
				"Tx":             func() error { return db.Tx(ctx, func(*engagement.Tx) error { return nil }) },
				"View":           func() error { return db.View(ctx, func(*engagement.Reader) error { return nil }) },
				"Horizon":        func() error { _, err := db.Horizon(ctx); return err },
				"Fire":           func() error { _, err := db.Fire(ctx, 1, "A"); return err },
				"Trade":          func() error { _, err := db.Trade(ctx, 1, "t"); return err },
				"Fires":          func() error { _, err := db.Fires(ctx, engagement.FireFilter{}, anyPage); return err },
				"Users":          func() error { _, err := db.Users(ctx, anyPage); return err },
				"Signals":        func() error { _, err := db.Signals(ctx, anyPage); return err },
				"UserStats":      func() error { _, err := db.UserStats(ctx, 1); return err },
				"UserSummary":    func() error { _, err := db.UserSummary(ctx, 1); return err },
				"SignalMetrics":  func() error { _, err := db.SignalMetrics(ctx, "A"); return err },
				"RealTimeStats":  func() error { _, err := db.RealTimeStats(ctx); return err },
				"DailyMetrics":   func() error { _, err := db.DailyFigures(ctx, 1, 2); return err },
				"PopularSignals": func() error { _, err := db.PopularSignals(ctx, engagement.Window{From: 1, To: 2}, anyPage); return err },
				"Leaderboard": func() error {
					_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByPnL}, anyPage)
					return err
				},
				"UserRank": func() error { _, err := db.UserRank(ctx, engagement.Board{Ranking: engagement.ByPnL}, 1); return err },
				"Around": func() error {
					_, err := db.Around(ctx, engagement.Board{Ranking: engagement.ByPnL}, 1, 1)
					return err
				},
				"HeadToHead":    func() error { _, err := db.HeadToHead(ctx, 1, 2, engagement.AllTime()); return err },
				"SignalInsight": func() error { _, err := db.SignalInsight(ctx, "A"); return err },
				"ExplainUser": func() error {
					_, err := db.ExplainUser(ctx, 1, engagement.FigureFires, anyPage)
					return err
				},
				"ExplainSignal": func() error {
					_, err := db.ExplainSignal(ctx, "A", engagement.FigureFires, anyPage)
					return err
				},
				"DefineMetric":       func() error { return db.DefineMetric(ctx, engagement.MetricDefinition{}) },
				"DeleteMetric":       func() error { return db.DeleteMetric(ctx, "m") },
				"CustomMetric":       func() error { _, err := db.CustomMetric(ctx, "m"); return err },
				"CustomMetrics":      func() error { _, err := db.CustomMetrics(ctx, anyPage); return err },
				"EvaluateMetric":     func() error { _, err := db.EvaluateMetric(ctx, "m", anyPage); return err },
				"EvaluateDefinition": func() error { _, err := db.EvaluateDefinition(ctx, engagement.MetricDefinition{}, anyPage); return err },
				"StreakLeaderboard":  func() error { _, err := db.StreakLeaderboard(ctx, anyPage); return err },
				"Trades":             func() error { _, err := db.Trades(ctx, engagement.TradeFilter{}, anyPage); return err },
				"ExportUser":         func() error { _, err := db.ExportUser(ctx, 1); return err },
				"WriteUserExport":    func() error { return db.WriteUserExport(ctx, nil, 1) },
				"Streak":             func() error { _, err := db.Streak(ctx, 1); return err },
				"StreakDays":         func() error { _, err := db.StreakDays(ctx, 1); return err },
				"StreakRules":        func() error { _, err := db.StreakRules(ctx); return err },
				"SetStreakRules":     func() error { return db.SetStreakRules(ctx, engagement.DefaultStreakRules()) },
				"GrantFreeze":        func() error { _, err := db.GrantFreeze(ctx, engagement.Freeze{UserID: 1, GrantID: "g"}); return err },
				"Freezes":            func() error { _, err := db.Freezes(ctx, 1); return err },
				"Awards":             func() error { _, err := db.Awards(ctx, 1); return err },
			} {
				if err := call(); !errors.Is(err, engagement.ErrClosed) {
					t.Errorf("%s: got %v, want %v", name, err, engagement.ErrClosed)
				}
			}
		})
	})
	for name, run := range map[string]func(t *testing.T, db *engagement.DB, body func(w writer)){
		"a transaction": func(t *testing.T, db *engagement.DB, body func(w writer)) {
			noError(t, db.Tx(ctx, func(tx *engagement.Tx) error { body(tx); return nil }))
		},
		"a view": func(t *testing.T, db *engagement.DB, body func(w writer)) {
			noError(t, db.View(ctx, func(r *engagement.Reader) error {
				body(nil)
				_, err := r.RealTimeStats(ctx)
				return err
			}))
		},
	} {
		t.Run("it waits for "+name+" that is running, which can finish", func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				clock := newClock(noon)
				db := open(clock.option())
				closed := make(chan error, 1)
				run(t, db, func(w writer) {
					go func() { closed <- db.Close() }()
					waitUntil(t, func() bool { _, err := db.Horizon(ctx); return errors.Is(err, engagement.ErrClosed) })
					select {
					case <-closed:
						t.Error("Close did not wait")
						closed <- nil
					case <-time.After(20 * time.Millisecond):
					}
					if w != nil {
						fire(t, w, engagement.Fire{UserID: 1, SignalID: "A"})
					}
				})
				noError(t, <-closed)
				if name == "a transaction" {
					same(t, "fires", proven(t, open(clock.option())).Fires, int64(1))
				}
			})
		})
	}
	t.Run("what is written while it is called is written or refused", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			clock := newClock(noon)
			db := open(clock.option())
			var mu sync.Mutex
			var recorded int64
			var workers sync.WaitGroup
			for worker := range 8 {
				workers.Go(func() {
					for i := 0; ; i++ {
						_, err := db.RecordFire(ctx, engagement.Fire{UserID: int64(worker + 1), SignalID: fmt.Sprint("S_", i)})
						if errors.Is(err, engagement.ErrClosed) {
							return
						}
						if err != nil {
							t.Errorf("RecordFire: %v", err)
							return
						}
						mu.Lock()
						recorded++
						mu.Unlock()
					}
				})
			}
			waitUntil(t, func() bool { mu.Lock(); defer mu.Unlock(); return recorded > 100 })
			noError(t, db.Close())
			workers.Wait()
			same(t, "fires", proven(t, open(clock.option())).Fires, recorded)
		})
	})
}
