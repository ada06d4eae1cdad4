package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestOptionsThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []engagement.Option
		says string
	}{
		{"no location", []engagement.Option{engagement.WithLocation(nil)}, "location"},
		{"the location of this machine", []engagement.Option{engagement.WithLocation(time.Local)}, `location "Local"`},
		{"an offset", []engagement.Option{engagement.WithLocation(time.FixedZone("ours", 3600))}, `location "ours"`},
		{"an offset without a name", []engagement.Option{engagement.WithLocation(time.FixedZone("", 3600))}, "location"},
		{"an offset that calls itself UTC", []engagement.Option{engagement.WithLocation(time.FixedZone("UTC", 3600))}, `location "UTC"`},
		{"no clock", []engagement.Option{engagement.WithClock(nil)}, "clock"},
		{"no logger", []engagement.Option{engagement.WithLogger(nil)}, "logger"},
		{"a threshold of nothing", []engagement.Option{engagement.WithSlowThreshold(0)}, "slow threshold"},
		{"a negative threshold", []engagement.Option{engagement.WithSlowThreshold(-1)}, "slow threshold"},
		{"a retention of no days", []engagement.Option{engagement.WithRetention(0)}, "days to keep 0"},
		{"a retention of fewer days than none", []engagement.Option{engagement.WithRetention(-1)}, "days to keep -1"},
		{"a retention when only reading", []engagement.Option{engagement.WithReadOnly(), engagement.WithRetention(9)}, "retention 9"},
		{"an unknown durability", []engagement.Option{engagement.WithSynchronous("EXTRA; DROP")}, `synchronous "EXTRA; DROP"`},
		{"no durability", []engagement.Option{engagement.WithSynchronous("")}, `synchronous ""`},
		{"a file to be spread", []engagement.Option{engagement.WithCitus()}, "citus"},
		{"to be spread when only reading", []engagement.Option{engagement.WithReadOnly(), engagement.WithCitus()}, "citus"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dsn := freshFile(t)
			db, err := engagement.Open(context.Background(), dsn, tt.opts...)
			if err == nil {
				noError(t, db.Close())
			}
			only(t, err, engagement.ErrInvalid)
			contains(t, err, tt.says)
			_, err = os.Stat(dsn)
			same(t, "no file was made", os.IsNotExist(err), true)
		})
	}
}

func TestDSNsThatAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dsn := range []string{
		"", "file:x.db", "file:x.db?mode=ro", ":memory:", "mysql://bob:hunter2@db/x", "nul\x00byte",
		"POSTGRES://bob:hunter2@db/x", "postgres:bob:hunter2@db/x", "postgresql:/bob:hunter2@db/x", "postgres://bob:hunter2@db:port/x",
		"host=db user=bob password=hunter2", "user = bob password = 'hunter2' dbname=x", "service=hunter2",
		"postgres://bob:%hunter2@db/x", "postgres://bob:1/hunter2@db/x", "postgres://bob:1#hunter2@db/x", "postgres://bob:1?hunter2@db/x",
		"postgres://bob:1/@hunter2@db/x", "postgres://bob:hunter2#@db/x", "postgres://bob:hunter2/@db/x", "postgres://bob:hunter2 x@db/x",
		"postgres://[hunter2", "postgres://bob:hunter2%@db/x",
	} {
		t.Run(fmt.Sprintf("%q", dsn), func(t *testing.T) {
			_, err := engagement.Open(context.Background(), dsn)
			only(t, err, engagement.ErrInvalid)
			contains(t, err, "dsn")
			if dsn != "nul\x00byte" {
				contains(t, err, "SQLite file", "postgres://user:password@host/database")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v tells the password", err)
			}
		})
	}
	same(t, "files made", len(must(os.ReadDir("."))(t)), 0)
}

func TestStrangePaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"with blank.db", "100%.db", "a?mode=memory", "a#b.db", "ünïcödé 📈.db", "no-suffix", "new/folders/engagement.db", "'quoted'.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := filepath.Join(filepath.Dir(freshFile(t)), name)
			db := openAt(t, dsn)
			fireOn(t, db, 1, time.Now())
			noError(t, db.Close())
			_, err := os.Stat(dsn)
			noError(t, err)
			same(t, "fires", proven(t, openAt(t, dsn)).Fires, int64(1))
		})
	}
	t.Run("a folder is no database", func(t *testing.T) {
		t.Parallel()
		_, err := engagement.Open(context.Background(), filepath.Dir(freshFile(t)))
		if err == nil {
			t.Error("it was opened")
		}
	})
}

func TestTheLocationIsKept(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		berlin := engagement.WithLocation(zone(t, "Europe/Berlin"))
		db := open(berlin)
		same(t, "Location", db.Location().String(), "Europe/Berlin")
		noError(t, db.Close())
		for _, opts := range [][]engagement.Option{nil, {berlin}, {engagement.WithReadOnly()}} {
			db = open(opts...)
			same(t, "Location of one opened again", db.Location().String(), "Europe/Berlin")
			noError(t, db.Close())
		}
	})
}

