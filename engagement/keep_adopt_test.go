package engagement_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydraxdev/engagementdb/engagement"
)

// The files that the predecessor itself has written.
const (
	unsettled = "predecessor.db"         // counters were never committed
	settled   = "predecessor-settled.db" // users with counters and P&L
)

var fixtures = []struct {
	name  string
	facts int
	users int     // with stored totals
	pnl   float64 // in all
}{
	{unsettled, 179, 0, 0},
	{settled, 1105, 120, 4477.56},
}

func copyFixture(t tb, name, path string) {
	t.Helper()
	data := must(os.ReadFile(filepath.Join("testdata", name)))(t)
	noError(t, os.WriteFile(path, data, 0o600))
}

// adoptable returns the path of a copy of a fixture in a folder of its own.
func adoptable(t tb, name string) string {
	t.Helper()
	path := freshFile(t)
	copyFixture(t, name, path)
	return path
}

// rawDB opens a file as any other program would.
func rawDB(t tb, path string) *sql.DB {
	t.Helper()
	db := must(sql.Open("sqlite3", "file:"+path+"?_busy_timeout=10000"))(t)
	t.Cleanup(func() { noError(t, db.Close()) })
	return db
}

// execute runs a statement as another program would, and is gone again.
func execute(t tb, path, statement string, args ...any) {
	t.Helper()
	db := must(sql.Open("sqlite3", "file:"+path+"?_busy_timeout=10000"))(t)
	_, err := db.Exec(statement, args...)
	noError(t, errors.Join(err, db.Close()))
}

// query returns all rows of a query, as any other program would read them.
func query[T any](t tb, path, statement string, scan func(*sql.Rows) (T, error)) []T {
	t.Helper()
	db := must(sql.Open("sqlite3", "file:"+path+"?_busy_timeout=10000"))(t)
	defer db.Close()
	rows := must(db.Query(statement))(t)
	defer rows.Close()
	found := []T{}
	for rows.Next() {
		found = append(found, must(scan(rows))(t))
	}
	noError(t, rows.Err())
	return found
}

func texts(t tb, path, statement string) []string {
	t.Helper()
	return query(t, path, statement, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) })
}

// storedFire is a row of signal_fires as the predecessor knows it.
type storedFire struct {
	ID, User int64
	Signal   string
	At       time.Time
	Executed bool
}

func storedFires(t tb, path string) []storedFire {
	t.Helper()
	return query(t, path, "SELECT id, user_id, signal_id, timestamp, executed FROM signal_fires ORDER BY id",
		func(rows *sql.Rows) (f storedFire, err error) {
			return f, rows.Scan(&f.ID, &f.User, &f.Signal, &f.At, &f.Executed)
		})
}

// storedUser is a row of user_stats as the predecessor knows it.
type storedUser struct {
	User, Fires int64
	WinRate     float64
	Cents       int64
}

func storedUsers(t tb, path string) []storedUser {
	t.Helper()
	return query(t, path, "SELECT user_id, total_fires, win_rate, pnl FROM user_stats ORDER BY user_id",
		func(rows *sql.Rows) (u storedUser, err error) {
			var pnl float64
			err = rows.Scan(&u.User, &u.Fires, &u.WinRate, &pnl)
			u.Cents = int64(math.Round(pnl * 100))
			return u, err
		})
}

// countBy counts fires by what key makes of them.
func countBy[K comparable](fires []storedFire, key func(storedFire) K) map[K]int64 {
	counts := map[K]int64{}
	for _, f := range fires {
		counts[key(f)]++
	}
	return counts
}

func backupsBeside(t tb, path string) []string {
	t.Helper()
	return must(filepath.Glob(path + ".*.bak"))(t)
}

// folder returns what is in a folder: the content of each file, by its path.
func folder(t tb, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	noError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			found[path] = "a folder"
			return err
		}
		content, err := os.ReadFile(path)
		found[path] = fmt.Sprintf("%d bytes, %x", len(content), sha256.Sum256(content))
		return err
	}))
	return found
}

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

// The tests run themselves as other processes: to die at a bad moment, or to
// do the same thing at the same time.
const childEnv = "ENGAGEMENT_TEST_CHILD"

