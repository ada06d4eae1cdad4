package engagement_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"github.com/hydraxdev/engagementdb/engagement"
)

// tamper runs statements on a SQLite file behind the library's back.
func tamper(t tb, path string, statements ...string) {
	t.Helper()
	// Among callers who never pause, a program that asks for the lock now and then may
	// wait for long.
	db, err := sql.Open("sqlite3", "file:"+url.PathEscape(path)+"?mode=rw&_busy_timeout=60000")
	noError(t, err)
	defer func() { noError(t, db.Close()) }()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// openVaried opens a database at dsn with at least one row in every table, on
// both sides of the horizon.
func openVaried(t tb, dsn string, opts ...engagement.Option) *engagement.DB {
	t.Helper()
	db := openAt(t, dsn, append([]engagement.Option{newClock(noon).option()}, opts...)...)
	var fires []engagement.Fire
	for i := range 24 {
		fires = append(fires, engagement.Fire{
			UserID: int64(i%3) + 1, SignalID: fmt.Sprint("S_", i/3), At: noon.AddDate(0, 0, -i/2), Executed: i%4 == 0,
		})
	}
	noError(t, db.Tx(context.Background(), func(tx *engagement.Tx) error {
		must(tx.RecordFires(context.Background(), fires))(t)
		for i := range 6 {
			trade(t, tx, engagement.Trade{UserID: int64(i%3) + 1, TradeID: fmt.Sprint("t", i), PnL: float64(i - 2), ClosedAt: noon.AddDate(0, 0, -2*i)})
		}
		return nil
	}))
	must(db.Cleanup(context.Background(), 5))(t)
	proven(t, db)
	return db
}

// The days that openVaried writes on; its horizon lies between them.
const (
	recentDay = "20467" // 2026-01-14
	oldDay    = "20457" // 2026-01-04
)

func finding(invariant, subject, field string) engagement.Finding {
	return engagement.Finding{Invariant: invariant, Subject: subject, Field: field}
}

// TestVerifyFindsEveryCounterThatIsOff changes one column at a time in a SQLite
// file. The findings that must appear are given; each of them has to say what
// is stored and what it should be.
func TestVerifyFindsEveryCounterThatIsOff(t *testing.T) {
	t.Parallel()
	const user, signal = "UPDATE user_stats SET %s WHERE user_id = 1", "UPDATE signal_metrics SET %s WHERE signal_id = 'S_0'"
	const day = "UPDATE days SET %s WHERE day = "
	const userDay, signalDay = "UPDATE user_days SET %s WHERE user_id = 1 AND day = ", "UPDATE signal_days SET %s WHERE signal_id = 'S_0' AND day = "
	for _, tt := range []struct {
		name     string
		change   string
		want     []engagement.Finding
		repaired bool
	}{
		{"a user's fires", fmt.Sprintf(user, "total_fires = total_fires + 1"), []engagement.Finding{finding("V1", "user 1", "total_fires")}, true},
		{"a user's wins", fmt.Sprintf(user, "wins = wins + 1"), []engagement.Finding{finding("V1", "user 1", "wins")}, true},
		{"a user's losses", fmt.Sprintf(user, "losses = losses + 1"), []engagement.Finding{finding("V1", "user 1", "losses")}, true},
		{"a user's draws", fmt.Sprintf(user, "draws = draws + 1"), []engagement.Finding{finding("V1", "user 1", "draws")}, true},
		{"a user's P&L in millionths", fmt.Sprintf(user, "pnl_micros = pnl_micros + 1"), []engagement.Finding{finding("V1", "user 1", "pnl_micros"), finding("V1", "user 1", "pnl")}, true},
		{"a user's P&L", fmt.Sprintf(user, "pnl = pnl + 0.000001"), []engagement.Finding{finding("V1", "user 1", "pnl")}, true},
		{"a user's win rate", fmt.Sprintf(user, "win_rate = win_rate + 0.01"), []engagement.Finding{finding("V1", "user 1", "win_rate")}, true},
		{"a user's executed fires", fmt.Sprintf(user, "executed = executed - 1"), []engagement.Finding{finding("V1", "user 1", "executed")}, true},
		{"the bound of a user's win rate", fmt.Sprintf(user, "win_bound = win_bound + 1"), []engagement.Finding{finding("V1", "user 1", "win_bound")}, true},
		{"a user's first day", fmt.Sprintf(user, "first_day = first_day - 1"), []engagement.Finding{finding("V6", "user 1", "first_day"), finding("V3", "day 2026-01-04", "new_users")}, true},
		{"the length of a user's streak", fmt.Sprintf(user, "streak_length = streak_length + 1"), []engagement.Finding{finding("V6", "user 1", "streak_length")}, true},
		{"the last day to prolong a user's streak", fmt.Sprintf(user, "streak_until = streak_until + 1"), []engagement.Finding{finding("V6", "user 1", "streak_until")}, true},
		{"a day's new users", fmt.Sprintf(day, "new_users = new_users + 1") + recentDay, []engagement.Finding{finding("V3", "day 2026-01-14", "new_users")}, true},
		{"the start of a user's streak", fmt.Sprintf(user, "streak_start = streak_start + 1"), []engagement.Finding{finding("V6", "user 1", "streak_start")}, true},
		{"the start of a user's streak, earlier", fmt.Sprintf(user, "streak_start = streak_start - 1"), []engagement.Finding{finding("V6", "user 1", "streak_start")}, true},
		{"the end of a user's streak", fmt.Sprintf(user, "streak_end = streak_end + 1"), []engagement.Finding{finding("V6", "user 1", "streak_end")}, true},
		{"the end of a user's streak, earlier", fmt.Sprintf(user, "streak_end = streak_end - 1"), []engagement.Finding{finding("V6", "user 1", "streak_end")}, true},
		{"a user's longest streak", fmt.Sprintf(user, "streak_longest = streak_longest + 1"), []engagement.Finding{finding("V6", "user 1", "streak_longest")}, true},
		{"a user's longest streak, shorter", fmt.Sprintf(user, "streak_longest = streak_longest - 1"), []engagement.Finding{finding("V6", "user 1", "streak_longest")}, true},
		{"a user's unspent freezes", fmt.Sprintf(user, "freezes = freezes + 1"), []engagement.Finding{finding("V6", "user 1", "freezes")}, true},
		{"a lost user", "DELETE FROM user_stats WHERE user_id = 1", []engagement.Finding{finding("V1", "user 1", "total_fires"), finding("V3", "day 2026-01-04", "new_users")}, true},
		{"a user out of nowhere", "INSERT INTO user_stats (user_id, total_fires, last_updated) VALUES (99, 3, '2026-01-14 00:00:00.000000')", []engagement.Finding{finding("V1", "user 99", "total_fires")}, true},

		{"a signal's fires", fmt.Sprintf(signal, "total_fires = total_fires - 1"), []engagement.Finding{finding("V2", `signal "S_0"`, "total_fires")}, true},
		{"a signal's users", fmt.Sprintf(signal, "active_users = active_users + 1"), []engagement.Finding{finding("V2", `signal "S_0"`, "active_users")}, true},
		{"a lost signal", "DELETE FROM signal_metrics WHERE signal_id = 'S_0'", []engagement.Finding{finding("V2", `signal "S_0"`, "total_fires")}, true},

		{"a day's fires", fmt.Sprintf(day, "fires = fires + 1") + recentDay, []engagement.Finding{finding("V3", "day 2026-01-14", "fires")}, true},
		{"a day's executed fires", fmt.Sprintf(day, "executed = executed + 1") + recentDay, []engagement.Finding{finding("V3", "day 2026-01-14", "executed")}, true},
		{"a day's users", fmt.Sprintf(day, "active_users = active_users - 1") + recentDay, []engagement.Finding{finding("V3", "day 2026-01-14", "active_users")}, true},
		{"a day's wins", fmt.Sprintf(day, "wins = wins + 1") + recentDay, []engagement.Finding{finding("V3", "day 2026-01-14", "wins")}, true},
		{"a day's losses", fmt.Sprintf(day, "losses = losses - 1") + recentDay, []engagement.Finding{finding("V3", "day 2026-01-14", "losses")}, true},
		{"the wins of a day before the horizon", fmt.Sprintf(day, "wins = wins + 1") + oldDay, []engagement.Finding{finding("V3", "day 2026-01-04", "wins")}, true},
		{"the fires of a day before the horizon", fmt.Sprintf(day, "fires = fires + 1") + oldDay, []engagement.Finding{finding("V3", "day 2026-01-04", "fires")}, true},
		{"a lost day", "DELETE FROM days WHERE day = " + recentDay, []engagement.Finding{finding("V3", "day 2026-01-14", "fires")}, true},

		{"the fires of a user's day", fmt.Sprintf(userDay, "fires = fires + 1") + recentDay, []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "fires"), finding("V1", "user 1", "total_fires"), finding("V3", "day 2026-01-14", "fires")}, true},
		{"the executed fires of a user's day", fmt.Sprintf(userDay, "executed = executed - 1") + recentDay, []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "executed"), finding("V3", "day 2026-01-14", "executed")}, true},
		{"the wins of a user's day", fmt.Sprintf(userDay, "wins = wins + 1") + recentDay, []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "wins"), finding("V1", "user 1", "wins")}, true},
		{"the losses of a user's day", fmt.Sprintf(userDay, "losses = losses + 1") + recentDay, []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "losses"), finding("V1", "user 1", "losses")}, true},
		{"the draws of a user's day", fmt.Sprintf(userDay, "draws = draws + 1") + recentDay, []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "draws"), finding("V1", "user 1", "draws")}, true},
		{"the P&L of a user's day", fmt.Sprintf(userDay, "pnl_micros = pnl_micros + 1") + recentDay, []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "pnl_micros"), finding("V1", "user 1", "pnl_micros")}, true},
		{"a lost day of a user", "DELETE FROM user_days WHERE user_id = 1 AND day = " + recentDay, []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "fires"), finding("V6", "user 1", "streak_end")}, true},
		{"the wins of a user's day before the horizon", "UPDATE user_days SET wins = wins + 1 WHERE user_id = 3 AND day = " + oldDay, []engagement.Finding{finding("V4", "user 3 on 2026-01-04", "wins")}, true},

		{"the fires of a signal's day", fmt.Sprintf(signalDay, "fires = fires + 1") + recentDay, []engagement.Finding{finding("V4", `signal "S_0" on 2026-01-14`, "fires"), finding("V2", `signal "S_0"`, "total_fires")}, true},
		{"the executed fires of a signal's day", fmt.Sprintf(signalDay, "executed = executed + 1") + recentDay, []engagement.Finding{finding("V4", `signal "S_0" on 2026-01-14`, "executed")}, true},
		{"a lost day of a signal", "DELETE FROM signal_days WHERE signal_id = 'S_0' AND day = " + recentDay, []engagement.Finding{finding("V4", `signal "S_0" on 2026-01-14`, "fires")}, true},

		{"a lost fire", "DELETE FROM signal_fires WHERE user_id = 1 AND signal_id = 'S_0'", []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "fires"), finding("V4", `signal "S_0" on 2026-01-14`, "fires")}, true},
		{"a fire that somebody counted by hand", "INSERT INTO signal_fires (user_id, signal_id, timestamp, day) VALUES (1, 'new', '2026-01-14 10:00:00.000000', " + recentDay + ")", []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "fires"), finding("V4", `signal "new" on 2026-01-14`, "fires")}, true},
		{"a fire moved to another day", "UPDATE signal_fires SET day = day - 1 WHERE user_id = 1 AND signal_id = 'S_0'", []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "fires"), finding("V4", "user 1 on 2026-01-13", "fires")}, true},
		{"the time of a fire", "UPDATE signal_fires SET timestamp = '2026-01-12 23:59:59.999999' WHERE id = 12", []engagement.Finding{finding("V4", "fire 12", "day")}, true},
		{"the time of a trade", "UPDATE trades SET closed_at = '2025-12-31 12:00:00.000000' WHERE id = 1", []engagement.Finding{finding("V4", "trade 1", "day")}, true},
		{"a fire given to another user", "UPDATE signal_fires SET user_id = 99 WHERE user_id = 1 AND signal_id = 'S_0'", []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "fires"), finding("V4", "user 99 on 2026-01-14", "fires")}, true},
		{"a fire that executed behind our back", "UPDATE signal_fires SET executed = NOT executed WHERE user_id = 1 AND signal_id = 'S_0'", []engagement.Finding{finding("V4", "user 1 on 2026-01-14", "executed"), finding("V4", `signal "S_0" on 2026-01-14`, "executed")}, true},
		{"a lost trade", "DELETE FROM trades WHERE trade_id = 't5'", []engagement.Finding{finding("V4", "user 3 on 2026-01-04", "wins"), finding("V4", "user 3 on 2026-01-04", "pnl_micros")}, true},
		{"a trade's P&L", "UPDATE trades SET pnl_micros = pnl_micros + 1 WHERE trade_id = 't5'", []engagement.Finding{finding("V4", "user 3 on 2026-01-04", "pnl_micros")}, true},
		{"a trade's outcome", "UPDATE trades SET outcome = 'loss' WHERE trade_id = 't5'", []engagement.Finding{finding("V4", "user 3 on 2026-01-04", "wins"), finding("V4", "user 3 on 2026-01-04", "losses")}, true},

		{"a trigger", "CREATE TRIGGER sneaky AFTER INSERT ON signal_fires BEGIN DELETE FROM days; END", []engagement.Finding{finding("V5", "schema", "structure")}, false},
		{"a lost index", "DROP INDEX idx_user_stats_pnl", []engagement.Finding{finding("V5", "schema", "structure")}, false},
		{"an index under the right name on the wrong columns", "DROP INDEX idx_user_stats_pnl; CREATE INDEX idx_user_stats_pnl ON user_stats(wins)", []engagement.Finding{finding("V5", "schema", "structure")}, false},
		{"an index that makes something unique", "CREATE UNIQUE INDEX one_fire_a_day ON signal_fires(user_id, signal_id, day)", []engagement.Finding{finding("V5", "schema", "structure")}, false},
		{"a column too many", "ALTER TABLE user_stats ADD COLUMN nickname TEXT", []engagement.Finding{finding("V5", "schema", "structure")}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn := context.Background(), freshFile(t)
			db := openVaried(t, dsn)
			before := read(t, db)
			tamper(t, dsn, tt.change)

			report := must(db.Verify(ctx))(t)
			found(t, report, tt.want...)
			if report.OK() {
				t.Error("the report is OK")
			}

			var options []engagement.RebuildOption
			if slices.Contains(lossy, tt.name) {
				_, err := db.Rebuild(ctx)
				wantError(t, err, engagement.ErrCorrupt)
				options = append(options, engagement.AcceptLoss())
			}
			rebuilt := must(db.Rebuild(ctx, options...))(t)
			after := must(db.Verify(ctx))(t)
			if !tt.repaired {
				same(t, "findings after Rebuild", after.Findings, report.Findings)
				return
			}
			same(t, "Rebuild's findings", rebuilt.Findings, []engagement.Finding{})
			same(t, "what Rebuild put right", rebuilt.Repaired, report.Findings)
			same(t, "findings after Rebuild", after.Findings, []engagement.Finding{})
			if strings.HasPrefix(tt.change, "UPDATE user_stats") || strings.HasPrefix(tt.change, "UPDATE signal_metrics") || strings.HasPrefix(tt.change, "UPDATE days") {
				same(t, "contents after Rebuild", read(t, db), before)
			}
		})
	}
}

