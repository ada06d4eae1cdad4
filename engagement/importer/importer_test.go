package importer_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/engagementtest"
	"github.com/hydraxdev/engagementdb/engagement/importer"
)

var mt5Header = "Account:,,,\"88012345 (USD, Example-Server, real, Hedge)\",,,,,,,,,,\nPositions,,,,,,,,,,,,,\n" +
	"Time,Position,Symbol,Type,Volume,Price,S / L,T / P,Time,Price,Commission,Swap,Profit,\n"

// mt5Rows are so many positions, the first of which is number 1.
func mt5Rows(n int) string {
	var text strings.Builder
	for i := 1; i <= n; i++ {
		at := time.Date(2025, 1, 2, 8, 0, 0, 0, time.UTC).Add(time.Duration(i) * 5 * time.Minute)
		fmt.Fprintf(&text, "%s,%d,EURUSD,buy,0.10,1.08000,,,%s,1.08100,-0.70,0.00,%d.50,\n",
			at.Add(-time.Hour).Format("2006.01.02 15:04:05"), i, at.Format("2006.01.02 15:04:05"), i%200-100)
	}
	return text.String()
}

var ofUTC = importer.Options{User: 7, TimeZone: "UTC"}

func imported(t *testing.T, db *engagement.DB, text string, o importer.Options) (importer.Summary, error) {
	t.Helper()
	return importer.Import(t.Context(), db, strings.NewReader(text), o)
}

func TestWhatIsNotSaidOfAFileIsAskedForBeforeAnythingIsRecorded(t *testing.T) {
	t.Parallel()
	mt5 := mt5Header + mt5Rows(2)
	columns := importer.Columns{"trade_id": "Id", "pnl": "Net", "closed_at": "Closed"}
	for _, tt := range []struct {
		name, text   string
		o            importer.Options
		field, wants string
	}{
		{"a user", mt5, importer.Options{TimeZone: "UTC"}, "user id", "whose trades"},
		{"a user of freqtrade's JSON", `{"trades": []}`, importer.Options{}, "user id", "whose trades"},
		{"a zone", mt5, importer.Options{User: 7}, "time zone", "say which zone"},
		{"a zone of a table", "Id,Net,Closed\na,1,2025-01-02 10:00:00\n", importer.Options{User: 7, Columns: columns}, "time zone", "line 2"},
		{"an account", strings.Replace(mt5, "88012345 (USD", "nobody (USD", 1), ofUTC, "account", "does not name it"},
		{"where signals stand, for fires", mt5, importer.Options{User: 7, TimeZone: "UTC", Fires: true}, "fires", "by tag, comment or symbol"},
		{"signals that are there", mt5, importer.Options{User: 7, TimeZone: "UTC", Signal: importer.SignalTag}, "signal", "no such column"},
		{"signals that freqtrade has", `{"trades": []}`, importer.Options{User: 7, Signal: importer.SignalComment}, "signal", "tag and symbol"},
		{"a zone that there is", mt5, importer.Options{User: 7, TimeZone: "Mars/Olympus"}, "time zone", "Europe/Berlin"},
		{"a zone that does not depend on the machine", mt5, importer.Options{User: 7, TimeZone: "Local"}, "time zone", "Europe/Berlin"},
		{"hours that there are", mt5, importer.Options{User: 7, TimeZone: "UTC+15"}, "time zone", "Europe/Berlin"},
		{"a format that there is", mt5, importer.Options{User: 7, Format: "mt6"}, "format", "want freqtrade, mt5"},
		{"a place of signals that there is", mt5, importer.Options{User: 7, Signal: "magic"}, "signal", "want tag"},
		{"columns that there are", mt5, importer.Options{User: 7, Columns: importer.Columns{"profit": "x"}}, "columns", "want keys out of trade_id"},
		{"columns enough", mt5, importer.Options{User: 7, Columns: importer.Columns{"trade_id": "x"}}, "columns", "want a column for pnl"},
		{"columns of a table", mt5, importer.Options{User: 7, Format: importer.MT5, Columns: columns}, "columns", "csv alone"},
		{"a size", mt5, importer.Options{User: 7, MaxBytes: -1}, "size", "number of bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			_, err := imported(t, db, tt.text, tt.o)
			checkRefusal(t, err, tt.field, tt.wants)
			if g := stored(t, db); len(g.Trades) > 0 {
				t.Errorf("recorded %v", g.Trades)
			}
		})
	}
}

