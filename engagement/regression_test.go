package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// soon is a context for what must not wait for ever: a test that is wrong about
// that fails and goes on.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// survive runs fn and returns what it panicked with, nil if it did not.
func survive(fn func()) (cause any) {
	defer func() { cause = recover() }()
	fn()
	return nil
}

// handler runs a function for each record that is logged.
type handler func(slog.Record)

func (h handler) Enabled(context.Context, slog.Level) bool           { return true }
func (h handler) Handle(_ context.Context, record slog.Record) error { h(record); return nil }
func (h handler) WithAttrs([]slog.Attr) slog.Handler                 { return h }
func (h handler) WithGroup(string) slog.Handler                      { return h }
func (h handler) option() engagement.Option                          { return engagement.WithLogger(slog.New(h)) }
func attribute(record slog.Record, key string) (value string) {
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == key {
			value = a.Value.String()
		}
		return value == ""
	})
	return value
}

// Facts that another program inserted and that are not counted yet.

func TestFactsThatAreNotCountedYetAreNotListed(t *testing.T) {
	t.Parallel()
	ctx, dsn := soon(t), freshFile(t)
	db := openAt(t, dsn)
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
	trade(t, db, engagement.Trade{UserID: 1, TradeID: "a", PnL: 1})
	execute(t, dsn, "INSERT INTO signal_fires (user_id, signal_id) VALUES (1, 'B')")
	execute(t, dsn, `INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES
		(1, 'C', 1700000000), (1, 'D', '2025-01-05T10:30:15Z'), (2, 'A', 1700000000)`)
	execute(t, dsn, `INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at) VALUES
		(1, 'c', 1, 'win', 1700000000), (1, 'd', 1, 'win', '2025-01-05T10:30:15Z'), (2, 'a', 1, 'win', CURRENT_TIMESTAMP)`)

	type listed struct {
		Exported, ExportedTrades, Fires, FiresOfA, FiresOfAll, Trades, TradesOfAll, Wins, LookedUp int
	}
	list := func(db *engagement.DB) (l listed) {
		noError(t, db.WriteUserExport(ctx, io.Discard, 1))
		export := must(db.ExportUser(ctx, 1))(t)
		l.Exported, l.ExportedTrades = len(export.SignalFires), len(export.Trades)
		l.Fires = len(inPages(t, 1, listFires(db.Reader, engagement.FireFilter{UserID: 1})))
		l.FiresOfA = len(inPages(t, 1, listFires(db.Reader, engagement.FireFilter{SignalID: "A"})))
		l.FiresOfAll = len(inPages(t, 1, listFires(db.Reader, engagement.FireFilter{})))
		l.Trades = len(inPages(t, 1, listTrades(db.Reader, engagement.TradeFilter{UserID: 1})))
		l.TradesOfAll = len(inPages(t, 1, listTrades(db.Reader, engagement.TradeFilter{})))
		l.Wins = len(inPages(t, 1, listTrades(db.Reader, engagement.TradeFilter{UserID: 1, Outcome: engagement.Win})))
		for _, err := range []error{lookUp(db.Fire(ctx, 1, "C")), lookUp(db.Trade(ctx, 1, "c"))} {
			if err == nil {
				l.LookedUp++
			} else {
				wantError(t, err, engagement.ErrNotFound)
			}
		}
		return l
	}
	same(t, "uncounted facts", proven(t, db).Uncounted, int64(7))
	same(t, "lists before they are counted", list(db), listed{1, 1, 1, 1, 1, 1, 1, 1, 0})
	counted := openAt(t, dsn)
	same(t, "uncounted facts afterwards", proven(t, counted).Uncounted, int64(0))
	same(t, "lists afterwards", list(counted), listed{4, 3, 4, 2, 5, 3, 4, 3, 2})
}

// lookUp returns the error of a look-up.
func lookUp[T any](_ T, err error) error { return err }