// lossy are the damages above that Rebuild puts right only if the loss is accepted:
// the only fact of a day, and a count without facts that others contradict.
var lossy = []string{"a lost trade"}

// TestEveryCounterColumnIsTried fails when a counter is added that the test
// above does not know.
func TestEveryCounterColumnIsTried(t *testing.T) {
	t.Parallel()
	dsn := freshFile(t)
	openVaried(t, dsn)
	db, err := sql.Open("sqlite3", "file:"+dsn+"?mode=ro")
	noError(t, err)
	defer db.Close()
	rows, err := db.Query(`
		SELECT m.name || '.' || c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c
		WHERE m.name IN ('user_stats', 'signal_metrics', 'days', 'user_days', 'signal_days') AND c.pk = 0
		ORDER BY 1`)
	noError(t, err)
	defer rows.Close()
	var columns []string
	for rows.Next() {
		var column string
		noError(t, rows.Scan(&column))
		columns = append(columns, column)
	}
	noError(t, rows.Err())
	same(t, "columns that are no key", columns, []string{
		"days.active_users", "days.executed", "days.fires", "days.losses", "days.new_users", "days.wins",
		"signal_days.executed", "signal_days.fires",
		"signal_metrics.active_users", "signal_metrics.created_at", "signal_metrics.total_fires", // created_at is no count
		"user_days.draws", "user_days.executed", "user_days.fires", "user_days.losses", "user_days.pnl_micros", "user_days.wins",
		"user_stats.draws", "user_stats.executed", "user_stats.first_day", "user_stats.freezes", "user_stats.last_updated", "user_stats.losses", "user_stats.pnl", "user_stats.pnl_micros", // nor is last_updated
		"user_stats.streak_end", "user_stats.streak_length", "user_stats.streak_longest", "user_stats.streak_start", "user_stats.streak_until",
		"user_stats.total_fires", "user_stats.win_bound", "user_stats.win_rate", "user_stats.wins",
	})
}

