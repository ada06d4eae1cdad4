package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// commandTest is a command line and what it prints.
type commandTest struct {
	name string
	args string
	text string
	json string
}

func TestEveryCommandAnswersPeopleAndPrograms(t *testing.T) {
	for _, tt := range slices.Concat(recordingCommands, listingCommands, explainingCommands) {
		t.Run(tt.name, func(t *testing.T) {
			args := strings.Fields(tt.args)
			// The flag comes first, because two dashes end the flags.
			checkText(t, withoutCursors(mustRun(t, append([]string{"--db", sampleDB(t)}, args...)...)), strings.TrimPrefix(tt.text, "\n"))
			checkJSON(t, withoutCursors(mustRun(t, append([]string{"--json", "--db", sampleDB(t)}, args...)...)), tt.json)
		})
	}
}

func TestHoursShowsTheHoursOfTheWeek(t *testing.T) {
	db := sampleDB(t)
	text := mustRun(t, "hours", "--db", db)
	for _, want := range []string{
		"5 fires of all time, kept from 1970-01-02 on\n",
		"hour  Mon  Tue  Wed  Thu  Fri  Sat  Sun  MTWTFSS\n",
		"08      0    0    0    0    0    1    0       █\n",
		"12      0    1    0    1    1    0    0   █ ██\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	hours := decode[engagement.Hours](t, mustRun(t, "hours", "--db", db, "--json", "--window", "2026-01-30..2026-01-31"))
	want := engagement.Hours{Horizon: 1, Total: 3}
	want.Fires[4][12], want.Fires[5][8], want.Fires[5][9] = 1, 1, 1
	if hours != want {
		t.Errorf("got %+v", hours)
	}
	if got := mustRun(t, "hours", "--db", db, "--window", "today"); !strings.HasPrefix(got, "2 fires of 2026-01-31, ") {
		t.Errorf("got %s", got)
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
	path, later := predecessorDB(t), noon.AddDate(1, 0, 0) // its fires are of that year
	out := decode[migrateOutput](t, runAt(t, later, "migrate", "--db", path, "--json").out)
	if out.Made || len(out.Backups) != 1 {
		t.Fatalf("got %+v, want an existing database and one backup", out)
	}
	if _, err := os.Stat(out.Backups[0]); err != nil {
		t.Error(err)
	}
	report := decode[engagement.Report](t, runAt(t, later, "verify", "--db", path, "--json").out)
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

func TestAnExportReplacesNothingButAFile(t *testing.T) {
	db := sampleDB(t)
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, dir} {
		checkError(t, run(t, "export", "1", "--db", db, "--output", path), exitUsage, "it is not a file that may be replaced")
	}
	if target, err := os.Readlink(link); err != nil || target != "/dev/null" {
		t.Errorf("the link leads to %q: %v", target, err)
	}
	checkFiles(t, dir, "link")
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

func TestVerboseLogsToStderr(t *testing.T) {
	db := sampleDB(t)
	r := run(t, "user", "1", "--db", db, "--verbose")
	if r.code != exitOK || !strings.Contains(r.err, "level=DEBUG") {
		t.Errorf("got %+v", r)
	}
	checkText(t, r.out, mustRun(t, "user", "1", "--db", db))
}

// recordingCommands record, show days, and keep the database in order.
var recordingCommands = []commandTest{
	{
		name: "a new fire is recorded",
		args: "fire 9 EURUSD_LONG_003 --executed --at 2026-01-31T10:00:00+02:00",
		text: "recorded: user 9 fired EURUSD_LONG_003\n",
		json: `{"user_id": 9, "signal_id": "EURUSD_LONG_003", "status": "recorded"}`,
	},
	{
		name: "a fire that is repeated with its execution is marked",
		args: "fire 1 GBPUSD_001 --executed",
		text: "marked as executed: user 1 fired GBPUSD_001\n",
		json: `{"user_id": 1, "signal_id": "GBPUSD_001", "status": "marked_executed"}`,
	},
	{
		name: "a repeated fire is a duplicate",
		args: "fire 1 EURUSD_LONG_001",
		text: "known already, nothing changed: user 1 fired EURUSD_LONG_001\n",
		json: `{"user_id": 1, "signal_id": "EURUSD_LONG_001", "status": "duplicate"}`,
	},
	{
		name: "a user with a negative id needs no special writing",
		args: "fire -100123 EURUSD_LONG_001",
		text: "recorded: user -100123 fired EURUSD_LONG_001\n",
		json: `{"user_id": -100123, "signal_id": "EURUSD_LONG_001", "status": "recorded"}`,
	},
	{
		name: "a loss needs no special writing",
		args: "trade 2 t9 -12.5 --signal EURUSD_LONG_001 --closed-at 2026-01-31T11:00:00Z",
		text: "recorded: user 2 closed trade t9 with -12.50\n",
		json: `{"user_id": 2, "trade_id": "t9", "status": "recorded"}`,
	},
	{
		name: "a loss may stand behind two dashes",
		args: "trade 2 t9 --outcome draw -- -.5",
		text: "recorded: user 2 closed trade t9 with -0.50\n",
		json: `{"user_id": 2, "trade_id": "t9", "status": "recorded"}`,
	},
	{
		name: "a repeated trade is a duplicate",
		args: "trade 1 t2 -50.25",
		text: "known already, nothing changed: user 1 closed trade t2 with -50.25\n",
		json: `{"user_id": 1, "trade_id": "t2", "status": "duplicate"}`,
	},
	{
		name: "daily draws the last days",
		args: "daily --window 4d",
		text: `
day         fires  executed    rate  users  new
2026-01-28      0         0    0.0%      0    0
2026-01-29      1         1  100.0%      1    1  ████████████████████
2026-01-30      1         1  100.0%      1    0  ████████████████████
2026-01-31      2         1   50.0%      2    1  ████████████████████░░░░░░░░░░░░░░░░░░░░ so far
`,
		json: `[
			{"day": "2026-01-28", "fires": 0, "executed": 0, "active_users": 0, "new_users": 0, "execution_rate": 0, "partial": false},
			{"day": "2026-01-29", "fires": 1, "executed": 1, "active_users": 1, "new_users": 1, "execution_rate": 1, "partial": false},
			{"day": "2026-01-30", "fires": 1, "executed": 1, "active_users": 1, "new_users": 0, "execution_rate": 1, "partial": false},
			{"day": "2026-01-31", "fires": 2, "executed": 1, "active_users": 2, "new_users": 1, "execution_rate": 0.5, "partial": true}
		]`,
	},
	{
		name: "daily shows a range",
		args: "daily --window 2025-12-02",
		text: `
day         fires  executed    rate  users  new
2025-12-02      1         1  100.0%      1    1  ████████████████████████████████████████
`,
		json: `[{"day": "2025-12-02", "fires": 1, "executed": 1, "active_users": 1, "new_users": 1, "execution_rate": 1, "partial": false}]`,
	},
	{
		name: "activity counts users up to each day",
		args: "activity --window 3d",
		text: `
day         DAU  WAU  MAU  stickiness
2026-01-29    1    1    1        3.3%
2026-01-30    1    1    1        6.7%
2026-01-31    2    2    2        6.7%  so far
`,
		json: `[
			{"day": "2026-01-29", "dau": 1, "wau": 1, "mau": 1, "stickiness": 0.03333333333333333, "partial": false},
			{"day": "2026-01-30", "dau": 1, "wau": 1, "mau": 1, "stickiness": 0.06666666666666667, "partial": false},
			{"day": "2026-01-31", "dau": 2, "wau": 2, "mau": 2, "stickiness": 0.06666666666666667, "partial": true}
		]`,
	},
	{
		name: "activity has no stickiness without users",
		args: "activity --window 2026-01-01",
		text: `
day         DAU  WAU  MAU  stickiness
2026-01-01    0    0    0  -
`,
		json: `[{"day": "2026-01-01", "dau": 0, "wau": 0, "mau": 0, "stickiness": null, "partial": false}]`,
	},
	{
		name: "lifecycle goes by day",
		args: "lifecycle --window 2d",
		text: `
day         active  new  returning  resurrected  dormant
2026-01-30       1    0          1            0        0
2026-01-31       2    1          1            0        0  so far
`,
		json: `[
			{"start": "2026-01-30", "active": 1, "new": 0, "returning": 1, "resurrected": 0, "dormant": 0, "partial": false},
			{"start": "2026-01-31", "active": 2, "new": 1, "returning": 1, "resurrected": 0, "dormant": 0, "partial": true}
		]`,
	},
	{
		name: "lifecycle goes by week",
		args: "lifecycle --by week --window 2025-12-10",
		text: `
week        active  new  returning  resurrected  dormant
2025-12-08       0    0          0            0        1
`,
		json: `[{"start": "2025-12-08", "active": 0, "new": 0, "returning": 0, "resurrected": 0, "dormant": 1, "partial": false}]`,
	},
	{
		name: "cohorts go by day",
		args: "cohorts --by day --window 3d --periods 2",
		text: `
day         users      +1  +2
2026-01-29      1  100.0%
2026-01-30      0
2026-01-31      1              so far
`,
		json: `[
			{"start": "2026-01-29", "size": 1, "on": [1, null], "on_or_after": [1, null], "partial": false},
			{"start": "2026-01-30", "size": 0, "on": [null, null], "on_or_after": [null, null], "partial": false},
			{"start": "2026-01-31", "size": 1, "on": [null, null], "on_or_after": [null, null], "partial": true}
		]`,
	},
	{
		name: "cohorts go by week",
		args: "cohorts --or-after --periods 2 --window 2025-12-01..2025-12-08",
		text: `
week        users    +1    +2
2025-12-01      1  0.0%  0.0%
2025-12-08      0     -     -
`,
		json: `[
			{"start": "2025-12-01", "size": 1, "on": [0, 0], "on_or_after": [0, 0], "partial": false},
			{"start": "2025-12-08", "size": 0, "on": [0, 0], "on_or_after": [0, 0], "partial": false}
		]`,
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
			"aside": 0, "horizon": "1970-01-02", "findings": [], "timestamp": "2026-01-31T12:00:00Z"}`,
	},
	{
		name: "rebuild has nothing to put right",
		args: "rebuild",
		text: "recomputed 3 users, 3 signals and 4 days from 5 fires and 3 trades: put right 0 differences\n",
		json: `{"users": 3, "signals": 3, "days": 4, "fires": 5, "trades": 3, "uncounted": 0,
			"aside": 0, "horizon": "1970-01-02", "findings": [], "timestamp": "2026-01-31T12:00:00Z"}`,
	},
}
