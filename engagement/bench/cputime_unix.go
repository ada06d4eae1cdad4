//go:build unix

package main

import (
	"syscall"
	"time"
)

// cpuTime returns how long the processors have worked for this process.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it fails on bad arguments only
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
