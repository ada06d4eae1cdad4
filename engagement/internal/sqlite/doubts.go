package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mattn/go-sqlite3"
)

const (
	// doubtFor bounds how long a file is looked at again.
	doubtFor = 10 * time.Second
	// believedFor is how long a file that was found damaged is not looked at again.
	believedFor = time.Minute
	// doubtedPages is how many pages are read at a time to find one that cannot be
	// read.
	doubtedPages = 16_384
)

// doubts tells a damaged file from a read that failed. SQLite calls both damage: it
// reports SQLITE_CORRUPT when the system refuses a read with EIO, and a page that was
// not read to its end looks damaged. So the file is looked at again.
type doubts struct {
	dsn      string       // opens the file once more
	believed atomic.Int64 // when the file was found damaged, in Unix seconds
}

// errReadFailed is returned in place of damage if the file turns out to be sound.
var errReadFailed = sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrRead}

// settle returns err, unless it says that the file is damaged and reading it
// again says otherwise.
func (d *doubts) settle(err error) error {
	if d == nil || !saysDamaged(err) || time.Since(time.Unix(d.believed.Load(), 0)) < believedFor {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), doubtFor)
	defer cancel()
	damage, failed := lookAgain(ctx, d.dsn)
	switch {
	case failed == nil && len(damage) == 0:
		return fmt.Errorf("a part of the file could not be read, and could at the next try: %w", errReadFailed)
	case isUnreadable(failed):
		return failed
	}
	d.believed.Store(time.Now().Unix())
	return err
}

func saysDamaged(err error) bool {
	var se sqlite3.Error
	return errors.As(err, &se) && (se.Code == sqlite3.ErrCorrupt || se.Code == sqlite3.ErrNotADB)
}

func isUnreadable(err error) bool {
	var se sqlite3.Error
	if !errors.As(err, &se) {
		return false
	}
	code := se.Code & sqlite3.ErrNo(sqlite3.ErrNoMask)
	return code == sqlite3.ErrIoErr || code == sqlite3.ErrNomem
}

// lookAgain checks a file on a new connection, with an empty cache, and returns what
// is damaged; a page that cannot be read is an error.
func lookAgain(ctx context.Context, dsn string) (damage []string, err error) {
	db := openConnector(&connector{driver: &sqlite3.SQLiteDriver{}, dsn: dsn}, 1)
	defer func() { err = errors.Join(err, db.Close()) }()
	damage, err = checkIntegrity(ctx, db)
	if err == nil && len(damage) == 0 {
		return nil, nil
	}
	if failed := readPages(ctx, db); isUnreadable(failed) {
		return nil, failed
	}
	return damage, err
}

// readPages reads the pages of a file by copying them: there, unlike in a
// statement, SQLite keeps the code of a read that failed.
func readPages(ctx context.Context, db *sql.DB) (err error) {
	scratch := openMemory(fmt.Sprintf("read-%d", scratchCount.Add(1)))
	defer func() { err = errors.Join(err, scratch.Close()) }()
	from, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	into, err := scratch.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, into.Close()) }()
	return into.Raw(func(intoConn any) error {
		return from.Raw(func(fromConn any) error {
			backup, err := intoConn.(*conn).Backup("main", fromConn.(*conn).SQLiteConn, "main")
			if err != nil {
				return err
			}
			_, err = backup.Step(doubtedPages)
			return cmp.Or(err, backup.Finish()) // which says the same once more
		})
	})
}

// checkIntegrity returns what SQLite finds damaged.
func checkIntegrity(ctx context.Context, db queryer) (damage []string, err error) {
	err = eachRow(ctx, db, "PRAGMA integrity_check", func(rows *sql.Rows) error {
		var line string
		err := rows.Scan(&line)
		if line != "ok" {
			damage = append(damage, "integrity check: "+line)
		}
		return err
	})
	return damage, err
}

// integrityCheck returns what is damaged in the file that dsn names, which db
// has open. A read that failed looks damaged too, so it asks twice.
func integrityCheck(ctx context.Context, db queryer, dsn string) (damage []string, err error) {
	damage, err = checkIntegrity(ctx, db)
	if err == nil && len(damage) > 0 {
		return lookAgain(ctx, dsn)
	}
	return damage, err
}
