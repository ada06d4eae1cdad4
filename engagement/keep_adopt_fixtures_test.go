package engagement_test

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"
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
