package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Disks are filled and broken for real, in processes of their own: by a limit on
// the size of files, by a file system that takes no writes, by a folder of
// somebody else.

// childStorage is the environment of such a process: its task and a folder.
const childStorage = "ENGAGEMENT_TEST_CHILD_STORAGE"

func init() {
	task, dir, ok := strings.Cut(os.Getenv(childStorage), ":")
	if !ok {
		return
	}
	err := map[string]func(dir string) error{
		"full disk": onAFullDisk, "no writes": onAReadOnlyFileSystem, "no rights": inAFolderOfSomebodyElse,
	}[task](dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// storageChild runs a task in another process.
func storageChild(t *testing.T, task, dir string, as *syscall.SysProcAttr) {
	t.Helper()
	self := must(os.Open(must(os.Executable())(t)))(t) // whose folder others may not enter
	defer self.Close()
	cmd := exec.Command("/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{self}
	cmd.Env, cmd.SysProcAttr, cmd.Dir = append(os.Environ(), childStorage+"="+task+":"+dir), as, "/"
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("this user may not do that: %v", err)
	}
	if err != nil {
		t.Errorf("%s: %v: %s", task, err, out)
	}
}

// readWith returns the error of opening a database only to read, and of reading.
func readWith(path string, fires int64) error {
	db, err := engagement.Open(context.Background(), path, engagement.WithReadOnly())
	if err != nil {
		return err
	}
	report, err := db.Verify(context.Background())
	if err == nil && (!report.OK() || report.Fires != fires) {
		err = fmt.Errorf("it has %d fires, want %d: %v", report.Fires, fires, report.Findings)
	}
	return errors.Join(err, db.Close())
}

// onlyOf returns an error unless err is of this kind and of no other.
func onlyOf(err, kind error) error {
	if !errors.Is(err, kind) {
		return fmt.Errorf("got error %v, want %v", err, kind)
	}
	for name, sentinel := range sentinels {
		if sentinel != kind && errors.Is(err, sentinel) {
			return fmt.Errorf("%v is %s as well", err, name)
		}
	}
	return nil
}

func TestAFullDiskIsErrStorageAndDoesNoHarm(t *testing.T) {
	t.Parallel()
	storageChild(t, "full disk", t.TempDir(), nil)
}

func onAFullDisk(dir string) error {
	ctx := context.Background()
	predecessor, err := os.ReadFile(filepath.Join(os.Getenv("PWD"), "testdata", unsettled))
	if err != nil {
		return err
	}
	fires := make([]engagement.Fire, 3_000)
	for i := range fires {
		fires[i] = engagement.Fire{UserID: int64(i%50) + 1, SignalID: fmt.Sprint("S_", i)}
	}
	opened := func(dir string) (*engagement.DB, error) {
		return engagement.Open(ctx, filepath.Join(dir, "engagement.db"), engagement.WithSynchronous(engagement.SyncOff))
	}
	failures := map[string]int{}
	for name, do := range map[string]func(dir string, db *engagement.DB) error{
		"adopt": func(dir string, _ *engagement.DB) error {
			db, err := opened(dir)
			if err != nil {
				return err
			}
			return db.Close()
		},
		"make": func(dir string, _ *engagement.DB) error {
			db, err := engagement.Open(ctx, filepath.Join(dir, "new", "new.db"))
			if err != nil {
				return err
			}
			return db.Close()
		},
		"record": func(_ string, db *engagement.DB) error { _, err := db.RecordFires(ctx, fires); return err },
		"backup": func(dir string, db *engagement.DB) error { return db.Backup(ctx, filepath.Join(dir, "copy.db")) },
		"copy": func(dir string, db *engagement.DB) error {
			_, err := db.CopyTo(ctx, filepath.Join(dir, "copy.db"))
			return err
		},
		"clean up": func(_ string, db *engagement.DB) error { _, err := db.Cleanup(ctx, 1); return err },
	} {
		for _, limit := range []uint64{0, 60_000, 120_000, 200_000} {
			dir, err := os.MkdirTemp(dir, "")
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, "engagement.db"), predecessor, 0o600); err != nil {
				return err
			}
			var db *engagement.DB
			if name != "adopt" && name != "make" {
				if db, err = opened(dir); err != nil {
					return err
				}
			}
			var before syscall.Rlimit
			if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
				return err
			}
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: before.Max}); err != nil {
				return err
			}
			failed := do(dir, db)
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
				return err
			}
			if failed != nil {
				failures[name]++
				if err := onlyOf(failed, engagement.ErrStorage); err != nil {
					return fmt.Errorf("%s in %d bytes: %w", name, limit, err)
				}
			}
			if db == nil {
				if db, err = opened(dir); err != nil {
					return fmt.Errorf("%s with room again: %w", name, err)
				}
			}
			if report, err := db.Verify(ctx); err != nil || !report.OK() {
				return fmt.Errorf("%s in %d bytes left: %v %w", name, limit, report.Findings, err)
			}
			if err := db.Close(); err != nil {
				return err
			}
		}
	}
	if len(failures) < 6 {
		return fmt.Errorf("failures by operation: %v, want some of each", failures)
	}
	return nil
}

