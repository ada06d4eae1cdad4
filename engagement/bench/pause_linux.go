package main

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pauser sleeps to a few hundredths of a millisecond, where time.Sleep sleeps
// at least one: that waits in whole milliseconds when nothing else runs.
type pauser struct{ timer *os.File }

func newPauser() (pauser, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return pauser{}, err
	}
	return pauser{os.NewFile(uintptr(fd), "timer")}, nil
}

func (p pauser) sleep(d time.Duration) error {
	raw, err := p.timer.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.TimerfdSettime(int(fd), 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(d.Nanoseconds())}, nil)
	})
	if err != nil || failed != nil {
		return errors.Join(err, failed)
	}
	_, err = p.timer.Read(make([]byte, 8)) // how often it has gone off
	return err
}

func (p pauser) close() error { return p.timer.Close() }
