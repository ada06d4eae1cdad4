package engagement

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// CopyReport says what CopyTo has done.
type CopyReport struct {
	Rows    int64 `json:"rows"`    // of all tables; the copy has the same
	Written int64 `json:"written"` // by this run; interrupted ones before it wrote the others
	Deleted int64 `json:"deleted"` // rows that an interrupted run had written and the database no longer has
	Aside   int64 `json:"aside"`   // rows that are not copied: set aside, or not readable
	// Copy is the report of verifying the copy.
	Copy Report `json:"copy"`
}

// CopyTo copies the whole database to the one that dsn names, on any engine:
// every fact with its id, every counter and every setting, the time zone
// included. Others may go on writing to the database: what is copied is one
// snapshot of it, taken at the start. In the end all rows of both are compared
// and the copy is verified.
//
// What dsn names is made if there is none; nothing else may use it meanwhile.
// A file that is made so has the mode of the database if that is a file, and its
// owner if root copies. If the target has content the error is ErrInvalid, and
// it is not touched; if a server does not let its role write a copy, ErrDenied
// names what to grant before a row is copied. Until the copy is complete, Open
// refuses it with ErrSchema.
//
// If CopyTo is interrupted in any way, calling it again goes on after the last row
// that was copied, from a new snapshot: what has changed meanwhile in rows copied
// before is found at the end and copied again.
//
// Rows that are set aside ([Reader.Aside]) are not copied. Any other row that the
// target's engine cannot store is ErrInvalid, such as, on PostgreSQL, an uncounted
// one with a NUL in its id. If another CopyTo to the same target has taken over, the
// error is ErrConflict. A difference between database and copy is ErrCorrupt, and the
// copy stays unfinished; what Verify finds in the database as well is copied as it
// is.
func (db *DB) CopyTo(ctx context.Context, dsn string) (CopyReport, error) {
	return run(ctx, db.shared(), "copy", func() (CopyReport, error) { return db.copyTo(ctx, dsn) })
}

func (db *DB) copyTo(ctx context.Context, dsn string) (report CopyReport, err error) {
	target, err := db.openTarget(ctx, dsn)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if err := requireGrants(ctx, target.core.engine.Queries()); err != nil {
		return report, err
	}
	c := copier{target: target, report: &report}
	_, err = inSnapshot(ctx, db.core, engine.CloseGate, func(v *view) (struct{}, error) {
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

// copier copies source to target.
type copier struct {
	source   dbgen.Querier // one snapshot
	target   *DB
	mark     copyMark // of the target
	report   *CopyReport
	progress *progress
}

// run copies all tables from source to target and compares them.
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
	resumed := c.mark.Table != ""
	if resumed {
		c.progress.add(int(c.mark.Rows))
	}
	difference, err := c.copyAndCompare(ctx)
	if err == nil && difference != "" && resumed {
		// The database has changed since an interrupted run copied its part.
		c.mark = copyMark{Turn: c.mark.Turn}
		c.progress.total = c.progress.done + 2*c.report.Rows
		difference, err = c.copyAndCompare(ctx)
	}
	if err == nil && difference != "" {
		err = fmt.Errorf("%w: the copy differs in %s", ErrCorrupt, difference)
	}
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

// copyAndCompare copies the rows after the mark, and then compares all rows. It
// returns the name of the first that differs, "" for none.
func (c *copier) copyAndCompare(ctx context.Context) (difference string, err error) {
	begin, after := c.mark.position()
	for _, t := range copyTables[begin:] {
		if err := c.walk(ctx, t, after, func(want span) error { return c.copySpan(ctx, t, want) }); err != nil {
			return "", err
		}
		after = firstKey
	}
	return snapshotOnce(ctx, c.target.Reader, "compare the copy", func(v *view) (string, error) {
		for _, t := range copyTables {
			err := c.walk(ctx, t, firstKey, func(want span) error { return want.same(ctx, v.q, t) })
			if d, ok := errors.AsType[differs](err); ok {
				return string(d), nil
			}
			if err != nil {
				return "", err
			}
		}
		return "", nil
	})
}

// span is all rows of a table with keys greater than after and up to through, or to
// the end of the table if that is nil.
type span struct {
	after   copyKey
	through *copyKey
	rows    []copyRow
}

// walk calls look for each span of a table of the source, from the row after a key to
// the last.
func (c *copier) walk(ctx context.Context, t copyTable, after copyKey, look func(span) error) error {
	for {
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

// copySpan makes the target's rows in the span the same as the source's and moves the
// mark to the end of the span, in one transaction. If the target refuses them, it
// goes on row by row, to name the one that is refused.
func (c *copier) copySpan(ctx context.Context, t copyTable, want span) error {
	var missing, excess []copyRow
	mark := c.mark.behind(t, want)
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
			if err := t.put(w.q, ctx, jsonOf(missing)); err != nil {
				return 0, err
			}
		}
		return len(missing) + len(excess), mark.store(ctx, w.later())
	})
	switch {
	case err == nil:
		c.mark = mark
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

// differs is the error that names the first row in which a copy differs.
type differs string

func (d differs) Error() string { return "the copy differs in " + string(d) }

// same returns a differs error unless the table, read by q, has the rows of the span
// and no others there.
func (s span) same(ctx context.Context, q dbgen.Querier, t copyTable) error {
	missing, excess, err := s.differences(ctx, q, t)
	for _, row := range append(missing, excess...) {
		return differs(t.named(row.key))
	}
	return err
}

// differences compares the span with the table as q reads it. It returns the rows of
// the span that the table lacks or has with other content, and the rows that only the
// table has.
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

// finish makes the target's new ids follow those that were copied, and deletes its
// mark.
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