func TestLargeTradesOfAnotherProgramAreCounted(t *testing.T) {
	t.Parallel()
	dsn := freshFile(t)
	noError(t, openAt(t, dsn).Close())
	execute(t, dsn, `INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at, day) VALUES
		(1, 'a', 6000000000000000000, 'win', '2026-01-05 10:30:15.000000', -1),
		(1, 'b', -6000000000000000000, 'loss', '2026-01-05 10:30:15.000000', -1),
		(1, 'c', 6000000000000000000, 'win', '2026-01-06 10:30:15.000000', -1),
		(2, 'a', 1000000, 'win', '2026-01-05 10:30:15.000000', -1)`)
	db := openAt(t, dsn)
	same(t, "uncounted facts", proven(t, db).Uncounted, int64(0))
	stats := must(db.UserStats(t.Context(), 1))(t)
	same(t, "P&L, wins and losses", [3]float64{stats.PnL, float64(stats.Wins), float64(stats.Losses)}, [3]float64{6e12, 2, 1})
	same(t, "P&L of the other", must(db.UserStats(t.Context(), 2))(t).PnL, 1.0)
}

func TestAUserZeroOfAnotherProgramLeavesTheRanksOfOthers(t *testing.T) {
	t.Parallel()
	ctx, dsn := t.Context(), freshFile(t)
	clock := newClock(noon)
	db := openAt(t, dsn, clock.option())
	fireOn(t, db, 1, noon)
	fireOn(t, db, 2, noon, noon.Add(-time.Hour))
	fireOn(t, db, 3, noon, noon.Add(-time.Hour))
	fireOn(t, db, 4, noon, noon.Add(-time.Hour), noon.Add(-2*time.Hour))
	execute(t, dsn, "INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (0, 'A', '2025-01-01 00:00:00'), (0, 'B', '2025-01-01 00:00:00')")
	noError(t, db.Close())
	db = openAt(t, dsn, clock.option())
	proven(t, db)
	for _, ranking := range engagement.Rankings() {
		whole := must(db.Leaderboard(ctx, engagement.Board{Ranking: ranking}, anyPage))(t).Items
		paged := inPages(t, 1, listBoard(db.Reader, engagement.Board{Ranking: ranking}))
		same(t, ranking.String()+": the board in pages of one", paged, whole)
		for _, row := range whole {
			if row.UserID != 0 {
				same(t, fmt.Sprintf("%s: UserRank of %d", ranking, row.UserID), must(db.UserRank(ctx, engagement.Board{Ranking: ranking}, row.UserID))(t), row)
			}
		}
	}
	ranks := map[int64]int64{}
	for _, row := range must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, anyPage))(t).Items {
		ranks[row.UserID] = row.Rank
	}
	same(t, "ranks by fires", ranks, map[int64]int64{4: 1, 0: 2, 2: 2, 3: 2, 1: 5})
}

func TestListsOfWhatOtherProgramsStored(t *testing.T) {
	t.Parallel()
	dsn := freshFile(t)
	clock := newClock(noon)
	noError(t, openAt(t, dsn, clock.option()).Close())
	execute(t, dsn, `INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES
		(1, '', '2026-01-14 10:00:00'), (1, 'A', '2026-01-14 09:00:00'), (1, 'ahead', '2026-01-20 00:00:00'), (1, 'unknown', 'soon')`)
	execute(t, dsn, `INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at) VALUES
		(1, 't', 1, 'win', '2026-01-14 10:00:00'), (1, 'ahead', 1, 'win', '2026-01-20 00:00:00')`)
	db := openAt(t, dsn, clock.option())
	proven(t, db)
	var signals, fires, trades []string
	for _, s := range inPages(t, 1, db.Signals) {
		signals = append(signals, s.SignalID)
	}
	same(t, "signals, one of them without an id", signals, []string{"", "A", "ahead", "unknown"})
	same(t, "fires of all time", len(inPages(t, 1, listFires(db.Reader, engagement.FireFilter{}))), 4)
	same(t, "trades of all time", len(inPages(t, 1, listTrades(db.Reader, engagement.TradeFilter{}))), 2)
	month := db.ThisMonth()
	for _, f := range must(db.Fires(t.Context(), engagement.FireFilter{Window: month}, anyPage))(t).Items {
		fires = append(fires, f.SignalID)
	}
	for _, tr := range must(db.Trades(t.Context(), engagement.TradeFilter{Window: month}, anyPage))(t).Items {
		trades = append(trades, tr.TradeID)
	}
	same(t, "fires of the month, without that of an unknown day", fires, []string{"", "A"})
	same(t, "trades of the month, without that of an unknown day", trades, []string{"t"})
}

