package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"github.com/hydraxdev/engagementdb/engagement"
)

// execSQL does to a file what another program might.
func execSQL(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestErrorsAreOneLineWithTheRightExitCode(t *testing.T) {
	const longID = "an id can have 256 bytes and this one has a line feed\n"
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"an unknown command", []string{"frobnicate"}, exitUsage, `unknown command "frobnicate"`},
		{"a mistyped command", []string{"statz"}, exitUsage, "did you mean stats?"},
		{"an unknown flag", []string{"stats", "--colour"}, exitUsage, "unknown flag: --colour (see: engagement stats --help)"},
		{"too few arguments", []string{"fire", "1"}, exitUsage, "accepts 2 arg(s), received 1"},
		{"too many arguments", []string{"stats", "1"}, exitUsage, `unknown command "1"`},
		{"a shell without completion", []string{"completion", "command.com"}, exitUsage, `unknown command "command.com"`},
		{"a user id that is no number", []string{"user", "bob"}, exitUsage, `invalid user id "bob"`},
		{"user 0", []string{"fire", "0", "X"}, exitUsage, "invalid user id 0"},
		{"a signal id that breaks a line", []string{"signal", longID}, exitUsage, "it has a control character"},
		{"an empty signal id", []string{"fire", "1", ""}, exitUsage, "invalid signal id"},
		{"a time without a zone", []string{"fire", "1", "X", "--at", "2026-01-31"}, exitUsage, "want the form 2026-01-31T12:00:00Z"},
		{"a fire of the future", []string{"fire", "1", "X", "--at", "2026-02-03T00:00:00Z"}, exitUsage, "more than 24 hours ahead"},
		{"a P&L that is no number", []string{"trade", "1", "t", "much"}, exitUsage, `invalid P&L "much"`},
		{"a P&L that is not finite", []string{"trade", "1", "t", "NaN"}, exitUsage, "invalid P&L NaN"},
		{"an unknown outcome", []string{"trade", "1", "t", "1", "--outcome", "tie"}, exitUsage, "want one of win, loss, draw"},
		{"an unknown leaderboard", []string{"leaderboard", "luck"}, exitUsage, "want one of total_fires, win_rate, pnl, executed, longest_streak, current_streak"},
		{"two leaderboards", []string{"leaderboard", "pnl", "--ranking", "pnl"}, exitUsage, "--ranking names one too"},
		{"a leaderboard of an unknown window", []string{"leaderboard", "--window", "year"}, exitUsage, `invalid window "year"`},
		{"a leaderboard that runs backwards", []string{"leaderboard", "--window", "2026-01-02..2026-01-01"}, exitUsage, "it ends before it starts"},
		{"a leaderboard of streaks alive in a window", []string{"leaderboard", "current_streak", "--window", "week"}, exitUsage, "it takes no --window, but longest_streak does"},
		{"a leaderboard of no decided trades", []string{"leaderboard", "win_rate", "--min-decided", "0"}, exitUsage, `invalid --min-decided "0"`},
		{"a leaderboard of user 0", []string{"leaderboard", "--users", "1,0"}, exitUsage, "invalid user id 0"},
		{"a leaderboard of no users", []string{"leaderboard", "--users", ""}, exitUsage, `invalid argument "" for "--users"`},
		{"nobody around a user", []string{"leaderboard", "--around", "1", "--limit", "0"}, exitUsage, "invalid number of neighbours 0"},
		{"around a user who is not on the leaderboard", []string{"leaderboard", "win_rate", "--around", "1"}, exitFailure, "user 1 is not on the leaderboard"},
		{"behind what is no cursor", []string{"leaderboard", "--after", "404"}, exitUsage, `invalid cursor "404": it is damaged, or of a list with other filters`},
		{"fires of user 0", []string{"fires", "--user", "0"}, exitUsage, "invalid user id"},
		{"fires of a user who is no number", []string{"fires", "--user", "bob"}, exitUsage, `invalid user id "bob"`},
		{"fires for no signal", []string{"fires", "--signal", ""}, exitUsage, "invalid signal id"},
		{"fires of an unknown window", []string{"fires", "--window", "year"}, exitUsage, `invalid window "year": want all, today, week, month`},
		{"trades with an unknown outcome", []string{"trades", "--outcome", "won"}, exitUsage, `invalid outcome "won"`},
		{"a negative limit of users", []string{"users", "--limit", "-1"}, exitUsage, "invalid limit -1"},
		{"the ranks of an unknown user", []string{"rank", "404"}, exitFailure, "user 404: not found"},
		{"a user against nobody", []string{"versus", "1", "404"}, exitFailure, "user 404: not found"},
		{"a user against himself", []string{"versus", "1", "1"}, exitUsage, "want two users"},
		{"a limit that is too high", []string{"leaderboard", "--limit", "10001"}, exitUsage, "invalid limit 10001"},
		{"a negative limit", []string{"signal", "EURUSD_LONG_001", "--limit", "-1"}, exitUsage, "invalid limit -1"},
		{"no days", []string{"daily", "--window", "0d"}, exitUsage, `invalid window "0d"`},
		{"a day that does not exist", []string{"daily", "--window", "2026-02-30"}, exitUsage, `invalid window "2026-02-30"`},
		{"days that run backwards", []string{"daily", "--window", "2026-01-02..2026-01-01"}, exitUsage, "it ends before it starts"},
		{"no such period", []string{"lifecycle", "--by", "month"}, exitUsage, `invalid period "month"`},
		{"no days of activity", []string{"activity", "--window", "-1d"}, exitUsage, `invalid window "-1d"`},
		{"cohorts that are not followed", []string{"cohorts", "--periods", "0"}, exitUsage, "invalid number of periods 0"},
		{"no such window", []string{"hours", "--window", "year"}, exitUsage, `invalid window "year"`},
		{"a cleanup of today", []string{"cleanup", "--keep-days", "0"}, exitUsage, "want at least 1"},
		{"an erasure that nobody confirms", []string{"erase", "1"}, exitUsage, "confirm it with --yes"},
		{"an unknown time zone", []string{"stats", "--timezone", "Mars/Olympus"}, exitUsage, `invalid --timezone "Mars/Olympus"`},
		{"another time zone", []string{"stats", "--timezone", "Europe/Berlin"}, exitUsage, `the database was made with "UTC"`},
		{"a definition that there is not", []string{"metric", "define", "none.yaml"}, exitFailure, "open none.yaml"},
		{"a figure that users do not have", []string{"explain", "user", "1", "luck"}, exitUsage, `invalid figure "luck": want one of total_fires, executed`},
		{"a figure that signals do not have", []string{"explain", "signal", "EURUSD_LONG_001", "pnl"}, exitUsage, `invalid figure "pnl"`},
		{"explaining nobody's figure", []string{"explain", "user", "bob", "pnl"}, exitUsage, `invalid user id "bob"`},
		{"explaining something else", []string{"explain", "day", "1", "pnl"}, exitUsage, `unknown command "day" for "engagement explain"`},
		{"an unknown window", []string{"popular", "--window", "year"}, exitUsage, `invalid window "year"`},
		{"a copy to nowhere", []string{"copy"}, exitUsage, `required flag(s) "to" not set`},
		{"a copy with an argument", []string{"copy", "a.db", "--to", "b.db"}, exitUsage, `unknown command "a.db"`},
		{"a copy to something unknown", []string{"copy", "--to", "mystery://host/x"}, exitUsage, "invalid dsn"},
		{"a server instead of a file", []string{"stats", "--db", "mystery://host/x"}, exitUsage, "invalid dsn"},
		{"no name of a file", []string{"stats", "--db", ""}, exitUsage, "invalid dsn"},

		{"the quality of nobody", []string{"quality"}, exitUsage, "want a user or --signal ID"},
		{"the quality of a user and a signal", []string{"quality", "1", "--signal", "X"}, exitUsage, "want one of them"},
		{"an unknown window", []string{"quality", "1", "--window", "year"}, exitUsage, "want all, today, week, month"},
		{"a window without its end", []string{"quality", "1", "--window", "2026-01-01.."}, exitUsage, `invalid window "2026-01-01.."`},
		{"a negative balance", []string{"quality", "1", "--balance", "-1"}, exitUsage, "invalid balance -1"},
		{"a forecast of a window", []string{"forecast", "1", "--window", "week"}, exitUsage, "it goes with --score"},
		{"a forecast from no trades", []string{"forecast", "1", "--min-decided", "0"}, exitUsage, `invalid --min-decided "0"`},
		{"the score of a user", []string{"forecast", "1", "--score", "users"}, exitUsage, "--score is about everybody"},
		{"the score of the weather", []string{"forecast", "--score", "weather"}, exitUsage, "want users or signals"},
		{"a strength that is no number", []string{"forecast", "1", "--strength", "NaN"}, exitUsage, "invalid strength NaN"},

		{"an unknown user", []string{"user", "404"}, exitFailure, "user 404: not found"},
		{"an unknown metric", []string{"metric", "show", "nope"}, exitFailure, `metric "nope": not found`},
		{"deleting an unknown metric", []string{"metric", "delete", "nope"}, exitFailure, `metric "nope": not found`},
		{"explaining an unknown user", []string{"explain", "user", "404", "pnl"}, exitFailure, "user 404: not found"},
		{"an unknown signal", []string{"signal", "NONE_1"}, exitFailure, `signal "NONE_1": not found`},
		{"an export of an unknown user", []string{"export", "404"}, exitFailure, "user 404: not found"},
		{"an erasure of an unknown user", []string{"erase", "404", "--yes"}, exitFailure, "user 404: not found"},
		{"a trade with other content", []string{"trade", "1", "t1", "-1"}, exitFailure, "conflict"},
		{"an export into a folder that is not there", []string{"export", "1", "--output", "none/user.json"}, exitFailure, "export to none/user.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkError(t, run(t, append([]string{"--db", sampleDB(t)}, tt.args...)...), tt.code, tt.want)
		})
	}
}