func init() {
	task, path, ok := strings.Cut(os.Getenv(childEnv), ":")
	if !ok {
		return
	}
	if err := runChild(task, path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runChild(task, path string) error {
	wait := func() {
		fmt.Println("ready")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	}
	if task == "open" {
		wait()
		db, err := engagement.Open(context.Background(), path)
		if err != nil {
			return err
		}
		return db.Close()
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=10000")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	statements, ok := map[string][]string{
		// The last fires are in the WAL only.
		"die with a WAL": {
			"PRAGMA journal_mode = WAL",
			"INSERT INTO signal_fires (user_id, signal_id) SELECT user_id, 'IN_THE_WAL' FROM signal_fires GROUP BY user_id",
		},
		// Pages of an unfinished transaction are in the file already.
		"die with a hot journal": {
			"PRAGMA cache_size = 2", "PRAGMA cache_spill = 2", "BEGIN",
			"UPDATE signal_fires SET executed = NOT executed, signal_id = signal_id || '_UNFINISHED'",
		},
	}[task]
	if !ok {
		return fmt.Errorf("no such task: %s", task)
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			return err
		}
	}
	wait()
	return nil
}

// child starts this test binary as another process, which gets ready for a
// task on the file at path. Proceed lets it go on and waits for its end.
func child(t tb, task, path string) (process *os.Process, proceed func() error) {
	t.Helper()
	cmd := exec.Command(must(os.Executable())(t))
	cmd.Env = append(os.Environ(), childEnv+"="+task+":"+path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin := must(cmd.StdinPipe())(t)
	stdout := must(cmd.StdoutPipe())(t)
	noError(t, cmd.Start())
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%s: %q, %v: %s", task, line, err, stderr.String())
	}
	return cmd.Process, func() error {
		_ = stdin.Close() // it may be dead
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%w: %s", err, stderr.String())
		}
		return nil
	}
}

// kill runs a task in another process and kills it in the middle.
func kill(t tb, task, path string) {
	t.Helper()
	process, proceed := child(t, task, path)
	noError(t, process.Kill())
	if err := proceed(); err == nil {
		t.Fatalf("%s: the process ended by itself", task)
	}
}