func TestVerifyFindsDamageOfTheFile(t *testing.T) {
	t.Parallel()
	dsn := freshFile(t)
	db := openVaried(t, dsn)
	// An index that no longer agrees with its table, which a sound file cannot have.
	tamper(t, dsn, "PRAGMA writable_schema = ON",
		"UPDATE sqlite_master SET sql = 'CREATE INDEX idx_trades_closed_at ON trades(pnl_micros)' WHERE name = 'idx_trades_closed_at'")
	noError(t, db.Close())
	db = openAt(t, dsn, newClock(noon).option())
	report := must(db.Verify(context.Background()))(t)
	found := slices.ContainsFunc(report.Findings, func(f engagement.Finding) bool {
		return f.Invariant == "V5" && strings.Contains(f.Stored, "integrity check")
	})
	if !found {
		t.Errorf("the damage is not among %v", report.Findings)
	}
}

func TestVerifyListsAtMostSoManyFindingsOfAKind(t *testing.T) {
	t.Parallel()
	dsn := freshFile(t)
	db := openAt(t, dsn, newClock(noon).option())
	var fires []engagement.Fire
	for user := range engagement.MaxFindings + 20 {
		fires = append(fires, engagement.Fire{UserID: int64(user + 1), SignalID: "A"})
	}
	must(db.RecordFires(context.Background(), fires))(t)
	tamper(t, dsn, "UPDATE user_stats SET total_fires = 7")
	same(t, "findings", len(must(db.Verify(context.Background()))(t).Findings), engagement.MaxFindings)
	must(db.Rebuild(context.Background()))(t)
	proven(t, db)
}

