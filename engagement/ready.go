package engagement

import (
	"context"
	"errors"
	"fmt"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// Ready returns nil if the database can be used: its schema is this program's, and
// a transaction that writes can begin, unless it was opened for reading. It changes
// nothing. While another writes it waits, so ctx should have a limit.
func (db *DB) Ready(ctx context.Context) error {
	_, err := run(ctx, db.shared(), "look whether the database can be used", func() (struct{}, error) {
		return struct{}{}, db.core.ready(ctx)
	})
	return err
}

func (c *core) ready(ctx context.Context) error {
	state, err := c.engine.Inspect(ctx)
	switch {
	case err != nil:
		return err
	case state.Problem != "":
		return fmt.Errorf("%w: %s", ErrSchema, state.Problem)
	case state.Version < state.Latest:
		return olderSchema(state)
	case c.readOnly:
		return nil
	}
	w, err := c.begin(ctx, engine.EnterGate)
	if err != nil {
		return err
	}
	return errors.Join(w.tx.Flush(ctx), w.rollback(ctx))
}

// Size returns how many bytes the database takes on disk: of a file, once what was
// written last has been moved into it; on a server, the whole database with whatever
// else is in it.
func (r *Reader) Size(ctx context.Context) (int64, error) {
	return latest(ctx, r, "read the size", func(v *view) (int64, error) { return v.engine.Size(ctx) })
}
