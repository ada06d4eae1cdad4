package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData waits as SQLite does, for what was written and not for the file's times.
func syncData(file *os.File) error { return unix.Fdatasync(int(file.Fd())) }
