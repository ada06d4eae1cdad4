package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestEveryCommandAnswersPeopleAndPrograms(t *testing.T) {
	for _, tt := range []struct {
		name string
		args string
		text string
		json string
	}{
		{
			name: "a new fire is recorded",
			args: "fire 9 EURUSD_LONG_003 --executed --at 2026-01-31T10:00:00+02:00",
			text: "recorded: user 9 fired EURUSD_LONG_003\n",
			json: `{"user_id": 9, "signal_id": "EURUSD_LONG_003", "outcome": "recorded"}`,
		},
		{
			name: "a fire that is repeated with its execution is marked",
			args: "fire 1 GBPUSD_001 --executed",
			text: "marked as executed: user 1 fired GBPUSD_001\n",
			json: `{"user_id": 1, "signal_id": "GBPUSD_001", "outcome": "marked_executed"}`,
		},
		{
			name: "a repeated fire is a duplicate",
			args: "fire 1 EURUSD_LONG_001",
			text: "known already, nothing changed: user 1 fired EURUSD_LONG_001\n",
			json: `{"user_id": 1, "signal_id": "EURUSD_LONG_001", "outcome": "duplicate"}`,
		},
		{
			name: "a user with a negative id needs no special writing",
			args: "fire -100123 EURUSD_LONG_001",
			text: "recorded: user -100123 fired EURUSD_LONG_001\n",
			json: `{"user_id": -100123, "signal_id": "EURUSD_LONG_001", "outcome": "recorded"}`,
		},
		{
			name: "a loss needs no special writing",
			args: "trade 2 t9 -12.5 --signal EURUSD_LONG_001 --closed-at 2026-01-31T11:00:00Z",
			text: "recorded: user 2 closed trade t9 with -12.50\n",
			json: `{"user_id": 2, "trade_id": "t9", "outcome": "recorded"}`,
		},
		{
			name: "a loss may stand behind two dashes",
			args: "trade 2 t9 --result draw -- -.5",
			text: "recorded: user 2 closed trade t9 with -0.50\n",
			json: `{"user_id": 2, "trade_id": "t9", "outcome": "recorded"}`,
		},
		{
			name: "a repeated trade is a duplicate",
			args: "trade 1 t2 -50.25",
			text: "known already, nothing changed: user 1 closed trade t2 with -50.25\n",
			json: `{"user_id": 1, "trade_id": "t2", "outcome": "duplicate"}`,
		},
		{
			name: "stats shows today",
			args: "stats",
			text: `
as of           2026-01-31 12:00:00 UTC
fires today     2
executed        1, 50.0%
active users    2
fires per user  1.00
most fired      EURUSD_LONG_001 (1)
`,
			json: `{
				"total_fires_today": 2, "executed_fires_today": 1, "active_users_today": 2,
				"most_fired_signal": {"signal_id": "EURUSD_LONG_001", "fire_count": 1},
				"avg_fires_per_user": 1, "execution_rate": 0.5,
				"day": "2026-01-31", "timestamp": "2026-01-31T12:00:00Z"
			}`,
		},
		{
			name: "user shows totals, streak and ranks",
			args: "user 1",
			text: `
user            1
fires           3, rank 1
executed        2, 66.7%
last 7 days     3 fires
favorite        EURUSD_LONG (2)
trades          1 won, 1 lost, 0 drawn
win rate        50.0%, rank 1
P&L             1,100.50, rank 1
streak          3 days, longest 3 days
kept by firing  before 2026-02-02 00:00:00 UTC
last change     2026-01-31 12:00:00 UTC
`,
			json: `{
				"user_id": 1, "total_fires": 3, "wins": 1, "losses": 1, "draws": 0,
				"win_rate": 0.5, "pnl": 1100.5, "last_updated": "2026-01-31T12:00:00Z",
				"executed_fires": 2, "execution_rate": 0.6666666666666666, "recent_fires_7d": 3,
				"favorite_signal": {"signal_id": "EURUSD_LONG", "fire_count": 2},
				"current_streak": 3, "longest_streak": 3, "streak_expires": "2026-02-02T00:00:00Z",
				"timestamp": "2026-01-31T12:00:00Z",
				"ranks": {"total_fires": 1, "win_rate": 1, "pnl": 1}
			}`,
		},
		{
			name: "user tells of a broken streak",
			args: "user -7",
			text: `
user         -7
fires        1, rank 2
executed     1, 100.0%
last 7 days  0 fires
favorite     EURUSD_LONG (1)
trades       0 won, 0 lost, 0 drawn
win rate     0.0%, rank 2
P&L          0.00, rank 2
streak       0 days, longest 1 day
last change  2026-01-31 12:00:00 UTC
`,
			json: `{
				"user_id": -7, "total_fires": 1, "wins": 0, "losses": 0, "draws": 0,
				"win_rate": 0, "pnl": 0, "last_updated": "2026-01-31T12:00:00Z",
				"executed_fires": 1, "execution_rate": 1, "recent_fires_7d": 0,
				"favorite_signal": {"signal_id": "EURUSD_LONG", "fire_count": 1},
				"current_streak": 0, "longest_streak": 1, "streak_expires": null,
				"timestamp": "2026-01-31T12:00:00Z",
				"ranks": {"total_fires": 2, "win_rate": 2, "pnl": 2}
			}`,
		},
		{
			name: "signal shows its totals and latest fires",
			args: "signal EURUSD_LONG_001 --limit 2",
			text: `
signal      EURUSD_LONG_001
fires       3
first fire  2025-12-02 12:00:00 UTC

latest fires             user  executed
2026-01-31 08:00:00 UTC     2  yes
2026-01-29 12:00:00 UTC     1  yes
`,
			json: `{
				"signal_id": "EURUSD_LONG_001", "total_fires": 3, "active_users": 3,
				"created_at": "2025-12-02T12:00:00Z",
				"latest_fires": [
					{"id": 5, "user_id": 2, "signal_id": "EURUSD_LONG_001", "timestamp": "2026-01-31T08:00:00Z", "executed": true},
					{"id": 2, "user_id": 1, "signal_id": "EURUSD_LONG_001", "timestamp": "2026-01-29T12:00:00Z", "executed": true}
				]
			}`,
		},
		{
			name: "leaderboard goes by fires unless told",
			args: "leaderboard --limit 2",
			text: `
rank  user  fires  win rate  wins  losses  draws       P&L
   1     1      3     50.0%     1       1      0  1,100.50
   2    -7      1      0.0%     0       0      0      0.00
`,
			json: `[
				{"rank": 1, "user_id": 1, "total_fires": 3, "wins": 1, "losses": 1, "draws": 0,
				 "win_rate": 0.5, "pnl": 1100.5, "last_updated": "2026-01-31T12:00:00Z"},
				{"rank": 2, "user_id": -7, "total_fires": 1, "wins": 0, "losses": 0, "draws": 0,
				 "win_rate": 0, "pnl": 0, "last_updated": "2026-01-31T12:00:00Z"}
			]`,
		},
		{
			name: "leaderboard goes by P&L",
			args: "leaderboard pnl --limit 1",
			text: `
rank  user  fires  win rate  wins  losses  draws       P&L
   1     1      3     50.0%     1       1      0  1,100.50
`,
			json: `[{"rank": 1, "user_id": 1, "total_fires": 3, "wins": 1, "losses": 1, "draws": 0,
				"win_rate": 0.5, "pnl": 1100.5, "last_updated": "2026-01-31T12:00:00Z"}]`,
		},
		{
			name: "leaderboard goes by streak",
			args: "leaderboard streak",
			text: `
rank  user  streak  longest  kept by firing before
   1     1       3        3  2026-02-02 00:00:00 UTC
   2     2       1        1  2026-02-02 00:00:00 UTC
`,
			json: `[
				{"rank": 1, "user_id": 1, "current_streak": 3, "longest_streak": 3, "streak_expires": "2026-02-02T00:00:00Z", "freezes": 0},
				{"rank": 2, "user_id": 2, "current_streak": 1, "longest_streak": 1, "streak_expires": "2026-02-02T00:00:00Z", "freezes": 0}
			]`,
		},
		{
			name: "streak explains each day",
			args: "streak 1",
			text: `
user            1
streak          3 days, longest 3 days
kept by firing  before 2026-02-02 00:00:00 UTC
freezes         0 left

day         weekday   kind
2026-01-29  Thursday  active
2026-01-30  Friday    active
2026-01-31  Saturday  active

milestone  reached on  streak since
        3  2026-01-31  2026-01-29
`,
			json: `{
				"user_id": 1, "current_streak": 3, "longest_streak": 3, "streak_expires": "2026-02-02T00:00:00Z", "freezes": 0,
				"days": [
					{"day": "2026-01-29", "kind": "active"}, {"day": "2026-01-30", "kind": "active"}, {"day": "2026-01-31", "kind": "active"}
				],
				"awards": [{"milestone": 3, "streak_start": "2026-01-29", "day": "2026-01-31", "awarded_at": "2026-01-31T12:00:00Z"}],
				"granted_freezes": []
			}`,
		},
		{
			name: "streak rules shows the rules",
			args: "streak rules",
			text: "days of rest  none\nmilestones    3, 7, 14, 30, 60, 100, 180, 365\nfreeze cap    2\n",
			json: `{"rest_days": [], "milestones": [3, 7, 14, 30, 60, 100, 180, 365], "freeze_cap": 2}`,
		},
		{
			name: "streak rules sets what is named",
			args: "streak rules --rest sun,Saturday --milestones 5,10",
			text: "days of rest  Sunday, Saturday\nmilestones    5, 10\nfreeze cap    2\n",
			json: `{"rest_days": ["sunday", "saturday"], "milestones": [5, 10], "freeze_cap": 2}`,
		},
		{
			name: "streak rules can be none",
			args: "streak rules --rest none --milestones none --freeze-cap 0",
			text: "days of rest  none\nmilestones    none\nfreeze cap    0\n",
			json: `{"rest_days": [], "milestones": [], "freeze_cap": 0}`,
		},
		{
			name: "freeze grant grants a freeze",
			args: "freeze grant 1 g1",
			text: "recorded: freeze g1 of user 1\n",
			json: `{"user_id": 1, "grant_id": "g1", "outcome": "recorded"}`,
		},
		{
			name: "freeze grant takes a negative id",
			args: "freeze grant -7 g1",
			text: "recorded: freeze g1 of user -7\n",
			json: `{"user_id": -7, "grant_id": "g1", "outcome": "recorded"}`,
		},
		{
			name: "daily draws the last days",
			args: "daily --days 4",
			text: `
day         fires  executed    rate  users
2026-01-28      0         0    0.0%      0
2026-01-29      1         1  100.0%      1  ████████████████████
2026-01-30      1         1  100.0%      1  ████████████████████
2026-01-31      2         1   50.0%      2  ████████████████████░░░░░░░░░░░░░░░░░░░░ so far
`,
			json: `[
				{"day": "2026-01-28", "fires": 0, "executed": 0, "active_users": 0, "execution_rate": 0, "partial": false},
				{"day": "2026-01-29", "fires": 1, "executed": 1, "active_users": 1, "execution_rate": 1, "partial": false},
				{"day": "2026-01-30", "fires": 1, "executed": 1, "active_users": 1, "execution_rate": 1, "partial": false},
				{"day": "2026-01-31", "fires": 2, "executed": 1, "active_users": 2, "execution_rate": 0.5, "partial": true}
			]`,
		},
		{
			name: "daily shows a range",
			args: "daily --from 2025-12-02 --to 2025-12-02",
			text: `
day         fires  executed    rate  users
2025-12-02      1         1  100.0%      1  ████████████████████████████████████████
`,
			json: `[{"day": "2025-12-02", "fires": 1, "executed": 1, "active_users": 1, "execution_rate": 1, "partial": false}]`,
		},
		{
			name: "cleanup says what it would delete",
			args: "cleanup --keep-days 30 --dry-run",
			text: "would delete 1 fire of the days before 2026-01-01; totals stay as they are\n",
			json: `{"horizon": "2026-01-01", "fires_deleted": 1, "dry_run": true}`,
		},
		{
			name: "cleanup deletes old fires",
			args: "cleanup --keep-days 30",
			text: "deleted 1 fire of the days before 2026-01-01; totals stay as they are\n",
			json: `{"horizon": "2026-01-01", "fires_deleted": 1, "dry_run": false}`,
		},
		{
			name: "erase deletes a user",
			args: "erase 1 --yes",
			text: "erased user 1: 3 fires, 2 trades, 3 days\n",
			json: `{"user_id": 1, "fires": 3, "trades": 2, "days": 3, "erased_at": "2026-01-31T12:00:00Z"}`,
		},
		{
			name: "verify proves the figures",
			args: "verify",
			text: "recomputed 3 users, 3 signals and 4 days from 5 fires and 3 trades: 0 differences\n",
			json: `{"users": 3, "signals": 3, "days": 4, "fires": 5, "trades": 3, "uncounted": 0,
				"horizon": "1970-01-02", "findings": []}`,
		},
		{
			name: "rebuild has nothing to put right",
			args: "rebuild",
			text: "recomputed 3 users, 3 signals and 4 days from 5 fires and 3 trades: put right 0 differences\n",
			json: `{"users": 3, "signals": 3, "days": 4, "fires": 5, "trades": 3, "uncounted": 0,
				"horizon": "1970-01-02", "findings": []}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := strings.Fields(tt.args)
			// The flag comes first, because two dashes end the flags.
			checkText(t, mustRun(t, append([]string{"--db", sampleDB(t)}, args...)...), strings.TrimPrefix(tt.text, "\n"))
			checkJSON(t, mustRun(t, append([]string{"--json", "--db", sampleDB(t)}, args...)...), tt.json)
		})
	}
}

func TestMigrateMakesADatabaseInATimeZone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "engagement.db")
	checkText(t, mustRun(t, "migrate", "--db", path, "--timezone", "Europe/Berlin"),
		"made: "+path+" (days begin and end in Europe/Berlin)\n")
	want, err := json.Marshal(migrateOutput{Database: path, Timezone: "Europe/Berlin", Backups: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	checkJSON(t, mustRun(t, "migrate", "--db", path, "--json"), string(want))
	if got := mustRun(t, "stats", "--db", path); !strings.Contains(got, "2026-01-31 13:00:00 CET") {
		t.Errorf("stats are not in the database's time zone:\n%s", got)
	}
}

func TestMigrateTakesOverThePredecessorsFileAndShowsItsBackup(t *testing.T) {
	path := predecessorDB(t)
	out := decode[migrateOutput](t, mustRun(t, "migrate", "--db", path, "--json"))
	if out.Made || len(out.Backups) != 1 {
		t.Fatalf("got %+v, want an existing database and one backup", out)
	}
	if _, err := os.Stat(out.Backups[0]); err != nil {
		t.Error(err)
	}
	report := decode[engagement.Report](t, mustRun(t, "verify", "--db", path, "--json"))
	if report.Fires == 0 || report.Uncounted != 0 {
		t.Errorf("got %d fires and %d not counted, want some and none", report.Fires, report.Uncounted)
	}
}

func predecessorDB(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "testdata", "predecessor.db"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "predecessor.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheEnvironmentNamesTheDatabase(t *testing.T) {
	t.Setenv("ENGAGEMENT_DB", sampleDB(t))
	if got := mustRun(t, "user", "2"); !strings.Contains(got, "fires           1, rank 2") {
		t.Errorf("got %s", got)
	}
	if r := run(t, "user", "2", "--db", filepath.Join(t.TempDir(), "other.db")); r.code != exitFailure {
		t.Errorf("--db did not win over the environment: %+v", r)
	}
}

func TestExportWritesEverythingAboutAUser(t *testing.T) {
	db := sampleDB(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "user.json")
	if err := os.WriteFile(path, []byte("older"), 0o644); err != nil {
		t.Fatal(err)
	}

	stdout := mustRun(t, "export", "1", "--db", db)
	export := decode[engagement.UserExport](t, stdout)
	if len(export.SignalFires) != 3 || len(export.Trades) != 2 || export.UserStats.PnL != 1100.5 {
		t.Errorf("got %s", stdout)
	}
	size := int64(len(stdout))
	checkText(t, mustRun(t, "export", "1", "--db", db, "--output", path), "wrote "+path+" ("+cellText(size)+" bytes)\n")
	got := decode[fileOutput](t, mustRun(t, "export", "1", "--db", db, "--output", path, "--json"))
	if want := (fileOutput{path, size}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, string(content), stdout)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, want only the owner to read it", info.Mode().Perm())
	}
	checkFiles(t, dir, "user.json")
}

func TestAFailedExportLeavesTheFileAsItWas(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "user.json")
	if err := os.WriteFile(path, []byte("older"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := run(t, "export", "404", "--db", sampleDB(t), "--output", path); r.code != exitFailure {
		t.Fatalf("got %+v", r)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, string(content), "older")
	checkFiles(t, dir, "user.json")
}

func checkFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	checkText(t, strings.Join(names, " "), strings.Join(want, " "))
}

func TestBackupCopiesTheDatabase(t *testing.T) {
	db := sampleDB(t)
	path := filepath.Join(t.TempDir(), "copy.db")
	out := decode[fileOutput](t, mustRun(t, "backup", path, "--db", db, "--json"))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := (fileOutput{path, info.Size()}); out != want {
		t.Errorf("got %+v, want %+v", out, want)
	}
	checkText(t, mustRun(t, "user", "1", "--db", path), mustRun(t, "user", "1", "--db", db))
	other := filepath.Join(t.TempDir(), "copy.db")
	checkText(t, mustRun(t, "backup", other, "--db", db),
		"backed up to "+other+" and verified ("+cellText(info.Size())+" bytes)\n")
}

func TestADryRunChangesNothing(t *testing.T) {
	db := sampleDB(t)
	before, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, "cleanup", "--keep-days", "1", "--dry-run", "--db", db)
	after, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("the file has changed")
	}
}

func TestCleanupKeepsTotals(t *testing.T) {
	db := sampleDB(t)
	before := mustRun(t, "leaderboard", "--db", db) + mustRun(t, "daily", "--days", "90", "--db", db)
	mustRun(t, "cleanup", "--keep-days", "1", "--db", db)
	checkText(t, mustRun(t, "leaderboard", "--db", db)+mustRun(t, "daily", "--days", "90", "--db", db), before)
	if report := decode[engagement.Report](t, mustRun(t, "verify", "--json", "--db", db)); report.Fires != 3 {
		t.Errorf("%d fires are left, want 3", report.Fires)
	}
}

func TestVerifyFailsOnAWrongFigureAndRebuildPutsItRight(t *testing.T) {
	db := sampleDB(t)
	execSQL(t, db, "UPDATE user_stats SET total_fires = 99 WHERE user_id = 1")

	r := run(t, "verify", "--db", db)
	finding := "V1: user 1: total_fires is 99, want 3\n"
	want := "recomputed 3 users, 3 signals and 4 days from 5 fires and 3 trades: 1 difference\n" + finding
	if r.code != exitFailure {
		t.Errorf("exit code %d, want %d", r.code, exitFailure)
	}
	checkText(t, r.out, want)
	checkText(t, r.err, "engagement: verify: 1 difference\n")

	r = run(t, "verify", "--db", db, "--json")
	report := decode[engagement.Report](t, r.out)
	if r.code != exitFailure || len(report.Findings) != 1 {
		t.Errorf("exit code %d with %+v", r.code, report)
	}

	checkText(t, mustRun(t, "rebuild", "--db", db),
		"recomputed 3 users, 3 signals and 4 days from 5 fires and 3 trades: put right 1 difference\n"+finding)
	mustRun(t, "verify", "--db", db)
}

func TestVerifyTellsOfFactsThatNobodyCounted(t *testing.T) {
	db := sampleDB(t)
	execSQL(t, db, "INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES (3, 'X_1', '2026-01-30 10:00:00.000000', 1)")
	if got := mustRun(t, "verify", "--db", db); !strings.Contains(got, "not counted yet: 1 fact;") {
		t.Errorf("got %s", got)
	}
	mustRun(t, "migrate", "--db", db)
	if got := mustRun(t, "user", "3", "--db", db); !strings.Contains(got, "fires           1, rank 2") {
		t.Errorf("got %s", got)
	}
}

func TestVerboseLogsToStderr(t *testing.T) {
	db := sampleDB(t)
	r := run(t, "user", "1", "--db", db, "--verbose")
	if r.code != exitOK || !strings.Contains(r.err, "level=DEBUG") {
		t.Errorf("got %+v", r)
	}
	checkText(t, r.out, mustRun(t, "user", "1", "--db", db))
}
