// Package engine says what the facade needs of a database engine. It contains no SQL
// and no figures: those are in queries and in package engagement.
package engine

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Class is what an engine's error means to a caller.
type Class int

// The classes that an engine's error codes are mapped to.
const (
	Other       Class = iota // none of the others
	Busy                     // a lock was not released in time
	Unavailable              // the server is not reached, or the connection is lost
	Denied                   // the server or the system refuses a user, or does not prove who it is
	Storage                  // no room is left, or a disk fails
	ReadOnly                 // the database cannot be written
	Corrupt                  // the file's content is damaged
	Foreign                  // not a database of this engine, or its schema is another
	Refused                  // a constraint refused a value, or the server a setting
	Unprepared               // a pooler gives each transaction another session
)

// ClassOfSystem says what an error of the operating system means: of a file, a
// folder or a link.
func ClassOfSystem(err error) Class {
	_, path := errors.AsType[*fs.PathError](err)
	_, link := errors.AsType[*os.LinkError](err)
	_, call := errors.AsType[*os.SyscallError](err)
	number, numbered := errors.AsType[syscall.Errno](err)
	switch {
	case !path && !link && !call && !numbered, errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return Other
	case errors.Is(err, fs.ErrPermission):
		return Denied
	case number == syscall.EROFS:
		return ReadOnly
	case number == syscall.ENOTDIR, number == syscall.EISDIR, number == syscall.ENAMETOOLONG, number == syscall.ELOOP:
		return Refused // there cannot be such a path
	}
	return Storage
}

