package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestTheDemoShowsAMonthOnOneScreen(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	out := mustRun(t, "demo")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) > 60 {
		t.Errorf("%d lines, want at most 60", len(lines))
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("longer than 80 characters: %s", line)
		}
	}
	for _, want := range []string{
		"FIRES A DAY", "TODAY SO FAR", "THE MOST ACTIVE USER", "CLEANUP", "the same", "0 differences",
		"MOST FIRES", "BEST WIN RATE", "BEST P&L", "LONGEST STREAK", "2026-01-02 ", "2026-01-31 ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	checkFiles(t, os.Getenv("TMPDIR"))
}

func TestTheDemosCommunityIsALivelyOne(t *testing.T) {
	report := decode[demoReport](t, mustRun(t, "demo", "--json"))
	made := report.Made
	if made.Recorded <= 10_000 || made.Duplicates == 0 || made.MarkedExecuted == 0 {
		t.Errorf("got %+v, want over 10,000 fires, duplicates and late executions", made)
	}
	if made.FiresSent != made.Recorded+made.Duplicates+made.MarkedExecuted {
		t.Errorf("the statuses do not add up: %+v", made)
	}
	if made.Wins == 0 || made.Losses == 0 || made.Draws == 0 || made.Trades != made.Wins+made.Losses+made.Draws {
		t.Errorf("got %+v, want wins, losses and draws that add up", made)
	}
	var fires int64
	for _, day := range report.Days {
		fires += day.Fires
		if day.Fires == 0 {
			t.Errorf("nobody fired on %s", day.Day)
		}
	}
	if len(report.Days) != communityDays || fires != made.Recorded {
		t.Errorf("%d days with %d fires, want %d with %d", len(report.Days), fires, communityDays, made.Recorded)
	}
	if report.Live.TotalFiresToday == 0 || report.User.CurrentStreak == 0 {
		t.Errorf("got %+v and %+v, want fires today and a streak", report.Live, report.User)
	}
	verify := report.Verify
	if !verify.OK() || verify.Users != int64(made.Users) || verify.Signals != int64(made.Signals) || verify.Trades != made.Trades {
		t.Errorf("got %+v", verify)
	}
	if deleted := report.Cleanup.FiresDeleted; deleted == 0 || verify.Fires != made.Recorded-deleted {
		t.Errorf("%d fires deleted and %d left of %d", deleted, verify.Fires, made.Recorded)
	}
	for ranking, board := range report.Boards {
		if len(board) != demoTop {
			t.Errorf("%d users on the board of %s, want %d", len(board), ranking, demoTop)
		}
	}
}

func TestTheDemoIsTheSameForTheSameSeed(t *testing.T) {
	demo := func() demoReport {
		report := decode[demoReport](t, mustRun(t, "demo", "--json", "--seed", "7"))
		report.Made.Milliseconds = 0
		return report
	}
	if diff := cmp.Diff(demo(), demo(), cmpopts.IgnoreUnexported(demoReport{})); diff != "" {
		t.Errorf("the same seed (-first +second):\n%s", diff)
	}
	day := func(seed uint64) []engagement.Fire { return newCommunity(seed, noon, time.UTC).day(0)[0].fires }
	if cmp.Equal(day(7), day(8)) {
		t.Error("another seed made the same")
	}
}

func TestTheDemoKeepsItsDatabaseIfItIsNamed(t *testing.T) {
	t.Setenv("ENGAGEMENT_DB", filepath.Join(t.TempDir(), "never-touched.db"))
	path := filepath.Join(t.TempDir(), "demo.db")
	report := decode[demoReport](t, mustRun(t, "demo", "--json", "--db", path, "--timezone", "America/New_York"))
	if report.Database != path {
		t.Errorf("database is %q, want %q", report.Database, path)
	}
	stats := decode[engagement.RealTimeStats](t, mustRun(t, "stats", "--json", "--db", path))
	if diff := cmp.Diff(report.Live, stats); diff != "" {
		t.Errorf("stats afterwards (-demo +stats):\n%s", diff)
	}
	checkError(t, run(t, "demo", "--db", path), exitUsage, "this exists already")
}

func TestTheDemoHasFiresJustAfterMidnight(t *testing.T) {
	midnight := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, since := range []time.Duration{0, 5 * time.Minute} {
		t.Run(since.String(), func(t *testing.T) {
			r := runAt(t, midnight.Add(since), "demo", "--json")
			if r.code != exitOK {
				t.Fatalf("got %+v", r)
			}
			report := decode[demoReport](t, r.out)
			if report.Live.TotalFiresToday == 0 || report.Live.Day.String() != "2026-01-31" {
				t.Errorf("got %+v, want fires today", report.Live)
			}
		})
	}
}

func TestNothingInTheCommunityHappensInTheFuture(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// The clocks go forward on this day.
	midnight := time.Date(2026, 3, 29, 0, 0, 0, 0, berlin)
	for _, since := range []time.Duration{30 * time.Second, 22 * time.Hour} {
		for seed := range uint64(10) {
			checkTimes(t, newCommunity(seed, midnight.Add(since), berlin))
		}
	}
}

// checkTimes checks that fires are on their day, unless they are repeats, and
// that nothing is in the future.
func checkTimes(t *testing.T, c *community) {
	t.Helper()
	first := engagement.DayOf(c.now, c.loc) - communityDays + 1
	for number := range communityDays {
		for _, signal := range c.day(number) {
			fired := map[int64]bool{}
			for _, fire := range signal.fires {
				if fire.At.After(c.now) {
					t.Fatalf("%+v is after %s", fire, c.now)
				}
				day := engagement.DayOf(fire.At, c.loc)
				if want := first + engagement.Day(number); !fired[fire.UserID] && day != want {
					t.Fatalf("%+v is on %s, want %s", fire, day, want)
				}
				fired[fire.UserID] = true
			}
			for _, trade := range signal.trades {
				if trade.ClosedAt.After(c.now) {
					t.Fatalf("%+v is after %s", trade, c.now)
				}
			}
		}
	}
}
