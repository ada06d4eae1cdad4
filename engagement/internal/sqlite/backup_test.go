package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

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
