package engagement_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestFactsWhoseDayIsWrongAreMovedToThatOfTheirTime(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		for name, statements := range map[string][]string{
			"on day 0":           {"UPDATE signal_fires SET day = 0", "UPDATE trades SET day = 0"},
			"before that":        {"UPDATE signal_fires SET day = -7", "UPDATE trades SET day = -3"},
			"on a later day":     {"UPDATE signal_fires SET day = day + 1", "UPDATE trades SET day = day - 1 WHERE user_id = 1"},
			"on some day":        {"UPDATE signal_fires SET day = 0 WHERE user_id = 2", "UPDATE trades SET day = 5 WHERE user_id = 1"},
			"counters of no day": {"INSERT INTO user_days (user_id, day, fires, executed) VALUES (1, 0, 5, 5), (2, -4, 0, 0)", "INSERT INTO signal_days (signal_id, day, fires) VALUES ('S_0', 0, 3), ('S_1', -9, 0)", "INSERT INTO days (day, fires, active_users) VALUES (0, 3, 1), (-8, 0, 0)"},
		} {
			t.Run(e.name+", "+name, func(t *testing.T) {
				t.Parallel()
				dsn := e.migrated(t)
				db := openVaried(t, dsn)
				before := read(t, db)
				days := "SELECT CAST(day AS TEXT) FROM signal_fires UNION ALL SELECT CAST(day AS TEXT) FROM trades UNION ALL SELECT CAST(day AS TEXT) FROM user_days UNION ALL SELECT CAST(day AS TEXT) FROM signal_days ORDER BY 1"
				stored := inDatabase(t, dsn, days)
				alter(t, dsn, statements...)
				if report := must(db.Verify(t.Context()))(t); report.OK() {
					t.Error("Verify finds nothing")
				}
				must(db.Rebuild(t.Context()))(t)
				same(t, "figures", read(t, db), before)
				same(t, "days", inDatabase(t, dsn, days), stored)
			})
		}
	}
}

// toUser returns statements that give some rows to another user, in a form that
// moves them to where that user's are. columns are all but user_id.
func toUser(table, columns string, user int64, where string) string {
	return fmt.Sprintf("INSERT INTO %[1]s (user_id, %[2]s) SELECT %[3]d, %[2]s FROM %[1]s WHERE %[4]s; DELETE FROM %[1]s WHERE user_id <> %[3]d AND %[4]s",
		table, columns, user, where)
}

func TestCountedRowsThatCannotBeReadAreFoundAndSetAside(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		statements := map[string]string{
			"a fire of user 0":          toUser("signal_fires", "signal_id, timestamp, executed, day", 0, "user_id = 1 AND signal_id = 'S_0'"),
			"a fire without a signal":   "UPDATE signal_fires SET signal_id = '' WHERE user_id = 1 AND signal_id = 'S_0'",
			"a fire of long ago":        "UPDATE signal_fires SET timestamp = '1969-01-01' WHERE user_id = 1 AND signal_id = 'S_0'",
			"a trade that is too large": "UPDATE trades SET pnl_micros = 9100000000000000000 WHERE user_id = 1 AND trade_id = 't0'",
		}
		if e.name == "sqlite" {
			for name, change := range map[string]string{
				"a user that is a word": "user_id = 'bob'", "a user that is bytes": "user_id = x'31'", "a signal that is bytes": "signal_id = x'535f30'",
				"a time that is bytes": "timestamp = x'00'", "a time that is garbage": "timestamp = 'garbage'",
				"an execution that is none": "executed = 'perhaps'", "a fraction of a user": "user_id = 1.5",
			} {
				statements["a fire with "+name] = "UPDATE signal_fires SET " + change + " WHERE user_id = 1 AND signal_id = 'S_0'"
			}
			for name, change := range map[string]string{
				"a user that is a word": "user_id = 'bob'", "an id that is bytes": "trade_id = x'00'", "a signal that is bytes": "signal_id = x'41'",
				"a P&L that is text": "pnl_micros = '12 USD'", "a P&L with a fraction": "pnl_micros = 1.5", "an outcome that is none": "outcome = 'tie'",
				"a time that is bytes": "closed_at = x'00'", "a time that is garbage": "closed_at = 'garbage'",
			} {
				statements["a trade with "+name] = "UPDATE trades SET " + change + " WHERE user_id = 1 AND trade_id = 't0'"
			}
		} else {
			statements["a fire of infinity"] = "UPDATE signal_fires SET timestamp = 'infinity' WHERE user_id = 1 AND signal_id = 'S_0'"
			statements["a trade of infinity"] = "UPDATE trades SET closed_at = '-infinity' WHERE user_id = 1 AND trade_id = 't0'"
		}
		for name, statement := range statements {
			t.Run(e.name+", "+name, func(t *testing.T) {
				t.Parallel()
				ctx, dsn := soon(t), e.migrated(t)
				openVaried(t, dsn)
				alter(t, dsn, statement)
				db := openAt(t, dsn, newClock(noon).option()) // it opens
				report := must(db.Verify(ctx))(t)
				named := func(f engagement.Finding) bool {
					return f.Invariant == "V4" && f.Field == "row" && f.Expected == "a fact"
				}
				if !slices.ContainsFunc(report.Findings, named) {
					t.Errorf("the row is not named: %v", report.Findings)
				}
				must(db.Rebuild(ctx))(t)
				if name != "a trade with an outcome that is none" { // it breaks a CHECK of the table (V5) until it is gone
					proven(t, db)
				}
				report = must(db.Verify(ctx))(t)
				same(t, "set aside", report.Aside, int64(1))
				must(db.DeleteAside(ctx, report.AsideRows[0].Table, report.AsideRows[0].ID))(t)
				same(t, "put right later", must(db.Rebuild(ctx))(t).Repaired, []engagement.Finding{})
			})
		}
		t.Run(e.name+", a day that is none of the calendar's", func(t *testing.T) {
			t.Parallel()
			if e.name != "sqlite" {
				return // it keeps to numbers
			}
			dsn := e.migrated(t)
			db := openVaried(t, dsn)
			before := read(t, db)
			alter(t, dsn, "UPDATE signal_fires SET day = 'friday' WHERE user_id = 1", "UPDATE trades SET day = 1.5 WHERE user_id = 1")
			db = openAt(t, dsn, newClock(noon).option())
			if must(db.Verify(t.Context()))(t).OK() {
				t.Error("Verify finds nothing")
			}
			must(db.Rebuild(t.Context()))(t)
			same(t, "figures", read(t, db), before)
		})
	}
}

func TestSumsBeyond64BitsStopNeitherVerifyNorRebuild(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.migrated(t)
			db := openVaried(t, dsn)
			for i := range 3 {
				alter(t, dsn, fmt.Sprintf("INSERT INTO trades (%s, day) VALUES (1, 'huge%d', '', 9000000000000000000, 'win', '2026-01-14 09:00:00', %s)", tradeColumns, i, recentDay))
			}
			report := must(db.Verify(t.Context()))(t)
			i := slices.IndexFunc(report.Findings, func(f engagement.Finding) bool { return f.Field == "pnl_micros" })
			if i < 0 || report.Findings[i].Expected != "26999999999998000000" {
				t.Errorf("findings: %v", report.Findings)
			}
			if _, err := db.Rebuild(t.Context()); err != nil {
				wantError(t, err, engagement.ErrCorrupt)
			}
		})
	}
}
