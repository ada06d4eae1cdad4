// Package postgres opens engagement databases kept by a PostgreSQL server.
//
// A process writes one transaction at a time, or two batches of different users: its
// callers share transactions. The writers of different processes, and batches, wait
// for each other at the rows that they change.
package postgres

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sync/semaphore"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/dbgen/pggen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

const (
	// lanes is how many batches a process writes at a time. The server works for each
	// in a process of its own, and while one waits for its disk the other goes on.
	lanes = 2
	// maxReaders is how many reads and snapshots a process runs at a time;
	// more wait.
	maxReaders = 32
	// connectTimeout bounds the wait for a server, unless the DSN has its own.
	connectTimeout = 10 * time.Second
)

// Options are the choices of whoever opens a database.
type Options struct {
	ReadOnly bool
	// Async lets a crash of the server lose the last commits.
	Async bool
	// Spread makes Migrate spread the tables over the nodes of a Citus cluster.
	Spread bool
	Log    *slog.Logger
}

// Engine is one schema of a PostgreSQL database: the first of the search path.
type Engine struct {
	config *pgx.ConnConfig
	opts   Options
	reader *sql.DB
	// writers have one connection each, for a lane, that knows its statements.
	writers [lanes]*sql.DB
	// writing has a place for each lane; who must be alone takes all.
	writing *semaphore.Weighted
	spread  bool // the tables are spread over the nodes of a cluster
	// connected is set once a connection was made: settings of the URL are known there.
	connected atomic.Bool
	// answerTimeout is how long the server may take to answer what was queued. That
	// includes waiting for rows that others hold.
	answerTimeout time.Duration
}

var _ engine.Engine = (*Engine)(nil)

// New returns the engine for a database URL. Nothing is connected. Its error contains
// nothing of the URL but names of parameters.
func New(dsn string, opts Options) (*Engine, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, whyNot(dsn, err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "engagementdb"
	}
	// The first statement finds out by itself whether the writing connection is still alive.
	unasked := stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false })
	e := &Engine{config: config, opts: opts, answerTimeout: 30 * time.Second, writing: semaphore.NewWeighted(lanes)}
	e.reader = e.openPool(maxReaders)
	for lane := range e.writers {
		e.writers[lane] = e.openPool(1, unasked)
	}
	return e, nil
}

func (e *Engine) openPool(conns int, opts ...stdlib.OptionOpenDB) *sql.DB {
	opts = append([]stdlib.OptionOpenDB{stdlib.OptionShouldPing(e.isLost)}, opts...)
	opts = append(opts, stdlib.OptionAfterConnect(func(_ context.Context, conn *pgx.Conn) error {
		// Times come back in UTC and not in the zone of the machine.
		conn.TypeMap().RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
		})
		return nil
	}))
	db := sql.OpenDB(connector{stdlib.GetConnector(*e.config, opts...), &e.connected})
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(min(conns, 8))
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

// isLost reports whether a connection that was idle has been lost, so that another is
// taken. The driver would ask so by itself, and wait without end. A connection on
// which no answer comes is closed but not lost: others would be waited for as long.
func (e *Engine) isLost(ctx context.Context, p stdlib.ShouldPingParams) bool {
	if p.IdleDuration <= time.Second {
		return false
	}
	err := e.answered(ctx, p.Conn.PgConn().Ping)
	return err != nil && !errors.Is(err, errNoAnswer)
}

// errNoAnswer says that the server was waited for in vain.
var errNoAnswer = errors.New("the server does not answer")

// unlessGivenUp returns errNoAnswer if err is due to a time limit other than that of
// ctx, the caller's context, and err otherwise.
func unlessGivenUp(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && !engine.Ended(ctx) {
		return fmt.Errorf("%w: %v", errNoAnswer, err)
	}
	return err
}

// errStandby says that the server takes no writes.
var errStandby = &pgconn.PgError{
	Severity: "ERROR", Code: "25006", Message: "the server takes no writes, as a standby does",
}

// Open makes sure that the server answers and, unless it is only read, that it takes
// writes.
func (e *Engine) Open(ctx context.Context) error { return e.answered(ctx, e.open) }

func (e *Engine) open(ctx context.Context) error {
	var err error
	if e.spread, err = isSpread(ctx, e.reader); err != nil || e.opts.ReadOnly {
		return err
	}
	var standby bool
	err = e.reader.QueryRowContext(ctx, "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean").Scan(&standby)
	if err == nil && standby {
		err = errStandby
	}
	return err
}

