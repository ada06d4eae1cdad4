package engagement_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// checkAdopted compares an adopted file with what the predecessor had in it.
func checkAdopted(t tb, path string, fires []storedFire, users []storedUser) {
	t.Helper()
	db := openAt(t, path)
	report := proven(t, db)
	same(t, "facts that no counter holds", report.Uncounted, int64(0))
	after := storedFires(t, path)
	same(t, "fires", after, fires)

	want := map[int64]storedUser{}
	for user, n := range countBy(fires, func(f storedFire) int64 { return f.User }) {
		want[user] = storedUser{User: user, Fires: n}
	}
	for _, u := range users {
		// The predecessor counted no losses, so its win rates mean nothing.
		want[u.User] = storedUser{User: u.User, Fires: want[u.User].Fires, Cents: u.Cents}
	}
	got := map[int64]storedUser{}
	for _, u := range storedUsers(t, path) {
		got[u.User] = u
	}
	same(t, "users", got, want)
	signals := map[string]int64{}
	for _, row := range query(t, path, "SELECT signal_id, total_fires, active_users FROM signal_metrics",
		func(rows *sql.Rows) (m engagement.SignalMetrics, err error) {
			return m, rows.Scan(&m.SignalID, &m.TotalFires, &m.ActiveUsers)
		}) {
		signals[row.SignalID] = row.TotalFires
		same(t, "active users of "+row.SignalID, row.ActiveUsers, row.TotalFires)
	}
	same(t, "signals", signals, countBy(fires, func(f storedFire) string { return f.Signal }))
}

func TestPredecessorsFile(t *testing.T) {
	t.Parallel()
	for _, fixture := range fixtures {
		t.Run(fixture.name, func(t *testing.T) {
			t.Parallel()
			path := adoptable(t, fixture.name)
			fires, users := storedFires(t, path), storedUsers(t, path)
			same(t, "fires of the fixture", len(fires), fixture.facts)
			same(t, "users of the fixture", len(users), fixture.users)
			var done, total []int64
			ctx := engagement.ContextWithProgress(t.Context(), func(d, n int64) { done, total = append(done, d), append(total, n) })

			db := must(engagement.Open(ctx, path))(t)
			noError(t, db.Close())

			t.Run("every fire, P&L and count is there", func(t *testing.T) {
				checkAdopted(t, path, fires, users)
				db := openAt(t, path)
				var pnl float64
				for _, row := range inPages(t, 50, listBoard(db.Reader, engagement.Board{Ranking: engagement.ByPnL})) {
					pnl += row.PnL
				}
				same(t, "P&L of all users in cents", math.Round(pnl*100), math.Round(fixture.pnl*100))
			})
			t.Run("progress was reported to the end", func(t *testing.T) {
				// What comes after the facts reports for itself.
				counted := false
				for i := range done {
					counted = counted || (done[i] == total[i] && done[i] >= int64(fixture.facts))
				}
				if !counted || done[len(done)-1] != total[len(total)-1] {
					t.Errorf("done %v of %v", done, total)
				}
			})
			t.Run("the backup is what the predecessor left", func(t *testing.T) {
				backups := backupsBeside(t, path)
				if len(backups) != 1 {
					t.Fatalf("backups: %v", backups)
				}
				same(t, "fires", storedFires(t, backups[0]), fires)
				same(t, "users", storedUsers(t, backups[0]), users)
				same(t, "integrity check", texts(t, backups[0], "PRAGMA integrity_check"), []string{"ok"})
				same(t, "permissions", must(os.Stat(backups[0]))(t).Mode().Perm(), fs.FileMode(0o600))
				same(t, "tables", texts(t, backups[0], "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"),
					[]string{"signal_fires", "signal_metrics", "sqlite_sequence", "user_stats"})
				copied := filepath.Join(t.TempDir(), "copy.db")
				noError(t, os.WriteFile(copied, must(os.ReadFile(backups[0]))(t), 0o600))
				checkAdopted(t, copied, fires, users)
			})
			t.Run("opening it again neither migrates nor backs up", func(t *testing.T) {
				const applied = "SELECT version_id || ' ' || tstamp FROM goose_db_version ORDER BY id"
				before := texts(t, path, applied)
				ctx := engagement.ContextWithProgress(t.Context(), func(int64, int64) { t.Error("it counts again") })
				noError(t, must(engagement.Open(ctx, path))(t).Close())
				same(t, "applied migrations", texts(t, path, applied), before)
				same(t, "number of backups", len(backupsBeside(t, path)), 1)
			})
			t.Run("the predecessor's statements still read it", func(t *testing.T) { readAsPredecessor(t, path, len(fires)) })
		})
	}
}

