package importer

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/engagementtest"
)

// FuzzFile imports files of any content: what is refused is invalid, every row is
// accounted for, a dry run says the same, and nothing takes long.
func FuzzFile(f *testing.F) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil || len(names) == 0 {
		f.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if !strings.HasSuffix(name, ".want") {
			f.Add(text, "")
		}
	}
	for _, text := range []string{"", "PK\x03\x04", "SQLite format 3\x00", "\xff\xfe<\x00", "<table><tr><td>", `{"trades":[{"trade_id":1}]}`, "[[[{", "\"", "a;b\tc"} {
		f.Add([]byte(text), "trade_id=a,pnl=b,closed_at=c")
	}
	db := engagementtest.Open(f, engagement.WithClock(func() time.Time { return time.Date(2026, 1, 14, 0, 0, 0, 0, time.UTC) }))
	var user int64 // each file has its own
	f.Fuzz(func(t *testing.T, text []byte, columns string) {
		user++
		o := Options{User: user, TimeZone: "Europe/Berlin", Account: "1", Signal: SignalSymbol, Fires: true}
		if o.Columns, err = ParseColumns(columns); err != nil {
			if !errors.Is(err, engagement.ErrInvalid) {
				t.Fatalf("columns are refused as %v", err)
			}
		}
		begun := time.Now()
		report, err := Import(t.Context(), db, bytes.NewReader(text), o)
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
		if err != nil && (!errors.Is(err, engagement.ErrInvalid) || len(err.Error()) > 2_000) {
			t.Errorf("it is refused as %v", err)
		}
		all := report.Recorded + report.Duplicates + report.Conflicts + report.Unreadable
		for _, c := range report.LeftOut {
			all += c.Count
		}
		if all != report.Read {
			t.Errorf("of %d rows %d are accounted for", report.Read, all)
		}
		o.Strict = true
		again, err := Import(t.Context(), db, bytes.NewReader(text), o)
		if again.Recorded != 0 || err != nil && !errors.Is(err, engagement.ErrInvalid) {
			t.Errorf("the second time it recorded %d: %v", again.Recorded, err)
		}
	})
}

// FuzzAmount reads amounts: what is read is exact, within what the database has.
func FuzzAmount(f *testing.F) {
	for _, text := range []string{
		"1 145.00", "- 1.40", "2 911.40", "-1 930.00", "1.024,75", "1,234", "1,234,567", "(5.25)", "5.25-", "−7", "+3", "1'000.5",
		"1.2e-05", "1e400", "9000000000000", "9000000000000.000001", "0.0000005", "-0.0000004", "", "-", "١", "1..2", ".5", "5.", "1.2.3", "0x10", "1_000", "NaN", "inf",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := decimals{mark: '.'}
		m, err := d.parse(text)
		if err != nil {
			return
		}
		if m > mostMicros || m < -mostMicros {
			t.Errorf("%q is %d", text, m)
		}
		if back := math.Round(m.units() * 1e6); math.Abs(m.units()) < 1e9 && back != float64(m) {
			t.Errorf("%q is %d, and in units %v", text, m, m.units())
		}
		plain, ok := new(big.Rat).SetString(text)
		if !ok || strings.ContainsAny(text, "_/xXbBoOpP") {
			return
		}
		diff := new(big.Rat).Sub(plain.Mul(plain, big.NewRat(1e6, 1)), big.NewRat(int64(m), 1))
		if limit := big.NewRat(1, 2); !strings.ContainsAny(text, "eE") && diff.Abs(diff).Cmp(limit) > 0 {
			t.Errorf("%q is %d millionths", text, m)
		}
	})
}

// FuzzTime reads times in a zone: clocks of the zone show what was read.
func FuzzTime(f *testing.F) {
	for _, text := range []string{
		"2025.03.04 10:15:22", "2025.03.30 02:30:00", "2025.10.26 02:30:00", "03/04/2025 09:00", "2025-02-01 10:00:00+00:00", "2025-02-01T10:00:00Z",
		"1738404000000", "1738404000", "03 Apr 2025 09:15:00.250", "08/06/2025 14:25:40.501", "0000.00.00 00:00:00", "9999.12.31 23:59:59", "2025-01-01 00:00:00 CET",
	} {
		f.Add(text, "Europe/Berlin")
		f.Add(text, "America/New_York+7")
	}
	f.Fuzz(func(t *testing.T, text, zoneName string) {
		z, err := parseZone(zoneName)
		if err != nil {
			if !errors.Is(err, engagement.ErrInvalid) {
				t.Errorf("zone %q is refused as %v", zoneName, err)
			}
			return
		}
		at, _, err := parseTime(text, z, dayFirst)
		if err != nil || z.loc == nil || !strings.HasPrefix(text, "2") || strings.Count(text, ".") < 2 {
			return
		}
		shown := at.In(z.loc)
		wall := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), shown.Second(), 0, time.UTC).Add(z.shift)
		if want := wall.Format("2006.01.02 15:04"); !strings.HasPrefix(text, want) {
			t.Errorf("%q in %s is %s, when clocks show %s", text, zoneName, at, want)
		}
	})
}
