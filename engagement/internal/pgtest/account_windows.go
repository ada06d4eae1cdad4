package pgtest

import (
	"fmt"
	"os"
	"syscall"
)

// account is a user that processes run as.
type account struct{}

// otherThanRoot fails: how a server is started here, and stopped when its test
// dies, is Unix's way.
func otherThanRoot() (*account, error) {
	return nil, fmt.Errorf("%w that could be started on Windows", ErrNotInstalled)
}

func temporary(parent string, _ *account) (dir string, err error) {
	return os.MkdirTemp(parent, "pgtest-*")
}

func attributes(*account, bool) *syscall.SysProcAttr { return nil }

func give(string, *account) error { return nil }