// readAsPredecessor runs statements of the predecessor's form.
func readAsPredecessor(t *testing.T, path string, fires int) {
	db := rawDB(t, path)
	form := "timestamp GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]'"
	var n, dated int
	noError(t, db.QueryRow("SELECT COUNT(*), COUNT(datetime(timestamp)) FROM signal_fires WHERE "+form).Scan(&n, &dated))
	same(t, "fires with a time of the predecessor's form", [2]int{n, dated}, [2]int{fires, fires})
	for _, table := range []string{"user_stats WHERE datetime(last_updated)", "signal_metrics WHERE datetime(created_at)"} {
		noError(t, db.QueryRow("SELECT COUNT(*) FROM "+table+" IS NULL").Scan(&n))
		same(t, "unreadable times in "+table, n, 0)
	}

	var user, total int64
	noError(t, db.QueryRow("SELECT user_id FROM signal_fires LIMIT 1").Scan(&user))
	var rate, pnl float64
	var updated time.Time
	noError(t, db.QueryRow("SELECT total_fires, win_rate, pnl, last_updated FROM user_stats WHERE user_id = ?", user).
		Scan(&total, &rate, &pnl, &updated))
	var signal string
	var at time.Time
	var executed bool
	noError(t, db.QueryRow("SELECT signal_id, timestamp, executed FROM signal_fires WHERE user_id = ? ORDER BY timestamp DESC LIMIT 1", user).
		Scan(&signal, &at, &executed))
	var active int64
	noError(t, db.QueryRow("SELECT total_fires, active_users, created_at FROM signal_metrics WHERE signal_id = ?", signal).
		Scan(&total, &active, &at))
	noError(t, db.QueryRow("SELECT COUNT(DISTINCT user_id) FROM signal_fires WHERE date(timestamp) = date(?)", at).Scan(&n))
	must(db.Exec("INSERT OR IGNORE INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES (?, ?, CURRENT_TIMESTAMP, ?)",
		user, signal, true))(t)
	must(db.Exec("DELETE FROM signal_fires WHERE timestamp < datetime('now', '-3000 days')"))(t)
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	statements := func(statements ...string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			for _, statement := range statements {
				execute(t, path, statement)
			}
		}
	}
	altered := func(statements ...string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			copyFixture(t, unsettled, path)
			for _, statement := range statements {
				execute(t, path, statement)
			}
		}
	}
	rewritten := func(change func(content []byte) []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			content := must(os.ReadFile(filepath.Join("testdata", settled)))(t)
			noError(t, os.WriteFile(path, change(content), 0o600))
		}
	}
	const page = 4096
	for _, file := range []struct {
		name string
		make func(t *testing.T, path string)
		want error
	}{
		{"a text file", func(t *testing.T, path string) {
			noError(t, os.WriteFile(path, []byte(strings.Repeat("signals fired today\n", 400)), 0o600))
		}, engagement.ErrSchema},
		{"a short file", func(t *testing.T, path string) { noError(t, os.WriteFile(path, []byte("xyz"), 0o600)) }, engagement.ErrSchema},
		{"a folder", func(t *testing.T, path string) { noError(t, os.MkdirAll(filepath.Join(path, "inside"), 0o700)) }, engagement.ErrSchema},
		{"a database of another program", statements("CREATE TABLE notes (id INTEGER PRIMARY KEY, text)", "INSERT INTO notes (text) VALUES ('a')"), engagement.ErrSchema},
		{"a database of another program in WAL mode", statements("PRAGMA journal_mode = WAL", "CREATE TABLE notes (text)"), engagement.ErrSchema},
		{"a database of another program with a journal that is kept", statements("PRAGMA journal_mode = PERSIST; CREATE TABLE notes (text)"), engagement.ErrSchema},
		{"a database with nothing but a view", statements("CREATE VIEW today AS SELECT date('now')"), engagement.ErrSchema},
		{"a database with a table whose module is not there", statements("CREATE TABLE notes (text)",
			"PRAGMA writable_schema = ON; INSERT INTO sqlite_master VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING nobodys(x)')"), engagement.ErrSchema},
		{"a database of another program that uses goose", statements(
			"CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP)",
			"INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1), (2, 1)", "CREATE TABLE notes (text)"), engagement.ErrSchema},
		{"a database whose table of versions is something else", statements("CREATE TABLE goose_db_version (note TEXT)", "CREATE TABLE notes (text)"), engagement.ErrSchema},
		{"a table of the same name with other columns", statements("CREATE TABLE signal_fires (id INTEGER PRIMARY KEY, who TEXT, signal TEXT)"), engagement.ErrSchema},
		{"a column that is missing", altered("ALTER TABLE signal_metrics DROP COLUMN active_users"), engagement.ErrSchema},
		{"a column of another type", altered("DROP INDEX idx_signal_fires_timestamp", "ALTER TABLE signal_fires DROP COLUMN timestamp",
			"ALTER TABLE signal_fires ADD COLUMN timestamp TEXT"), engagement.ErrSchema},
		{"fires without their key", altered("ALTER TABLE signal_fires RENAME TO old",
			`CREATE TABLE signal_fires (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, signal_id TEXT NOT NULL,
				timestamp DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, executed BOOLEAN NOT NULL DEFAULT 0)`,
			"DROP TABLE old"), engagement.ErrSchema},
		{"a newer schema", func(t *testing.T, path string) {
			noError(t, engagement.Migrate(t.Context(), path))
			execute(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
		}, engagement.ErrSchema},
		{"a file that was cut off", rewritten(func(content []byte) []byte { return content[:len(content)/2] }), engagement.ErrCorrupt},
		{"a file that was cut off inside its first page", rewritten(func(content []byte) []byte { return content[:1000] }), nil},
		{"a file with a page of noise", rewritten(func(content []byte) []byte {
			for i := range page {
				content[10*page+i] = byte(i * 7)
			}
			return content
		}), engagement.ErrCorrupt},
	} {
		t.Run(file.name, func(t *testing.T) {
			t.Parallel()
			path := freshFile(t)
			file.make(t, path)
			before := folder(t, filepath.Dir(path))
			for way, opts := range map[string][]engagement.Option{
				"opened": nil, "opened read-only": {engagement.WithReadOnly()}, "opened without migrating": {engagement.WithoutMigrate()},
			} {
				db, err := engagement.Open(t.Context(), path, opts...)
				if err == nil {
					noError(t, db.Close())
					t.Fatalf("%s: it is accepted", way)
				}
				want := file.want
				if want == engagement.ErrCorrupt && opts != nil && errors.Is(err, engagement.ErrSchema) {
					want = engagement.ErrSchema // old is found before damaged
				}
				switch {
				case want == nil && !errors.Is(err, engagement.ErrSchema) && !errors.Is(err, engagement.ErrCorrupt),
					want != nil && !errors.Is(err, want):
					t.Errorf("%s: %v, want %v", way, err, want)
				}
				same(t, way+": the folder", folder(t, filepath.Dir(path)), before)
			}
		})
	}

	for name, opts := range map[string][]engagement.Option{
		"read-only": {engagement.WithReadOnly()}, "without migrating": {engagement.WithoutMigrate()},
	} {
		t.Run("the predecessor's file, opened "+name, func(t *testing.T) {
			t.Parallel()
			for _, fixture := range fixtures {
				path := adoptable(t, fixture.name)
				before := folder(t, filepath.Dir(path))
				if _, err := engagement.Open(t.Context(), path, opts...); !errors.Is(err, engagement.ErrSchema) {
					t.Errorf("Open: %v, want ErrSchema", err)
				}
				same(t, "the folder", folder(t, filepath.Dir(path)), before)
			}
		})
		t.Run("no file, opened "+name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(filepath.Dir(freshFile(t)), "folder", "engagement.db")
			if _, err := engagement.Open(t.Context(), path, opts...); !errors.Is(err, engagement.ErrSchema) {
				t.Errorf("Open: %v, want ErrSchema", err)
			}
			if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a folder was made: %v", err)
			}
		})
	}

	t.Run("a table of somebody else beside ours is left alone", func(t *testing.T) {
		t.Parallel()
		path := adoptable(t, settled)
		execute(t, path, "CREATE TABLE notes (text)")
		execute(t, path, "INSERT INTO notes VALUES ('kept')")
		fires, users := storedFires(t, path), storedUsers(t, path)
		checkAdopted(t, path, fires, users)
		same(t, "its content", texts(t, path, "SELECT text FROM notes"), []string{"kept"})
	})
}
