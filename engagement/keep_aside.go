package engagement

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// AsideRow is a row of a table of facts that is set aside, because it cannot be a
// fact: another program stored it, or damage made it so. It stays as it is, in no
// figure and in no other list, until it is mended or deleted.
type AsideRow struct {
	Table  string `json:"table"`  // signal_fires or trades
	ID     int64  `json:"id"`     // of the row, in its table
	Reason string `json:"reason"` // what is wrong with it, without the value

	// What the row contains, as text; "" for what is missing.
	UserID   string `json:"user_id"`
	SignalID string `json:"signal_id"`
	TradeID  string `json:"trade_id,omitempty"`
	Time     string `json:"time"`
	Executed string `json:"executed,omitempty"`
	Outcome  string `json:"outcome,omitempty"`
	Micros   string `json:"pnl_micros,omitempty"` // the P&L in millionths
}

// String names the row and what is wrong with it.
func (r AsideRow) String() string { return fmt.Sprintf("%s, row %d: %s", r.Table, r.ID, r.Reason) }

// noRow is the position before all rows.
var noRow = rowPosition{id: math.MinInt64}

// refusal is a row that cannot be counted, and why.
type refusal struct {
	row factRow
	err error
}

// reason returns what is wrong with a row, without its values, which may be something
// about a user.
func reason(err error) string {
	if refused, ok := errors.AsType[*InvalidError](err); ok {
		return refused.Field + ": " + refused.Reason
	}
	return "the database refuses it"
}

// setAside sets aside the rows that cannot be counted, unless they have changed
// meanwhile, and returns how many it set aside.
func (db *DB) setAside(ctx context.Context, refused []refusal) (int64, error) {
	if len(refused) == 0 {
		return 0, nil
	}
	set, err := write(ctx, db, "set rows aside", idempotent, func(w *writing) (set []refusal, err error) {
		for _, r := range refused {
			moved, err := w.move(ctx, r.row, setAside)
			if err != nil {
				return nil, err
			}
			if moved {
				set = append(set, r)
			}
		}
		return set, nil
	})
	for _, r := range set {
		db.core.logAside(r)
	}
	return int64(len(set)), err
}

func (c *core) logAside(r refusal) {
	c.log.Warn("a row is set aside: it is in no figure until it is mended or deleted",
		"table", r.row.table, "id", r.row.id, "reason", reason(r.err))
}

// lookAgain counts the rows set aside that have become facts, because somebody mended
// them or their time is no longer ahead.
func (db *DB) lookAgain(ctx context.Context) error {
	return db.eachPage(ctx, setAside, func(sound []*fact, _ []refusal) error {
		refused, err := db.countTogether(ctx, sound)
		if n := len(sound) - len(refused); err == nil && n > 0 {
			db.core.log.Info("counted rows that were set aside", "facts", n)
		}
		return err
	})
}

// Aside lists the rows that are set aside, fires first, by id; an empty page if there
// are none. Open, [DB.Rebuild] and [DB.Cleanup] look at them again and count those
// that have become facts. [DB.MendFire] and [DB.MendTrade] give a row what it lacks,
// [DB.DeleteAside] deletes it.
func (r *Reader) Aside(ctx context.Context, q PageQuery) (Page[AsideRow], error) {
	return snapshot(ctx, r, "list rows set aside", func(v *view) (Page[AsideRow], error) { return v.aside(ctx, q) })
}

func (v *view) aside(ctx context.Context, q PageQuery) (Page[AsideRow], error) {
	p, err := q.of("rows set aside", position{[]int64{0, noRow.id}, noRow.key}, ascending)
	if err != nil {
		return Page[AsideRow]{}, err
	}
	var found []factRow
	after := rowPosition{p.after.numbers[1], p.after.text}
	for i, table := range []string{firesTable, tradesTable} {
		if int64(i) < p.after.numbers[0] || int64(len(found)) == p.rows() {
			continue
		}
		rows, err := v.rowsOf(ctx, table, setAside, after, int(p.rows())-len(found))
		if err != nil {
			return Page[AsideRow]{}, err
		}
		found, after = append(found, rows...), noRow
	}
	found, next, err := cut(p, found, func(row factRow) position {
		at := row.position()
		if row.table == tradesTable {
			return position{[]int64{1, at.id}, at.key}
		}
		return position{[]int64{0, at.id}, at.key}
	})
	if err != nil {
		return Page[AsideRow]{}, err
	}
	page := Page[AsideRow]{make([]AsideRow, len(found)), next}
	for i, row := range found {
		page.Items[i] = v.asideRow(row)
	}
	return page, nil
}

// asideRow returns the AsideRow of a row that is set aside. One that could be a fact
// by itself was refused because of the sum of a user's trades, or was mended since it
// was last looked at.
func (v *view) asideRow(r factRow) AsideRow {
	a := AsideRow{
		Table: r.table, ID: r.id, UserID: r.user.text, Time: r.at.text, Executed: r.executed.text,
		Outcome: r.outcome.text, Micros: r.pnl.text,
		Reason: "P&L: the sum of the user's trades would leave ±9e12; or it has been mended and is counted by the next Open or Rebuild",
	}
	if r.table == firesTable {
		a.SignalID = r.key.text
	} else {
		a.SignalID, a.TradeID = r.signal.text, r.key.text
	}
	if _, err := v.read(r, v.now); err != nil {
		a.Reason = reason(err)
	}
	return a
}

