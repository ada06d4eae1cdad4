package engagement_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// These are about files, so only for SQLite.

func TestBackupIsACopy(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	loc := zone(t, "Europe/Berlin")
	db := openVaried(t, dsn, engagement.WithLocation(loc))
	copyPath := filepath.Join(filepath.Dir(dsn), "a copy? 100%#1.db")
	noError(t, db.Backup(ctx, copyPath))
	restored := openAt(t, copyPath, newClock(noon).option())
	same(t, "contents of the copy", read(t, restored), read(t, db))
	same(t, "its time zone", restored.Location().String(), "Europe/Berlin")
	fireOn(t, restored, 9, noon) // it is a database like any other
	proven(t, restored)
	onlyFiles(t, filepath.Dir(dsn), "engagement.db", "a copy? 100%#1.db")
}

func TestABackupWhereThereCanBeNoneIsErrInvalid(t *testing.T) {
	t.Parallel()
	dsn := freshFile(t)
	db := openVaried(t, dsn)
	for path, says := range map[string]string{
		dsn:                                   "it exists already",
		filepath.Join(t.TempDir(), "no", "b"): "its folder: file does not exist",
		filepath.Join(dsn, "b"):               "not a directory",
	} {
		err := db.Backup(context.Background(), path)
		only(t, err, engagement.ErrInvalid)
		contains(t, err, says)
	}
}

// onlyFiles fails the test if there are other files in dir, beyond those that
// SQLite keeps beside an open one.
func onlyFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	known := map[string]bool{}
	for _, name := range names {
		known[name], known[name+"-wal"], known[name+"-shm"] = true, true, true
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	for _, entry := range must(os.ReadDir(dir))(t) {
		if !known[entry.Name()] {
			t.Errorf("%s was left behind", entry.Name())
		}
	}
}

func TestBackupWhileWriting(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	db := openAt(t, dsn)
	var fires []engagement.Fire
	for i := range 20_000 {
		fires = append(fires, engagement.Fire{UserID: int64(i%100) + 1, SignalID: fmt.Sprint("S_", i)})
	}
	must(db.RecordFires(ctx, fires))(t)

	var stop atomic.Bool
	var written atomic.Int64
	var writers sync.WaitGroup
	for worker := range 2 {
		writers.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if _, err := db.RecordFire(ctx, engagement.Fire{UserID: int64(worker + 1), SignalID: fmt.Sprint("more_", i)}); err != nil {
					t.Errorf("RecordFire during a backup: %v", err)
					return
				}
				written.Add(1)
			}
		})
	}
	waitUntil(t, func() bool { return written.Load() > 0 })
	var copies []string
	for i := range 3 {
		path := filepath.Join(filepath.Dir(dsn), fmt.Sprintf("copy-%d.db", i))
		noError(t, db.Backup(ctx, path))
		copies = append(copies, path)
	}
	stop.Store(true)
	writers.Wait()
	last := int64(0)
	for _, path := range copies {
		report := proven(t, openAt(t, path))
		if report.Fires < 20_000 || report.Fires < last {
			t.Errorf("%s has %d fires after %d", filepath.Base(path), report.Fires, last)
		}
		last = report.Fires
	}
	same(t, "fires in the database", proven(t, db).Fires, 20_000+written.Load())
}

func TestBackupThatIsRefused(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	db := openVaried(t, dsn)
	dir := filepath.Dir(dsn)
	target := filepath.Join(dir, "copy.db")

	t.Run("a path that exists is not overwritten", func(t *testing.T) {
		existing := filepath.Join(dir, "existing")
		noError(t, os.WriteFile(existing, []byte("precious"), 0o600))
		err := db.Backup(ctx, existing)
		wantError(t, err, engagement.ErrInvalid)
		contains(t, err, "path", "existing")
		same(t, "the file", string(must(os.ReadFile(existing))(t)), "precious")
		noError(t, os.Remove(existing))
	})
	t.Run("the database itself is not overwritten", func(t *testing.T) {
		wantError(t, db.Backup(ctx, dsn), engagement.ErrInvalid)
		proven(t, db)
	})
	t.Run("a folder that is not there is an error", func(t *testing.T) {
		wantError(t, db.Backup(ctx, filepath.Join(dir, "no", "copy.db")), os.ErrNotExist)
	})
	t.Run("one that was given up leaves no file", func(t *testing.T) {
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		wantError(t, db.Backup(cancelled, target), context.Canceled)
		onlyFiles(t, dir, "engagement.db")
	})
}

func TestBackupOfADatabaseWhoseFiguresDoNotHold(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	db := openVaried(t, dsn)
	tamper(t, dsn, "UPDATE user_stats SET wins = wins + 1 WHERE user_id = 1", "DROP INDEX idx_trades_closed_at")
	want := must(db.Verify(ctx))(t)
	same(t, "whether it is OK", want.OK(), false)

	target := filepath.Join(filepath.Dir(dsn), "copy.db")
	noError(t, db.Backup(ctx, target)) // the copy before a repair
	restored := openAt(t, target, newClock(noon).option())
	same(t, "what is wrong with the copy", must(restored.Verify(ctx))(t), want)
}

func TestBackupOfADatabaseOpenedForReading(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	db := openVaried(t, dsn)
	before := read(t, db)
	noError(t, db.Close())
	readOnly := openAt(t, dsn, engagement.WithReadOnly())
	target := filepath.Join(filepath.Dir(dsn), "copy.db")
	noError(t, readOnly.Backup(ctx, target))
	same(t, "contents", read(t, openAt(t, target, newClock(noon).option())), before)
}

func TestARestoredBackupThatIsBeingReadIsWaitedFor(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	db := openAt(t, dsn)
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
	restored := filepath.Join(filepath.Dir(dsn), "restored.db")
	noError(t, db.Backup(ctx, restored))
	same(t, "journal mode of a backup", texts(t, restored, "PRAGMA journal_mode"), []string{"delete"})

	reading := must(rawDB(t, restored).Begin())(t)
	var fires int
	noError(t, reading.QueryRow("SELECT COUNT(*) FROM signal_fires").Scan(&fires))
	ended := make(chan error, 1)
	time.AfterFunc(time.Second, func() { ended <- reading.Rollback() })
	again := openAt(t, restored)
	noError(t, <-ended)
	same(t, "journal mode once it is open", texts(t, restored, "PRAGMA journal_mode"), []string{"wal"})
	same(t, "fires", proven(t, again).Fires, int64(1))
}
