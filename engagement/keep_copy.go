package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// CopyReport says what CopyTo has done.
type CopyReport struct {
	Rows    int64 `json:"rows"`    // of all tables; the copy has the same
	Written int64 `json:"written"` // of these by this run; an interrupted one before it wrote the others
	Deleted int64 `json:"deleted"` // rows that an interrupted run had written and the database no longer has
	Aside   int64 `json:"aside"`   // rows set aside, and others that cannot be read, which are left behind
	// Copy is what Verify says of the copy.
	Copy Report `json:"copy"`
}

// CopyTo copies the whole database to the one that dsn names, on any engine:
// every fact with its id, every counter and every setting, the time zone
// included. Others may go on writing to the database: what is copied is one
// snapshot of it, taken at the start. In the end all rows of both are compared
// and the copy is verified.
//
// What dsn names is made if there is none; nothing else may use it meanwhile.
// If it has content the error is ErrInvalid, and it is not touched. Until the
// copy is complete, Open refuses it with ErrSchema. If CopyTo is interrupted,
// calling it again goes on, with a snapshot of then.
//
// Rows that are set aside stay behind. A row that the other engine cannot keep, such as an id with a NUL in
// PostgreSQL, is ErrInvalid. A copy that another CopyTo has taken over is
// ErrConflict. A difference between both is ErrCorrupt, and the copy stays
// unfinished; what Verify finds in the database too is copied as it is.
func (db *DB) CopyTo(ctx context.Context, dsn string) (CopyReport, error) {
	return run(ctx, db.shared(), "copy", func() (CopyReport, error) { return db.copyTo(ctx, dsn) })
}

func (db *DB) copyTo(ctx context.Context, dsn string) (report CopyReport, err error) {
	target, err := db.openTarget(ctx, dsn)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	c := copier{target: target, report: &report}
	_, err = inSnapshot(ctx, db.core, func(v *view) (struct{}, error) {
		c.source = v.q
		return struct{}{}, c.run(ctx)
	})
	if err != nil {
		return report, err
	}
	if report.Copy, err = target.Verify(ctx); err != nil {
		return report, err
	}
	if !report.Copy.OK() {
		if err := db.knows(ctx, report.Copy.Findings); err != nil {
			return report, err
		}
	}
	return report, c.finish(ctx)
}

// openTarget opens the database that dsn names to be written by a copier.
func (db *DB) openTarget(ctx context.Context, dsn string) (*DB, error) {
	o, err := newOptions([]Option{WithClock(db.core.clock), WithLogger(db.core.log), WithSlowThreshold(db.core.slow)})
	if err != nil {
		return nil, err
	}
	eng, err := newEngine(dsn, o)
	if err != nil {
		return nil, err
	}
	if err := prepareTarget(ctx, eng, o); err != nil {
		return nil, errors.Join(explain(eng, "open "+RedactDSN(dsn), err), eng.Close())
	}
	c := &core{engine: eng, loc: db.core.loc, clock: o.clock, log: o.log, slow: o.slow}
	return &DB{Reader: &Reader{core: c}, queue: newQueue(c), stop: func() {}}, nil
}

// errHasContent refuses a target.
var errHasContent = invalid("target", nil, "it has content and is not an unfinished copy")

// prepareTarget makes the tables if there is nothing yet, and opens the pools.
func prepareTarget(ctx context.Context, eng engine.Engine, o options) error {
	state, err := eng.Inspect(ctx)
	switch {
	case err != nil:
		return err
	case state.Problem != "":
		return fmt.Errorf("%w: %s", ErrSchema, state.Problem)
	case state.Facts && state.Version == 0:
		return errHasContent
	case state.Version == 0:
		err = migrate(ctx, eng, o.log)
	case state.Version < state.Latest:
		err = olderSchema(state)
	}
	if err != nil {
		return err
	}
	return eng.Open(ctx)
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

// copier makes a target what a source is.
type copier struct {
	source   dbgen.Querier // one snapshot
	target   *DB
	turn     string // how often a copy to the target has begun; its mark has this value
	report   *CopyReport
	progress *progress
}

// run makes the target's tables those of the source and compares them.
func (c *copier) run(ctx context.Context) error {
	if err := refuseUnfinished(ctx, c.source); err != nil {
		return err
	}
	for _, t := range copyTables {
		n, err := t.count(c.source, ctx)
		if err != nil {
			return err
		}
		c.report.Rows += n
	}
	if err := c.begin(ctx); err != nil {
		return err
	}
	if err := c.countAside(ctx); err != nil {
		return err
	}
	c.progress = progressOf(ctx, 2*c.report.Rows)
	for _, t := range copyTables {
		if err := c.copyTable(ctx, t); err != nil {
			return err
		}
	}
	_, err := snapshotOnce(ctx, c.target.Reader, "compare the copy", func(v *view) (int64, error) {
		for _, t := range copyTables {
			if err := c.compareTable(ctx, v.q, t); err != nil {
				return 0, err
			}
		}
		return c.report.Rows, nil
	})
	return err
}

// countAside counts the rows of facts that are not copied.
func (c *copier) countAside(ctx context.Context) error {
	for _, count := range []func(context.Context) (int64, error){c.source.CountFires, c.source.CountTrades} {
		n, err := count(ctx)
		if err != nil {
			return err
		}
		c.report.Aside += n
	}
	for _, count := range []func(context.Context) (int64, error){c.source.CountCopiedFires, c.source.CountCopiedTrades} {
		n, err := count(ctx)
		if err != nil {
			return err
		}
		c.report.Aside -= n
	}
	return nil
}

// begin marks the target, which must be empty or marked already.
func (c *copier) begin(ctx context.Context) (err error) {
	c.turn, err = write(ctx, c.target, "begin the copy", idempotent, func(w *writing) (string, error) {
		_, err := w.q.GetSetting(ctx, settingCopying)
		if errors.Is(err, sql.ErrNoRows) {
			err = requireEmpty(ctx, w.q)
		}
		if err != nil {
			return "", err
		}
		return w.q.CountSetting(ctx, settingCopying)
	})
	return err
}

// requireEmpty refuses a database that holds more than settings.
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
	turn, err := w.q.HoldSetting(ctx, settingCopying)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && turn != c.turn) {
		return fmt.Errorf("%w: another copy to the same target has begun", ErrConflict)
	}
	return err
}

