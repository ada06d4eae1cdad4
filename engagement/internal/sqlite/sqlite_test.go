package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
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
func oneFire(day int64) string { return fmt.Sprintf("[[%d,1,0,0,0]]", day) }

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

func TestBackup(t *testing.T) {
	t.Parallel()
	accepted := func(string) error { return nil }
	countDays := func(t *testing.T, path string) int64 {
		t.Helper()
		return number(t, plain(t, path), "SELECT COUNT(*) FROM days")
	}
	onlyDatabase := func(t *testing.T, e *Engine) {
		t.Helper()
		for _, name := range names(t, filepath.Dir(e.path)) {
			if !slices.Contains([]string{"engagement.db", "engagement.db-wal", "engagement.db-shm"}, name) {
				t.Errorf("%s is left over", name)
			}
		}
	}

	t.Run("holds what is in the WAL and is a single file", func(t *testing.T) {
		t.Parallel()
		e := migrated(t)
		insertDays(t, e, 1000)
		if info := fileInfo(e.path + "-wal"); info == nil || info.Size() == 0 {
			t.Fatal("nothing is in the WAL")
		}
		path := filepath.Join(t.TempDir(), "copy.db")
		var checked string
		if err := e.Backup(t.Context(), path, func(copyPath string) error {
			checked = copyPath
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if checked == "" || checked == path {
			t.Errorf("checked at %q", checked)
		}
		if diff := cmp.Diff([]string{"copy.db"}, names(t, filepath.Dir(path))); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		if got := countDays(t, path); got != 1000 {
			t.Errorf("%d rows, want 1000", got)
		}
		var mode string
		if err := plain(t, path).QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode != "delete" {
			t.Errorf("journal mode %q, %v", mode, err)
		}
	})

	t.Run("is one state while another writes", func(t *testing.T) {
		t.Parallel()
		e := migrated(t)
		insertDays(t, e, 5000)
		stop, stopped := make(chan struct{}), make(chan int)
		go func() {
			written := 0
			defer func() { stopped <- written }()
			for day := int64(-1); ; day-- {
				select {
				case <-stop:
					return
				default:
				}
				tx, err := e.BeginWrite(context.Background(), engine.EnterGate)
				if err == nil {
					// Two rows that belong together.
					err = errors.Join(
						tx.AddDays(context.Background(), oneFire(2*day)),
						tx.AddDays(context.Background(), oneFire(2*day+1)),
						tx.Commit(t.Context()))
				}
				if err != nil {
					t.Errorf("writer: %v", err)
					return
				}
				written++
			}
		}()
		for i := range 5 {
			path := filepath.Join(t.TempDir(), fmt.Sprint(i))
			if err := e.Backup(t.Context(), path, accepted); err != nil {
				t.Fatal(err)
			}
			if got := countDays(t, path); got < 5000 || got%2 != 0 {
				t.Errorf("%d rows: half a transaction", got)
			}
		}
		close(stop)
		if written := <-stopped; written < 5 {
			t.Errorf("the writer came to %d transactions only", written)
		}
	})

	t.Run("is no more readable than the original", func(t *testing.T) {
		t.Parallel()
		for _, mode := range []os.FileMode{0o600, 0o640, 0o444} {
			e := migrated(t)
			if err := os.Chmod(e.path, mode); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "copy.db")
			if err := e.Backup(t.Context(), path, nil); err != nil {
				t.Fatal(err)
			}
			if got := fileInfo(path).Mode().Perm(); got != mode {
				t.Errorf("the copy of a file with %s has %s", mode, got)
			}
		}
	})

	t.Run("never replaces a file", func(t *testing.T) {
		t.Parallel()
		e := migrated(t)
		dir := filepath.Dir(e.path)
		taken, dangling := filepath.Join(t.TempDir(), "taken"), filepath.Join(t.TempDir(), "dangling")
		if err := os.WriteFile(taken, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("nowhere", dangling); err != nil {
			t.Fatal(err)
		}
		late := filepath.Join(t.TempDir(), "late")
		for path, check := range map[string]func(string) error{
			taken: nil, e.path: nil, dir: nil, dangling: nil,
			late: func(string) error { return os.WriteFile(late, []byte("mine"), 0o600) },
		} {
			if err := e.Backup(t.Context(), path, check); !errors.Is(err, os.ErrExist) {
				t.Errorf("Backup to %s: %v, want ErrExist", path, err)
			}
		}
		for _, path := range []string{taken, late} {
			if content, err := os.ReadFile(path); string(content) != "mine" || len(names(t, filepath.Dir(path))) != 1 {
				t.Errorf("%s holds %q, %v, beside %v", path, content, err, names(t, filepath.Dir(path)))
			}
		}
		onlyDatabase(t, e)
	})

	t.Run("leaves nothing when it is given up, refused or has nowhere to go", func(t *testing.T) {
		t.Parallel()
		e := migrated(t)
		insertDays(t, e, 10)
		path := filepath.Join(filepath.Dir(e.path), "copy.db")
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := e.Backup(cancelled, path, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		refused := errors.New("refused")
		if err := e.Backup(t.Context(), path, func(string) error { return refused }); !errors.Is(err, refused) {
			t.Errorf("refused: %v", err)
		}
		if err := e.Backup(t.Context(), filepath.Join(filepath.Dir(path), "none", "copy.db"), nil); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("no folder: %v", err)
		}
		if err := newEngine(path+".none").Backup(t.Context(), path, nil); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("no source: %v", err)
		}
		onlyDatabase(t, e)
		if err := e.Backup(t.Context(), path, nil); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})

	t.Run("can be given up between two steps", func(t *testing.T) {
		t.Parallel()
		e := migrated(t)
		insertDays(t, e, 10)
		ctx, cancel := context.WithCancel(t.Context())
		into, from := plain(t, filepath.Join(t.TempDir(), "copy.db")), plain(t, e.path)
		err := withConns(t, into, from, func(into, from *conn) error {
			backup, err := into.Backup("main", from.SQLiteConn, "main")
			if err != nil {
				return err
			}
			cancel()
			return errors.Join(stepAll(ctx, backup), backup.Finish())
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("stepAll: %v", err)
		}
	})

	t.Run("reports a damaged source", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "engagement.db")
		content, err := os.ReadFile("../../testdata/predecessor-settled.db")
		if err != nil {
			t.Fatal(err)
		}
		clear(content[10*4096 : 11*4096])
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		e := newEngine(path)
		if err := e.Backup(t.Context(), path+".copy", nil); e.Classify(err) != engine.Corrupt {
			t.Errorf("Backup: %v", err)
		}
		onlyDatabase(t, e)
	})
}

func withConns(t *testing.T, a, b *sql.DB, fn func(a, b *conn) error) error {
	t.Helper()
	first, err := a.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := b.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	return first.Raw(func(x any) error {
		return second.Raw(func(y any) error { return fn(x.(*conn), y.(*conn)) })
	})
}
