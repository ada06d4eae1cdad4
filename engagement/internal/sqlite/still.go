package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// immutable reads a file as it is: without locks, and without the two files that
// SQLite otherwise makes beside a file in WAL mode.
const immutable = "mode=ro&immutable=1"

// standStill makes the engine read the file as it is, without locks, after opening it
// failed with opened. That is safe only for a reader on a file system that takes no
// writes, and if no commits are still in the WAL. Elsewhere another program with more
// rights may write at any moment; the error then says what is missing.
func (e *Engine) standStill(path string, opened error) error {
	var se sqlite3.Error
	if !errors.As(opened, &se) || (se.Code != sqlite3.ErrCantOpen && se.Code != sqlite3.ErrReadonly && se.Code != sqlite3.ErrIoErr) {
		return opened
	}
	refused := tryToWrite(filepath.Dir(path))
	if refused == nil || errors.Is(refused, fs.ErrNotExist) {
		return opened // it is something else
	}
	wal, shm := filepath.Base(path)+"-wal", filepath.Base(path)+"-shm"
	switch walInfo := fileInfo(path + "-wal"); {
	case !e.opts.ReadOnly, !errors.Is(refused, fs.ErrPermission) && !errors.Is(refused, syscall.EROFS):
		return fmt.Errorf("%v: %w", opened, refused)
	case !errors.Is(refused, syscall.EROFS):
		return fmt.Errorf("a file in WAL mode is read with %s beside it: let this user make files in the folder, "+
			"have it opened by a program that may, or copy the database elsewhere: %w", shm, refused)
	case walInfo != nil && walInfo.Size() > 0:
		return fmt.Errorf("there are commits in %s, which are read with %s beside it: "+
			"copy the database with both to where files can be made: %w", wal, shm, refused)
	}
	e.still = true
	return nil
}

// tryToWrite returns why no file can be made in a folder.
func tryToWrite(dir string) error {
	file, err := os.CreateTemp(dir, ".writable-*")
	if refused, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: "make a file in", Path: dir, Err: refused.Err}
	}
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