func TestAFireOfTheFutureMakesNoStreak(t *testing.T) {
	t.Parallel()
	ctx, dsn := t.Context(), freshFile(t)
	clock := newClock(noon)
	noError(t, openAt(t, dsn, clock.option()).Close())
	execute(t, dsn, "INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (1, 'A', '2999-01-01 00:00:00')")
	db := openAt(t, dsn, clock.option())
	same(t, "streak before the first fire of today", must(db.UserSummary(ctx, 1))(t).CurrentStreak, int64(0))
	same(t, "streaks before the first fire of today", must(db.StreakLeaderboard(ctx, anyPage))(t).Items, []engagement.StreakRow{})
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "B"})
	proven(t, db)
	expires := time.Date(2026, time.January, 16, 0, 0, 0, 0, time.UTC)
	alive := engagement.Streak{UserID: 1, Current: 1, Longest: 1, Expires: &expires}
	same(t, "streaks", must(db.StreakLeaderboard(ctx, anyPage))(t).Items, []engagement.StreakRow{{Rank: 1, Streak: alive}})
	clock.Set(expires)
	summary := must(db.UserSummary(ctx, 1))(t)
	same(t, "fires, current and longest streak once it has expired",
		[3]int64{summary.TotalFires, summary.CurrentStreak, summary.LongestStreak}, [3]int64{2, 0, 1})
	must(db.Rebuild(ctx))(t)
	proven(t, db)
}

// Erasing a user.

func TestErasingAUserOfManyFiresLeavesEverySignalRight(t *testing.T) {
	t.Parallel()
	const kept = 10
	ctx, dsn := context.Background(), freshFile(t)
	db := openAt(t, dsn, newClock(noon).option())
	var fires []engagement.Fire
	for i := range engagement.MaxLimit + 50 { // two pages
		fires = append(fires, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), At: noon.Add(-time.Duration(i) * time.Second), Executed: i%3 == 0})
	}
	for i := range kept {
		fires = append(fires, engagement.Fire{UserID: 2, SignalID: fmt.Sprint("S_", i*1100), At: noon})
	}
	must(db.RecordFires(ctx, fires))(t)
	// Their times compare as later than, and as earlier than, the counted ones.
	execute(t, dsn, `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
		INSERT INTO signal_fires (user_id, signal_id, timestamp)
		SELECT 1, 'U_' || i, CASE WHEN i % 2 THEN '2026-01-14T00:00:00' ELSE 1700000000 END FROM n`)
	receipt := must(db.EraseUser(ctx, 1))(t)
	same(t, "fires erased", receipt.Fires, int64(engagement.MaxLimit+50+10_000))
	report := proven(t, db)
	same(t, "signals, fires and users", [3]int64{report.Signals, report.Fires, report.Users}, [3]int64{kept, kept, 1})
	for _, table := range []string{"signal_days", "signal_metrics"} {
		var want []string
		for i := range kept {
			want = append(want, fmt.Sprint("S_", i*1100, " 1"))
		}
		column := map[string]string{"signal_days": "fires", "signal_metrics": "total_fires"}[table]
		got := texts(t, dsn, "SELECT signal_id || ' ' || "+column+" FROM "+table+" ORDER BY length(signal_id), signal_id")
		same(t, table, got, want)
	}
}

// Panics in what the caller has given, which the caller recovers from.

