package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// handConns is how many connections the hand-written peer shares.
const handConns = 16

func (b *bench) postgres() *section {
	s := &section{table: table{
		title: "PostgreSQL",
		note: fmt.Sprintf("One fire a call, durable when the call returns: a server as it comes (fsync and "+
			"synchronous_commit on), on this machine, also with a millisecond of added round-trip time. 20,000 users "+
			"and 30 live signals. The hand-written transaction (BEGIN, three statements that pgx has prepared, COMMIT, "+
			"on a pool of %d connections) keeps the predecessor's few counters, the library keeps all, and so does the "+
			"other hand-written one (seven statements). Round trips without an added millisecond were counted in a pass of "+
			"their own.", handConns),
		columns: []string{"writer", "fires/s", "÷ hand-written", "÷ all counters by hand", "fires a commit", "round trips a commit",
			"round trips a fire", "target"},
	}}
	for _, delay := range []time.Duration{0, time.Millisecond} {
		for _, n := range b.sizes.callersRemote {
			name := plural(n, "caller")
			if delay > 0 {
				name += ", 1 ms away"
			}
			s.groups = append(s.groups, group{
				name: "PostgreSQL: " + name,
				run:  func(ctx context.Context) ([]row, error) { return b.postgresOf(ctx, name, n, delay) },
			})
		}
	}
	return s
}

// server returns the run's server, which is started when it is first asked for.
func (b *bench) server(ctx context.Context) (*pgtest.Server, error) {
	if b.pg == nil {
		b.logf("starting a PostgreSQL server")
		server, err := b.startServer(ctx)
		if err != nil {
			return nil, err
		}
		b.pg = server
	}
	return b.pg, nil
}

func (b *bench) stopServer() error {
	if b.pg == nil {
		return nil
	}
	return b.pg.Stop()
}

// postgresOf measures all writers with n callers.
func (b *bench) postgresOf(ctx context.Context, name string, n int, delay time.Duration) ([]row, error) {
	server, err := b.server(ctx)
	if err != nil {
		return nil, err
	}
	way, err := startProxy(server.Addr(), delay/2)
	if err != nil {
		return nil, err
	}
	var all, counted []*rival
	if delay > 0 {
		all, err = b.remoteRivals(ctx, server.URL(), way, n)
		counted = all
	} else {
		all, err = b.remoteRivals(ctx, server.URL(), nil, n)
		if err == nil {
			once := *b
			once.rounds = 1
			counted, err = once.remoteRivals(ctx, server.URL(), way, n)
		}
	}
	if err = errors.Join(err, way.close()); err != nil {
		return nil, err
	}
	return remoteRows(name, n, delay, all, counted), nil
}

// remoteTargets are what the library is to reach of hand-written transactions, by the
// added time and the number of callers.
var remoteTargets = map[time.Duration]map[int]float64{
	0:                {1: 0.8, 16: 2, 256: 5},
	time.Millisecond: {1: 1.1, 256: 8},
}

func remoteRows(name string, n int, delay time.Duration, all, counted []*rival) []row {
	hand, same := all[1].figures(sample.rate), all[2].figures(sample.rate)
	rows := make([]row, len(all))
	for i, c := range all {
		rate := c.figures(sample.rate)
		rows[i] = row{name + ": " + c.name, []cell{
			figure(rate), figure(rate.over(hand)), figure(rate.over(same)), figure(c.figures(sample.batch)),
			figure(counted[i].figures(sample.tripsPerCommit)), figure(counted[i].figures(sample.tripsPerOp)), blank,
		}}
		if least, ok := remoteTargets[delay][n]; ok && i == 0 {
			rows[i].cells[6] = atLeast(least, rate.over(hand))
		}
	}
	return rows
}

// remoteRivals measures the library and then the hand-written peers, through way
// unless it is nil.
func (b *bench) remoteRivals(ctx context.Context, server string, way *proxy, n int) ([]*rival, error) {
	r := &rivals{bench: b}
	r.addRemote(ctx, "library", server, way, b.fillRemote, func(dsn string) (measuring, func() error, error) {
		lib, run, err := b.openMeasured(ctx, dsn, n)
		return run, func() error { return lib.close() }, err
	}, b.verifyWarm)
	r.addRemote(ctx, "hand-written, pgx", server, way, b.fillPlainRemote, func(dsn string) (measuring, func() error, error) {
		return b.openPeer(dsn, n, func(dsn string) (recorder, error) { return openHandRemote(ctx, dsn) })
	}, b.countRemote)
	r.addRemote(ctx, "hand-written with all counters, pgx", server, way, b.fillAllCounters, func(dsn string) (measuring, func() error, error) {
		return b.openPeer(dsn, n, func(dsn string) (recorder, error) { return openSameRemote(ctx, dsn) })
	}, b.countAllCounters)
	return r.all, r.measure(ctx, turnsOf(n))
}

