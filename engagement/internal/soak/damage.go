package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// damage damages a file, and lets a child read everything from it and write to it.
// Each call must end with an answer or a typed error, in bounded time and without a
// panic; and damage that SQLite itself sees must be seen by Verify.
func damage(ctx context.Context, a *attack) error {
	data, err := os.ReadFile(a.community.path)
	if err != nil {
		return err
	}
	how := spoilFile(a, &data)
	path := a.path("engagement.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	sound, err := isSound(path)
	if err != nil {
		return err
	}
	l := newLedger()
	what, err := a.runChild(ctx, childRun{orders: orders{DSN: path, Op: opExamine}, ledger: l})
	if err != nil {
		return fmt.Errorf("%s: %w", how, err)
	}
	a.count++
	_, proven := l.done[soundByVerify]
	if proven && !sound {
		return fmt.Errorf("%s: SQLite sees the damage, Verify does not", how)
	}
	for _, c := range what.complaints {
		switch {
		case len(c.Kinds) == 0:
			return fmt.Errorf("%s: an untyped error: %s", how, c)
		case slices.Contains(c.Kinds, "deadline"):
			return fmt.Errorf("%s: it took more than %s: %s", how, examineWithin, c)
		case slices.Contains(c.Kinds, "closed"):
			return fmt.Errorf("%s: an error that says something else: %s", how, c)
		case proven:
			return fmt.Errorf("%s: Verify finds nothing, and then: %s", how, c)
		}
	}
	return nil
}

const pageSize = 4096

// spoilFile damages the content of a file and says how.
func spoilFile(a *attack, data *[]byte) string {
	d := *data
	pages := len(d) / pageSize
	switch a.IntN(6) {
	case 0:
		n := logUniform(a, 200)
		for range n {
			d[a.IntN(len(d))] = byte(a.Uint32())
		}
		return fmt.Sprintf("%d bytes overwritten", n)
	case 1:
		page := a.IntN(pages)
		for i := range pageSize {
			d[page*pageSize+i] = byte(a.Uint32())
		}
		return fmt.Sprintf("page %d overwritten with noise", page+1)
	case 2:
		page := a.IntN(pages)
		clear(d[page*pageSize : (page+1)*pageSize])
		return fmt.Sprintf("page %d overwritten with zeros", page+1)
	case 3:
		size := a.IntN(len(d))
		if a.IntN(2) == 0 {
			size = size / pageSize * pageSize
		}
		*data = d[:size]
		return fmt.Sprintf("cut short to %d bytes", size)
	case 4:
		one, other := a.IntN(pages), a.IntN(pages)
		page := slices.Clone(d[one*pageSize : (one+1)*pageSize])
		copy(d[one*pageSize:], d[other*pageSize:(other+1)*pageSize])
		copy(d[other*pageSize:], page)
		return fmt.Sprintf("pages %d and %d swapped", one+1, other+1)
	}
	// Bytes of one page, where its cells are found.
	page, n := a.IntN(pages), 1+a.IntN(8)
	for range n {
		d[page*pageSize+a.IntN(64)] = byte(a.Uint32())
	}
	return fmt.Sprintf("%d bytes at the beginning of page %d overwritten", n, page+1)
}

// isSound reports whether SQLite finds a file sound.
func isSound(path string) (sound bool, err error) {
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var found string
	err = db.QueryRow("PRAGMA integrity_check(1)").Scan(&found)
	return err == nil && strings.EqualFold(found, "ok"), nil
}