func TestAFileReadOnlyWhereNoFileCanBeMade(t *testing.T) {
	t.Parallel()
	filled := func(t *testing.T) string {
		path := freshFile(t)
		db := openAt(t, path, newClock(noon).option())
		fireOn(t, db, 1, noon)
		noError(t, db.Close())
		return filepath.Dir(path)
	}
	t.Run("is read on a file system that takes no writes", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() != 0 {
			t.Skip("only root may mount a file system")
		}
		storageChild(t, "no writes", filled(t), &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS})
	})
	t.Run("is refused with the reason in a folder of somebody else", func(t *testing.T) {
		t.Parallel()
		dir := filled(t)
		noError(t, os.Chmod(filepath.Join(dir, "engagement.db"), 0o644))
		noError(t, os.Chmod(dir, 0o555))
		t.Cleanup(func() { noError(t, os.Chmod(dir, 0o755)) })
		as := &syscall.SysProcAttr{}
		if os.Geteuid() == 0 { // who may write anywhere
			as.Credential = &syscall.Credential{Uid: 65_534, Gid: 65_534}
		}
		storageChild(t, "no rights", dir, as)
	})
}

func onAReadOnlyFileSystem(dir string) error {
	path := filepath.Join(dir, "engagement.db")
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, ""); err != nil {
		return err
	}
	for _, c := range []struct {
		wal  string // what is in the WAL
		says string // "": it is read
	}{{"", ""}, {"commits that are not in the file yet", "there are commits in engagement.db-wal"}} {
		if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT, ""); err != nil {
			return err
		}
		if err := errors.Join(os.WriteFile(path, content, 0o600), os.WriteFile(path+"-wal", []byte(c.wal), 0o600)); err != nil {
			return err
		}
		if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			return err
		}
		read := readWith(path, 1)
		if c.says == "" && read != nil {
			return read
		}
		if c.says != "" && (onlyOf(read, engagement.ErrReadOnly) != nil || !strings.Contains(read.Error(), c.says)) {
			return fmt.Errorf("got error %v, want ErrReadOnly with %q", read, c.says)
		}
	}
	_, err = engagement.Open(context.Background(), path)
	if err := onlyOf(err, engagement.ErrReadOnly); err != nil {
		return fmt.Errorf("opened to write: %w", err)
	}
	_, err = engagement.Open(context.Background(), filepath.Join(dir, "new", "new.db"))
	if err := onlyOf(err, engagement.ErrReadOnly); err != nil {
		return fmt.Errorf("made: %w", err)
	}
	return nil
}

