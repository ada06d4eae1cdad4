package importer_test

import (
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/engagementtest"
	"github.com/hydraxdev/engagementdb/engagement/importer"
)

// update writes what the files come to, to be looked at: go test -update.
var update = flag.Bool("update", false, "write the golden files anew")

// noon is after all trades of the files.
var noon = time.Date(2026, time.January, 14, 12, 0, 0, 0, time.UTC)

func open(t testing.TB) *engagement.DB {
	t.Helper()
	return engagementtest.Open(t, engagement.WithClock(func() time.Time { return noon }))
}

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return v
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// file opens a file of testdata.
func file(t testing.TB, name string) *os.File {
	t.Helper()
	f := must(os.Open(filepath.Join("testdata", name)))(t)
	t.Cleanup(func() { f.Close() })
	return f
}

// golden is what a file comes to.
type golden struct {
	Report importer.Summary         `json:"report"`
	Trades []engagement.ClosedTrade `json:"trades"` // last closed first
	Fires  []engagement.SignalFire  `json:"fires"`
}

// files are those of testdata, with what must be said of each.
var files = map[string]importer.Options{
	"mt5.csv":                 {User: 7, TimeZone: "Europe/Athens", Signal: importer.SignalSymbol, Fires: true},
	"mt5-de.csv":              {User: 7, TimeZone: "Europe/Berlin"},
	"mt5-ru.html":             {User: 7, TimeZone: "America/New_York+7", Signal: importer.SignalComment, Fires: true},
	"mt5-es.html":             {User: 7, TimeZone: "UTC+3", Signal: importer.SignalComment},
	"mt4.htm":                 {User: 7, TimeZone: "+02:00", Signal: importer.SignalComment},
	"mt4.csv":                 {User: 7, TimeZone: "UTC", Signal: importer.SignalComment, Account: "55"},
	"myfxbook.csv":            {User: 7, TimeZone: "UTC", Signal: importer.SignalTag, Account: "my"},
	"myfxbook-no-ticket.csv":  {User: 7, TimeZone: "UTC", Account: "my"},
	"ctrader.csv":             {User: 7, Account: "900", Signal: importer.SignalTag},
	"ctrader-es.csv":          {User: 7, Account: "900"},
	"freqtrade-api.json":      {User: 7, Fires: true},
	"freqtrade-backtest.json": {User: 7, Signal: importer.SignalSymbol},
	"table.csv": {Fires: true, Columns: importer.Columns{
		"trade_id": "Name", "user_id": "Member", "pnl": "Result", "closed_at": "When", "opened_at": "Started", "signal_id": "Idea", "fees": "Fee",
	}},
}

func stored(t testing.TB, db *engagement.DB) (g golden) {
	t.Helper()
	ctx := context.Background()
	g.Trades = must(db.Trades(ctx, engagement.TradeFilter{}, engagement.PageQuery{Limit: engagement.MaxLimit}))(t).Items
	g.Fires = must(db.Fires(ctx, engagement.FireFilter{}, engagement.PageQuery{Limit: engagement.MaxLimit}))(t).Items
	return g
}

func TestFilesComeToWhatIsWrittenBesideThem(t *testing.T) {
	t.Parallel()
	for name, options := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			report := must(importer.Import(t.Context(), db, file(t, name), options))(t)
			g := stored(t, db)
			g.Report = report
			checkGolden(t, name+".want", g)
			if all := report.Recorded + report.Duplicates + report.Conflicts + report.Unreadable + leftOut(report); all != report.Read {
				t.Errorf("of %d rows %d are accounted for", report.Read, all)
			}
			if !must(db.Verify(t.Context()))(t).OK() {
				t.Error("the figures are wrong afterwards")
			}

			again := must(importer.Import(t.Context(), db, file(t, name), options))(t)
			want := report
			want.Recorded, want.Duplicates = 0, report.Duplicates+report.Recorded
			if report.Fires != nil {
				want.Fires = &importer.FireCounts{Duplicates: report.Fires.Duplicates + report.Fires.Recorded}
			}
			same(t, "the report of the second time", again, want)
			after := stored(t, db)
			after.Report = report
			same(t, "what is stored after the second time", after, g)
		})
	}
}

