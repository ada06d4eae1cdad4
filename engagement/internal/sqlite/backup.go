package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mattn/go-sqlite3"
)

// backupStep is how many pages are copied between two looks at ctx.
const backupStep = 4096

// Backup copies one consistent state of the file to path, which must not
// exist. Writers go on meanwhile. The copy gets its name only after SQLite
// finds it sound and check, if not nil, accepts it.
func (e *Engine) Backup(ctx context.Context, path string, check func(copyPath string) error) (err error) {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return cmp.Or(err, fmt.Errorf("%s: %w", path, os.ErrExist))
	}
	original, err := os.Stat(e.path)
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	e.sweepDrafts(folder)
	draft, remove, err := newDraft(folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if err := e.copyPages(ctx, draft); err != nil {
		return err
	}
	if err := singleFile(ctx, draft); err != nil {
		source := doubts{dsn: fileDSN(e.path, e.mode())}
		return source.settle(err) // the copy may be damaged where the file is not
	}
	if err := setLike(draft, original, original.Mode().Perm()); err != nil {
		return err
	}
	if err := syncFile(draft); err != nil {
		return err
	}
	if check != nil {
		if err := check(draft); err != nil {
			return fmt.Errorf("check the copy: %w", err)
		}
	}
	if err := giveName(draft, path); err != nil {
		return err
	}
	return syncDir(folder)
}

// giveName names the draft path. Linking, unlike renaming, never replaces a
// file that has come there meanwhile; not every file system can do it.
func giveName(draft, path string) error {
	err := os.Link(draft, path)
	if err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Rename(draft, path)
}

// copyPages copies what one read transaction sees to a new file, to.
func (e *Engine) copyPages(ctx context.Context, to string) (err error) {
	source := openPool(e.path, 1, e.mode(), "_busy_timeout=5000")
	defer func() { err = errors.Join(err, source.Close()) }()
	target := openPool(to, 1, "mode=rwc")
	defer func() { err = errors.Join(err, target.Close()) }()

	// The copy would restart whenever another connection writes, unless the source
	// connection has a snapshot open.
	snapshot, err := source.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	tx, err := snapshot.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	var objects int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master").Scan(&objects); err != nil {
		return err
	}
	into, err := target.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, into.Close()) }()

	return into.Raw(func(intoConn any) error {
		return snapshot.Raw(func(fromConn any) error {
			backup, err := intoConn.(*conn).Backup("main", fromConn.(*conn).SQLiteConn, "main")
			if err != nil {
				return err
			}
			return cmp.Or(stepAll(ctx, backup), backup.Finish()) // both report the same failure
		})
	})
}

func stepAll(ctx context.Context, backup *sqlite3.SQLiteBackup) error {
	remaining := -1
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		done, err := backup.Step(backupStep)
		if done || err != nil {
			return err
		}
		// The driver reports a locked page as "not done" without an error.
		if left := backup.Remaining(); left == remaining {
			time.Sleep(lockPoll / 10)
		} else {
			remaining = left
		}
	}
}

// singleFile makes the copy a single file, without a WAL, and checks that it is
// sound.
func singleFile(ctx context.Context, path string) (err error) {
	db := openPool(path, 1, "mode=rw", "_synchronous=FULL")
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := leaveWAL(ctx, db); err != nil {
		return err
	}
	damage, err := integrityCheck(ctx, db, fileDSN(path, "mode=rw"))
	if err != nil {
		return err
	}
	if len(damage) > 0 {
		return fmt.Errorf("the copy: %s: %w", damage[0], sqlite3.Error{Code: sqlite3.ErrCorrupt})
	}
	return nil
}

func leaveWAL(ctx context.Context, db *sql.DB) error {
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return fmt.Errorf("journal mode is %s, want delete", mode)
	}
	return nil
}
