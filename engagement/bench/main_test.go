package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// wantRows is how many rows each table of a complete run has.
var wantRows = []struct {
	title string
	rows  int
}{
	{"Noise", 2},
	{"Writes", 2*6 + 4},
	{"Many fires a call", 2},
	{"Trades", 2 * 2},
	{"A million users", 2 + 3},
	{"Pages written", 2 * 2},
	{"PostgreSQL", 2 * 2 * 3},
	{"HTTP", 2*2 + 1 + 3},
	{"Live streams", 1},
	{"Reads", 7 * 4},
	{"Figures of a community", 6 * 2},
	{"Figures beside SQL by hand", 4 * 3},
	{"Reads that could grow", 2 * 5 * 2},
	{"Writes while a cleanup runs", 2},
	{"Memory of an export", 1},
}

// TestMain lets the test's program stand for the real one where that starts
// itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == exportOnce || os.Args[1] == askServer || os.Args[1] == beSubject) {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestQuickRunFillsAllTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "table.md")
	var stdout bytes.Buffer
	if err := command(t.Context(), []string{"--quick", "--rounds", "1", "--dir", dir, "--out", out}, &stdout, t.Output()); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if tablesOf(string(written)) != tablesOf(stdout.String()) {
		t.Error("the file does not hold what was printed")
	}
	if strings.Contains(stdout.String(), "unknown") {
		t.Errorf("the header leaves something open:\n%s", stdout.String())
	}
	checkTables(t, stdout.String())
	if left, err := filepath.Glob(filepath.Join(dir, ".bench-*")); err != nil || len(left) > 0 {
		t.Errorf("databases are left behind: %v, %v", left, err)
	}
}

// tablesOf drops the header, which holds the time.
func tablesOf(report string) string {
	return report[strings.Index(report, "\n## "):]
}

func checkTables(t *testing.T, report string) {
	t.Helper()
	parts := strings.Split(report, "\n## ")[1:]
	if len(parts) != len(wantRows) {
		t.Fatalf("%d tables, want %d", len(parts), len(wantRows))
	}
	for i, part := range parts {
		title, body, _ := strings.Cut(part, "\n")
		if _, err := pgtest.BinDir(); title == "PostgreSQL" && errors.Is(err, pgtest.ErrNotInstalled) {
			continue
		}
		if title != wantRows[i].title {
			t.Errorf("table %d is %q, want %q", i, title, wantRows[i].title)
		}
		rows := 0
		for line := range strings.Lines(body) {
			if !strings.HasPrefix(line, "| ") {
				continue
			}
			if rows++; rows > 1 { // the first names the columns
				checkRow(t, line)
			}
		}
		if rows-1 != wantRows[i].rows {
			t.Errorf("table %q has %d rows, want %d", title, rows-1, wantRows[i].rows)
		}
	}
}

// checkRow wants positive figures, though an export may need no more memory
// than there is. Targets are met or missed: the sizes are too small for them.
func checkRow(t *testing.T, line string) {
	t.Helper()
	fields := strings.Split(strings.Trim(line, "| \n"), "|")
	figures := 0
	for _, field := range fields[1:] {
		field = strings.TrimSpace(field)
		if field == blank.text || strings.Contains(field, ": met") || strings.Contains(field, ": **missed**") {
			continue
		}
		number, _, _ := strings.Cut(strings.ReplaceAll(field, ",", ""), " ")
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || v < 0 || (v == 0 && !strings.HasPrefix(fields[0], "WriteUserExport")) {
			t.Errorf("%q is no positive figure in the row %q", field, line)
		}
		figures++
	}
	if figures < 1 {
		t.Errorf("%d figures in the row %q", figures, line)
	}
}

func TestBadCommandLinesAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"--only", "nothing of that name"},
		{"--only", "("},
		{"--rounds", "0"},
		{"--seconds", "-1"},
		{"--dir", filepath.Join(t.TempDir(), "missing")},
		{"surplus"},
		{"--surplus"},
		{"--quick", "--only", "compare: SQLite, 1 caller", "--compare", "no such commit"},
	} {
		if err := command(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}

func TestFailingGroupIsReported(t *testing.T) {
	notDir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bench{dir: notDir, rounds: 1, duration: time.Millisecond,
		sizes: quickSizes, only: regexp.MustCompile("bulk|export"), progress: io.Discard}
	tables, err := b.run(t.Context())
	if err == nil || len(tables) != 2 {
		t.Fatalf("%d tables, error %v, want 2 and one", len(tables), err)
	}
	for _, table := range tables {
		var out bytes.Buffer
		if err := table.write(&out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "Failed: ") {
			t.Errorf("the table does not say what failed:\n%s", out.String())
		}
	}
}

func TestSectionWithoutServerSaysSo(t *testing.T) {
	missing := func(context.Context, ...string) (*pgtest.Server, error) { return nil, pgtest.ErrNotInstalled }
	b := &bench{dir: t.TempDir(), rounds: 1, duration: time.Millisecond, startServer: missing,
		sizes: quickSizes, only: regexp.MustCompile("^PostgreSQL"), progress: io.Discard}
	tables, err := b.run(t.Context())
	if err != nil || len(tables) != 1 {
		t.Fatalf("%d tables, error %v, want one and none", len(tables), err)
	}
	var out bytes.Buffer
	if err := tables[0].write(&out); err != nil {
		t.Fatal(err)
	}
	if want := "\n## PostgreSQL\n\nNot measured: no PostgreSQL server is installed.\n"; out.String() != want {
		t.Errorf("the section is %q, want %q", out.String(), want)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := command(ctx, []string{"--quick", "--dir", t.TempDir()}, io.Discard, io.Discard); err == nil {
		t.Error("a run that was given up reports success")
	}
}

func TestWorkloadFiresEachPairOnce(t *testing.T) {
	t.Parallel()
	for _, users := range []workload{quickSizes.users, fullSizes.users} {
		seen := map[fire]bool{}
		for i := range 2 * int(users) * liveSignals {
			f := users.fireAt(i)
			f.executed = false
			if seen[f] {
				t.Fatalf("fire %d of %d users comes twice", i, users)
			}
			seen[f] = true
		}
	}
}

func TestCommunityFiresInOrderOfDays(t *testing.T) {
	c := quickSizes.small
	users, today, last := map[int64]int{}, 0, time.Time{}
	for f := range c.fires {
		if day := f.At.Truncate(24 * time.Hour); day.Before(last) {
			t.Fatalf("a fire of %s comes after one of %s", day, last)
		} else if last = day; day.Equal(communityNow.Truncate(24 * time.Hour)) {
			today++
		}
		users[f.UserID]++
	}
	if len(users) != c.users || today != c.firesToday+streakUsers {
		t.Errorf("%d users and %d fires today, want %d and %d", len(users), today, c.users, c.firesToday+streakUsers)
	}
	if got := users[c.boardUser(0)]; got != streakDays+1 {
		t.Errorf("the first of the board has %d fires, want %d", got, streakDays+1)
	}
}

func TestHistoryIsSound(t *testing.T) {
	t.Parallel()
	b := &bench{dir: t.TempDir(), progress: t.Output(), sizes: quickSizes}
	h := quickSizes.smallHistory
	path, err := b.historyFile(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	var fires int64
	for range h.fires {
		fires++
	}
	if err := verify(t.Context(), path, fires); err != nil {
		t.Error(err)
	}
}

func TestHistoryIsKept(t *testing.T) {
	t.Parallel()
	b := &bench{dir: t.TempDir(), data: filepath.Join(t.TempDir(), "data"), progress: t.Output(), sizes: quickSizes}
	if err := b.makeData(t.Context()); err != nil {
		t.Fatal(err)
	}
	made, err := filepath.Glob(filepath.Join(b.data, "*.db"))
	if err != nil || len(made) != 3 {
		t.Fatalf("%v is made, %v, want three files", made, err)
	}
	var before []time.Time
	for _, path := range made {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, info.ModTime())
	}
	if err := b.makeData(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, path := range made {
		if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(before[i]) {
			t.Errorf("%s was made again (%v)", path, err)
		}
	}
}

func TestHeaderHoldsNoPassword(t *testing.T) {
	for _, args := range [][]string{
		{"--citus", "postgres://u:secret@host/db"}, {"--citus=postgres://u:secret@host/db"}, {"-citus=postgres://u:secret@host/db"},
	} {
		if got := commandLine(args); strings.Contains(got, "secret") || !strings.Contains(got, "host") {
			t.Errorf("%q is shown as %q", args, got)
		}
	}
}

func TestSeriesFormat(t *testing.T) {
	for _, test := range []struct {
		series series
		want   string
	}{
		{series{1}, "1.00"},
		{series{3, 1, 2}, "2.00 (1.00..3.00)"},
		{series{1_234_567, 999.5, 100}, "1,000 (100..1,234,567)"},
		{series{12.34, 0.00123}, "6.17 (0.00123..12.3)"},
		{series{0}, "0.00"},
	} {
		if got := test.series.String(); got != test.want {
			t.Errorf("%v is shown as %q, want %q", []float64(test.series), got, test.want)
		}
	}
	if got := (series{6, 8}).over(series{2, 4}); !slices.Equal(got, series{3, 2}) {
		t.Errorf("ratios are %v", got)
	}
}