// DeleteAside deletes a row that is set aside, given as Aside lists it, and returns
// it. ErrNotFound if no such row is set aside, ErrConflict if two have the id.
func (db *DB) DeleteAside(ctx context.Context, table string, id int64) (AsideRow, error) {
	return write(ctx, db, "delete a row set aside", once, func(w *writing) (AsideRow, error) {
		row, err := w.rowAside(ctx, table, id)
		if err != nil {
			return AsideRow{}, err
		}
		return w.asideRow(row), w.delete(ctx, row)
	})
}

// rowAside returns a row that is set aside.
func (v *view) rowAside(ctx context.Context, table string, id int64) (factRow, error) {
	if table != firesTable && table != tradesTable {
		return factRow{}, invalid("table", table, "want "+firesTable+" or "+tradesTable)
	}
	rows, err := v.rowsOf(ctx, table, setAside, rowPosition{id: id}, 2)
	switch {
	case err != nil:
		return factRow{}, err
	case len(rows) == 0 || rows[0].id != id:
		return factRow{}, notFound("row set aside of "+table, id)
	case len(rows) == 2 && rows[1].id == id:
		return factRow{}, fmt.Errorf("%w: %s has two rows %d that are set aside", ErrConflict, table, id)
	}
	return rows[0], nil
}

// delete deletes a row, unless it has changed since it was read.
func (w *writing) delete(ctx context.Context, r factRow) (err error) {
	var n int64
	params := dbgen.DeleteFireRowParams{ID: r.id, UserText: r.user.text, KeyText: r.key.text, SeenDay: r.day}
	if r.table == firesTable {
		n, err = w.q.DeleteFireRow(ctx, params)
	} else {
		n, err = w.q.DeleteTradeRow(ctx, dbgen.DeleteTradeRowParams(params))
	}
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: %s has changed meanwhile", ErrConflict, r)
	}
	return err
}

// MendFire makes a fire of a row of signal_fires that is set aside. mend is called
// with what can be read of the row, zero for what cannot, and corrects it. The row is
// deleted and the fire recorded in one transaction, as [DB.RecordFire] does: if that
// refuses it, the row stays. ErrNotFound if no such row is set aside.
func (db *DB) MendFire(ctx context.Context, id int64, mend func(*Fire)) (FireReceipt, error) {
	r, err := db.mend(ctx, firesTable, id, func(c *core, f *fact) (*fact, error) {
		fire := Fire{UserID: f.fire.UserID, SignalID: f.fire.SignalID, At: f.fire.Timestamp, Executed: f.fire.Executed}
		mend(&fire)
		if fire.At.IsZero() {
			return nil, invalid("timestamp", nil, "it is missing")
		}
		return c.checkFire(fire, c.instant())
	})
	return FireReceipt{r.status, r.milestones}, err
}

// MendTrade makes a trade of a row of trades that is set aside, as [DB.MendFire]
// does. A P&L that cannot be read is given to mend as NaN, which must be replaced.
// Of an opening balance nothing but the P&L can be changed.
func (db *DB) MendTrade(ctx context.Context, id int64, mend func(*Trade)) (TradeReceipt, error) {
	r, err := db.mend(ctx, tradesTable, id, func(c *core, f *fact) (*fact, error) {
		t := Trade{
			UserID: f.trade.UserID, TradeID: f.trade.TradeID, SignalID: f.trade.SignalID,
			PnL: fromMicros(f.trade.PnlMicros), ClosedAt: f.trade.ClosedAt,
		}
		_, err := f.row.pnl.number("P&L")
		if t.TradeID == openingBalance && t.SignalID != "" { // it is the P&L as it was written
			t.SignalID, err = "", errAside(tradesTable, id)
		}
		if err != nil {
			t.PnL = math.NaN()
		}
		t.Outcome, _ = ParseOutcome(f.trade.Outcome) // zero if it cannot be read
		mend(&t)
		if f.trade.TradeID == openingBalance && t.TradeID == openingBalance {
			return c.checkOpeningBalance(t)
		}
		if t.ClosedAt.IsZero() {
			return nil, invalid("closing time", nil, "it is missing")
		}
		return c.checkTrade(t, c.instant())
	})
	return TradeReceipt{r.status}, err
}

// mend deletes a row that is set aside and records the fact that remade returns for
// what can be read of it.
func (db *DB) mend(ctx context.Context, table string, id int64, remade func(*core, *fact) (*fact, error)) (receipt, error) {
	row, err := latest(ctx, db.Reader, "read a row set aside", func(v *view) (factRow, error) { return v.rowAside(ctx, table, id) })
	if err != nil {
		return receipt{}, err
	}
	mended, err := run(ctx, db.core, "mend a row set aside", func() (*fact, error) { return remade(db.core, row.readable()) })
	if err != nil {
		return receipt{}, err
	}
	return write(ctx, db, "mend a row set aside", once, func(w *writing) (receipt, error) {
		if err := w.delete(ctx, row); err != nil {
			return receipt{}, err
		}
		receipts, err := w.recordAll(ctx, []*fact{mended})
		if err != nil {
			return receipt{}, fmt.Errorf("%s: %w", row, err)
		}
		return receipts[0], nil
	})
}
