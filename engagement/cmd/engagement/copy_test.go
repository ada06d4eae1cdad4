package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestCopyTellsPeopleAndPrograms(t *testing.T) {
	from, to := sampleDB(t), filepath.Join(t.TempDir(), "copy.db")
	checkText(t, mustRun(t, "copy", "--from", from, "--to", to),
		"copied 5 fires and 3 trades of 3 users: 30 rows, of which 30 written now; compared and verified: 0 differences\n")
	for _, command := range []string{"user 1", "leaderboard", "daily", "verify"} {
		args := append(strings.Fields(command), "--json", "--db")
		checkJSON(t, mustRun(t, append(args, to)...), mustRun(t, append(args, from)...))
	}

	to = filepath.Join(t.TempDir(), "copy.db")
	report := decode[engagement.CopyReport](t, mustRun(t, "copy", "--db", from, "--to", to, "--json"))
	// With one row more, which says when it was verified meanwhile.
	if report.Rows != 31 || report.Written != 31 || report.Deleted != 0 || report.Copy.Fires != 5 {
		t.Errorf("got %+v", report)
	}
}

func TestCopyOfWrongFiguresSaysSo(t *testing.T) {
	from, to := sampleDB(t), filepath.Join(t.TempDir(), "copy.db")
	execSQL(t, from, "UPDATE user_stats SET wins = 9 WHERE user_id = 1")
	got := mustRun(t, "copy", "--from", from, "--to", to)
	if !strings.HasSuffix(got, "3 differences\nthe differences were there before; put them right with: engagement rebuild\n") {
		t.Errorf("got %s", got)
	}
}
