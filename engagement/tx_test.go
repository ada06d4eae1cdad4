package engagement_test

import (
	"context"
	"errors"
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
				undo := refusing(t, db)
				err := db.Tx(ctx, func(tx *engagement.Tx) error {
					write(t, tx)
					_, err := tx.RecordTrade(ctx, engagement.Trade{UserID: 2, TradeID: "b", SignalID: "refused"})
					wantError(t, err, engagement.ErrInvalid)
					_, err = tx.RecordFire(ctx, engagement.Fire{UserID: 3, SignalID: "A"})
					wantError(t, err, engagement.ErrInvalid)
					contains(t, err, "an earlier statement of this transaction failed")
					return nil
				})
				wantError(t, err, engagement.ErrInvalid)
				contains(t, err, "a statement of the transaction failed")
				undo()
			})
		})
	})
	t.Run("goes on after a write that was refused or found nothing to do", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			db := open(newClock(noon).option())
			settings := settingsOf(t, db)
			noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
				_, err := tx.EraseUser(ctx, 99)
				wantError(t, err, engagement.ErrNotFound)
				return nil
			}))
			same(t, "settings", settingsOf(t, db), settings)
			noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
				_, err := tx.RecordFire(ctx, engagement.Fire{SignalID: "A"})
				wantError(t, err, engagement.ErrInvalid)
				_, err = tx.RecordFires(ctx, []engagement.Fire{{UserID: 5, SignalID: "A"}, {UserID: 5}})
				wantError(t, err, engagement.ErrInvalid)
				_, err = tx.RecordTrades(ctx, []engagement.Trade{{UserID: 5, TradeID: "t"}, {UserID: 5, TradeID: "t", PnL: 1}})
				wantError(t, err, engagement.ErrConflict)
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
				same(t, "Timestamp", must(tx.RealTimeStats(ctx))(t).Timestamp, noon)
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
				var others sync.WaitGroup
				others.Go(func() {
					_, err := db.RecordFire(brief, engagement.Fire{UserID: 1, SignalID: "A"})
					wantError(t, err, context.DeadlineExceeded)
				})
				others.Go(func() {
					_, err := db.RecordFires(brief, []engagement.Fire{{UserID: 1, SignalID: "A"}})
					wantError(t, err, context.DeadlineExceeded)
				})
				others.Go(func() {
					wantError(t, db.Tx(brief, func(*engagement.Tx) error { return nil }), context.DeadlineExceeded)
				})
				others.Wait()
				return nil
			}))
			same(t, "fires", proven(t, db).Fires, int64(0))
		})
	})
}

// settingsOf reads what the database keeps of itself.
func settingsOf(t *testing.T, db *engagement.DB) map[string]string {
	t.Helper()
	settings := map[string]string{}
	noError(t, db.Tx(context.Background(), func(tx *engagement.Tx) error {
		rows := must(tx.SQL().QueryContext(context.Background(), "SELECT name, value FROM settings"))(t)
		for rows.Next() {
			var name, value string
			noError(t, rows.Scan(&name, &value))
			settings[name] = value
		}
		return errors.Join(rows.Err(), rows.Close())
	}))
	return settings
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
				"RecordTrades": func() error {
					_, err := db.RecordTrades(ctx, []engagement.Trade{{UserID: 1, TradeID: "t"}})
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

func TestAWriteOnTheDatabaseInsideItsTransactionIsRefused(t *testing.T) {
	writes := map[string]func(context.Context, *engagement.DB) error{
		"RecordFire": func(ctx context.Context, db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A"})
			return err
		},
		"RecordFires": func(ctx context.Context, db *engagement.DB) error {
			_, err := db.RecordFires(ctx, []engagement.Fire{{UserID: 1, SignalID: "A"}})
			return err
		},
		"RecordTrade": func(ctx context.Context, db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t"})
			return err
		},
		"RecordTrades": func(ctx context.Context, db *engagement.DB) error {
			_, err := db.RecordTrades(ctx, []engagement.Trade{{UserID: 1, TradeID: "t"}})
			return err
		},
		"UpdateUserPnL": func(ctx context.Context, db *engagement.DB) error {
			_, err := db.UpdateUserPnL(ctx, 1, 1, true)
			return err
		},
		"GrantFreeze": func(ctx context.Context, db *engagement.DB) error {
			_, err := db.GrantFreeze(ctx, engagement.Freeze{UserID: 1, GrantID: "g"})
			return err
		},
		"SetStreakRules": func(ctx context.Context, db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{FreezeCap: 1})
		},
		"DefineMetric": func(ctx context.Context, db *engagement.DB) error {
			return db.DefineMetric(ctx, engagement.MetricDefinition{Name: "m", What: "count", Of: "fires", Per: "user"})
		},
		"Cleanup": func(ctx context.Context, db *engagement.DB) error { _, err := db.Cleanup(ctx, 1); return err },
		"Rebuild": func(ctx context.Context, db *engagement.DB) error { _, err := db.Rebuild(ctx); return err },
		"Tx": func(ctx context.Context, db *engagement.DB) error {
			return db.Tx(ctx, func(*engagement.Tx) error { return nil })
		},
		"EraseUser": func(ctx context.Context, db *engagement.DB) error {
			_, err := db.EraseUser(ctx, 1)
			return err
		},
		"Close": func(_ context.Context, db *engagement.DB) error { return db.Close() },
	}
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx := soon(t) // or it would wait for ever
		db := open(newClock(noon).option())
		fireOn(t, db, 1, noon.AddDate(0, 0, -3))
		refused := func() {
			t.Helper()
			for name, write := range writes {
				if err := write(ctx, db); !errors.Is(err, engagement.ErrInvalid) {
					t.Errorf("%s: got error %v, want %v", name, err, engagement.ErrInvalid)
				}
			}
		}
		unchanged(t, db, func() {
			noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
				refused()
				return db.View(ctx, func(*engagement.Reader) error { refused(); return nil }) // reads are not
			}))
			func() {
				defer func() { _ = recover() }()
				_ = db.Tx(ctx, func(*engagement.Tx) error { refused(); panic("at the disco") })
			}()
		})
		for _, name := range []string{
			"RecordFire", "RecordFires", "RecordTrade", "RecordTrades", "UpdateUserPnL", "GrantFreeze", "SetStreakRules", "DefineMetric",
			"Cleanup", "Rebuild", "Tx", "EraseUser", "Close",
		} {
			if err := writes[name](ctx, db); err != nil {
				t.Errorf("%s after it: %v", name, err)
			}
		}
	})
}