func checkError(t *testing.T, r result, code int, want string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	if r.out != "" {
		t.Errorf("stdout has %q", r.out)
	}
	line, rest, _ := strings.Cut(r.err, "\n")
	if rest != "" || !strings.HasPrefix(line, "engagement: ") || !strings.Contains(line, want) {
		t.Errorf("stderr is %q, want one line with %q", r.err, want)
	}
}

func TestNoCommandMakesADatabaseByAccident(t *testing.T) {
	for _, args := range []string{
		"fire 1 X", "trade 1 t 1", "stats", "user 1", "signal X", "signals", "users", "fires", "trades", "leaderboard", "rank 1", "versus 1 2", "daily", "export 1",
		"activity", "lifecycle", "cohorts", "hours",
		"quality 1", "forecast 1", "forecast --score users",
		"metric list", "metric show x", "metric delete x", "explain user 1 pnl", "explain signal X executed",
		"cleanup", "cleanup --dry-run", "erase 1 --yes", "backup copy.db", "copy --to copy.db", "verify", "rebuild",
	} {
		t.Run(args, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "typo.db")
			r := run(t, append(strings.Fields(args), "--db", path)...)
			checkError(t, r, exitFailure, "make one with: engagement migrate --db \""+path+"\"")
			checkFiles(t, dir)
		})
	}
}