// addRemote adds a rival that writes to a schema of its own, which fill has
// filled.
func (r *rivals) addRemote(ctx context.Context, name, server string, way *proxy, fill func(context.Context, string) error,
	open func(dsn string) (measuring, func() error, error), check func(ctx context.Context, dsn string, ops int64) error) {
	if r.err != nil {
		return
	}
	dsn, drop, err := pgtest.NewSchema(ctx, server)
	if err == nil {
		err = fill(ctx, dsn)
	}
	if err == nil {
		// What is left over of the filling must not slow down who is measured.
		err = pgtest.Exec(ctx, dsn, "ANALYZE; CHECKPOINT")
	}
	if err != nil {
		r.err = fmt.Errorf("make a schema for %s: %w", name, err)
		return
	}
	r.addAt(name, throughProxy(dsn, way), func(path string) (measuring, func() error, error) {
		run, closeIt, err := open(path)
		return countingTrips(way, run), closeIt, err
	}, func(ctx context.Context, _ string, ops int64) error {
		return errors.Join(check(ctx, dsn, ops), drop())
	})
}

// throughProxy returns a DSN that leads through a proxy, unless that is nil.
func throughProxy(dsn string, way *proxy) string {
	if way == nil {
		return dsn
	}
	u, err := url.Parse(dsn)
	if err != nil {
		panic(err) // the DSN is our own
	}
	u.Host = way.addr()
	return u.String()
}

// countingTrips adds the round trips of a run to its sample.
func countingTrips(way *proxy, run measuring) measuring {
	if way == nil {
		return run
	}
	return func(ctx context.Context, d time.Duration) (sample, error) {
		before := way.roundTrips()
		s, err := run(ctx, d)
		s.trips = way.roundTrips() - before
		return s, err
	}
}

// fillRemote makes what libraryFile is.
func (b *bench) fillRemote(ctx context.Context, dsn string) error {
	return fillLibrary(ctx, dsn, time.Now, b.warmFires())
}

// plainRemoteSchema is the predecessor's as one would write it for PostgreSQL.
const plainRemoteSchema = `
CREATE TABLE signal_fires (
	id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id BIGINT NOT NULL, signal_id TEXT NOT NULL,
	timestamp TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP, executed BOOLEAN NOT NULL DEFAULT FALSE,
	UNIQUE (user_id, signal_id));
CREATE TABLE user_stats (
	user_id BIGINT PRIMARY KEY, total_fires BIGINT NOT NULL DEFAULT 0, win_rate DOUBLE PRECISION NOT NULL DEFAULT 0,
	pnl DOUBLE PRECISION NOT NULL DEFAULT 0, last_updated TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE signal_metrics (
	signal_id TEXT PRIMARY KEY, total_fires BIGINT NOT NULL DEFAULT 0,
	active_users BIGINT NOT NULL DEFAULT 0, created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX idx_signal_fires_user_id ON signal_fires (user_id);
CREATE INDEX idx_signal_fires_signal_id ON signal_fires (signal_id);
CREATE INDEX idx_signal_fires_timestamp ON signal_fires (timestamp);
CREATE INDEX idx_user_stats_last_updated ON user_stats (last_updated);`

// fillPlainRemote makes what plainFile is.
func (b *bench) fillPlainRemote(ctx context.Context, dsn string) error {
	return pgtest.Exec(ctx, dsn, plainRemoteSchema+fmt.Sprintf(`
INSERT INTO signal_fires (user_id, signal_id, timestamp)
SELECT u, 'GBPUSD_SHORT_1', now() - INTERVAL '1 day' FROM generate_series(1, %[1]d) AS u;
INSERT INTO user_stats (user_id, total_fires, last_updated)
SELECT u, 1, now() - INTERVAL '1 day' FROM generate_series(1, %[1]d) AS u;`, b.sizes.users))
}

// countRemote counts the fires of a schema that fillPlainRemote has made.
func (b *bench) countRemote(ctx context.Context, dsn string, fires int64) (err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	return b.checkCounts(conn.QueryRow(ctx, countFires), fires)
}

// handRemote is a careful transaction a fire on the predecessor's schema.
type handRemote struct{ pool *pgxpool.Pool }

func openHandRemote(ctx context.Context, dsn string) (*handRemote, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.MinConns, config.MaxConns = handConns, handConns
	pool, err := pgxpool.NewWithConfig(ctx, config)
	return &handRemote{pool}, err
}

func (h *handRemote) record(ctx context.Context, f fire) error {
	return pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		now := time.Now()
		tag, err := tx.Exec(ctx, "INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) "+
			"VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", f.user, f.signalID(), now, f.executed)
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 {
			return errNotNew
		}
		_, err = tx.Exec(ctx, "INSERT INTO user_stats (user_id, total_fires, last_updated) VALUES ($1, 1, $2) "+
			"ON CONFLICT (user_id) DO UPDATE SET total_fires = user_stats.total_fires + 1, "+
			"last_updated = excluded.last_updated", f.user, now)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO signal_metrics (signal_id, total_fires, active_users, created_at) "+
			"VALUES ($1, 1, 1, $2) ON CONFLICT (signal_id) DO UPDATE SET "+
			"total_fires = signal_metrics.total_fires + 1, active_users = signal_metrics.active_users + 1",
			f.signalID(), now)
		return err
	})
}

func (h *handRemote) close() error {
	h.pool.Close()
	return nil
}
