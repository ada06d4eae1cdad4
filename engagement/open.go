package engagement

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// Open opens the engagement database that dsn names: the path of a SQLite
// file, which is made if there is none, or the URL of a PostgreSQL database,
// postgres://user:password@host/database, where the tables are made in the first
// schema of the search path if there are none.
//
// A file of an older schema, or of the Python module that this library succeeds, is
// first copied to a backup beside it and then migrated; facts that are not counted
// yet are counted, and rows that cannot be facts are set aside ([Reader.Aside]).
// Anything else, a schema newer than this program's, and an unfinished copy of
// another database ([DB.CopyTo]) are ErrSchema and not touched. A server that cannot
// be reached is ErrUnavailable, one that refuses the user ErrDenied, and one that
// takes no writes ErrReadOnly unless it is opened with [WithReadOnly].
//
// Other processes may use a file meanwhile, and a writer waits up to 10 seconds
// for another's lock. A program with a SQLite older than 3.51.3 should only read
// it: those versions can damage a file in WAL mode that others write.
func Open(ctx context.Context, dsn string, opts ...Option) (*DB, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	eng, err := newEngine(dsn, o)
	if err != nil {
		return nil, err
	}
	db, err := open(ctx, eng, o)
	if err != nil {
		return nil, errors.Join(explain(eng, "open "+RedactDSN(dsn), givenUp(ctx, eng, err)), eng.Close())
	}
	return db, nil
}

func open(ctx context.Context, eng engine.Engine, o options) (*DB, error) {
	state, err := eng.Inspect(ctx)
	if err != nil {
		return nil, err
	}
	if state.Problem != "" {
		return nil, fmt.Errorf("%w: %s", ErrSchema, state.Problem)
	}
	if state.Version < state.Latest || o.citus {
		if state.Missing && (o.readOnly || o.noMigrate) {
			return nil, fmt.Errorf("%w: %w", ErrSchema, os.ErrNotExist)
		}
		if o.readOnly || o.noMigrate {
			return nil, olderSchema(state)
		}
		if err := migrate(ctx, eng, o.log); err != nil {
			return nil, err
		}
	}
	c := &core{engine: eng, clock: o.clock, log: o.log, slow: o.slow, observer: o.observer, tryFor: o.tryFor, readOnly: o.readOnly}
	_, err = retry(ctx, c, "open", func(ctx context.Context) (struct{}, error) { return struct{}{}, eng.Open(ctx) })
	if err != nil {
		return nil, err
	}
	if err := refuseUnfinished(ctx, eng.Queries()); err != nil {
		return nil, err
	}
	if c.loc, err = resolveLocation(ctx, c, o); err != nil {
		return nil, err
	}
	c.skipped = skippedDays(c.loc)
	background, stop := context.WithCancel(context.Background())
	db := &DB{Reader: &Reader{core: c}, lanes: newLanes(c), stop: stop}
	if !o.readOnly {
		if err := db.countPending(ctx); err != nil {
			stop()
			return nil, err
		}
	}
	if o.keepDays > 0 {
		c.running.Go(func() { db.retain(background, o.keepDays) })
	}
	return db, nil
}

func olderSchema(state engine.State) error {
	if state.Version == 0 { // an empty one, or one of the Python module
		return fmt.Errorf("%w: it has not been set up for this program yet; do so with: engagement migrate --db NAME", ErrSchema)
	}
	return fmt.Errorf("%w: its version %d is older than this program's %d; bring it up to date with: engagement migrate --db NAME",
		ErrSchema, state.Version, state.Latest)
}

// Migrate does to the database that dsn names what Open does, and closes it: it
// brings it to the current schema and counts what is not counted yet. It may be run
// at any time and by any number of processes at once.
func Migrate(ctx context.Context, dsn string, opts ...Option) error {
	db, err := Open(ctx, dsn, opts...)
	if err != nil {
		return err
	}
	return db.Close()
}

func migrate(ctx context.Context, eng engine.Engine, log *slog.Logger) error {
	applied, err := eng.Migrate(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if len(applied) > 0 {
		log.Info("migrated", "versions", applied)
	}
	return nil
}
