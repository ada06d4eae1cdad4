package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

func TestInspectLeavesNoTrace(t *testing.T) {
	t.Parallel()
	latest, err := latestVersion()
	if err != nil {
		t.Fatal(err)
	}
	fixture := func(t *testing.T, path string) {
		content, err := os.ReadFile("../../testdata/predecessor.db")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(t *testing.T, path string, statements ...string) {
		db := openPool(path, 1, "mode=rwc")
		exec(t, db, statements...)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		want engine.State
	}{
		{"of no file", func(*testing.T, string) {}, engine.State{Latest: latest, Missing: true}},
		{"of an empty file", func(t *testing.T, path string) {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, engine.State{Latest: latest}},
		{"of an empty database", func(t *testing.T, path string) { run(t, path, "VACUUM") }, engine.State{Latest: latest}},
		{"of the predecessor's file", fixture, engine.State{Latest: latest, Facts: true}},
		{"of the predecessor's file in WAL mode", func(t *testing.T, path string) {
			fixture(t, path)
			run(t, path, "PRAGMA journal_mode = WAL")
		}, engine.State{Latest: latest, Facts: true}},
		{"of the predecessor's file without facts", func(t *testing.T, path string) {
			fixture(t, path)
			run(t, path, "DELETE FROM signal_fires", "DELETE FROM user_stats")
		}, engine.State{Latest: latest}},
		{"of a migrated file", func(t *testing.T, path string) {
			if _, err := newEngine(path).Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, engine.State{Version: latest, Latest: latest}},
		{"of another program's file in WAL mode", func(t *testing.T, path string) {
			run(t, path, "PRAGMA journal_mode = WAL", "CREATE TABLE notes (text)")
		}, engine.State{Latest: latest, Problem: "it is not an engagement database: table signal_fires is missing"}},
		{"of a text file", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, engine.State{Latest: latest, Problem: "it is not a SQLite database"}},
		{"of a folder", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, engine.State{Latest: latest, Problem: "it is not a file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "engagement.db")
			c.make(t, path)
			files, before := names(t, filepath.Dir(path)), glance(path)
			got, err := newEngine(path).Inspect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(files, names(t, filepath.Dir(path))); diff != "" {
				t.Errorf("files (-before +after):\n%s", diff)
			}
			if glance(path) != before {
				t.Error("the file was written to")
			}
		})
	}
}

func TestInspectSeesWhatIsInTheWAL(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "engagement.db")
	db := plain(t, path, "_journal_mode=WAL")
	exec(t, db, "PRAGMA wal_autocheckpoint = 0")
	if _, err := newEngine(path).up(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "INSERT INTO user_stats (user_id) VALUES (7)")
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		state, err := newEngine(name).Inspect(t.Context())
		if err != nil || !state.Facts || state.Version != state.Latest {
			t.Errorf("Inspect(%s): %+v, %v", name, state, err)
		}
	}
}

func TestInspectWhileOthersComeAndGo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "engagement.db")
	if _, err := newEngine(path).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil {
			db := openWriter(path, "OFF", "FILE")
			_, err := db.Exec("INSERT INTO days (day) SELECT COALESCE(MAX(day), 0) + 1 FROM days")
			if err := errors.Join(err, db.Close()); err != nil && newEngine("").Classify(err) != engine.Busy {
				t.Errorf("writer: %v", err)
			}
		}
	})
	for range 2 {
		group.Go(func() {
			for ctx.Err() == nil {
				state, err := newEngine(path).Inspect(context.Background())
				if err != nil || state.Version != state.Latest || state.Problem != "" {
					t.Errorf("Inspect: %+v, %v", state, err)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestInspectWhileAnotherMigrates(t *testing.T) {
	t.Parallel()
	for i := range 20 {
		path := filepath.Join(t.TempDir(), "engagement.db")
		var group sync.WaitGroup
		done := make(chan struct{})
		group.Go(func() {
			defer close(done)
			db := openWriter(path, "OFF", "FILE")
			_, err := newEngine(path).up(context.Background(), db)
			if err := errors.Join(err, db.Close()); err != nil {
				t.Errorf("migrate: %v", err)
			}
		})
		group.Go(func() {
			for looking := true; looking; {
				select {
				case <-done:
					looking = false
				default:
				}
				state, err := newEngine(path).Inspect(context.Background())
				if err != nil || state.Problem != "" {
					t.Errorf("round %d: %+v, %v", i, state, err)
					return
				}
			}
		})
		group.Wait()
	}
}

func TestMigrateLooksAgainAfterWaiting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "engagement.db")
	unlock, err := lockFile(t.Context(), path+".migrating")
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() {
		_, err := newEngine(path).Migrate(context.Background())
		result <- err
	}()
	time.Sleep(100 * time.Millisecond)
	db := openPool(path, 1, "mode=rwc")
	exec(t, db, "CREATE TABLE notes (text)")
	if err := errors.Join(db.Close(), unlock()); err != nil {
		t.Fatal(err)
	}
	if err := <-result; newEngine("").Classify(err) != engine.Foreign {
		t.Errorf("Migrate: %v, want an error that says it is foreign", err)
	}
	if diff := cmp.Diff([]string{"engagement.db"}, names(t, filepath.Dir(path))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestLockFile(t *testing.T) {
	t.Parallel()

	t.Run("one at a time holds it, and nothing is left of it", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "lock")
		var inside, held atomic.Int32
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				for range 50 {
					unlock, err := lockFile(context.Background(), path)
					if err != nil {
						t.Errorf("lock: %v", err)
						return
					}
					if inside.Add(1) != 1 {
						t.Error("two hold the lock")
					}
					held.Add(1)
					inside.Add(-1)
					if err := unlock(); err != nil {
						t.Errorf("unlock: %v", err)
					}
				}
			})
		}
		group.Wait()
		if held.Load() != 16*50 || fileInfo(path) != nil {
			t.Errorf("held %d times; left over: %v", held.Load(), names(t, filepath.Dir(path)))
		}
	})

	t.Run("waiting for it can be given up", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "lock")
		unlock, err := lockFile(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := lockFile(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("second lock: %v", err)
		}
		if fileInfo(path) == nil {
			t.Error("giving up has removed the holder's file")
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
	})

	t.Run("a file that a dead process has left is no obstacle", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "lock")
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		unlock, err := lockFile(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := unlock(); err != nil || fileInfo(path) != nil {
			t.Errorf("unlock: %v; left over: %v", err, names(t, filepath.Dir(path)))
		}
	})
}