func leftOut(r importer.Summary) (n int64) {
	for _, c := range r.LeftOut {
		n += c.Count
	}
	return n
}

func checkGolden(t *testing.T, name string, g golden) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		text := must(json.MarshalIndent(g, "", "  "))(t)
		if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var want golden
	if err := json.Unmarshal(must(os.ReadFile(path))(t), &want); err != nil {
		t.Fatal(err)
	}
	same(t, name, g, want)
}

// A spreadsheet of MetaTrader has the rows of its CSV, times as text, numbers as such.
func TestASpreadsheetComesToWhatItsTableComesTo(t *testing.T) {
	t.Parallel()
	reader := csv.NewReader(file(t, "mt5.csv"))
	reader.FieldsPerRecord = -1
	sheet := excelize.NewFile()
	for i, cells := range must(reader.ReadAll())(t) {
		for j, text := range cells {
			at := must(excelize.CoordinatesToCellName(j+1, i+1))(t)
			number := strings.ReplaceAll(text, " ", "")
			var value any = text
			if n, err := json.Number(strings.TrimSuffix(number, ",")).Float64(); err == nil {
				value = n
			}
			if text == "" {
				continue
			}
			if err := sheet.SetCellValue("Sheet1", at, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	buffer := must(sheet.WriteToBuffer())(t)
	db := open(t)
	report := must(importer.Import(t.Context(), db, buffer, files["mt5.csv"]))(t)
	g := stored(t, db)
	g.Report = report
	checkGolden(t, "mt5.csv.want", g)
}

// freqtradeDB makes a database of freqtrade and leaves it open.
func freqtradeDB(t testing.TB, journal string) (path string, db *sql.DB) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tradesv3.sqlite")
	db = must(sql.Open("sqlite3", path))(t)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec("PRAGMA journal_mode=" + journal + "; PRAGMA wal_autocheckpoint=0;" + string(must(os.ReadFile("testdata/freqtrade.sql"))(t))); err != nil {
		t.Fatal(err)
	}
	return path, db
}

func TestADatabaseOfFreqtradeIsReadAndNothingBesideItChanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, journal string
		before        func(t *testing.T, path string, db *sql.DB) string
	}{
		{"with a journal that is deleted", "DELETE", func(t *testing.T, path string, db *sql.DB) string { return path }},
		{"in use with a log of writes", "WAL", func(t *testing.T, path string, db *sql.DB) string { return path }},
		{"closed in the mode of a log", "WAL", func(t *testing.T, path string, db *sql.DB) string { db.Close(); return path }},
		{"copied with its log", "WAL", func(t *testing.T, path string, db *sql.DB) string {
			to := filepath.Join(t.TempDir(), "copy.sqlite")
			for _, suffix := range []string{"", "-wal"} {
				if err := os.WriteFile(to+suffix, must(os.ReadFile(path+suffix))(t), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			return to
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path, bot := freqtradeDB(t, tt.journal)
			path = tt.before(t, path, bot)
			before := contents(t, filepath.Dir(path))
			db := open(t)
			f := must(os.Open(path))(t)
			defer f.Close()
			report := must(importer.Import(t.Context(), db, f, importer.Options{User: 7, Fires: true}))(t)
			g := stored(t, db)
			g.Report = report
			checkGolden(t, "freqtrade.sql.want", g)
			same(t, "the folder", contents(t, filepath.Dir(path)), before)
		})
	}
}

// contents returns the files of a folder, but for the index of a log, in which readers
// note where they read.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, entry := range must(os.ReadDir(dir))(t) {
		content := ""
		if !strings.HasSuffix(entry.Name(), "-shm") {
			content = string(must(os.ReadFile(filepath.Join(dir, entry.Name())))(t))
		}
		all[entry.Name()] = content
	}
	return all
}

// spreadsheet is one with a text in its first cell.
func spreadsheet(t testing.TB, text string) []byte {
	t.Helper()
	sheet := excelize.NewFile()
	if err := sheet.SetCellValue("Sheet1", "A1", text); err != nil {
		t.Fatal(err)
	}
	return must(sheet.WriteToBuffer())(t).Bytes()
}