func TestVerifyCountsWhatAnotherProgramInserted(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	db := openVaried(t, dsn)
	users := must(db.Verify(ctx))(t).Users
	tamper(t, dsn,
		"INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES (50, 'X_1', '2026-01-13 10:00:00', 1)",
		"INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at) VALUES (51, 'x', 2500000, 'win', '2026-01-13 10:00:00')")
	same(t, "uncounted facts", proven(t, db).Uncounted, int64(2))

	report := must(db.Rebuild(ctx))(t)
	same(t, "uncounted facts after Rebuild", report.Uncounted, int64(0))
	same(t, "users after Rebuild", report.Users, users+2)
	same(t, "fires of the new user", must(db.UserStats(ctx, 50))(t).TotalFires, int64(1))
	same(t, "P&L of the new user", must(db.UserStats(ctx, 51))(t).PnL, 2.5)
	proven(t, db)
}

func TestVerifyIsProvenBySeveralAtOnce(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		fireOn(t, db, 1, noon)
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				report, err := db.Verify(ctx)
				if err != nil || !report.OK() {
					t.Errorf("Verify: %v %v", report.Findings, err)
				}
			})
		}
		wg.Wait()
	})
}

func TestFindingSaysWhatIsWrong(t *testing.T) {
	f := engagement.Finding{Invariant: "V1", Subject: "user 1", Field: "wins", Stored: "3", Expected: "2"}
	same(t, "String", f.String(), "V1: user 1: wins is 3, want 2")
}
