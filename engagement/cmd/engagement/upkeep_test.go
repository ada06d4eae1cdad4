package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestStreaksThatEndTodayAreListed(t *testing.T) {
	path := sampleDB(t)
	tomorrow := time.Date(2026, time.February, 1, 12, 0, 0, 0, time.UTC)
	got := runAt(t, tomorrow, "streak", "ending", "--db", path, "--limit", "1")
	if got.code != exitOK || !strings.HasPrefix(got.out, "user  streak  longest\n   1       3        3\n\n2 streaks in all\n\nThere is more:") {
		t.Errorf("got %+v", got)
	}
	ending := decode[engagement.EndingStreaks](t, runAt(t, tomorrow, "streak", "ending", "--db", path, "--json").out)
	if ending.Users != 2 || len(ending.Items) != 2 || ending.Items[1].UserID != 2 {
		t.Errorf("got %+v", ending)
	}
}

func TestVerifyingAndBackingUpAreNoted(t *testing.T) {
	path := sampleDB(t)
	mustRun(t, "verify", "--db", path)
	mustRun(t, "backup", "--db", path, filepath.Join(t.TempDir(), "copy.db"))
	db, err := engagement.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	noted, err := db.Upkeep(t.Context())
	if err != nil || noted.LastVerify == nil || noted.LastVerify.Findings != 0 || noted.LastBackup == nil || noted.LastBackup.IsZero() {
		t.Errorf("got %+v, %v", noted, err)
	}
}