func checkRefusal(t *testing.T, err error, field, wants string) {
	t.Helper()
	refused, ok := errors.AsType[*engagement.InvalidError](err)
	if !ok || refused.Field != field || !strings.Contains(refused.Reason, wants) {
		t.Errorf("got %v, want %s refused with %q", err, field, wants)
	}
	if err != nil && (strings.Contains(err.Error(), "\n") || len(err.Error()) > 300) {
		t.Errorf("it is no sentence: %v", err)
	}
}

func TestFilesThatAreCutOffOrForeignAreRefusedWithOneSentence(t *testing.T) {
	t.Parallel()
	html := string(must(os.ReadFile("testdata/mt5-es.html"))(t))
	half := func(text string) string { return text[:strings.Index(text, "9002")+20] }
	api := string(must(os.ReadFile("testdata/freqtrade-api.json"))(t))
	for _, tt := range []struct {
		name, text string
		o          importer.Options
		wants      string
		recorded   int
	}{
		{"nothing", "", ofUTC, "it is empty", 0},
		{"spaces", " \n\t", ofUTC, "it is empty", 0},
		{"a letter", "Dear trader,\nwelcome to the market.\n", ofUTC, "no table of trades that is known", 0},
		{"a page", "<!doctype html><html><body><h1>Log in</h1></body></html>", ofUTC, "no table of trades that is known", 0},
		{"a picture", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", ofUTC, "neither text", 0},
		{"other JSON", `{"a": [1, {"b": null}], "c": "trades"}`, ofUTC, "no trades as freqtrade writes them", 0},
		{"JSON with something else behind", `{"trades": [}`, ofUTC, "cannot be read", 0},
		{"deals alone", "Deals,,\nTime,Deal,Symbol,Type,Direction,Volume,Price,Order,Commission,Fee,Swap,Profit,Balance,Comment\n", ofUTC, "no table of trades that is known", 0},
		{"another platform's", mt5Header + mt5Rows(1), importer.Options{User: 7, TimeZone: "UTC", Format: importer.Myfxbook}, "as Myfxbook writes it", 0},
		{"a table instead of freqtrade's", mt5Header, importer.Options{User: 7, Format: importer.Freqtrade}, "neither a database nor JSON", 0},
		{"freqtrade's instead of a table", api, importer.Options{User: 7, Format: importer.MT5}, "no table of trades, as MetaTrader 5", 0},
		{"a table without the columns", "a,b\n", importer.Options{User: 7, Columns: importer.Columns{"trade_id": "x", "pnl": "y", "closed_at": "z"}}, "names of all columns", 0},
		{"CSV cut off within a row", (mt5Header + mt5Rows(3))[:len(mt5Header+mt5Rows(3))-40], ofUTC, "it was cut off in line 6", 2},
		{"CSV cut off within the last number", (mt5Header + mt5Rows(3))[:len(mt5Header+mt5Rows(3))-4], ofUTC, "it was cut off in line 6", 2},
		{"a page cut off within a row", half(html), importer.Options{User: 7, TimeZone: "UTC"}, "it was cut off in line", 1},
		{"a page cut off between rows", html[:strings.Index(html, "<tr align=\"right\">")], importer.Options{User: 7, TimeZone: "UTC"}, "it was cut off in line", 1},
		{"JSON cut off", api[:strings.Index(api, `{"trade_id": 3`)+9], importer.Options{User: 7}, "it was cut off after", 2},
		{"a database cut off", string(cutDatabase(t, 5_000)), importer.Options{User: 7}, "cannot be read, or was cut off", 0},
		{"the head of a database", string(cutDatabase(t, 50)), importer.Options{User: 7}, "its database was cut off", 0},
		{"a spreadsheet cut off", string(spreadsheet(t, "a")[:500]), ofUTC, "no spreadsheet that can be read, or was cut off", 0},
		{"another archive", string(zipped(t, "readme.txt", strings.NewReader("hello"))), ofUTC, "no spreadsheet", 0},
		{"too much", mt5Header + mt5Rows(3), importer.Options{User: 7, TimeZone: "UTC", MaxBytes: 100}, "more than 100 bytes", 0},
		{"a row of a gigabyte", mt5Header + mt5Rows(1) + strings.Repeat("x", 3<<20), ofUTC, "more than 1048576 bytes", 1},
		{"a cell of a gigabyte that is quoted", mt5Header + mt5Rows(1) + "\"" + strings.Repeat("x\n", 2<<20), ofUTC, "more than 1048576 bytes", 1},
		{"a tag of a gigabyte", "<table><tr><td " + strings.Repeat("x", 3<<20), ofUTC, "more than 1048576 bytes", 0},
		{"a row of a page of a gigabyte", "<table><tr><td>" + strings.Repeat("<b>xxxxxxx</b>", 400_000), ofUTC, "more than 1048576 bytes", 0},
		{"a row of a million cells", "<table><tr>" + strings.Repeat("<td colspan=64>", 100_000), ofUTC, "more than 1048576 bytes", 0},
		{"a text of a gigabyte in JSON", `{"trades": [{"pair": "` + strings.Repeat("x", 3<<20), importer.Options{User: 7}, "more than 1048576 bytes", 0},
		{"values in values in values", strings.Repeat("[", 3<<20), importer.Options{User: 7}, "cannot be read", 0},
		{"objects in objects", strings.Repeat(`{"a":`, 1<<20), importer.Options{User: 7}, "nested too deeply", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			report, err := imported(t, db, tt.text, tt.o)
			checkRefusal(t, err, "file", tt.wants)
			if got := len(stored(t, db).Trades); got != tt.recorded || int64(got) != report.Recorded {
				t.Errorf("%d trades were recorded, of which %d are reported; want %d", got, report.Recorded, tt.recorded)
			}
		})
	}
}

