package engagement_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// TestWhereTheEnginesDiffer lists all that differs for a caller. Everything else
// is tested on every engine alike.
func TestWhereTheEnginesDiffer(t *testing.T) {
	ctx := context.Background()
	on := func(t *testing.T, check map[string]func(t *testing.T, db *engagement.DB)) {
		t.Helper()
		t.Parallel()
		for _, e := range engines {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				check[e.name](t, openAt(t, e.migrated(t), newClock(noon).option()))
			})
		}
	}
	t.Run("PostgreSQL is backed up with its own tools", func(t *testing.T) {
		on(t, map[string]func(*testing.T, *engagement.DB){
			"sqlite": func(t *testing.T, db *engagement.DB) { noError(t, db.Backup(ctx, t.TempDir()+"/copy.db")) },
			"postgres": func(t *testing.T, db *engagement.DB) {
				err := db.Backup(ctx, t.TempDir()+"/copy.db")
				only(t, err, engagement.ErrInvalid)
				contains(t, err, "pg_dump")
			},
		})
	})
}

// TestFactsOfOneTimeAreListedByTheirArrival pins what could differ: PostgreSQL
// stores the facts of a batch in the order of their keys.
func TestFactsOfOneTimeAreListedByTheirArrival(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		var fires []engagement.Fire
		for _, user := range []int64{3, 1, 2} {
			fires = append(fires, engagement.Fire{UserID: user, SignalID: "A", At: noon})
		}
		must(db.RecordFires(ctx, fires))(t)
		var users []int64
		for _, f := range must(db.Fires(ctx, engagement.FireFilter{SignalID: "A"}, anyPage))(t).Items {
			users = append(users, f.UserID)
		}
		same(t, "users, newest first", users, []int64{2, 1, 3})
	})
}

// TestIDsCompareByTheirBytes pins what could differ: a server may sort by the
// rules of a language.
func TestIDsCompareByTheirBytes(t *testing.T) {
	ctx := context.Background()
	signals := []string{"B", "a", "_", "Z", "é", "z", "0", "A_1", "A1", "ä", "日", "a b", "A-1"}
	ordered := slices.Sorted(slices.Values(signals))
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		for _, signal := range signals {
			fire(t, db, engagement.Fire{UserID: 1, SignalID: signal, At: noon})
			trade(t, db, engagement.Trade{UserID: 1, TradeID: signal, ClosedAt: noon, PnL: 1})
		}
		today := db.Today()
		var popular []string
		for _, s := range must(db.PopularSignals(ctx, engagement.Days(today, today), anyPage))(t).Items {
			popular = append(popular, s.SignalID)
		}
		same(t, "signals that are equally popular", popular, ordered)
		same(t, "the first of them", *must(db.RealTimeStats(ctx))(t).MostFiredSignal.SignalID, ordered[0])
		proven(t, db)
	})
}

// TestBehindAPooler runs the main operations through what gives each transaction
// another session of the server, and in all ways that need no prepared statements that
// outlive a transaction.
func TestBehindAPooler(t *testing.T) {
	ctx := context.Background()
	use := func(t *testing.T, dsn string) contents {
		t.Helper()
		clock := newClock(noon)
		db := openAt(t, dsn, clock.option())
		odd := `it's "quoted" \ back\\slashed $1 {x} [y] ; -- é 日`
		for user := range int64(4) {
			fireOn(t, db, user+1, noon, noon.AddDate(0, 0, -1), noon.AddDate(0, 0, -40))
			fire(t, db, engagement.Fire{UserID: user + 1, SignalID: odd, Executed: user%2 == 0})
			trade(t, db, engagement.Trade{UserID: user + 1, TradeID: odd, SignalID: odd, PnL: float64(user) - 1.000001})
		}
		same(t, "the same fire again", fire(t, db, engagement.Fire{UserID: 2, SignalID: odd, Executed: true}), engagement.MarkedExecuted)
		same(t, "the same trade again", trade(t, db, engagement.Trade{UserID: 2, TradeID: odd, SignalID: odd, PnL: -0.000001}), engagement.Duplicate)
		_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 2, TradeID: odd, PnL: 7})
		only(t, err, engagement.ErrConflict)
		must(db.RecordFires(ctx, []engagement.Fire{{UserID: 9, SignalID: "A"}, {UserID: -9, SignalID: "A"}}))(t)
		noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
			_, err := tx.RecordTrade(ctx, engagement.Trade{UserID: 9, TradeID: "T", PnL: 1e6})
			return err
		}))
		must(db.EraseUser(ctx, 4))(t)
		must(db.Cleanup(ctx, 30))(t)
		must(db.Rebuild(ctx))(t)
		clock.Advance(time.Hour)
		return read(t, db)
	}
	t.Parallel()
	want := use(t, onServer(t))
	for _, mode := range []string{"exec", "simple_protocol", "cache_describe", "describe_exec"} {
		t.Run(fmt.Sprintf("default_query_exec_mode=%s", mode), func(t *testing.T) {
			t.Parallel()
			same(t, "contents", use(t, pgtest.WithParam(onServer(t), "default_query_exec_mode", mode)), want)
		})
	}
	for _, mode := range []string{"exec", "simple_protocol"} {
		t.Run("a pooler, with "+mode, func(t *testing.T) {
			t.Parallel()
			ctx := soon(t)
			pooler := must(pgtest.NewPooler(ctx, onServer(t), 3))(t)
			t.Cleanup(func() { noError(t, pooler.Close()) })
			dsn := pgtest.WithParam(pooler.URL(), "default_query_exec_mode", mode)
			var programs sync.WaitGroup
			for range 4 {
				programs.Go(func() {
					if err := engagement.Migrate(ctx, dsn); err != nil {
						t.Errorf("Migrate: %v", err)
					}
				})
			}
			programs.Wait()
			same(t, "contents", use(t, dsn), want)
			same(t, "what is left in the sessions", must(pooler.Leftovers(ctx))(t), []string(nil))
		})
	}
}
