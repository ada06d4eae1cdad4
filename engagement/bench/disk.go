package main

import (
	"context"
	"errors"
	"os"
)

// disk overwrites a page of a file and waits until it is on disk, again and again: no
// caller who waits for each write can be faster than that.
type disk struct {
	file *os.File
	next int64
}

const (
	diskPage  = 4096
	diskPages = 1 << 12
)

func openDisk(path string) (*disk, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	// What is there already is overwritten, as in a WAL that begins anew.
	_, err = file.Write(make([]byte, diskPage*diskPages))
	if err = errors.Join(err, file.Sync()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &disk{file: file}, nil
}

func (d *disk) record(context.Context, fire) error {
	page := make([]byte, diskPage)
	d.next++
	page[0] = byte(d.next)
	if _, err := d.file.WriteAt(page, d.next%diskPages*diskPage); err != nil {
		return err
	}
	return syncData(d.file)
}

func (d *disk) close() error { return d.file.Close() }

// addDisk adds the disk to rivals of one caller.
func (b *bench) addDisk(r *rivals) *rival {
	if r.err != nil {
		return nil
	}
	path, drop, _ := b.emptyFile(context.Background())
	return r.addAt("the disk: a page overwritten and synced", path, func(path string) (measuring, func() error, error) {
		return b.openPeer(path, 1, func(path string) (recorder, error) { return openDisk(path) })
	}, func(context.Context, string, int64) error { return drop() })
}
