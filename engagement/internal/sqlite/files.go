package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// makeFolder makes a folder and those above it, so that they survive a power cut:
// sync makes the list of a folder's files durable.
func makeFolder(path string, sync func(string) error) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	above := filepath.Dir(path)
	if above != path {
		if err := makeFolder(above, sync); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return sync(above)
}

// makeLike makes an empty file with the mode and owner of another, unless it exists.
// SQLite gives the files that it makes beside a file the same.
func makeLike(path, original string) error {
	info, err := os.Stat(original)
	if err != nil {
		return err
	}
	mode := info.Mode().Perm() | 0o600 // it is going to be written
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode&0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), setLike(path, info, mode))
}

// setLike gives a file the owner of another, if this process may, and a mode.
func setLike(path string, original os.FileInfo, mode os.FileMode) error {
	if os.Geteuid() == 0 {
		// On some file systems not even root can change the owner; then the file
		// stays root's.
		if err := chownLike(path, original); err != nil && !errors.Is(err, os.ErrPermission) && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	return os.Chmod(path, mode) // also against the umask
}

func syncFile(path string) error {
	how := os.O_RDONLY
	if runtime.GOOS == "windows" {
		how = os.O_RDWR // only who may write may sync
	}
	f, err := os.OpenFile(path, how, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // there is no such thing
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