func TestAClockThatPanicsOnceLeavesTheQueueWorking(t *testing.T) {
	t.Run("of a lone caller", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			var left atomic.Int64
			db := open(engagement.WithClock(func() time.Time {
				if left.Add(-1) == 0 {
					panic("the clock is broken")
				}
				return noon
			}))
			// A call asks the clock more than once, also while it holds the lock.
			nth, panics := int64(1), true
			for ; panics; nth++ {
				left.Store(nth)
				panics = nil != survive(func() { _, _ = db.RecordFire(soon(t), engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", nth)}) })
				left.Store(0)
				_, err := db.RecordFire(soon(t), engagement.Fire{UserID: 2, SignalID: fmt.Sprint("S_", nth)})
				noError(t, err)
				_, err = db.EraseUser(soon(t), 2) // asks for the lock without the queue
				noError(t, err)
			}
			if nth <= 2 {
				t.Error("the clock was not asked")
			}
			same(t, "fires", proven(t, db).Fires, int64(1))
		})
	})
	t.Run("while others wait", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			const callers = 20
			var broken atomic.Bool
			db := open(engagement.WithClock(func() time.Time {
				if broken.CompareAndSwap(true, false) {
					panic("the clock is broken")
				}
				return noon
			}))
			release := hold(t, db)
			defer release()
			ctx := soon(t)
			var wg sync.WaitGroup
			var panics, recorded atomic.Int64
			for user := range int64(callers) {
				wg.Go(func() {
					cause := survive(func() {
						_, err := db.RecordFire(ctx, engagement.Fire{UserID: user + 1, SignalID: "A"})
						switch {
						case err == nil:
							recorded.Add(1)
						case errors.Is(err, context.DeadlineExceeded):
							t.Errorf("a caller waited in vain: %v", err)
						}
					})
					if cause != nil {
						panics.Add(1)
					}
				})
			}
			waiting(t, db, callers)
			broken.Store(true)
			release()
			wg.Wait()
			same(t, "callers who panicked", panics.Load(), int64(1))
			_, err := db.RecordFire(soon(t), engagement.Fire{UserID: 99, SignalID: "A"})
			noError(t, err)
			same(t, "fires", proven(t, db).Fires, recorded.Load()+1)
			same(t, "writes that wait", db.CommitStats().Waiting, int64(0))
		})
	})
}

func TestALogThatPanicsOnceLeavesTheQueueWorking(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		var broken atomic.Bool
		db := open(newClock(noon).option(), engagement.WithSlowThreshold(time.Hour), handler(func(record slog.Record) {
			if record.Level == slog.LevelWarn && broken.CompareAndSwap(true, false) {
				panic("the log is broken")
			}
		}).option())
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "first", PnL: engagement.MaxPnL})
		broken.Store(true)
		release := hold(t, db)
		defer release()
		ctx := soon(t)
		leader := make(chan any, 1)
		go func() {
			leader <- survive(func() { _, _ = db.RecordFire(ctx, engagement.Fire{UserID: 2, SignalID: "A"}) })
		}()
		waiting(t, db, 1)
		others := []*call{
			sendFire(ctx, db, engagement.Fire{UserID: 3, SignalID: "A"}),
			// Together with the first it leaves the range, which the leader logs.
			sendTrade(ctx, db, engagement.Trade{UserID: 1, TradeID: "second", PnL: engagement.MaxPnL}),
		}
		waiting(t, db, 3)
		release()
		for _, c := range others {
			_, err := c.wait(t)
			if err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a caller in the batch of the one who panicked: error %v", err)
			}
		}
		if cause := <-leader; cause == nil {
			t.Error("the log did not panic in the one who led")
		}
		same(t, "fires and trades", [2]int64{proven(t, db).Fires, proven(t, db).Trades}, [2]int64{0, 1})
		_, err := db.RecordFire(soon(t), engagement.Fire{UserID: 4, SignalID: "A"})
		noError(t, err)
		proven(t, db)
	})
}

// Rebuilding.

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

// The shared database.

func TestCloseDefaultWhileAnOperationAsksForDefault(t *testing.T) {
	t.Setenv("ENGAGEMENT_DB", freshFile(t))
	ctx := soon(t)
	db := must(engagement.Default(ctx))(t)
	closed, viewed := make(chan error, 1), make(chan error, 1)
	go func() {
		viewed <- db.View(ctx, func(*engagement.Reader) error {
			go func() { closed <- engagement.CloseDefault() }()
			for { // until CloseDefault has begun
				if _, err := db.Horizon(ctx); errors.Is(err, engagement.ErrClosed) {
					break
				}
				time.Sleep(time.Millisecond)
			}
			_, err := engagement.EngagementStats(ctx)
			return err
		})
	}()
	for name, result := range map[string]chan error{"the operation": viewed, "CloseDefault": closed} {
		select {
		case err := <-result:
			noError(t, err)
		case <-time.After(20 * time.Second):
			t.Fatalf("%s did not end", name)
		}
	}
	noError(t, engagement.CloseDefault())
}

