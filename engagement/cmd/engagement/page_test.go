package main

import (
	"regexp"
	"strings"
	"testing"
)

var (
	cursorInText = regexp.MustCompile(`--after \S+\n`)
	cursorInJSON = regexp.MustCompile(`"next": "[^"]+"`)
)

// withoutCursors puts CURSOR in place of what an output names as one.
func withoutCursors(out string) string {
	out = cursorInText.ReplaceAllString(out, "--after CURSOR\n")
	return cursorInJSON.ReplaceAllString(out, `"next": "CURSOR"`)
}

// The fires of a signal are a list too, beside its totals.
func TestASignalsFiresGoOnWhereAPageEnds(t *testing.T) {
	db := sampleDB(t)
	type answer struct {
		LatestFires []struct{ ID int64 } `json:"latest_fires"`
		Next        string
	}
	args := []string{"signal", "EURUSD_LONG_001", "--limit", "2", "--db", db}
	if text := mustRun(t, args...); !strings.Contains(text, "\nThere is more: repeat the command with --after ") {
		t.Errorf("there is no next page:\n%s", text)
	}
	first := decode[answer](t, mustRun(t, append(args, "--json")...))
	rest := decode[answer](t, mustRun(t, append(args, "--json", "--after", first.Next)...))
	if len(first.LatestFires) != 2 || len(rest.LatestFires) != 1 || rest.Next != "" || rest.LatestFires[0] == first.LatestFires[1] {
		t.Errorf("got %+v and %+v", first, rest)
	}
}

// Whoever follows what each page prints reads the whole list, as text and as JSON.
func TestEveryListGoesOnWhereAPageEnds(t *testing.T) {
	db := sampleDB(t)
	for _, name := range []string{"a", "b", "c"} {
		mustRun(t, "metric", "define", "--db", db, definition(t, "{name: "+name+", what: count, of: fires, per: user}"))
	}
	for _, tt := range []struct {
		args  string
		items int
	}{
		{"users", 3}, {"signals", 3}, {"popular", 3}, {"popular --window today", 2}, {"fires --executed", 4}, {"fires", 5},
		{"fires --user 1", 3}, {"trades", 3}, {"trades --window today", 2},
		{"leaderboard", 3}, {"leaderboard pnl --window month", 2}, {"leaderboard current_streak", 2},
		{"metric list", 3}, {"metric show a", 3},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var after []string // of the next page
			var lines []string
			for page := 1; ; page++ {
				args := append(append(strings.Fields(tt.args), "--limit", "1", "--db", db), after...)
				text := mustRun(t, args...)
				answer := decode[struct {
					Items []any
					Next  string
				}](t, mustRun(t, append(args, "--json")...))
				if len(answer.Items) != 1 {
					t.Fatalf("page %d has %d items, want 1", page, len(answer.Items))
				}
				shown, more, found := strings.Cut(text, "\nThere is more: repeat the command with ")
				rows := strings.Split(strings.TrimSpace(shown), "\n")
				lines = append(lines, strings.Join(strings.Fields(rows[len(rows)-1]), " "))
				if found != (answer.Next != "") || (found && more != "--after "+answer.Next+"\n") {
					t.Fatalf("people are told %q and programs %q", more, answer.Next)
				}
				if !found {
					break
				}
				after = []string{"--after", answer.Next}
			}
			if len(lines) != tt.items {
				t.Errorf("got %d items, want %d", len(lines), tt.items)
			}
			whole := mustRun(t, append(strings.Fields(tt.args), "--db", db)...)
			rows := strings.Split(strings.TrimSpace(whole), "\n")
			for i, row := range rows[len(rows)-len(lines):] {
				checkText(t, lines[i], strings.Join(strings.Fields(row), " "))
			}
		})
	}
}