func TestReadingAnOldDatabaseSaysHowToUpdateItAndLeavesItAlone(t *testing.T) {
	path := predecessorDB(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checkError(t, run(t, "stats", "--db", path), exitFailure, "it has not been set up for this program yet; do so with: engagement migrate --db")
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the file has changed")
	}
}

func TestAForeignFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(path, []byte("remember the milk"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"stats", "migrate", "rebuild"} {
		r := run(t, command, "--db", path)
		checkError(t, r, exitFailure, "not a SQLite database")
		if strings.Contains(r.err, "engagement migrate") {
			t.Errorf("%s: it cannot be migrated, but: %s", command, r.err)
		}
	}
}

func TestAFileIsNotSpread(t *testing.T) {
	checkError(t, run(t, "migrate", "--citus", "--db", sampleDB(t)), exitUsage, "a file has no nodes to be spread over")
}

func TestBackupDoesNotOverwrite(t *testing.T) {
	db := sampleDB(t)
	checkError(t, run(t, "backup", db, "--db", db), exitUsage, "it exists already")
}

func TestCopyDoesNotOverwrite(t *testing.T) {
	db := sampleDB(t)
	checkError(t, run(t, "copy", "--from", db, "--to", db), exitUsage, "it has content and is not an unfinished copy")
}

func TestAnInterruptedCommandFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := runContext(ctx, noon, "user", "1", "--db", sampleDB(t))
	checkError(t, r, exitFailure, "interrupted")
}

func TestErrorsWithSeveralLinesAreJoined(t *testing.T) {
	var b bytes.Buffer
	printError(&b, errors.Join(errors.New("one"), errors.New("two")).Error())
	printError(&b, "failed to connect:\n\thost one refused\n\thost two refused") // as pgx writes it
	checkText(t, b.String(), "engagement: one; two\nengagement: failed to connect: host one refused; host two refused\n")
}

func TestEraseAsksAPerson(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		confirmed    bool
	}{
		{"yes is yes", "yes\n", true},
		{"yes at the end of input is yes", "yes", true},
		{"y is not enough", "y\n", false},
		{"no is no", "no\n", false},
		{"an empty line is no", "\n", false},
		{"the end of input is no", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, err := engagement.Open(t.Context(), sampleDB(t), engagement.WithClock(func() time.Time { return noon }))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			var question bytes.Buffer
			err = confirmErase(t.Context(), db, 1, strings.NewReader(tt.answer), &question)
			if (err == nil) != tt.confirmed {
				t.Errorf("got %v, want confirmed %v", err, tt.confirmed)
			}
			checkText(t, question.String(), "Erase user 1 with 3 fires and 2 trades for good? Type yes: ")
		})
	}
}