func TestPredecessorsFileInUse(t *testing.T) {
	t.Parallel()

	t.Run("a file in WAL mode is adopted", func(t *testing.T) {
		t.Parallel()
		path := adoptable(t, settled)
		fires, users := storedFires(t, path), storedUsers(t, path)
		execute(t, path, "PRAGMA journal_mode = WAL")
		checkAdopted(t, path, fires, users)
	})
	t.Run("what a killed writer has left in the WAL is adopted", func(t *testing.T) {
		t.Parallel()
		path := adoptable(t, settled)
		users := storedUsers(t, path)
		kill(t, "die with a WAL", path)
		if info := must(os.Stat(path + "-wal"))(t); info.Size() == 0 {
			t.Fatal("there is nothing in the WAL")
		}
		openAt(t, path)
		fires := storedFires(t, path)
		if got := len(fires); got <= 1105 {
			t.Fatalf("%d fires: those in the WAL are lost", got)
		}
		same(t, "fires in the backup", storedFires(t, backupsBeside(t, path)[0]), fires, cmp.FilterPath(func(p cmp.Path) bool {
			return p.Last().String() == ".At"
		}, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })))
		checkAdopted(t, path, fires, users)
	})
	t.Run("what a killed writer has not finished is undone", func(t *testing.T) {
		t.Parallel()
		path := adoptable(t, settled)
		fires, users := storedFires(t, path), storedUsers(t, path)
		before := must(os.ReadFile(path))(t)
		kill(t, "die with a hot journal", path)
		if cmp.Equal(before, must(os.ReadFile(path))(t)) {
			t.Fatal("the unfinished transaction has not reached the file")
		}
		must(os.Stat(path + "-journal"))(t)
		checkAdopted(t, path, fires, users)
	})
	t.Run("a file that is opened by a symbolic link gets its backup beside itself", func(t *testing.T) {
		t.Parallel()
		path := adoptable(t, settled)
		fires, users := storedFires(t, path), storedUsers(t, path)
		link := filepath.Join(t.TempDir(), "link.db")
		noError(t, os.Symlink(path, link))
		noError(t, must(engagement.Open(t.Context(), link))(t).Close())
		same(t, "number of backups", len(backupsBeside(t, path)), 1)
		same(t, "files beside the link", len(must(os.ReadDir(filepath.Dir(link)))(t)), 1)
		checkAdopted(t, path, fires, users)
	})
	t.Run("a writer in the middle of a transaction is waited for", func(t *testing.T) {
		t.Parallel()
		path := adoptable(t, settled)
		users := storedUsers(t, path)
		other := must(sql.Open("sqlite3", "file:"+path+"?_txlock=immediate"))(t)
		tx := must(other.Begin())(t)
		must(tx.Exec("INSERT INTO signal_fires (user_id, signal_id) VALUES (7, 'LATE')"))(t)
		opened := make(chan error, 1)
		go func() {
			db, err := engagement.Open(context.Background(), path)
			if err == nil {
				err = db.Close()
			}
			opened <- err
		}()
		time.Sleep(700 * time.Millisecond)
		noError(t, tx.Commit())
		noError(t, <-opened)
		noError(t, other.Close())
		fires := storedFires(t, path)
		same(t, "number of fires", len(fires), 1106)
		checkAdopted(t, path, fires, users)
	})
	t.Run("counting that was given up goes on where it stopped", func(t *testing.T) {
		t.Parallel()
		path := adoptable(t, settled)
		execute(t, path, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
			INSERT INTO signal_fires (user_id, signal_id, timestamp) SELECT 1 + i % 50, 'MANY_' || i, '2026-10-01 12:00:00.000000' FROM n`)
		fires, users := storedFires(t, path), storedUsers(t, path)
		ctx, cancel := context.WithCancel(t.Context())
		ctx = engagement.ContextWithProgress(ctx, func(done, total int64) { cancel() })
		if _, err := engagement.Open(ctx, path); !errors.Is(err, context.Canceled) {
			t.Fatalf("Open: %v", err)
		}
		counted := texts(t, path, "SELECT COUNT(*) FROM signal_fires WHERE day >= 0")[0]
		if counted == "0" || counted == fmt.Sprint(len(fires)) {
			t.Fatalf("%s fires are counted, want some", counted)
		}
		checkAdopted(t, path, fires, users)
		same(t, "number of backups", len(backupsBeside(t, path)), 1)
	})
	t.Run("an empty file becomes a database", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		noError(t, os.WriteFile(path, nil, 0o600))
		db := openAt(t, path)
		fireOn(t, db, 7, time.Now())
		proven(t, db)
		same(t, "number of backups", len(backupsBeside(t, path)), 0)
	})
}

func TestManyOpenTheSameFileAtOnce(t *testing.T) {
	t.Parallel()
	files := map[string]func(t tb) string{
		"a new file":             freshFile,
		"the predecessor's file": func(t tb) string { return adoptable(t, settled) },
	}
	ways := map[string]func(t *testing.T, path string){
		"goroutines": func(t *testing.T, path string) {
			var group sync.WaitGroup
			start := make(chan struct{})
			for range 16 {
				group.Go(func() {
					<-start
					db, err := engagement.Open(context.Background(), path)
					if err != nil {
						t.Errorf("Open: %v", err)
						return
					}
					if err := db.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
			}
			close(start)
			group.Wait()
		},
		"processes": func(t *testing.T, path string) {
			var group sync.WaitGroup
			start := make(chan struct{})
			for range 8 {
				_, proceed := child(t, "open", path)
				group.Go(func() {
					<-start
					if err := proceed(); err != nil {
						t.Errorf("Open: %v", err)
					}
				})
			}
			close(start)
			group.Wait()
		},
	}
	for what, make := range files {
		for who, open := range ways {
			t.Run(who+" open "+what, func(t *testing.T) {
				t.Parallel()
				path := make(t)
				fires, users := []storedFire{}, []storedUser{}
				backups := 0
				if what != "a new file" {
					fires, users, backups = storedFires(t, path), storedUsers(t, path), 1
				}
				open(t, path)
				if t.Failed() {
					return
				}
				same(t, "applied migrations", texts(t, path, "SELECT version_id FROM goose_db_version ORDER BY id"), allVersions)
				same(t, "number of backups", len(backupsBeside(t, path)), backups)
				if _, err := os.Stat(path + ".migrating"); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the lock file is still there: %v", err)
				}
				checkAdopted(t, path, fires, users)
			})
		}
	}
}

func TestRowsOfOtherPrograms(t *testing.T) {
	t.Parallel()
	instant := time.Date(2026, time.January, 5, 10, 30, 15, 0, time.UTC)
	unknown := time.Unix(0, 0).UTC()
	written := []struct {
		name  string
		value any
		want  time.Time
	}{
		{"the predecessor's form", "2026-01-05 10:30:15.123456", instant.Add(123456 * time.Microsecond)},
		{"no fraction", "2026-01-05 10:30:15", instant},
		{"milliseconds", "2026-01-05 10:30:15.5", instant.Add(500 * time.Millisecond)},
		{"nanoseconds", "2026-01-05 10:30:15.000000999", instant},
		{"T and Z", "2026-01-05T10:30:15Z", instant},
		{"T and an offset", "2026-01-05T12:30:15.25+02:00", instant.Add(250 * time.Millisecond)},
		{"a date", "2026-01-05", instant.Truncate(24 * time.Hour)},
		{"unix seconds", instant.Unix(), instant},
		{"unix milliseconds", instant.UnixMilli(), instant},
		{"garbage", "yesterday, I think", unknown},
		{"nothing", "", unknown},
		{"before 1970", "1912-06-23 08:00:00", unknown},
		{"the day of unreadable times", "1970-01-01 23:00:00", unknown},
		{"a far future", "9999-12-31 12:00:00.5", time.Date(9999, 12, 31, 12, 0, 0, 500_000_000, time.UTC)},
	}
	ways := []struct {
		name  string
		count func(t *testing.T, path string, db *engagement.DB)
		keeps bool // those without a time
	}{
		{"the next Open", func(t *testing.T, path string, db *engagement.DB) { openAt(t, path) }, true},
		{"Rebuild", func(t *testing.T, path string, db *engagement.DB) { must(db.Rebuild(t.Context()))(t) }, true},
		{"Cleanup", func(t *testing.T, path string, db *engagement.DB) { must(db.Cleanup(t.Context(), 10_000))(t) }, false},
	}
	for _, way := range ways {
		t.Run(way.name+" counts them, whatever their time looks like", func(t *testing.T) {
			t.Parallel()
			path := freshFile(t)
			db := openAt(t, path)
			for i, row := range written {
				execute(t, path, "INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES (?, ?, ?, ?)",
					7, row.name, row.value, i%2 == 0)
			}
			execute(t, path, "INSERT INTO signal_fires (user_id, signal_id) VALUES (8, 'the default')")

			report := proven(t, db)
			same(t, "uncounted facts", report.Uncounted, int64(len(written)+1))
			if _, err := db.UserStats(t.Context(), 7); !errors.Is(err, engagement.ErrNotFound) {
				t.Errorf("they are counted before: %v", err)
			}

			way.count(t, path, db)
			report = proven(t, db)
			same(t, "uncounted facts", report.Uncounted, int64(0))
			want := map[string]time.Time{}
			for _, row := range written {
				if way.keeps || !row.want.Equal(unknown) {
					want[row.name] = row.want
				}
			}
			got := map[string]time.Time{}
			for _, f := range must(db.Fires(t.Context(), engagement.FireFilter{UserID: 7}, anyPage))(t).Items {
				got[f.SignalID] = f.Timestamp
			}
			same(t, "times", got, want)
			same(t, "total fires", must(db.UserStats(t.Context(), 7))(t).TotalFires, int64(len(written)))
			day := engagement.DayOf(instant, time.UTC)
			same(t, "fires of the day", must(db.DailyFigures(t.Context(), day, day))(t)[0].Fires, int64(9))
			now := must(db.Fires(t.Context(), engagement.FireFilter{UserID: 8}, anyPage))(t).Items[0].Timestamp
			if since := time.Since(now); since < -2*time.Second || since > time.Minute {
				t.Errorf("CURRENT_TIMESTAMP is read as %s", now)
			}
		})
	}

	t.Run("trades are counted too", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		openAt(t, path)
		execute(t, path, `INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at) VALUES
			(7, 'a', 1500000, 'win', '2026-01-05T10:30:15Z'), (7, 'b', -250000, 'loss', 'garbage'), (8, 'a', 0, 'draw', 1767609015)`)
		db := openAt(t, path)
		proven(t, db)
		stats := must(db.UserStats(t.Context(), 7))(t)
		same(t, "P&L, wins and losses", [3]float64{stats.PnL, float64(stats.Wins), float64(stats.Losses)}, [3]float64{1.25, 1, 1})
		closed := map[string]time.Time{}
		for _, tr := range must(db.Trades(t.Context(), engagement.TradeFilter{}, anyPage))(t).Items {
			closed[fmt.Sprint(tr.UserID, tr.TradeID)] = tr.ClosedAt
		}
		same(t, "closing times", closed, map[string]time.Time{"7a": instant, "7b": unknown, "8a": instant})
	})

	t.Run("odd signal ids are counted as they are", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		openAt(t, path)
		odd := []string{
			"", " ", "\x01\x02", "line\nbreak", "nul\x00inside", "\xff\xfe\xfd", "half \xe2\x82", `"quoted\"`, `\`, `'`,
			"[1,2]", "\u2028", strings.Repeat("long ", 5000),
		}
		for i, id := range odd {
			for user := range i%3 + 1 {
				execute(t, path, "INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES (?, ?, '2026-01-05 10:30:15', 1)", user+1, id)
			}
		}
		db := openAt(t, path)
		proven(t, db)
		got, want := map[string]int64{}, map[string]int64{}
		for i, id := range odd {
			want[id] = int64(i%3 + 1)
		}
		for _, row := range query(t, path, "SELECT signal_id, total_fires FROM signal_metrics", func(rows *sql.Rows) (s engagement.SignalMetrics, err error) {
			return s, rows.Scan(&s.SignalID, &s.TotalFires)
		}) {
			got[row.SignalID] = row.TotalFires
		}
		same(t, "fires of signals", got, want)
		report := must(db.Rebuild(t.Context()))(t)
		same(t, "findings that Rebuild put right", report.Repaired, []engagement.Finding{})
		must(db.EraseUser(t.Context(), 1))(t)
		proven(t, db)
	})

	t.Run("recording a fire that is not counted yet keeps it to be counted", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		db := openAt(t, path)
		execute(t, path, `INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES
			(7, 'A', '2026-01-05 10:30:15', 0), (7, 'B', '2026-01-05T10:30:15Z', 0), (7, 'C', 1767609015, 1), (7, 'D', 'garbage', 0)`)
		same(t, "A again", fire(t, db, engagement.Fire{UserID: 7, SignalID: "A"}), engagement.Duplicate)
		same(t, "A executed", fire(t, db, engagement.Fire{UserID: 7, SignalID: "A", Executed: true}), engagement.MarkedExecuted)
		same(t, "A executed again", fire(t, db, engagement.Fire{UserID: 7, SignalID: "A", Executed: true}), engagement.Duplicate)
		noError(t, db.Tx(t.Context(), func(tx *engagement.Tx) error {
			same(t, "B executed", fire(t, tx, engagement.Fire{UserID: 7, SignalID: "B", Executed: true}), engagement.MarkedExecuted)
			same(t, "C again", fire(t, tx, engagement.Fire{UserID: 7, SignalID: "C", Executed: true}), engagement.Duplicate)
			same(t, "E", fire(t, tx, engagement.Fire{UserID: 7, SignalID: "E", At: instant}), engagement.Recorded)
			return nil
		}))
		same(t, "uncounted facts", proven(t, db).Uncounted, int64(4))
		same(t, "total fires before", must(db.UserStats(t.Context(), 7))(t).TotalFires, int64(1))

		db = openAt(t, path)
		proven(t, db)
		day := engagement.DayOf(instant, time.UTC)
		same(t, "the day", must(db.DailyFigures(t.Context(), day, day))(t), []engagement.DayFigures{
			{Day: day, Fires: 4, Executed: 3, ActiveUsers: 1, NewUsers: 1, ExecutionRate: 0.75},
		})
		summary := must(db.UserSummary(t.Context(), 7))(t)
		same(t, "total and executed fires", [2]int64{summary.TotalFires, summary.ExecutedFires}, [2]int64{5, 3})
		same(t, "days that are none", texts(t, path, `SELECT day FROM user_days WHERE day < 0
			UNION ALL SELECT day FROM signal_days WHERE day < 0 UNION ALL SELECT day FROM days WHERE day < 0`), []string{})
	})

	t.Run("Cleanup counts them before it deletes them", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		db := openAt(t, path)
		execute(t, path, `INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES
			(7, 'OLD', datetime('now', '-200 days')), (7, 'NEW', datetime('now', '-2 days')), (8, 'OLD', 'garbage'), (9, 'OLD', 86400 * 400)`)
		report := must(db.Cleanup(t.Context(), 90))(t)
		same(t, "fires deleted", report.FiresDeleted, int64(3))
		proven(t, db)
		same(t, "total fires of the user", must(db.UserStats(t.Context(), 7))(t).TotalFires, int64(2))
		same(t, "total fires of the signal", must(db.SignalMetrics(t.Context(), "OLD"))(t).TotalFires, int64(3))
		same(t, "fires kept", len(storedFires(t, path)), 1)

		execute(t, path, "INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (7, 'LATE', datetime('now', '-200 days'))")
		db = openAt(t, path)
		proven(t, db)
		same(t, "total fires with a late one", must(db.UserStats(t.Context(), 7))(t).TotalFires, int64(3))
		same(t, "late fires deleted", must(db.Cleanup(t.Context(), 90))(t).FiresDeleted, int64(1))
		proven(t, db)
	})

	t.Run("erasing a user erases them too", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		db := openAt(t, path)
		execute(t, path, "INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (7, 'A', 'garbage'), (7, 'B', 1767609015), (8, 'A', '2026-01-05')")
		same(t, "fires erased", must(db.EraseUser(t.Context(), 7))(t).Fires, int64(2))
		db = openAt(t, path)
		proven(t, db)
		same(t, "fires of A", must(db.SignalMetrics(t.Context(), "A"))(t).TotalFires, int64(1))
	})
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
