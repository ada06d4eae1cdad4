//go:build unix

package pgtest

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is a user that processes run as.
type account = syscall.Credential

// temporary makes a folder in parent for a server that runs as user.
func temporary(parent string, user *account) (dir string, err error) {
	if dir, err = os.MkdirTemp(parent, "pgtest-*"); err != nil {
		return dir, err
	}
	if err = give(dir, user); err != nil {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return dir, err
}

// give makes user the owner of what is at path.
func give(path string, user *account) error {
	if user == nil {
		return nil
	}
	return os.Chown(path, int(user.Uid), int(user.Gid))
}

// otherThanRoot returns the user that a server started by root runs as: the
// server refuses to run as root.
func otherThanRoot() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		return &account{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uidErr, gidErr)
	}
	return nil, errors.New("started as root, and there is no user postgres or nobody to run the server as")
}

// attributes are those of a process that runs as user, in a group of its own if
// it must not get this one's signals.
func attributes(user *account, ownGroup bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: user, Setpgid: ownGroup}
}
