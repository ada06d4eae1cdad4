package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement/importer"
)

const report = "../../importer/testdata/mt5.csv"

func TestAReportOfAPlatformIsBroughtIn(t *testing.T) {
	db := sampleDB(t)
	import_ := []string{"import", report, "--user", "-70", "--timezone", "Europe/Athens", "--signal", "symbol", "--fires", "--db", db}
	totals := `Commission -8.40: the same
Swap -6.55: the same
Profit 655.00: the same
Total Net Profit 640.05: the same
unreadable: line 10, Time, "2025.03.30 03:30:00": clocks in Europe/Athens were put forward over it
`
	for _, tt := range []struct{ name, flag, want string }{
		{"at first to look at", "--dry-run", "mt5, account 88012345: 4 rows read; 3 would be recorded, 0 duplicates, 0 in conflict, 1 unreadable; P&L 640.05\n" +
			"fires: 3 would be recorded, 0 duplicates, 0 marked as executed, 0 refused\n"},
		{"then indeed", "", "mt5, account 88012345: 4 rows read; 3 recorded, 0 duplicates, 0 in conflict, 1 unreadable; P&L 640.05\n" +
			"fires: 3 recorded, 0 duplicates, 0 marked as executed, 0 refused\n"},
		{"and once more", "", "mt5, account 88012345: 4 rows read; 0 recorded, 3 duplicates, 0 in conflict, 1 unreadable; P&L 640.05\n" +
			"fires: 0 recorded, 3 duplicates, 0 marked as executed, 0 refused\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := import_
			if tt.flag != "" {
				args = append(args[:len(args):len(args)], tt.flag)
			}
			checkText(t, mustRun(t, args...), tt.want+totals)
		})
	}
	if got := mustRun(t, "trades", "--user", "-70", "--db", db); !strings.Contains(got, "mt5-88012345-88012345") {
		t.Errorf("the trades are %s", got)
	}
	mustRun(t, "verify", "--db", db)
}

func TestWhatIsWrongWithAFileIsSaidInOneLine(t *testing.T) {
	for _, tt := range []struct {
		name, args, wants string
	}{
		{"there is none", "import none.csv --user 7", `invalid file "none.csv": there is none`},
		{"it is a folder", "import ../../importer --user 7", "it is a folder"},
		{"it is of nothing that is known", "import root.go --user 7", "no table of trades that is known"},
		{"its zone is not said", "import " + report + " --user 7", "invalid time zone: the times of the file have none"},
		{"its user is not said", "import " + report + " --timezone UTC", "say whose trades these are"},
		{"not all of it can be read", "import " + report + " --timezone Europe/Athens --user 7 --strict", "the first in line 10: clocks in Europe/Athens were put forward over it; nothing was recorded"},
		{"the format is none", "import " + report + " --format mt6", "want freqtrade, mt5"},
		{"the columns are none", "import " + report + " --columns a", "want KEY=NAME"},
		{"nothing comes", "import - --user 7", "it is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, append(strings.Fields(tt.args), "--db", sampleDB(t))...)
			if r.code != exitUsage || !strings.Contains(r.err, tt.wants) || strings.Count(r.err, "\n") != 1 {
				t.Errorf("exit code %d, stderr %q, want %q", r.code, r.err, tt.wants)
			}
		})
	}
}

func TestAReportComesFromStandardInputAndItsSummaryIsJSON(t *testing.T) {
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	a := &app{now: func() time.Time { return noon }}
	args := []string{"import", "-", "--user", "7", "--timezone", "UTC", "--json", "--db", sampleDB(t)}
	if code := a.run(t.Context(), args, bytes.NewReader(text), &out, &errOut); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	if got := decode[importer.Summary](t, out.String()); got.Recorded != 4 || got.Format != importer.MT5 {
		t.Errorf("got %+v", got)
	}
}

func TestImportingMakesNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.db")
	r := run(t, "import", report, "--user", "7", "--timezone", "UTC", "--db", path)
	if r.code != exitFailure || !strings.Contains(r.err, "there is no database") {
		t.Errorf("got %+v", r)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it was made")
	}
}
