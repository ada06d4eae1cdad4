package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-sqlite3"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

func newEngine(path string) *Engine {
	return New(path, Options{Synchronous: "OFF", Log: slog.New(slog.DiscardHandler)})
}

// migrated returns an open engine on a new database in a folder of its own.
func migrated(t *testing.T) *Engine {
	t.Helper()
	return migratedAt(t, filepath.Join(t.TempDir(), "engagement.db"))
}

func migratedAt(t *testing.T, path string) *Engine {
	t.Helper()
	e := newEngine(path)
	if _, err := e.Migrate(t.Context()); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	if err := e.Open(t.Context()); err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return e
}

// plain opens a file as any other program would, with one connection.
func plain(t *testing.T, path string, settings ...string) *sql.DB {
	t.Helper()
	db := openPool(path, 1, append([]string{"mode=rwc"}, settings...)...)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close %s: %v", path, err)
		}
	})
	return db
}

func exec(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func number(t *testing.T, db *sql.DB, query string) (n int64) {
	t.Helper()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// insertDays stores n rows in one transaction.
// oneFire is what AddDays takes to add one fire to a day.
func oneFire(day int64) string { return fmt.Sprintf("[[%d,1,0,0,0,0,0]]", day) }

func insertDays(t *testing.T, e *Engine, n int) {
	t.Helper()
	tx, err := e.BeginWrite(t.Context(), engine.EnterGate)
	if err != nil {
		t.Fatalf("BeginWrite: %v", err)
	}
	for i := range n {
		if err := tx.AddDays(t.Context(), oneFire(int64(i+1))); err != nil {
			t.Fatalf("AddDays: %v", err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := make([]string, len(entries))
	for i, entry := range entries {
		found[i] = entry.Name()
	}
	return found
}

func TestClassifyNamesWhatSQLiteReports(t *testing.T) {
	t.Parallel()
	damaged := func(t *testing.T, change func(content []byte) []byte) *sql.DB {
		path := filepath.Join(t.TempDir(), "damaged.db")
		db := openPool(path, 1, "mode=rwc")
		exec(t, db, "CREATE TABLE t (x)", "INSERT INTO t SELECT randomblob(3000) FROM (VALUES (1), (2), (3), (4), (5), (6))")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return plain(t, path)
	}
	for _, c := range []struct {
		name string
		want engine.Class
		fail func(t *testing.T) error
	}{
		{"a lock held by another connection is busy", engine.Busy, func(t *testing.T) error {
			path := filepath.Join(t.TempDir(), "a.db")
			exec(t, plain(t, path), "CREATE TABLE t (x)", "BEGIN IMMEDIATE")
			_, err := plain(t, path, "_busy_timeout=1").Exec("INSERT INTO t VALUES (1)")
			return err
		}},
		{"a snapshot that is behind is busy", engine.Busy, func(t *testing.T) error {
			path := filepath.Join(t.TempDir(), "a.db")
			writer, reader := plain(t, path, "_journal_mode=WAL"), plain(t, path, "_busy_timeout=1")
			exec(t, writer, "CREATE TABLE t (x)")
			exec(t, reader, "BEGIN")
			number(t, reader, "SELECT COUNT(*) FROM t")
			exec(t, writer, "INSERT INTO t VALUES (1)")
			_, err := reader.Exec("INSERT INTO t VALUES (2)")
			return err
		}},
		{"a query-only connection is read-only", engine.ReadOnly, func(t *testing.T) error {
			_, err := migrated(t).reader.Exec("DELETE FROM days")
			return err
		}},
		{"a file opened for reading is read-only", engine.ReadOnly, func(t *testing.T) error {
			e := migrated(t)
			db := openPool(e.path, 1, "mode=ro")
			_, err := db.Exec("DELETE FROM days")
			return errors.Join(err, db.Close())
		}},
		{"writing without a writer is read-only", engine.ReadOnly, func(t *testing.T) error {
			e := migrated(t)
			_, err := New(e.path, Options{ReadOnly: true}).BeginWrite(t.Context(), engine.EnterGate)
			return err
		}},
		{"a unique key refuses", engine.Refused, func(t *testing.T) error {
			_, err := migrated(t).writer.Exec("INSERT INTO days (day) VALUES (1), (1)")
			return err
		}},
		{"a check refuses", engine.Refused, func(t *testing.T) error {
			_, err := migrated(t).writer.Exec("INSERT INTO trades (user_id, trade_id, pnl_micros, outcome) VALUES (1, 'a', 1, 'luck')")
			return err
		}},
		{"a column without a value refuses", engine.Refused, func(t *testing.T) error {
			_, err := migrated(t).writer.Exec("INSERT INTO signal_fires (user_id) VALUES (1)")
			return err
		}},
		{"a file that is something else is foreign", engine.Foreign, func(t *testing.T) error {
			db := damaged(t, func(content []byte) []byte { return append([]byte("a letter to a friend"), content[20:]...) })
			return db.QueryRow("SELECT COUNT(*) FROM t").Scan(new(int))
		}},
		{"a file that was cut off is corrupt", engine.Corrupt, func(t *testing.T) error {
			db := damaged(t, func(content []byte) []byte { return content[:8192] })
			return db.QueryRow("SELECT COUNT(*) FROM t").Scan(new(int))
		}},
		{"a page of noise is corrupt", engine.Corrupt, func(t *testing.T) error {
			db := damaged(t, func(content []byte) []byte {
				for i := 4096; i < 8192; i++ {
					content[i] = 0xA5
				}
				return content
			})
			return db.QueryRow("SELECT COUNT(*) FROM t").Scan(new(int))
		}},
		{"a mistake in a statement is nothing more", engine.Other, func(t *testing.T) error {
			_, err := migrated(t).writer.Exec("SELEKT 1")
			return err
		}},
		{"a folder that is not there is nothing more", engine.Other, func(t *testing.T) error {
			return plain(t, filepath.Join(t.TempDir(), "none", "a.db")).Ping()
		}},
		{"a cancelled context is nothing more", engine.Other, func(t *testing.T) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := migrated(t).BeginWrite(ctx, engine.EnterGate)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := c.fail(t)
			if err == nil {
				t.Fatal("nothing failed")
			}
			e := newEngine("")
			if got := e.Classify(err); got != c.want {
				t.Errorf("Classify(%v) = %d, want %d", err, got, c.want)
			}
			if got := e.Classify(fmt.Errorf("doing: %w", errors.Join(errors.New("first"), err))); got != c.want {
				t.Errorf("wrapped: Classify = %d, want %d", got, c.want)
			}
		})
	}
}

func TestClassifyKnowsCodesThatAreHardToProvoke(t *testing.T) {
	t.Parallel()
	for code, want := range map[sqlite3.ErrNo]engine.Class{
		sqlite3.ErrFull: engine.Storage, sqlite3.ErrIoErr: engine.Storage, sqlite3.ErrNomem: engine.Storage,
		sqlite3.ErrNoLFS: engine.Storage, sqlite3.ErrCantOpen: engine.Storage,
		sqlite3.ErrNo(sqlite3.ErrIoErrRead): engine.Storage, // as a backup reports it
		sqlite3.ErrFormat:                   engine.Corrupt, sqlite3.ErrProtocol: engine.Busy,
	} {
		if got := newEngine("").Classify(sqlite3.Error{Code: code}); got != want {
			t.Errorf("code %d is %d, want %d", code, got, want)
		}
	}
	denied := sqlite3.Error{Code: sqlite3.ErrCantOpen, SystemErrno: syscall.EACCES}
	if got := newEngine("").Classify(denied); got != engine.Denied {
		t.Errorf("%v is %d, want %d", denied, got, engine.Denied)
	}
}

func TestAFileThatIsThereIsNotMissing(t *testing.T) {
	t.Parallel()
	// As SQLite reports an open that failed with EIO, after it looked for the WAL.
	err := sqlite3.Error{Code: sqlite3.ErrCantOpen, SystemErrno: syscall.ENOENT}
	dir, there := t.TempDir(), migrated(t).Path()
	for path, want := range map[string]engine.Class{there: engine.Storage, filepath.Join(dir, "none.db"): engine.Other} {
		if got := newEngine(path).Classify(err); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}

func TestTimesAreStoredInOneForm(t *testing.T) {
	t.Parallel()
	db := plain(t, filepath.Join(t.TempDir(), "a.db"))
	exec(t, db, "CREATE TABLE t (at DATETIME)")
	for _, c := range []struct {
		at   time.Time
		text string
	}{
		{time.Date(2026, 1, 14, 12, 0, 0, 0, time.UTC), "2026-01-14 12:00:00.000000"},
		{time.Date(2026, 1, 14, 12, 0, 0, 123456789, time.UTC), "2026-01-14 12:00:00.123456"},
		{time.Date(2026, 1, 14, 0, 30, 0, 0, time.FixedZone("", 2*60*60)), "2026-01-13 22:30:00.000000"},
		{time.Unix(0, 0), "1970-01-01 00:00:00.000000"},
	} {
		var text, date string
		var back time.Time
		err := db.QueryRow("INSERT INTO t VALUES (?) RETURNING at || '', datetime(at), at", c.at).Scan(&text, &date, &back)
		if err != nil {
			t.Fatal(err)
		}
		if text != c.text || date != c.text[:19] {
			t.Errorf("%s is stored as %q, which SQLite reads as %q", c.at, text, date)
		}
		if want := c.at.UTC().Truncate(time.Microsecond); !back.Equal(want) {
			t.Errorf("%s is read back as %s", want, back)
		}
	}
}

func TestAnyPathWillDo(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"with space.db", "what?.db", "a#b.db", "100%.db", "%41.db", "a&mode=ro.db", "a;b.db", "späße 🔥.db", "plus+.db", "'q\".db", ":memory:",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, name)
			e := migratedAt(t, path)
			insertDays(t, e, 3)
			if err := e.Backup(t.Context(), path+" copy", nil); err != nil {
				t.Fatalf("Backup: %v", err)
			}
			state, err := e.Inspect(t.Context())
			if err != nil || state.Version != state.Latest {
				t.Errorf("Inspect: %+v, %v", state, err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{name, name + " copy"}, names(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if got := number(t, plain(t, path+" copy"), "SELECT COUNT(*) FROM days"); got != 3 {
				t.Errorf("the copy has %d rows", got)
			}
		})
	}
}

func TestALargeWriteHasALargerCacheUntilItsEnd(t *testing.T) {
	t.Parallel()
	e := migrated(t)
	cache := func() int64 { return number(t, e.writer, "PRAGMA cache_size") }
	usual := cache()
	if usual != -writerCache {
		t.Errorf("the cache is %d", usual)
	}
	for _, c := range []struct {
		facts int
		want  int64
	}{{1, usual}, {1_000, usual}, {2_000, -2_000 * cacheOfAFact}, {1_000_000, -largestCache / cacheOfAFact * cacheOfAFact}} {
		for name, end := range map[string]func(engine.Tx) error{
			"committed":   func(tx engine.Tx) error { return tx.Commit(t.Context()) },
			"rolled back": func(tx engine.Tx) error { return tx.Rollback(t.Context()) },
		} {
			w, err := e.BeginWrite(t.Context(), engine.EnterGate)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Expect(t.Context(), c.facts); err != nil {
				t.Fatal(err)
			}
			var size int64
			if err := w.SQL().QueryRowContext(t.Context(), "PRAGMA cache_size").Scan(&size); err != nil {
				t.Fatal(err)
			}
			if size != c.want {
				t.Errorf("the cache for %d facts is %d, want %d", c.facts, size, c.want)
			}
			if err := end(w); err != nil {
				t.Fatal(err)
			}
			if after := cache(); after != usual {
				t.Errorf("when %d facts were %s the cache is %d, want %d", c.facts, name, after, usual)
			}
		}
	}
}

func TestALargeFileHasAWALAsLarge(t *testing.T) {
	t.Parallel()
	e := migrated(t)
	if n := number(t, e.writer, "PRAGMA wal_autocheckpoint"); n != 16_384 {
		t.Errorf("the WAL of a small file has %d pages", n)
	}
	db := plain(t, e.path)
	exec(t, db, "CREATE TABLE large (x)", "INSERT INTO large VALUES (zeroblob(80000000))")
	pages := number(t, db, "PRAGMA page_count")
	writer := openWriter(e.path, "OFF", "MEMORY")
	t.Cleanup(func() { _ = writer.Close() })
	if n := number(t, writer, "PRAGMA wal_autocheckpoint"); n != pages {
		t.Errorf("the WAL of a file of %d pages has %d", pages, n)
	}
}