// Remote reports whether commands travel over a network, which may hang: they do.
func (e *Engine) Remote() bool { return true }

// Queries returns the typed queries on the pool of readers.
func (e *Engine) Queries() dbgen.Querier { return querier{pggen.New(e.reader)} }

// answered runs fn, which must end when its context does: when ctx ends, or
// when the server has been waited for long enough.
func (e *Engine) answered(ctx context.Context, fn func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, e.answerTimeout)
	defer cancel()
	return unlessGivenUp(ctx, fn(bounded))
}

// Size returns how many bytes the whole database takes, other schemas included.
func (e *Engine) Size(ctx context.Context) (int64, error) {
	return pggen.New(e.reader).DatabaseSize(ctx)
}

// errNoBackup is what Backup returns.
var errNoBackup = errors.New("a PostgreSQL database is backed up with its own tools, such as pg_dump, or copied to a file")

// Backup is not offered: PostgreSQL has better tools for it.
func (e *Engine) Backup(context.Context, string, func(string) error) error { return errNoBackup }

// Classify maps PostgreSQL's error codes
// (https://www.postgresql.org/docs/current/errcodes-appendix.html) and the errors of
// connections.
func (e *Engine) Classify(err error) engine.Class {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		if pg.Code == "23505" && (pg.TableName == "signal_fires" || pg.TableName == "trades") {
			return engine.Busy // another program has just stored the same fact
		}
		// A pooler refuses with one code a setting of the URL that it does not know, and
		// whoever comes while it is full or the server is down.
		_, connecting := errors.AsType[*pgconn.ConnectError](err)
		hasSettings := len(e.config.RuntimeParams) > 1 // application_name is one
		if connecting && pg.Code == "08P01" && hasSettings && !e.connected.Load() {
			return engine.Refused
		}
		return classOfCode(pg.Code)
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	_, unscanned := errors.AsType[pgx.ScanArgError](err)
	switch {
	case errors.Is(err, errNoBackup), errors.Is(err, errNoCluster), errors.Is(err, pgx.ErrTxCommitRollback):
		return engine.Refused
	case unscanned:
		return engine.Corrupt
	case isUntrusted(err):
		return engine.Denied
	case errors.Is(err, context.Canceled):
		return engine.Other
	case connecting, network, pgconn.SafeToRetry(err), errors.Is(err, errNoAnswer),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed), errors.Is(err, driver.ErrBadConn):
		return engine.Unavailable
	}
	return cmp.Or(engine.ClassOfScan(err), engine.ClassOfSystem(err))
}

// isUntrusted reports whether err is about the server's certificate.
func isUntrusted(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, certificate := errors.AsType[x509.CertificateInvalidError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	return verification || authority || certificate || host
}

func classOfCode(code string) engine.Class {
	switch code {
	case "40001", "40P01", // serialization_failure, deadlock_detected
		"55P03", "57014": // lock_not_available, query_canceled (by a timeout of the server)
		return engine.Busy
	case "25006": // read_only_sql_transaction
		return engine.ReadOnly
	case "28000", "28P01", "42501": // the user, the password or a privilege
		return engine.Denied
	case "3D000", "53300", // no such database, too many connections
		"25P03", "57P05", // idle_in_transaction_session_timeout, idle_session_timeout
		"57P01", "57P02", "57P03", // the server stops, has crashed, or starts
		"57P04": // the database was dropped
		return engine.Unavailable
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return engine.Corrupt
	case "3F000", "42P01", "42703": // no such schema, table or column
		return engine.Foreign
	case "26000", "42P05": // a prepared statement that does not exist, or exists already
		return engine.Unprepared
	case "25P02", // an earlier statement of the transaction was refused
		"42704": // no such setting
		return engine.Refused
	}
	switch code[:2] {
	case "08": // connection exceptions
		return engine.Unavailable
	case "53", "58": // disk, memory or another resource is used up; the system fails
		return engine.Storage
	case "22", "23", "54": // data exceptions, constraint violations, limits of the server
		return engine.Refused
	}
	return engine.Other
}

// Close closes the pools.
func (e *Engine) Close() error {
	var errs []error
	for _, pool := range append(e.writers[:], e.reader) {
		// A session that the server or the network has ended need not be told.
		if err := pool.Close(); err != nil && e.Classify(err) != engine.Unavailable {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