// Files and locks, so only for SQLite.

func TestARestoredBackupThatIsBeingReadIsWaitedFor(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	db := openAt(t, dsn)
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
	restored := filepath.Join(filepath.Dir(dsn), "restored.db")
	noError(t, db.Backup(ctx, restored))
	same(t, "journal mode of a backup", texts(t, restored, "PRAGMA journal_mode"), []string{"delete"})

	reading := must(rawDB(t, restored).Begin())(t)
	var fires int
	noError(t, reading.QueryRow("SELECT COUNT(*) FROM signal_fires").Scan(&fires))
	ended := make(chan error, 1)
	time.AfterFunc(time.Second, func() { ended <- reading.Rollback() })
	again := openAt(t, restored)
	noError(t, <-ended)
	same(t, "journal mode once it is open", texts(t, restored, "PRAGMA journal_mode"), []string{"wal"})
	same(t, "fires", proven(t, again).Fires, int64(1))
}

func TestACallerWhoHasJustComeHasAWaitOfItsOwn(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for as long as a lock is waited for")
	}
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	db := openAt(t, dsn)
	other := must(rawDB(t, dsn).Conn(ctx))(t)
	defer other.Close()
	must(other.ExecContext(ctx, "BEGIN IMMEDIATE"))(t)
	first := sendFire(ctx, db, engagement.Fire{UserID: 1, SignalID: "A"})
	waiting(t, db, 1)
	time.Sleep(8 * time.Second)
	late := sendFire(ctx, db, engagement.Fire{UserID: 2, SignalID: "A"})
	_, err := first.wait(t)
	only(t, err, engagement.ErrBusy)
	must(other.ExecContext(ctx, "ROLLBACK"))(t)
	status, err := late.wait(t)
	noError(t, err)
	same(t, "the one who came late", status, engagement.Recorded)
	same(t, "fires", proven(t, db).Fires, int64(1))
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

// Views and transactions.

func TestManyViewsHeldOpenBlockNoOtherRead(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		const views = 20
		ctx, db := soon(t), open()
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
		done := make(chan struct{})
		var held, ended sync.WaitGroup
		held.Add(views)
		for range views {
			ended.Go(func() {
				err := db.View(context.Background(), func(r *engagement.Reader) error {
					_, err := r.RealTimeStats(ctx)
					held.Done()
					<-done
					return err
				})
				if err != nil {
					t.Errorf("View: %v", err)
				}
			})
		}
		defer ended.Wait()
		defer close(done)
		opened := make(chan struct{})
		go func() { held.Wait(); close(opened) }()
		select {
		case <-opened:
		case <-ctx.Done():
			t.Fatal("the views did not open")
		}
		_, err := db.RealTimeStats(ctx)
		noError(t, err)
		_, err = db.UserStats(ctx, 1)
		noError(t, err)
		_, err = db.ExportUser(ctx, 1)
		noError(t, err)
		_, err = db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "B"})
		noError(t, err)
		proven(t, db)
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

func TestARefusedFactOfABatchIsNotLoggedWithItsPnL(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		var log journal
		ctx, db := soon(t), open(log.option(), newClock(noon).option(), engagement.WithSlowThreshold(1))
		release := hold(t, db)
		defer release()
		calls := []*call{
			sendTrade(ctx, db, engagement.Trade{UserID: 1, TradeID: "a", PnL: 6123456789012}),
			sendTrade(ctx, db, engagement.Trade{UserID: 1, TradeID: "b", PnL: 6123456789012}),
			sendTrade(ctx, db, engagement.Trade{UserID: 1, TradeID: "c", PnL: -6123456789012}),
		}
		waiting(t, db, 3)
		release()
		for _, c := range calls {
			if _, err := c.wait(t); err != nil {
				only(t, err, engagement.ErrInvalid)
			}
		}
		log.has(t, "WARN a fact of a batch was refused, trying each alone")
		for _, amount := range []string{"6123456789012", "6.123456789012", "6123456"} {
			if strings.Contains(log.String(), amount) {
				t.Errorf("a P&L was logged:\n%s", &log)
			}
		}
		proven(t, db)
	})
}
