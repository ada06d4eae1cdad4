package engagement_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
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