func cutDatabase(t *testing.T, size int) []byte {
	path, db := freqtradeDB(t, "DELETE")
	db.Close()
	return must(os.ReadFile(path))(t)[:size]
}

func zipped(t *testing.T, name string, content io.Reader) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	part := must(w.Create(name))(t)
	must(io.Copy(part, content))(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func TestASpreadsheetThatIsABombIsRefusedWithoutBeingUnpacked(t *testing.T) {
	var packed bytes.Buffer
	deflate := must(flate.NewWriter(&packed, flate.BestSpeed))(t)
	must(io.Copy(deflate, io.LimitReader(spaces{}, 64<<20)))(t)
	if err := deflate.Close(); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]uint64{"that says so": 2 << 30, "that says that it is small": 1_000} {
		var bomb bytes.Buffer
		w := zip.NewWriter(&bomb)
		part := must(w.CreateRaw(&zip.FileHeader{
			Name: "xl/worksheets/sheet1.xml", Method: zip.Deflate, UncompressedSize64: says, CompressedSize64: uint64(packed.Len()),
		}))(t)
		must(part.Write(packed.Bytes()))(t)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := importer.Import(t.Context(), open(t), &bomb, ofUTC)
		runtime.ReadMemStats(&after)
		checkRefusal(t, err, "file", "no spreadsheet that can be read")
		if took := after.TotalAlloc - before.TotalAlloc; took > 48<<20 {
			t.Errorf("%s: it took %d bytes of memory", name, took)
		}
	}
}

// spaces is an endless text.
type spaces struct{}

func (spaces) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestARunThatIsDryRecordsNothingAndSaysWhatARealOneWould(t *testing.T) {
	t.Parallel()
	db := open(t)
	o := importer.Options{User: 7, TimeZone: "UTC", Signal: importer.SignalSymbol, Fires: true}
	text := mt5Header + mt5Rows(2_500) + "2025.01.01 00:00:00,x,EURUSD,buy,1,1,,,soon,1,0,0,1,\n"
	o.DryRun = true
	dry, err := imported(t, db, text, o)
	if g := stored(t, db); err != nil || len(g.Trades) > 0 || len(g.Fires) > 0 {
		t.Fatalf("recorded %d trades and %d fires: %v", len(g.Trades), len(g.Fires), err)
	}
	o.DryRun = false
	real, err := imported(t, db, text, o)
	if err != nil || real.Recorded != 2_500 || real.Unreadable != 1 {
		t.Fatalf("recorded %+v: %v", real, err)
	}
	if *real.Fires != (importer.FireCounts{Recorded: 1, Duplicates: 2_499}) {
		t.Errorf("fires: %+v", real.Fires)
	}
	dry.DryRun = false
	// That trades of two transactions follow the same signal is not known to a dry run.
	dry.Fires = real.Fires
	same(t, "the report of the dry run", dry, real)
}

func TestStrictlyAFileIsRecordedAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	good := mt5Header + mt5Rows(1_500)
	o := importer.Options{User: 7, TimeZone: "UTC", Strict: true}
	for name, tt := range map[string]struct {
		text, wants string
		before      engagement.Trade
	}{
		"a row that cannot be read": {text: good + "2025.01.01 00:00:00,x,EURUSD,buy,1,1,,,soon,1,0,0,1,\n", wants: "line 1504: it is no time"},
		"a conflict":                {text: good, wants: "stored under this id", before: engagement.Trade{UserID: 7, TradeID: "mt5-88012345-1200", PnL: 1, ClosedAt: noon}},
		"a row cut off":             {text: good[:len(good)-30], wants: "cut off in line 1503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			if tt.before.UserID != 0 {
				must(db.RecordTrade(t.Context(), tt.before))(t)
			}
			before := stored(t, db)
			_, err := imported(t, db, tt.text, o)
			checkRefusal(t, err, "file", tt.wants)
			same(t, "what is stored", stored(t, db), before)
		})
	}
	report, err := imported(t, open(t), good, o)
	if err != nil || report.Recorded != 1_500 || report.DryRun {
		t.Errorf("of a good file %+v: %v", report, err)
	}
}

func TestWhatIsInConflictIsReportedWithItsLineAndTheRestIsRecorded(t *testing.T) {
	t.Parallel()
	db := open(t)
	text := mt5Header + mt5Rows(30)
	if _, err := imported(t, db, text, ofUTC); err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(text, "-87.50", "-87.51", 1)
	report, err := imported(t, db, other+"2025.01.01 00:00:00,99,EURUSD,buy,1,1,,,2999.01.01 00:00:00,1,0,0,1,\n", ofUTC)
	if err != nil || report.Duplicates != 29 || report.Conflicts != 1 || report.Unreadable != 1 {
		t.Fatalf("got %+v: %v", report, err)
	}
	same(t, "the problems", report.Problems, []importer.RowProblem{
		{Kind: importer.Conflict, Line: 16, Text: "mt5-88012345-13", Reason: "another trade is stored under this id: P&L is stored as -88.2, got -88.21"},
		{Kind: importer.Unreadable, Line: 34, Text: "mt5-88012345-99", Reason: `invalid closing time "2999-01-01T00:00:00Z": it is more than 24 hours ahead`},
	})
	zone, err := imported(t, db, text, importer.Options{User: 7, TimeZone: "UTC+1"})
	if err != nil || zone.Conflicts != 30 {
		t.Errorf("in another zone %+v: %v", zone, err)
	}
}

func TestAnInterruptedImportGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	db := open(t)
	text := mt5Header + mt5Rows(4_000)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := ofUTC
	o.Progress = func(done, total int64) {
		if total != int64(len(text)) {
			t.Errorf("of %d bytes it says %d", len(text), total)
		}
		if done > total/2 {
			cancel()
		}
	}
	first, err := importer.Import(ctx, db, strings.NewReader(text), o)
	if !errors.Is(err, context.Canceled) || first.Recorded == 0 || first.Recorded == 4_000 {
		t.Fatalf("interrupted: %+v, %v", first, err)
	}
	again, err := imported(t, db, text, ofUTC)
	if err != nil || again.Duplicates != first.Recorded || again.Recorded+again.Duplicates != 4_000 {
		t.Fatalf("again: %+v, %v", again, err)
	}
	if len(stored(t, db).Trades) != 4_000 || !must(db.Verify(t.Context()))(t).OK() {
		t.Error("the figures are wrong")
	}
}

