package pgtest

import "syscall"

// memory returns a folder whose files are kept in memory, or "" if there is none
// with room for a server: in a container it is often too small.
func memory() string {
	const dir, needed = "/dev/shm", 1 << 30
	var stat syscall.Statfs_t
	if syscall.Statfs(dir, &stat) != nil || stat.Bavail*uint64(stat.Bsize) < needed {
		return ""
	}
	return dir
}
