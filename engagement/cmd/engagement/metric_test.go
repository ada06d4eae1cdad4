package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const executionRate = `
name: execution_rate
what: ratio
numerator: {what: count, of: fires, filter: {executed: true}}
denominator: {what: count, of: fires}
per: user
`

// definition writes a definition to a file and returns its path.
func definition(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "metric.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMetricsAreDefinedListedShownAndDeleted(t *testing.T) {
	db := sampleDB(t)
	checkText(t, mustRun(t, "metric", "list", "--db", db), "metric  definition\n")
	checkJSON(t, mustRun(t, "metric", "list", "--db", db, "--json"), `{"items": []}`)

	checkText(t, mustRun(t, "metric", "define", definition(t, executionRate), "--db", db),
		"defined: execution_rate, count of fires (executed) / count of fires per user, all time\n")
	const pnl = `{"name": "EUR wins", "what": "pnl", "of": "trades", "per": "day", "limit": 5, "window": "7d",
		"filter": {"signal_prefix": "EUR", "outcome": ["win"], "weekdays": ["friday", "monday"]}}`
	checkJSON(t, mustRun(t, "metric", "define", definition(t, pnl), "--db", db, "--json"), pnl)

	checkText(t, mustRun(t, "metric", "list", "--db", db), `metric          definition
EUR wins        pnl of trades (signal EUR…, win, friday or monday) per day, last 7 days
execution_rate  count of fires (executed) / count of fires per user, all time
`)
	checkText(t, mustRun(t, "metric", "show", "execution_rate", "--db", db), `execution_rate: count of fires (executed) / count of fires per user, all time

user     value  numerator  denominator
-7           1          1            1
2            1          1            1
1     0.666667          2            3
`)
	checkJSON(t, mustRun(t, "metric", "show", "EUR wins", "--db", db, "--json"), `{
		"metric": `+pnl+`, "window": "2026-01-25..2026-01-31", "horizon": null,
		"items": [{"key": "2026-01-30", "value": 1150.75}], "timestamp": "2026-01-31T12:00:00Z"
	}`)
	checkText(t, mustRun(t, "metric", "delete", "EUR wins", "--db", db), "deleted: EUR wins\n")
	checkJSON(t, mustRun(t, "metric", "delete", "execution_rate", "--db", db, "--json"), `{"deleted": "execution_rate"}`)
	checkText(t, mustRun(t, "metric", "list", "--db", db), "metric  definition\n")
}

func TestAMetricSaysWhereItsFactsBegin(t *testing.T) {
	db := sampleDB(t)
	mustRun(t, "metric", "define", "--db", db, definition(t, `
name: trades per EUR fire
what: ratio
numerator: {what: count, of: trades}
denominator: {what: count, of: fires, filter: {signal_prefix: EUR}}
per: user
`))
	mustRun(t, "cleanup", "--keep-days", "1", "--db", db)
	checkText(t, mustRun(t, "metric", "show", "trades per EUR fire", "--db", db),
		`trades per EUR fire: count of trades / count of fires (signal EUR…) per user, all time
from 2026-01-30 on, since single fires before were cleaned up

user  value  numerator  denominator
1         2          2            1
2         1          1            1
`)
}

func TestAWrongDefinitionIsNotStored(t *testing.T) {
	db := sampleDB(t)
	path := definition(t, strings.Replace(executionRate, "per: user", "per: usr", 1))
	checkError(t, run(t, "metric", "define", path, "--db", db), exitUsage,
		`metric "execution_rate": invalid per "usr": want one of user, signal, day`)
	checkJSON(t, mustRun(t, "metric", "list", "--db", db, "--json"), `{"items": []}`)
}

func TestADefinitionMayHaveDaysWithoutQuotes(t *testing.T) {
	path := definition(t, "{name: d, what: pnl, of: trades, per: day, window: 2026-01-01..2026-01-31}")
	checkText(t, mustRun(t, "metric", "define", path, "--db", sampleDB(t)),
		"defined: d, pnl of trades per day, 2026-01-01..2026-01-31\n")
}

// A few hundred bytes of the last ones would take gigabytes, or be nested as
// deep as they are long.
func TestWhatIsNoDefinitionIsRefusedBeforeItIsRead(t *testing.T) {
	db := sampleDB(t)
	aliases := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for name := 'b'; name < 'k'; name++ {
		aliases += strings.ReplaceAll(fmt.Sprintf("%c: &%c [*, *, *, *, *, *, *, *, *]\n", name, name), "*", "*"+string(name-1))
	}
	const fires = "name: x\nwhat: count\nof: fires\nper: user\n"
	for _, tt := range []struct{ name, text, says string }{
		{"nothing", "", "it is empty"},
		{"a comment alone", "# soon", "it is empty"},
		{"no YAML", "name: [", "]"},
		{"two definitions", fires + "---\n" + fires, "there is more than one"},
		{"a field twice", fires + "per: day\n", `"per" already defined`},
		{"an unknown field", fires + "limti: 3\n", `unknown field "limti"`},
		{"a number where a name should be", "name: 7\n", "name: got number, want text"},
		{"a long field twice", strings.Repeat(strings.Repeat("x", 10_000)+": 1\n", 2), `mapping key "xxx`},
		{"an anchor", "name: &x y\n", "line 1: anchors, aliases and merge keys are not read"},
		{"an alias", "name: x\nwhat: *x\n", "line 2: anchors"},
		{"a merge key", "name: x\n<<: {what: count}\n", "line 2: anchors"},
		{"aliases of aliases", aliases, "line 1: anchors"},
		{"more than 64 KB", fires + strings.Repeat("#", 64<<10), "it has more than 65536 bytes"},
		{"lists in lists", strings.Repeat("[", 60_000), "line 1: it goes on for longer than any definition"},
		{"lists in lists by dashes", strings.Repeat("- ", 30_000), "line 1: it goes on"},
		{"lines without end", strings.Repeat("a: 1\n", 10_000), "it goes on"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			got := run(t, "metric", "define", definition(t, tt.text), "--db", db)
			checkError(t, got, exitUsage, tt.says)
			if len(got.err) > 300 {
				t.Errorf("the message has %d bytes", len(got.err))
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	checkJSON(t, mustRun(t, "metric", "list", "--db", db, "--json"), `{"items": []}`)
}

func TestAnExplanationTellsWhatWasCleanedUp(t *testing.T) {
	db := sampleDB(t)
	mustRun(t, "cleanup", "--keep-days", "1", "--db", db)
	checkText(t, mustRun(t, "explain", "signal", "EURUSD_LONG_001", "total_fires", "--db", db), `signal       EURUSD_LONG_001
total_fires  3
sum of days  3
cleaned up   2, of days before 2026-01-30
from facts   1

day         total_fires
2025-12-02            1
2026-01-29            1
2026-01-31            1

fires                    user  executed
2026-01-31 08:00:00 UTC     2  yes
`)
}

func TestAnExplanationThatDoesNotAddUpSaysSo(t *testing.T) {
	db := sampleDB(t)
	execSQL(t, db, "UPDATE user_stats SET total_fires = 99 WHERE user_id = 1")
	if got := mustRun(t, "explain", "user", "1", "total_fires", "--db", db); !strings.Contains(got, "these do not agree: see engagement verify") {
		t.Errorf("got %s", got)
	}
}