func TestAFormulaIsWhatItCameToAndNothingIsComputed(t *testing.T) {
	t.Parallel()
	sheet := excelize.NewFile()
	for i, cells := range [][]any{{"trade_id", "pnl", "closed_at"}, {"a", 1.5, "2025-01-02T10:00:00Z"}, {"b", nil, "2025-01-02T10:00:00Z"}, {"=c", 2, 45_659.5}} {
		if err := sheet.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &cells); err != nil {
			t.Fatal(err)
		}
	}
	if err := sheet.SetCellFormula("Sheet1", "B3", "1000+1"); err != nil { // which a program wrote that computes nothing
		t.Fatal(err)
	}
	db := open(t)
	report, err := importer.Import(t.Context(), db, must(sheet.WriteToBuffer())(t), ofUTC)
	if err != nil || report.Recorded != 2 || report.PnL != 3.5 {
		t.Fatalf("got %+v: %v", report, err)
	}
	same(t, "the problems", report.Problems, []importer.RowProblem{{Kind: importer.Unreadable, Line: 3, Column: "pnl", Reason: "it is no number"}})
	if got := stored(t, db).Trades[0]; got.TradeID != "=c" || !got.ClosedAt.Equal(time.Date(2025, 1, 2, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("the last trade is %+v", got)
	}
}

// endless has more positions than fit into memory.
type endless struct {
	left int
	rest []byte
}

func (e *endless) Read(b []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.left == 0 {
			return 0, io.EOF
		}
		e.left--
		e.rest = []byte(strings.Repeat("2025.01.01 00:00:00,1,EURUSD,buy,0.10,1.08000,,,not yet,1.08100,-0.70,0.00,1.50,\n", 1_000))
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestTheMemoryThatAnImportTakesDoesNotGrowWithItsFile(t *testing.T) {
	db := open(t)
	peak := func(thousands int) (most uint64) {
		o := ofUTC
		calls := 0
		o.Progress = func(int64, int64) {
			if calls++; calls%20 != 0 {
				return
			}
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
		runtime.GC()
		text := io.MultiReader(strings.NewReader(mt5Header), &endless{left: thousands})
		report, err := importer.Import(t.Context(), db, text, o)
		if err != nil || report.Unreadable != int64(thousands)*1_000 || len(report.Problems)+int(report.MoreProblems) != thousands*1_000 {
			t.Fatalf("got %+v: %v", report, err)
		}
		return most
	}
	if few, many := peak(5), peak(150); many > few+8<<20 {
		t.Errorf("%d MB for 5,000 rows, %d MB for 150,000", few>>20, many>>20)
	}
}

func TestADatabaseThatTakesNoWritesSaysSo(t *testing.T) {
	t.Parallel()
	db := must(engagement.Open(t.Context(), t.TempDir()+"/a.db"))(t)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := imported(t, db, mt5Header+mt5Rows(2), ofUTC); !errors.Is(err, engagement.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := imported(t, readOnly(t), mt5Header+mt5Rows(2), ofUTC); !errors.Is(err, engagement.ErrReadOnly) {
		t.Errorf("on a database opened for reading: %v", err)
	}
}

func readOnly(t *testing.T) *engagement.DB {
	path := t.TempDir() + "/a.db"
	db := must(engagement.Open(t.Context(), path))(t)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = must(engagement.Open(t.Context(), path, engagement.WithReadOnly()))(t)
	t.Cleanup(func() { db.Close() })
	return db
}

func TestFiresOfDaysThatWereCleanedUpAreRefusedAndTheirTradesRecorded(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	db := engagementtest.Open(t, engagement.WithClock(func() time.Time { return now }))
	must(db.RecordFire(t.Context(), engagement.Fire{UserID: 7, SignalID: "X"}))(t)
	now = now.AddDate(0, 6, 0)
	must(db.Cleanup(t.Context(), 30))(t)
	o := importer.Options{User: 7, TimeZone: "UTC", Signal: importer.SignalSymbol, Fires: true}
	report, err := imported(t, db, mt5Header+mt5Rows(3), o)
	if err != nil || report.Recorded != 3 || *report.Fires != (importer.FireCounts{Refused: 3}) || len(report.Problems) != 3 {
		t.Errorf("got %+v %+v: %v", report, report.Fires, err)
	}
	if len(report.Problems) > 0 && !strings.Contains(report.Problems[0].Reason, "have been cleaned up") {
		t.Errorf("it says %v", report.Problems[0])
	}
}
