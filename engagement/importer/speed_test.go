package importer_test

import (
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/importer"
)

// BenchmarkImport brings 100,000 trades into a file that waits for the disk.
func BenchmarkImport(b *testing.B) {
	text := mt5Header + mt5Rows(100_000)
	for name, o := range map[string]importer.Options{
		"trades": ofUTC, "with fires": {User: 7, TimeZone: "UTC", Signal: importer.SignalSymbol, Fires: true}, "strictly": {User: 7, TimeZone: "UTC", Strict: true},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				db := must(engagement.Open(b.Context(), b.TempDir()+"/a.db"))(b)
				report := must(importer.Import(b.Context(), db, strings.NewReader(text), o))(b)
				if report.Recorded != 100_000 {
					b.Fatalf("recorded %+v", report)
				}
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