// copyTable makes a table of the target that of the source, a chunk at a time.
func (c *copier) copyTable(ctx context.Context, t copyTable) error {
	return c.walk(ctx, t, func(want span) error { return c.copySpan(ctx, t, want) })
}

// compareTable returns an error unless a table of the target, read by q, is that
// of the source.
func (c *copier) compareTable(ctx context.Context, q dbgen.Querier, t copyTable) error {
	return c.walk(ctx, t, func(want span) error {
		missing, excess, err := want.differences(ctx, q, t)
		for _, row := range append(missing, excess...) {
			return fmt.Errorf("%w: the copy differs in %s", ErrCorrupt, t.named(row.key))
		}
		return err
	})
}

// span is all rows of a table with keys behind after, and up to through unless
// that is nil.
type span struct {
	after   copyKey
	through *copyKey
	rows    []copyRow
}

// walk shows a table of the source to look, span by span.
func (c *copier) walk(ctx context.Context, t copyTable, look func(span) error) error {
	for after := firstKey; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows, err := t.after(ctx, c.source, after)
		if err != nil {
			return fmt.Errorf("read %s: %w", t.name, err)
		}
		if len(rows) < copyChunk {
			err := look(span{after, nil, rows})
			c.progress.add(len(rows))
			return err
		}
		last := rows[len(rows)-1].key
		if err := look(span{after, &last, rows}); err != nil {
			return err
		}
		c.progress.add(len(rows))
		after = last
	}
}

// copySpan makes the target's rows of the span those of the source, in one
// transaction. If the target refuses them, it goes on row by row, to name the
// one that it cannot keep.
func (c *copier) copySpan(ctx context.Context, t copyTable, want span) error {
	var missing, excess []copyRow
	_, err := write(ctx, c.target, "copy "+t.name, idempotent, func(w *writing) (int, error) {
		err := c.hold(ctx, w)
		if err != nil {
			return 0, err
		}
		if missing, excess, err = want.differences(ctx, w.q, t); err != nil {
			return 0, err
		}
		for _, row := range excess {
			if err := t.remove(ctx, w.q, row.key); err != nil {
				return 0, err
			}
		}
		if len(missing) > 0 {
			err = t.put(w.q, ctx, jsonOf(missing))
		}
		return len(missing) + len(excess), err
	})
	switch {
	case err == nil:
		c.report.Written += int64(len(missing))
		c.report.Deleted += int64(len(excess))
		return nil
	case !errors.Is(err, ErrInvalid):
		return err
	case len(want.rows) == 1:
		return fmt.Errorf("%s cannot be kept there: %w", t.named(want.rows[0].key), err)
	}
	after := want.after
	for i, row := range want.rows {
		if err := c.copySpan(ctx, t, span{after, &row.key, want.rows[i : i+1]}); err != nil {
			return err
		}
		after = row.key
	}
	return err
}

// differences compares the span with the same of a table read by q: the rows
// that are missing there or are otherwise, and those that it has beyond them.
func (s span) differences(ctx context.Context, q dbgen.Querier, t copyTable) (missing, excess []copyRow, err error) {
	want, after := s.rows, s.after
	for {
		found, err := t.after(ctx, q, after)
		if err != nil {
			return nil, nil, err
		}
		for _, row := range found {
			if s.through != nil && row.key.compare(*s.through) > 0 {
				return append(missing, want...), excess, nil
			}
			for len(want) > 0 && want[0].key.compare(row.key) < 0 {
				missing, want = append(missing, want[0]), want[1:]
			}
			if len(want) == 0 || want[0].key != row.key {
				excess = append(excess, row)
				continue
			}
			if want[0].columns != row.columns {
				missing = append(missing, want[0])
			}
			want = want[1:]
		}
		if len(found) < copyChunk {
			return append(missing, want...), excess, nil
		}
		after = found[len(found)-1].key
	}
}

// jsonOf returns the JSON array of rows.
func jsonOf(list []copyRow) string {
	columns := make([]string, len(list))
	for i, row := range list {
		columns[i] = row.columns
	}
	return "[" + strings.Join(columns, ",") + "]"
}

// finish lets the target go on with ids of its own and takes its mark away.
func (c *copier) finish(ctx context.Context) error {
	_, err := write(ctx, c.target, "finish the copy", once, func(w *writing) (struct{}, error) {
		if err := c.hold(ctx, w); err != nil {
			return struct{}{}, err
		}
		if _, err := w.q.RestartFireIDs(ctx); err != nil {
			return struct{}{}, err
		}
		if _, err := w.q.RestartTradeIDs(ctx); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, w.q.DeleteSetting(ctx, settingCopying)
	})
	return err
}
