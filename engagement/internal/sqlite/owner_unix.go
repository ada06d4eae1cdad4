//go:build unix

package sqlite

import (
	"os"
	"syscall"
)

// chownLike gives a file the owner and group of another.
func chownLike(path string, original os.FileInfo) error {
	stat, ok := original.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return os.Chown(path, int(stat.Uid), int(stat.Gid))
}
