package engagement

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
	"github.com/hydraxdev/engagementdb/engagement/internal/sqlite"
)

// openTarget opens the database that dsn names to be written by a copier.
func (db *DB) openTarget(ctx context.Context, dsn string) (*DB, error) {
	o, err := newOptions([]Option{WithClock(db.core.clock), WithLogger(db.core.log), WithSlowThreshold(db.core.slow)})
	if err != nil {
		return nil, err
	}
	if file, ok := db.core.engine.(*sqlite.Engine); ok {
		o.like = file.Path()
	}
	eng, err := newEngine(dsn, o)
	if err != nil {
		return nil, err
	}
	if err := prepareTarget(ctx, eng, o); err != nil {
		return nil, errors.Join(explain(eng, "open "+RedactDSN(dsn), givenUp(ctx, eng, err)), eng.Close())
	}
	c := &core{engine: eng, loc: db.core.loc, skipped: db.core.skipped, clock: o.clock, log: o.log, slow: o.slow}
	return &DB{Reader: &Reader{core: c}, lanes: newLanes(c), stop: func() {}}, nil
}

// errHasContent refuses a target that is neither empty nor an unfinished copy.
var errHasContent = invalid("target", nil, "it has content and is not an unfinished copy")

// prepareTarget makes the tables that the target lacks, since an interrupted copy may
// have made only some, and opens the pools.
func prepareTarget(ctx context.Context, eng engine.Engine, o options) error {
	state, err := eng.Inspect(ctx)
	switch {
	case err != nil:
		return err
	case state.Problem != "":
		return fmt.Errorf("%w: %s", ErrSchema, state.Problem)
	case state.Facts && state.Version == 0:
		return errHasContent
	case state.Facts && state.Version < state.Latest:
		return olderSchema(state)
	case state.Version < state.Latest:
		if err := migrate(ctx, eng, o.log); err != nil {
			return err
		}
	}
	return eng.Open(ctx)
}

// requireGrants refuses a target whose role lacks a privilege that a copy needs. q
// reads the target.
func requireGrants(ctx context.Context, q dbgen.Querier) error {
	tables := make([]string, len(copyTables))
	for i, t := range copyTables {
		tables[i] = t.name
	}
	names, err := json.Marshal(tables)
	if err != nil {
		return err
	}
	missing, err := q.MissingGrants(ctx, string(names))
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("%w: to copy there, the server must grant %s", ErrDenied, strings.Join(missing, "; "))
	}
	return err
}

// refuseUnfinished returns an error if the database is marked as an unfinished
// copy.
func refuseUnfinished(ctx context.Context, q dbgen.Querier) error {
	_, err := q.GetSetting(ctx, settingCopying)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: it is an unfinished copy of another database; copy to it again", ErrSchema)
}

// copyMark is what an unfinished copy stores among its settings: which copier is
// writing it, and how far it has come. Rows before the mark are as they were when
// they were copied.
type copyMark struct {
	Turn  string  `json:"turn"`  // of the copier that began last
	Table string  `json:"table"` // the table that is being copied, after those before it; "": none yet
	After markKey `json:"after"` // the last of its rows that are copied
	Rows  int64   `json:"rows"`  // that are copied, of all tables
}

// markKey is a copyKey in a form for JSON, since its id may be any bytes.
type markKey struct {
	User      int64  `json:"user"`
	ID        []byte `json:"id"`
	Day       int64  `json:"day"`
	Milestone int64  `json:"milestone"`
}

// position returns the table to go on with, and after which of its keys. If the
// mark's table is no longer in copyTables, that is the beginning.
func (m copyMark) position() (table int, after copyKey) {
	table = slices.IndexFunc(copyTables, func(t copyTable) bool { return t.name == m.Table })
	if table < 0 {
		return 0, firstKey
	}
	return table, copyKey{m.After.User, string(m.After.ID), m.After.Day, m.After.Milestone}
}

// behind returns the mark as it is after a span of a table has been copied.
func (m copyMark) behind(t copyTable, s span) copyMark {
	last := s.after
	if len(s.rows) > 0 {
		last = s.rows[len(s.rows)-1].key
	}
	return copyMark{m.Turn, t.name, markKey{last.user, []byte(last.id), last.day, last.milestone}, m.Rows + int64(len(s.rows))}
}

func (m copyMark) store(ctx context.Context, q dbgen.Querier) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return q.SetSetting(ctx, dbgen.SetSettingParams{Name: settingCopying, Value: string(text)})
}

// holdMark holds the target's mark and returns it, or sql.ErrNoRows.
func holdMark(ctx context.Context, w *writing) (m copyMark, err error) {
	text, err := w.q.HoldSetting(ctx, settingCopying)
	if err == nil && json.Unmarshal([]byte(text), &m) != nil {
		m = copyMark{} // of no copier, with nothing copied
	}
	return m, err
}

// begin marks the target, which must be empty or marked already, as this
// copier's.
func (c *copier) begin(ctx context.Context) (err error) {
	turn := rand.Text()
	c.mark, err = write(ctx, c.target, "begin the copy", idempotent, func(w *writing) (copyMark, error) {
		mark, err := holdMark(ctx, w)
		if errors.Is(err, sql.ErrNoRows) {
			err = requireEmpty(ctx, w.q)
		}
		if err != nil {
			return mark, err
		}
		mark.Turn = turn
		return mark, mark.store(ctx, w.q)
	})
	return err
}

// requireEmpty refuses a database that has more than settings.
func requireEmpty(ctx context.Context, q dbgen.Querier) error {
	for _, t := range copyTables {
		if t.name == settingsTable {
			continue
		}
		n, err := t.count(q, ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			return errHasContent
		}
	}
	return nil
}

// hold holds the mark of the target, which must still be this copier's.
func (c *copier) hold(ctx context.Context, w *writing) error {
	mark, err := holdMark(ctx, w)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && mark.Turn != c.mark.Turn) {
		return fmt.Errorf("%w: another copy to the same target has begun", ErrConflict)
	}
	return err
}
