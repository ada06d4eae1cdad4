package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// A draft is a file that becomes a backup once it is complete. It lies in a folder of
// its own beside the backup, which only its owner may read, with a lock file that its
// process keeps locked. A draft whose lock is free was left by a process that was
// killed.
const (
	draftFolder = ".engagement-backup-" // and a number
	draftLock   = "lock"
	draftFile   = "copy.db"
)

// draftFiles are all that can be in a draft's folder but its lock.
var draftFiles = []string{draftFile, draftFile + "-journal", draftFile + "-wal", draftFile + "-shm"}

// newDraft makes a folder for a draft and returns the path of the draft and what
// removes both.
func newDraft(folder string) (path string, remove func() error, err error) {
	for {
		dir, err := os.MkdirTemp(folder, draftFolder)
		if err != nil {
			return "", nil, err
		}
		lock := flock.New(filepath.Join(dir, draftLock), flock.SetPermissions(0o600))
		held, err := lock.TryLock()
		switch {
		case held && isNamed(lock):
			return filepath.Join(dir, draftFile), func() error { return errors.Join(removeDraft(dir, lock), removeIfThere(dir)) }, nil
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return "", nil, errors.Join(err, removeDraft(dir, lock), removeIfThere(dir))
		}
		// Somebody swept it away before it was locked.
		if err := lock.Close(); err != nil {
			return "", nil, err
		}
	}
}

// isNamed reports whether the locked file is still the one with its name: a lock on a
// deleted file locks nobody out.
func isNamed(lock *flock.Flock) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(held, named)
}

// removeDraft removes a draft that this process has locked, and the lock file last: a
// folder without one has no draft in it. Whoever still waits for the lock finds that
// it has no name any more.
func removeDraft(dir string, lock *flock.Flock) error {
	for _, name := range draftFiles {
		if err := removeIfThere(filepath.Join(dir, name)); err != nil {
			return errors.Join(err, lock.Close())
		}
	}
	return errors.Join(removeIfThere(lock.Path()), lock.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// sweepDrafts removes what killed processes have left in a folder. What it cannot
// remove is logged, and prevents no new draft.
func (e *Engine) sweepDrafts(folder string) {
	found, err := os.ReadDir(folder)
	for _, entry := range found {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), draftFolder) {
			continue
		}
		swept, failed := sweepDraft(filepath.Join(folder, entry.Name()))
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", entry.Name(), failed))
		}
		if swept {
			e.opts.Log.Info("deleted what an unfinished backup had left", "in", folder, "name", entry.Name())
		}
	}
	if err != nil {
		e.opts.Log.Warn("cannot delete what unfinished backups have left", "in", folder, "error", err)
	}
}

func sweepDraft(dir string) (swept bool, err error) {
	// Without O_CREATE: a new lock file would keep a folder that is being removed.
	lock := flock.New(filepath.Join(dir, draftLock), flock.SetFlag(os.O_RDWR))
	held, err := lock.TryLock()
	switch {
	case held:
		err = removeDraft(dir, lock)
	case err == nil:
		return false, nil // it is being made
	case errors.Is(err, os.ErrNotExist):
		err = nil // it has only just been made, or there is nothing in it
	}
	_ = os.Remove(dir) // it stays if there is something else in it
	return held, err
}
