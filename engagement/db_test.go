package engagement_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
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
		"postgres://db/x?user=bob&password=hunter2&sslmode=perhaps", "postgres://[hunter2", "postgres://bob:hunter2%@db/x",
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

// journal keeps what was logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) option() engagement.Option {
	return engagement.WithLogger(slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

// records returns "level message operation" of each record.
func (j *journal) records(t *testing.T) []string {
	t.Helper()
	var records []string
	decoder := json.NewDecoder(strings.NewReader(j.String()))
	for {
		var record struct {
			Level, Msg, Operation string
		}
		err := decoder.Decode(&record)
		if err == io.EOF {
			return records
		}
		noError(t, err)
		records = append(records, strings.TrimSpace(record.Level+" "+record.Msg+" "+record.Operation))
	}
}

func (j *journal) has(t *testing.T, want string) {
	t.Helper()
	if !slices.Contains(j.records(t), want) {
		t.Errorf("no record says %q:\n%s", want, j)
	}
}

func TestWhatIsLogged(t *testing.T) {
	ctx := context.Background()
	t.Run("each operation at debug", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			var log journal
			db := open(newClock(noon).option(), log.option(), engagement.WithSlowThreshold(time.Hour))
			fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
			must(db.RealTimeStats(ctx))(t)
			log.has(t, "DEBUG done record fire")
			log.has(t, "DEBUG done live stats")
			if text := log.String(); !strings.Contains(text, `"duration":`) || !strings.Contains(text, `"rows":1`) {
				t.Errorf("no duration or rows in\n%s", text)
			}
		})
	})
	t.Run("migrations and cleanups at info", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			var log journal
			db := open(newClock(noon).option(), log.option())
			must(db.Cleanup(ctx, 9))(t)
			log.has(t, "INFO migrated")
			log.has(t, "INFO cleaned up")
		})
	})
	t.Run("slow operations at warn", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			var log journal
			db := open(newClock(noon).option(), log.option(), engagement.WithSlowThreshold(1))
			must(db.RealTimeStats(ctx))(t)
			log.has(t, "WARN slow live stats")
		})
	})
	t.Run("what is the caller's affair at debug", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			var log journal
			db := open(newClock(noon).option(), log.option())
			_, err := db.UserStats(ctx, 5)
			wantError(t, err, engagement.ErrNotFound)
			_, err = db.RecordFire(ctx, engagement.Fire{})
			wantError(t, err, engagement.ErrInvalid)
			trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", PnL: 1})
			_, err = db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", PnL: 2})
			wantError(t, err, engagement.ErrConflict)
			cancelled, cancel := context.WithCancel(ctx)
			cancel()
			_, err = db.RealTimeStats(cancelled)
			wantError(t, err, context.Canceled)
			for _, want := range []string{"DEBUG failed read a user's totals", "DEBUG failed record fire", "DEBUG failed record trade", "DEBUG failed live stats"} {
				log.has(t, want)
			}
			if strings.Contains(log.String(), `"ERROR"`) {
				t.Errorf("an error was logged:\n%s", &log)
			}
		})
	})
	t.Run("what an operator must look at, at error", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			var log journal
			noError(t, open().Close())
			db := open(newClock(noon).option(), log.option(), engagement.WithReadOnly())
			_, err := db.RecordFires(ctx, []engagement.Fire{{UserID: 1, SignalID: "A"}})
			wantError(t, err, engagement.ErrReadOnly)
			log.has(t, "ERROR failed record fires")
		})
	})
	t.Run("of users nothing but ids", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			var log journal
			clock := newClock(noon)
			db := open(clock.option(), log.option(), engagement.WithSlowThreshold(1))
			first := engagement.Trade{UserID: 1, TradeID: "t", PnL: 73519.25, Outcome: engagement.Win}
			trade(t, db, first)
			other := first
			other.PnL = 46820.75
			_, err := db.RecordTrade(ctx, other)
			wantError(t, err, engagement.ErrConflict)
			_, err = db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "u", PnL: 9.7351e12})
			wantError(t, err, engagement.ErrInvalid)
			must(db.UpdateUserPnL(ctx, 1, 73519.25, true))(t)
			must(db.UserSummary(ctx, 1))(t)
			must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByPnL}, anyPage))(t)
			must(db.ExportUser(ctx, 1))(t)
			must(db.Verify(ctx))(t)
			must(db.EraseUser(ctx, 1))(t)
			for _, amount := range []string{"73519", "46820", "97351", "9.7351e+12", "147038"} {
				if i := strings.Index(log.String(), amount); i >= 0 {
					line, _, _ := strings.Cut(log.String()[strings.LastIndex(log.String()[:i], "\n")+1:], "\n")
					t.Errorf("a P&L was logged: %s", line)
				}
			}
		})
	})
	t.Run("nothing, without a logger", func(t *testing.T) {
		var log journal
		before := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		defer slog.SetDefault(before)
		db := openAt(t, freshFile(t))
		fireOn(t, db, 1, time.Now())
		same(t, "log", log.String(), "")
	})
}

func TestMigrateMayBeRunAnyNumberOfTimes(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.fresh(t)
			var runs sync.WaitGroup
			for range 4 {
				runs.Go(func() {
					if err := engagement.Migrate(context.Background(), dsn); err != nil {
						t.Errorf("Migrate: %v", err)
					}
				})
			}
			runs.Wait()
			proven(t, openAt(t, dsn, engagement.WithoutMigrate()))
		})
	}
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
