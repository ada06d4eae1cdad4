package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

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
	before := mustRun(t, "leaderboard", "--db", db) + mustRun(t, "daily", "--window", "90d", "--db", db)
	mustRun(t, "cleanup", "--keep-days", "1", "--db", db)
	checkText(t, mustRun(t, "leaderboard", "--db", db)+mustRun(t, "daily", "--window", "90d", "--db", db), before)
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

func TestRebuildTakesHistoryAwayOnlyIfToldTo(t *testing.T) {
	db := sampleDB(t)
	mustRun(t, "cleanup", "--keep-days", "1", "--db", db)
	execSQL(t, db, "DELETE FROM settings WHERE name = 'horizon'")
	r := run(t, "rebuild", "--db", db)
	if r.code != exitFailure || !strings.Contains(r.err, "restore the horizon to 2026-01-30") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if r := run(t, "rebuild", "--horizon", "2026-01-15", "--db", db); r.code == 0 {
		t.Errorf("a horizon before days without fires is taken: %s", r.out)
	}
	if r := run(t, "rebuild", "--horizon", "soon", "--db", db); r.code == 0 {
		t.Errorf("a horizon that is no day is taken: %s", r.out)
	}
	mustRun(t, "rebuild", "--horizon", "2026-01-30", "--db", db)
	mustRun(t, "verify", "--db", db)

	execSQL(t, db, "DELETE FROM settings WHERE name = 'horizon'")
	mustRun(t, "rebuild", "--accept-loss", "--db", db)
	mustRun(t, "verify", "--db", db)
}

func TestRebuildListsWhatIsLeft(t *testing.T) {
	db := sampleDB(t)
	execSQL(t, db, "INSERT INTO settings (name, value) VALUES ('mood', 'good')")
	r := run(t, "rebuild", "--db", db)
	want := "recomputed 3 users, 3 signals and 4 days from 5 fires and 3 trades: put right 0 differences\n" +
		"left as it is: 1 difference\nV7: setting mood: value is good, want no such setting\n"
	if r.code != exitFailure {
		t.Errorf("exit code %d, want %d", r.code, exitFailure)
	}
	checkText(t, r.out, want)
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