// ClassOfScan says what an error of reading a row's columns means: a stored value
// that does not fit its type is Corrupt.
func ClassOfScan(err error) Class {
	if err == nil {
		return Other
	}
	// database/sql has neither a type nor a value for this error.
	if strings.HasPrefix(err.Error(), "sql: Scan error on column") {
		return Corrupt
	}
	switch wraps := err.(type) {
	case interface{ Unwrap() error }:
		return ClassOfScan(wraps.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range wraps.Unwrap() {
			if class := ClassOfScan(one); class != Other {
				return class
			}
		}
	}
	return Other
}

// Ended reports whether ctx has ended, or is about to: the network notices a
// deadline by a clock of its own.
func Ended(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return ctx.Err() != nil || (limited && !time.Now().Before(deadline))
}

// State is what was found at a place before anything was changed there.
type State struct {
	Version int64 // the schema's version; 0: none yet
	Latest  int64 // the version this program was built with
	Facts   bool  // there are fires or users
	Missing bool  // there is nothing at all yet
	// Problem says why this is not an engagement database ("" if it is one, or
	// if it is empty and can become one).
	Problem string
}

// TimeFormat is the predecessor's own form of a time: UTC, six decimals. It is
// read by SQLite's date functions and by every Python's fromisoformat, and it
// compares as text.
const TimeFormat = "2006-01-02 15:04:05.000000"

// Engine is one opened database. Its methods return the engine's own errors,
// which Classify explains.
type Engine interface {
	// Inspect looks at the database without changing it.
	Inspect(ctx context.Context) (State, error)
	// Migrate brings the schema to the latest version and reports the versions
	// it applied. Any number of processes may call it at once.
	Migrate(ctx context.Context) ([]int64, error)
	// Open opens the pools. It is called once, after Inspect and Migrate.
	Open(ctx context.Context) error

	// Remote reports whether commands travel over a network, which may hang.
	Remote() bool
	// Queries returns the typed queries on the pool of readers.
	Queries() dbgen.Querier
	// BeginRead opens a snapshot. With CloseGate it is of one moment even if the
	// database is on several nodes: then it waits until no write is under way, and none
	// begins until it has.
	BeginRead(ctx context.Context, gate Gate) (Snapshot, error)
	// BeginWrite opens a transaction behind the gate. On SQLite it holds the
	// write lock from the start, for which it waits no longer than a moment:
	// the error is Busy then.
	BeginWrite(ctx context.Context, gate Gate) (Tx, error)
	// Lanes returns how many batches of a process may be written at a time.
	Lanes() int
	// BeginBatch opens a transaction of one lane, from 0 on, in the gate with others,
	// while other lanes may have one. What BeginWrite opens is alone in its process.
	BeginBatch(ctx context.Context, lane int) (Tx, error)

	// Classify says what an error means.
	Classify(err error) Class
	// CheckStructure compares the live schema with what the migrations make
	// and runs the engine's own integrity check. It returns one line for each
	// difference.
	CheckStructure(ctx context.Context) ([]string, error)
	// Size returns how many bytes the database takes on disk.
	Size(ctx context.Context) (int64, error)
	// Backup copies one consistent state of the database to a new file, where
	// check may look at it before it gets its name.
	Backup(ctx context.Context, path string, check func(copyPath string) error) error
	// Close closes the pools.
	Close() error
}

// Gate says how a transaction passes the gate, which guards what every writer
// must agree on: the streak rules and the horizon.
type Gate int

const (
	EnterGate Gate = iota // with others; what the gate guards stays as it is meanwhile
	CloseGate             // alone, to change what the gate guards
)

// Snapshot reads one state of the database until its end.
type Snapshot interface {
	dbgen.Querier
	End(ctx context.Context) error
}

// Tx is a transaction and the typed queries on it. It ends with one call of
// Commit or Rollback. A statement that fails, or is not run because its context
// has ended, makes Commit fail.
type Tx interface {
	dbgen.Querier
	// Later takes statements that return nothing. Where round trips to a server
	// count, they wait, in order, for the next statement, a Flush or the commit,
	// which returns their error; elsewhere they run at once.
	Later() dbgen.Querier
	// Flush runs the statements that wait.
	Flush(ctx context.Context) error
	// Expect makes room for a write of so many facts, until the transaction ends.
	Expect(ctx context.Context, facts int) error
	// Load holds users and reads what a write of their facts depends on.
	Load(ctx context.Context, keys Keys) (Loaded, error)
	// Histories reads the days and freezes of some users and the awards of
	// others, both given as JSON arrays of ids.
	Histories(ctx context.Context, users, awarded string) (Histories, error)
	// SQL runs statements of any text.
	SQL() SQL
	// Failed returns the first error that Commit will fail with.
	Failed() error
	// Commit commits the transaction, or undoes it and returns an error. It waits for
	// a server's answer until ctx ends; then the transaction may be committed or not.
	Commit(ctx context.Context) error
	// Rollback undoes the transaction, even if ctx has ended, which only bounds how
	// long a server is waited for.
	Rollback(ctx context.Context) error
}

// SQL runs statements; [sql.Conn] does.
type SQL interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// FailedRow returns a row whose Scan returns err. It comes from a pool without
// connections, since nothing else makes a [sql.Row] with an error.
func FailedRow(err error) *sql.Row {
	db := sql.OpenDB(unconnected{err})
	defer db.Close()
	return db.QueryRow("")
}

type unconnected struct{ err error }

func (u unconnected) Connect(context.Context) (driver.Conn, error) { return nil, u.err }
func (u unconnected) Driver() driver.Driver                        { return nil }

// Keys are the keys to load, each field a JSON array, or empty for none.
type Keys struct {
	Users  string // ids of all users whom the facts are of
	Fires  string // of [user_id, signal_id]
	Trades string // of [user_id, trade_id, day]
}

// Loaded is what a write of facts depends on: what is stored under Keys, in no order,
// and the settings that every writer must know. The users are held.
type Loaded struct {
	Settings []dbgen.Setting
	Users    []dbgen.HoldUsersRow
	Created  []int64 // those of the users who were not stored, and are now
	Fires    []dbgen.FiresByKeyRow
	Trades   []dbgen.TradesByKeyRow
	Days     []dbgen.DaysOfTradesRow // what is stored of the trades' days
}

// Histories are what streaks are counted from.
type Histories struct {
	Rows   []dbgen.HistoriesOfUsersRow
	Awards []dbgen.StreakAward
}