func TestAnotherLocationIsRefused(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.fresh(t)
			noError(t, openAt(t, dsn, engagement.WithLocation(zone(t, "Europe/Berlin"))).Close())
			for _, name := range []string{"UTC", "Europe/Paris"} {
				for _, opts := range [][]engagement.Option{nil, {engagement.WithReadOnly()}} {
					_, err := engagement.Open(context.Background(), dsn, append(opts, engagement.WithLocation(zone(t, name)))...)
					only(t, err, engagement.ErrInvalid)
					contains(t, err, fmt.Sprintf("location %q", name), `"Europe/Berlin"`)
				}
			}
			same(t, "Location", openAt(t, dsn).Location().String(), "Europe/Berlin")
		})
	}
}

func TestTheDefaultLocationIsUTC(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		same(t, "Location", open().Location().String(), "UTC")
	})
}

func TestAContextThatHasEndedOpensNothing(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_, err := engagement.Open(ctx, e.fresh(t))
			wantError(t, err, context.Canceled)
		})
	}
}

func TestAMissingFileIsOneThatDoesNotExist(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]engagement.Option{
		"to be read only": engagement.WithReadOnly(), "not to be migrated": engagement.WithoutMigrate(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := engagement.Open(t.Context(), freshFile(t), opt)
			only(t, err, engagement.ErrSchema)
			if !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%v is not os.ErrNotExist", err)
			}
		})
	}
}

func TestADatabaseOfAnOlderVersionSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		make func(path string)
		want string
	}{
		"an empty one":             {func(path string) { execute(t, path, "PRAGMA user_version = 1") }, "it has not been set up for this program yet"},
		"one of the Python module": {func(path string) { copyFixture(t, "predecessor.db", path) }, "it has not been set up for this program yet"},
		"an older one":             {func(path string) { migrateTo(t, path, 7) }, "its version 7 is older than this program's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := freshFile(t)
			tt.make(path)
			_, err := engagement.Open(t.Context(), path, engagement.WithoutMigrate())
			wantError(t, err, engagement.ErrSchema)
			if text := err.Error(); !strings.Contains(text, tt.want) || !strings.HasSuffix(text, "engagement migrate --db NAME") {
				t.Errorf("got %q, want %q and what to do", text, tt.want)
			}
		})
	}
}

func TestAPathThatBeginsWithTwoSlashes(t *testing.T) {
	t.Parallel()
	dsn := freshFile(t)
	db := openAt(t, "/"+dsn)
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
	noError(t, db.Close())
	for _, path := range []string{dsn, "/" + dsn} {
		same(t, "fires at "+path, proven(t, openAt(t, path, engagement.WithReadOnly())).Fires, int64(1))
	}
	copied := filepath.Join(filepath.Dir(dsn), "copy.db")
	noError(t, openAt(t, "/"+dsn).Backup(t.Context(), "/"+copied))
	same(t, "fires of the copy", proven(t, openAt(t, copied)).Fires, int64(1))
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
				"RecordFires":  func() error { _, err := db.RecordFires(ctx, nil); return err },
				"RecordTrades": func() error { _, err := db.RecordTrades(ctx, nil); return err },
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
				"UserFires":      func() error { _, err := db.Fires(ctx, engagement.FireFilter{UserID: 1}, anyPage); return err },
				"SignalFires":    func() error { _, err := db.Fires(ctx, engagement.FireFilter{SignalID: "A"}, anyPage); return err },
				"UserStats":      func() error { _, err := db.UserStats(ctx, 1); return err },
				"UserSummary":    func() error { _, err := db.UserSummary(ctx, 1); return err },
				"SignalMetrics":  func() error { _, err := db.SignalMetrics(ctx, "A"); return err },
				"RealTimeStats":  func() error { _, err := db.RealTimeStats(ctx); return err },
				"DailyMetrics":   func() error { _, err := db.DailyFigures(ctx, engagement.Days(1, 2)); return err },
				"PopularSignals": func() error { _, err := db.PopularSignals(ctx, engagement.Days(1, 2), anyPage); return err },
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
				"Upkeep":             func() error { _, err := db.Upkeep(ctx); return err },
				"NoteUpkeep":         func() error { return db.NoteUpkeep(ctx, engagement.Upkeep{}) },
				"NewUsers":           func() error { _, err := db.NewUsers(ctx, 1, anyPage); return err },
				"CountUsers":         func() error { _, err := db.CountUsers(ctx); return err },
				"EndingStreaks":      func() error { _, err := db.EndingStreaks(ctx, anyPage); return err },
				"RecentTrades":       func() error { _, err := db.Trades(ctx, engagement.TradeFilter{}, anyPage); return err },
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