const readableTrades = "missing: view readable_trades: CREATE VIEW readable_trades AS " +
	"SELECT id, user_id, trade_id, signal_id, pnl_micros, outcome, closed_at, day FROM trades " +
	"WHERE typeof(user_id) = 'integer' AND typeof(trade_id) = 'text' AND typeof(signal_id) = 'text' " +
	"AND typeof(pnl_micros) = 'integer' AND typeof(outcome) = 'text' " +
	"AND CASE outcome WHEN 'win' THEN 1 WHEN 'loss' THEN 1 WHEN 'draw' THEN 1 ELSE 0 END = 1 -- no search by an index " +
	"AND typeof(closed_at) IN ('text', 'integer') AND typeof(day) = 'integer'"

func TestStructure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		statement string
		want      []string
	}{
		{"a sound one has no differences", "SELECT 1", nil},
		{"a table of somebody else is no difference", "CREATE TABLE notes (text)", nil},
		{"a missing index", "DROP INDEX idx_trades_closed_at",
			[]string{"missing: index idx_trades_closed_at on trades (closed_at BINARY 0), unique false"}},
		{"an index with its columns swapped", "DROP INDEX idx_trades_user_closed_at; CREATE INDEX idx_trades_user_closed_at ON trades(closed_at, user_id)",
			[]string{
				"missing: index idx_trades_user_closed_at on trades (user_id BINARY 0,closed_at BINARY 0), unique false",
				"unexpected: index idx_trades_user_closed_at on trades (closed_at BINARY 0,user_id BINARY 0), unique false",
			}},
		{"an index of other rows", "DROP INDEX idx_trades_uncounted; CREATE INDEX idx_trades_uncounted ON trades(id) WHERE day < 1",
			[]string{
				"missing: index idx_trades_uncounted on trades (day BINARY 0,id BINARY 0), unique false, partial: CREATE INDEX idx_trades_uncounted ON trades(day, id) WHERE day < 0",
				"unexpected: index idx_trades_uncounted on trades (id BINARY 0), unique false, partial: CREATE INDEX idx_trades_uncounted ON trades(id) WHERE day < 1",
			}},
		{"a column too many", "ALTER TABLE days ADD COLUMN mood TEXT",
			[]string{"unexpected: column days.mood TEXT, not null false, default none, key 0"}},
		{"a view that shows other rows", "DROP VIEW readable_trades; CREATE VIEW readable_trades AS SELECT * FROM days",
			[]string{readableTrades, "unexpected: view readable_trades: CREATE VIEW readable_trades AS SELECT * FROM days"}},
		{"a missing view", "DROP VIEW readable_trades", []string{readableTrades}},
		{"a trigger", "CREATE TRIGGER spy AFTER INSERT ON days BEGIN SELECT 1; END",
			[]string{"unexpected: trigger spy on days"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := migrated(t)
			exec(t, e.writer, c.statement)
			got, err := e.CheckStructure(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}
