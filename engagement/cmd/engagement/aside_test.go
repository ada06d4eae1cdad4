package main

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// spoil stores rows that cannot be facts, as another program would.
func spoil(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		"INSERT INTO signal_fires (id, user_id, signal_id, timestamp) VALUES (101, 'bob', 'EURUSD_LONG_001', '2026-01-31 10:00:00')",
		"INSERT INTO signal_fires (id, user_id, signal_id, timestamp) VALUES (102, 1, '', '2026-01-31 10:00:00')",
		"INSERT INTO trades (id, user_id, trade_id, pnl_micros, outcome, closed_at) VALUES (103, 1, 'spoilt', '12 USD', 'win', '2026-01-31 10:00:00')",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRowsSetAsideAreListedMendedAndDeleted(t *testing.T) {
	path := sampleDB(t)
	before := decode[engagement.Report](t, mustRun(t, "verify", "--db", path, "--json"))
	spoil(t, path)
	mustRun(t, "rebuild", "--db", path)
	report := decode[engagement.Report](t, mustRun(t, "verify", "--db", path, "--json"))
	if report.Aside != 3 || report.Fires != before.Fires || !report.OK() {
		t.Errorf("verify: %+v", report)
	}
	if got := mustRun(t, "verify", "--db", path); !strings.Contains(got, "set aside, in no figure: 3 rows") ||
		!strings.Contains(got, "signal_fires, row 101: user id: want a whole number of 64 bits") {
		t.Errorf("verify says:\n%s", got)
	}
	checkText(t, mustRun(t, "aside", "list", "--db", path), `table         row  user  signal           trade   time                 wrong
signal_fires  101  bob   EURUSD_LONG_001          2026-01-31 10:00:00  user id: want a whole number of 64 bits
signal_fires  102  1                              2026-01-31 10:00:00  signal id: it is empty
trades        103  1                      spoilt  2026-01-31 10:00:00  P&L in millionths: want a whole number of 64 bits
`)
	for args, want := range map[string]string{
		"aside mend signal_fires 101":          "user id",
		"aside mend signal_fires 101 --pnl 3":  "a row of signal_fires has no such value",
		"aside mend trades 103 --user 1":       "P&L",
		"aside mend trades 103 --executed":     "a row of trades has no such value",
		"aside mend notes 1":                   "want signal_fires or trades",
		"aside delete trades first":            "want a whole number",
		"aside delete trades 999":              "not found",
		"aside mend signal_fires 999 --user 1": "not found",
	} {
		if got := run(t, append(strings.Fields(args), "--db", path)...); got.code == exitOK || !strings.Contains(got.err, want) {
			t.Errorf("%s: %+v", args, got)
		}
	}
	checkText(t, mustRun(t, "aside", "mend", "signal_fires", "101", "--user", "9", "--executed", "--db", path), "recorded: signal_fires, row 101\n")
	checkText(t, mustRun(t, "aside", "mend", "trades", "103", "--pnl", "12", "--db", path), "recorded: trades, row 103\n")
	checkText(t, mustRun(t, "aside", "delete", "signal_fires", "102", "--db", path), "deleted signal_fires, row 102: signal id: it is empty\n")
	report = decode[engagement.Report](t, mustRun(t, "verify", "--db", path, "--json"))
	if report.Aside != 0 || report.Fires != before.Fires+1 || report.Trades != before.Trades+1 || !report.OK() {
		t.Errorf("verify in the end: %+v", report)
	}
}
