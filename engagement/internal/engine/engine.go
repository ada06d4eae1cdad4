// Package engine says what the facade needs of a database engine. It holds no
// SQL and no figures: those are in queries and in package engagement.
package engine

import (
	"context"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Class is what an engine's error means to a caller.
type Class int

// The classes that an engine's error codes are mapped to.
const (
	Other       Class = iota // nothing a caller can be told more about
	Busy                     // a lock was not had in time
	Unavailable              // the server is not reached, or the connection is lost
	Denied                   // the server refuses the user, the password or a privilege
	ReadOnly                 // the database cannot be written
	Corrupt                  // the file's content is damaged
	Foreign                  // not a database of this engine, or its schema is another
	Refused                  // a constraint refused a value
)

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

	// Remote says whether commands travel over a network, which may hang.
	Remote() bool
	// Queries returns the typed queries on the pool of readers.
	Queries() dbgen.Querier
	// BeginRead opens a snapshot.
	BeginRead(ctx context.Context) (*Tx, error)
	// BeginWrite opens a transaction that holds the write lock from the start.
	// It waits for the lock until ctx ends or the engine's limit is reached.
	BeginWrite(ctx context.Context) (*Tx, error)

	// Classify says what an error means.
	Classify(err error) Class
	// CheckStructure compares the live schema with what the migrations make
	// and runs the engine's own integrity check. It returns one line for each
	// difference.
	CheckStructure(ctx context.Context) ([]string, error)
	// Backup copies one consistent state of the database to a new file, where
	// check may look at it before it gets its name.
	Backup(ctx context.Context, path string, check func(copyPath string) error) error
	// Close closes the pools.
	Close() error
}

// Tx is a transaction and the typed queries on it. It ends with one call of
// Commit or Rollback.
type Tx struct {
	dbgen.Querier
	// LockUsers waits for all who are changing users and lets no others begin
	// before the transaction ends.
	LockUsers func(ctx context.Context) error
	// Commit commits the transaction, or undoes it and returns an error. The
	// answer of a server is awaited until ctx ends: then it may be either.
	Commit func(ctx context.Context) error
	// Rollback undoes the transaction, also when ctx has ended: giving up must
	// not be given up. ctx bounds only how long a server is waited for.
	Rollback func(ctx context.Context) error
}
