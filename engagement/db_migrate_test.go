package engagement_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestMigrateMayBeRunAnyNumberOfTimes(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.fresh(t)
			var runs sync.WaitGroup
			for range 4 {
				runs.Go(func() {
					if err := engagement.Migrate(context.Background(), dsn); err != nil {
						t.Errorf("Migrate: %v", err)
					}
				})
			}
			runs.Wait()
			proven(t, openAt(t, dsn, engagement.WithoutMigrate()))
		})
	}
}

// gooseCommand returns the plain goose command of the version that go.mod pins,
// to be run on a file: the program that make builds, or else what go makes of
// its source and keeps in its cache.
func gooseCommand(path string, args ...string) *exec.Cmd {
	args = append([]string{"-env=none", "-dir", "../migrations", "sqlite3", path}, args...)
	built := filepath.Join("..", ".bin", "goose")
	if _, err := os.Stat(built); err == nil {
		return exec.Command(built, args...)
	}
	cmd := exec.Command("go", append([]string{
		"run", "-tags", "no_clickhouse,no_libsql,no_mssql,no_mysql,no_spanner,no_vertica,no_ydb,no_duckdb",
		"github.com/pressly/goose/v3/cmd/goose",
	}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd
}

// goose runs the goose command on a file and returns what it said.
func goose(t tb, path string, args ...string) string {
	t.Helper()
	output, err := gooseCommand(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("goose %v: %v: %s", args, err, output)
	}
	return string(output)
}

// schema returns the statements that a file's schema consists of.
func schema(t tb, path string) []string {
	t.Helper()
	return texts(t, path, "SELECT type || ' ' || name || ' on ' || tbl_name || ': ' || COALESCE(sql, '') FROM sqlite_master ORDER BY type, name")
}

func appliedVersions(t tb, path string) []string {
	t.Helper()
	return texts(t, path, "SELECT version_id FROM goose_db_version ORDER BY id")
}

var allVersions = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8"}

// cents returns the P&L of each user.
func cents(t tb, path string) map[int64]int64 {
	t.Helper()
	sums := map[int64]int64{}
	for _, user := range storedUsers(t, path) {
		if user.Cents != 0 {
			sums[user.User] = user.Cents
		}
	}
	return sums
}

// livedIn makes a database with facts of the library's own.
func livedIn(t *testing.T) string {
	t.Helper()
	path := freshFile(t)
	db, err := engagement.Open(t.Context(), path)
	noError(t, err)
	for i := range 40 {
		at := noon.AddDate(0, 0, -i/4)
		fire(t, db, engagement.Fire{UserID: int64(1 + i%5), SignalID: fmt.Sprintf("EURUSD_LONG_%03d", i), At: at, Executed: i%3 == 0})
		trade(t, db, engagement.Trade{UserID: int64(1 + i%5), TradeID: fmt.Sprint(i), PnL: float64(i*i)/8 - 40, ClosedAt: at})
	}
	noError(t, db.Close())
	return path
}

func TestGooseCommandAndLibraryMigrateTheSameFile(t *testing.T) {
	t.Parallel()
	states := []struct {
		name string
		make func(t tb) string
	}{
		{"a new file", freshFile},
		{"the predecessor's file", func(t tb) string { return adoptable(t, unsettled) }},
		{"the predecessor's file with totals", func(t tb) string { return adoptable(t, settled) }},
	}
	for _, state := range states {
		t.Run("goose migrates "+state.name+" and the library opens it", func(t *testing.T) {
			t.Parallel()
			path := state.make(t)
			fires, users := []storedFire{}, []storedUser{}
			if state.name != "a new file" {
				fires, users = storedFires(t, path), storedUsers(t, path)
			}
			goose(t, path, "up")
			same(t, "applied migrations", appliedVersions(t, path), allVersions)
			migrated := schema(t, path)

			checkAdopted(t, path, fires, users)
			same(t, "number of backups", len(backupsBeside(t, path)), 0) // goose made none
			same(t, "applied migrations", appliedVersions(t, path), allVersions)
			same(t, "schema", schema(t, path), migrated)

			byLibrary := state.make(t)
			noError(t, engagement.Migrate(t.Context(), byLibrary))
			same(t, "schema that goose makes, compared with the library's", migrated, schema(t, byLibrary))
		})
		t.Run("goose stops halfway with "+state.name+" and the library goes on", func(t *testing.T) {
			t.Parallel()
			path := state.make(t)
			fires, users := []storedFire{}, []storedUser{}
			if state.name != "a new file" {
				fires, users = storedFires(t, path), storedUsers(t, path)
			}
			goose(t, path, "up-to", "2")
			checkAdopted(t, path, fires, users)
			same(t, "applied migrations", appliedVersions(t, path), allVersions)
		})
		t.Run("the library migrates "+state.name+" and goose takes it down and up", func(t *testing.T) {
			t.Parallel()
			path := state.make(t)
			noError(t, engagement.Migrate(t.Context(), path))
			if status := goose(t, path, "status"); strings.Contains(status, "Pending") || !strings.Contains(status, "00003") {
				t.Errorf("status:\n%s", status)
			}
			fires, sums := storedFires(t, path), cents(t, path)
			users := storedUsers(t, path)
			migrated := schema(t, path)

			for _, version := range []string{"2", "1"} {
				goose(t, path, "down-to", version)
				same(t, "fires at version "+version, storedFires(t, path), fires)
				same(t, "P&L at version "+version, cents(t, path), sums)
				same(t, "users at version "+version, storedUsers(t, path), users)
			}
			checkAdopted(t, path, fires, users)
			same(t, "P&L", cents(t, path), sums)
			same(t, "schema", schema(t, path), migrated)
		})
	}

	t.Run("taking down all migrations and up again loses no fire and no P&L", func(t *testing.T) {
		t.Parallel()
		path := livedIn(t)
		fires, users, sums := storedFires(t, path), storedUsers(t, path), cents(t, path)
		same(t, "fires", len(fires), 40)
		goose(t, path, "down-to", "0")
		same(t, "fires at version 0", storedFires(t, path), fires)
		same(t, "users at version 0", storedUsers(t, path), users)
		goose(t, path, "up")
		same(t, "fires at the latest version", storedFires(t, path), fires)
		checkAdopted(t, path, fires, users)
		same(t, "P&L", cents(t, path), sums)
	})

	t.Run("goose alone takes an empty file up, down and up", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		goose(t, path, "up")
		first := schema(t, path)
		goose(t, path, "down-to", "0")
		same(t, "tables that are left", texts(t, path, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"),
			[]string{"goose_db_version", "signal_fires", "signal_metrics", "user_stats"})
		goose(t, path, "up")
		// What was dropped and added again may be spelled another way.
		checkAdopted(t, path, []storedFire{}, nil)
		same(t, "schema", schema(t, path), first)
	})

	t.Run("migrations taken down one by one leave what their predecessors made", func(t *testing.T) {
		t.Parallel()
		path := freshFile(t)
		var made [][]string
		for range allVersions[1:] {
			goose(t, path, "up-by-one")
			made = append(made, schema(t, path))
		}
		for i := len(made) - 2; i >= 0; i-- {
			goose(t, path, "down")
			same(t, fmt.Sprintf("schema at version %d", i+1), schema(t, path), made[i])
		}
	})

	t.Run("the library succeeds while goose commands race it", func(t *testing.T) {
		t.Parallel()
		for range 4 {
			path := adoptable(t, settled)
			fires, users := storedFires(t, path), storedUsers(t, path)
			var group sync.WaitGroup
			for range 2 {
				// goose takes no lock of its own, so its losing is all right.
				group.Go(func() { _ = gooseCommand(path, "up").Run() })
			}
			group.Go(func() {
				if err := engagement.Migrate(context.Background(), path); err != nil {
					t.Errorf("Migrate: %v", err)
				}
			})
			group.Wait()
			checkAdopted(t, path, fires, users)
		}
	})

	t.Run("the library waits for another program's transaction", func(t *testing.T) {
		t.Parallel()
		path := adoptable(t, settled)
		fires, users := storedFires(t, path), storedUsers(t, path)
		other := must(sql.Open("sqlite3", "file:"+path+"?_busy_timeout=10000"))(t)
		tx := must(other.Begin())(t)
		must(tx.Exec("UPDATE user_stats SET win_rate = 0.5"))(t)
		result := make(chan error, 1)
		go func() {
			defer close(result)
			result <- engagement.Migrate(context.Background(), path)
		}()
		select {
		case err := <-result:
			t.Errorf("Migrate did not wait: %v", err)
		case <-time.After(300 * time.Millisecond):
		}
		noError(t, tx.Commit())
		noError(t, <-result)
		noError(t, other.Close())
		checkAdopted(t, path, fires, users)
	})
}

// What other programs have added to the predecessor's table outlives a change of the
// order of its key, and so does what they read.
func TestTheOrderOfAKeyChangesUnderOtherPrograms(t *testing.T) {
	t.Parallel()
	const view = "SELECT user_id || ': ' || SUM(fires) FROM user_days GROUP BY user_id ORDER BY user_id"
	keyOf := func(t tb, path string) []string {
		return texts(t, path, "SELECT group_concat(name, ', ') FROM pragma_index_info('sqlite_autoindex_signal_fires_1')")
	}
	path := livedIn(t)
	goose(t, path, "down-to", "6")
	same(t, "key at version 6", keyOf(t, path), []string{"user_id, signal_id"})
	execute(t, path, "ALTER TABLE signal_fires ADD COLUMN note TEXT NOT NULL DEFAULT 'none'")
	execute(t, path, "UPDATE signal_fires SET note = 'of user ' || user_id")
	execute(t, path, "CREATE INDEX notes ON signal_fires(note)")
	execute(t, path, "CREATE VIEW fires_of_users AS "+view)
	execute(t, path, "DELETE FROM signal_fires WHERE id = (SELECT MAX(id) FROM signal_fires)") // whose id is not given again
	before := texts(t, path, "SELECT id || user_id || signal_id || timestamp || executed || note FROM signal_fires ORDER BY id")
	read := texts(t, path, "SELECT * FROM fires_of_users")
	sequence := texts(t, path, "SELECT seq FROM sqlite_sequence WHERE name = 'signal_fires'")

	noError(t, engagement.Migrate(t.Context(), path))
	same(t, "key", keyOf(t, path), []string{"signal_id, user_id"})
	same(t, "rows", texts(t, path, "SELECT id || user_id || signal_id || timestamp || executed || note FROM signal_fires ORDER BY id"), before)
	same(t, "rows by another program's index", len(texts(t, path, "SELECT id FROM signal_fires INDEXED BY notes WHERE note = 'of user 1'")), 8)
	same(t, "another program's view", texts(t, path, "SELECT * FROM fires_of_users"), read)
	same(t, "sequence", texts(t, path, "SELECT seq FROM sqlite_sequence WHERE name = 'signal_fires'"), sequence)
	same(t, "integrity", texts(t, path, "PRAGMA integrity_check"), []string{"ok"})

	goose(t, path, "down-to", "6")
	same(t, "key taken down", keyOf(t, path), []string{"user_id, signal_id"})
	same(t, "integrity", texts(t, path, "PRAGMA integrity_check"), []string{"ok"})
}

func TestHowAPredecessorSpellsItsKey(t *testing.T) {
	t.Parallel()
	for _, spelling := range []string{"UNIQUE(user_id, signal_id)", "UNIQUE (user_id, signal_id)", "UNIQUE(user_id,signal_id)", "UNIQUE (user_id,signal_id)"} {
		path := adoptable(t, unsettled)
		fires, users := storedFires(t, path), storedUsers(t, path)
		execute(t, path, "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, 'UNIQUE(user_id, signal_id)', '"+spelling+"')")
		checkAdopted(t, path, fires, users) // which proves the structure too
	}
}

// The predecessor makes its tables and indexes where they are missing, each time.
func TestThePredecessorsStartChangesNothing(t *testing.T) {
	t.Parallel()
	path := livedIn(t)
	before := schema(t, path)
	for _, statement := range []string{
		"CREATE INDEX IF NOT EXISTS idx_signal_fires_user_id ON signal_fires(user_id)",
		"CREATE INDEX IF NOT EXISTS idx_signal_fires_signal_id ON signal_fires(signal_id)",
		"CREATE INDEX IF NOT EXISTS idx_signal_fires_timestamp ON signal_fires(timestamp)",
		"CREATE INDEX IF NOT EXISTS idx_user_stats_last_updated ON user_stats(last_updated)",
	} {
		execute(t, path, statement)
	}
	same(t, "schema", schema(t, path), before)
	latest := "SELECT user_id FROM user_stats ORDER BY last_updated DESC, user_id LIMIT 3"
	same(t, "who was updated last", texts(t, path, latest), texts(t, path, "SELECT user_id FROM user_stats NOT INDEXED ORDER BY last_updated DESC, user_id LIMIT 3"))
}
