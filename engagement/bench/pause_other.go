//go:build !linux

package main

import "time"

// pauser sleeps as precisely as time.Sleep does.
type pauser struct{}

func newPauser() (pauser, error) { return pauser{}, nil }

func (pauser) sleep(d time.Duration) error { time.Sleep(d); return nil }

func (pauser) close() error { return nil }
