package engagement_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

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

// handler runs a function for each record that is logged.
type handler func(slog.Record)

func (h handler) Enabled(context.Context, slog.Level) bool { return true }

func (h handler) Handle(_ context.Context, record slog.Record) error { h(record); return nil }

func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h handler) WithGroup(string) slog.Handler { return h }

func attribute(record slog.Record, key string) (value string) {
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == key {
			value = a.Value.String()
		}
		return value == ""
	})
	return value
}

func (h handler) option() engagement.Option { return engagement.WithLogger(slog.New(h)) }

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
		t.Parallel()
		for _, e := range engines {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				var log journal
				db := openAt(t, e.fresh(t), newClock(noon).option(), log.option())
				must(db.Cleanup(ctx, 9))(t)
				log.has(t, "INFO migrated")
				log.has(t, "INFO cleaned up")
			})
		}
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

func TestAnErrorOfTheCallersFunctionComesBackAsItIsAndIsNotLogged(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		var log journal
		ctx, db := context.Background(), open(log.option(), newClock(noon).option())
		for name, own := range map[string]error{
			"an error of its own":        errors.New("the balance of alice@example.com is too small"),
			"one that wraps one of ours": fmt.Errorf("alice@example.com: %w", engagement.ErrBusy),
			"one that wraps a context's": fmt.Errorf("alice@example.com: %w", context.Canceled),
		} {
			if err := db.View(ctx, func(*engagement.Reader) error { return own }); err != own {
				t.Errorf("View with %s: %v", name, err)
			}
			err := db.Tx(ctx, func(tx *engagement.Tx) error {
				fire(t, tx, engagement.Fire{UserID: 1, SignalID: "A"})
				return own
			})
			if err != own {
				t.Errorf("Tx with %s: %v", name, err)
			}
		}
		if strings.Contains(log.String(), "alice") {
			t.Errorf("it was logged:\n%s", &log)
		}
		same(t, "fires", proven(t, db).Fires, int64(0))
	})
}