func inAFolderOfSomebodyElse(dir string) error {
	path := filepath.Join(dir, "engagement.db")
	err := readWith(path, 1)
	if err := onlyOf(err, engagement.ErrDenied); err != nil {
		return err
	}
	for _, part := range []string{"engagement.db-shm", "let this user make files in the folder", "permission denied"} {
		if !strings.Contains(err.Error(), part) {
			return fmt.Errorf("%v does not say %q", err, part)
		}
	}
	for _, path := range []string{path, filepath.Join(dir, "new.db"), filepath.Join(dir, "new", "new.db")} {
		_, err := engagement.Open(context.Background(), path)
		if err := onlyOf(err, engagement.ErrDenied); err != nil {
			return fmt.Errorf("opened to write: %w", err)
		}
	}
	return nil
}

func TestADatabaseThatMayNotGrowIsErrStorage(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := openAt(t, migratedFile(t), newClock(noon).option())
	fireOn(t, db, 1, noon)
	pages := func(most int) {
		noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
			_, err := tx.SQL().ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", most))
			return err
		}))
	}
	pages(1) // as few as there are
	fires := make([]engagement.Fire, 2_000)
	for i := range fires {
		fires[i] = engagement.Fire{UserID: int64(i) + 1, SignalID: fmt.Sprint("S_", i)}
	}
	unchanged(t, db, func() {
		_, err := db.RecordFires(ctx, fires)
		only(t, err, engagement.ErrStorage)
		contains(t, err, "full")
		err = db.Tx(ctx, func(tx *engagement.Tx) error { _, err := tx.RecordFires(ctx, fires); return err })
		only(t, err, engagement.ErrStorage)
	})
	pages(1 << 20)
	must(db.RecordFires(ctx, fires))(t)
	proven(t, db)
}

// A descriptor of the file is replaced by one of a memory that cannot be read: the
// system refuses each read with EIO, as it does for a broken disk.
func TestAReadThatTheSystemRefusesIsErrStorageAndNotErrCorrupt(t *testing.T) {
	t.Parallel()
	ctx, dsn := context.Background(), freshFile(t)
	noError(t, openVaried(t, dsn).Close())
	for name, call := range map[string]func(db *engagement.DB) error{
		"UserStats": func(db *engagement.DB) error { _, err := db.UserStats(ctx, 1); return err },
		"Leaderboard": func(db *engagement.DB) error {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByPnL}, anyPage)
			return err
		},
		"Verify": func(db *engagement.DB) error { _, err := db.Verify(ctx); return err },
		"Backup": func(db *engagement.DB) error { return db.Backup(ctx, filepath.Join(t.TempDir(), "copy.db")) },
		"RecordFire": func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "NEW"})
			return err
		},
		"Tx": func(db *engagement.DB) error {
			return db.Tx(ctx, func(tx *engagement.Tx) error { _, err := tx.UpdateUserPnL(ctx, 1, 1, true); return err })
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := openAt(t, dsn)
			broken := breakReads(t, dsn, "/proc/self/mem")
			if err := call(db); err != nil {
				only(t, err, engagement.ErrStorage)
			} else if name != "Backup" { // which opens the file anew
				t.Errorf("with %d descriptors broken it has read everything", broken)
			}
		})
	}
	t.Run("and one that gives less than there is, once", func(t *testing.T) {
		db := openAt(t, dsn, engagement.WithReadOnly())
		breakReads(t, dsn, os.DevNull)
		_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByPnL}, anyPage)
		only(t, err, engagement.ErrStorage)
		must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByPnL}, anyPage))(t) // on another connection
	})
}

// breakReads makes this process unable to read the file through what it has open:
// it reads something else.
func breakReads(t *testing.T, path, instead string) (broken int) {
	t.Helper()
	memory := must(os.Open(instead))(t)
	defer memory.Close()
	for _, entry := range must(os.ReadDir("/proc/self/fd"))(t) {
		var fd int
		must(fmt.Sscan(entry.Name(), &fd))(t)
		if name, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && name == path {
			noError(t, syscall.Dup3(int(memory.Fd()), fd, syscall.O_CLOEXEC))
			broken++
		}
	}
	return broken
}
