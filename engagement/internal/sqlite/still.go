package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// immutable reads a file as it stands: without locks, and without the two files
// that SQLite otherwise makes beside one in WAL mode.
const immutable = "mode=ro&immutable=1"

// standStill has the file read as it stands, after opening it only to read
// failed with opened. That is right where nobody can write: on a file system that
// takes no writes, without commits that are still in the WAL. Elsewhere somebody
// with more rights may write at any moment; the error then says what is missing.
func (e *Engine) standStill(path string, opened error) error {
	switch e.Classify(opened) {
	case engine.Storage, engine.Denied, engine.ReadOnly:
	default:
		return opened
	}
	refused := tryToWrite(filepath.Dir(path))
	if refused == nil {
		return opened // it is something else
	}
	wal := fileInfo(path + "-wal")
	switch {
	case errors.Is(refused, syscall.EROFS) && (wal == nil || wal.Size() == 0):
		e.still = true
		return nil
	case errors.Is(refused, syscall.EROFS):
		return fmt.Errorf("commits are in %s, and reading them makes %s beside it: copy the database with both to where files can be made: %w",
			filepath.Base(path)+"-wal", filepath.Base(path)+"-shm", refused)
	}
	return fmt.Errorf("a file in WAL mode is read with %s beside it: let this user make files in the folder, have it opened by a program that may, or copy the database elsewhere: %w",
		filepath.Base(path)+"-shm", refused)
}

// tryToWrite returns why no file can be made in a folder.
func tryToWrite(dir string) error {
	file, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
