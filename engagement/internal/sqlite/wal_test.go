package sqlite

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

func TestTheWALGrowsWithTheFile(t *testing.T) {
	e := migrated(t)
	settings := func() (pages, bytes int64) {
		return number(t, e.writer, "PRAGMA wal_autocheckpoint"), number(t, e.writer, "PRAGMA journal_size_limit")
	}
	same := func(what string, pages int64) {
		t.Helper()
		gotPages, gotBytes := settings()
		if diff := cmp.Diff([]int64{pages, pages * 2 * 4096}, []int64{gotPages, gotBytes}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	write := func() {
		t.Helper()
		tx, err := e.BeginWrite(t.Context(), engine.EnterGate)
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	same("a new file", fewestPages)
	exec(t, e.writer, "CREATE TABLE large (pages BLOB)", fmt.Sprintf("INSERT INTO large VALUES (zeroblob(%d * 4096))", fewestPages+1000))
	write()
	inFile := number(t, e.writer, "PRAGMA page_count")
	if inFile <= fewestPages || inFile >= mostPages {
		t.Fatalf("the file has %d pages", inFile)
	}
	same("a file that has grown", inFile)
	exec(t, e.writer, fmt.Sprintf("INSERT INTO large VALUES (zeroblob(%d * 4096))", mostPages-fewestPages))
	write()
	same("a file larger than the log may become", mostPages)
}
