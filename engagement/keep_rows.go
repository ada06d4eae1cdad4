package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// This file reads rows of facts that another program may have stored, whatever is in
// them, and makes facts of those that can be understood.

// The tables of facts.
const (
	firesTable  = "signal_fires"
	tradesTable = "trades"
)

// column is a value in a column of a row: its type in SQLite's words, which are
// integer, real, text, blob and null, and the value as text.
type column struct{ kind, text string }

// factRow is a row of a table of facts.
type factRow struct {
	table string
	id    int64
	user  column
	key   column // a fire's signal, a trade's id
	at    column
	day   string

	executed             column // of a fire
	signal, pnl, outcome column // of a trade; its P&L is in millionths
}

func fireRow(r dbgen.FireRowsRow) factRow {
	return factRow{
		table: firesTable, id: r.ID, user: column{r.UserType, r.UserID}, key: column{r.SignalType, r.SignalID},
		at: column{r.TimeType, r.TimeText}, day: r.Day, executed: column{r.ExecutedType, r.Executed},
	}
}

func tradeRow(r dbgen.TradeRowsRow) factRow {
	return factRow{
		table: tradesTable, id: r.ID, user: column{r.UserType, r.UserID}, key: column{r.TradeType, r.TradeID},
		at: column{r.TimeType, r.TimeText}, day: r.Day,
		signal: column{r.SignalType, r.SignalID}, pnl: column{r.PnlType, r.PnlMicros}, outcome: column{r.OutcomeType, r.Outcome},
	}
}

// rowOfFire and rowOfTrade return the row of a fact that could be read.

func rowOfFire(f dbgen.ReadableFire) factRow {
	return factRow{
		table: firesTable, id: f.ID, user: column{text: strconv.FormatInt(f.UserID, 10)}, key: column{text: f.SignalID},
		day: strconv.FormatInt(f.Day, 10),
	}
}

func rowOfTrade(t dbgen.ReadableTrade) factRow {
	return factRow{
		table: tradesTable, id: t.ID, user: column{text: strconv.FormatInt(t.UserID, 10)}, key: column{text: t.TradeID},
		day: strconv.FormatInt(t.Day, 10),
	}
}

// String names the row.
func (r factRow) String() string { return fmt.Sprintf("%s, row %d", r.table, r.id) }

// position is where the row stands among others of its table, for the next page.
func (r factRow) position() rowPosition { return rowPosition{r.id, r.user.text + " " + r.key.text} }

type rowPosition struct {
	id  int64
	key string // ids may repeat on PostgreSQL
}

// read returns the fact of a row, or an error that says why it cannot be one.
func (c *core) read(r factRow, now time.Time) (*fact, error) {
	var err error
	f := &fact{stored: true, row: &r, isTrade: r.table == tradesTable}
	if f.isTrade {
		err = f.readTrade(c, now)
	} else {
		err = f.readFire(c, now)
	}
	return f, err
}

func (f *fact) readFire(c *core, now time.Time) (err error) {
	fire := &f.fire
	fire.ID = f.row.id
	if fire.UserID, err = f.row.user.number("user id"); err != nil {
		return err
	}
	if fire.SignalID, err = f.row.key.id("signal id"); err != nil {
		return err
	}
	if fire.Executed, err = f.row.executed.truth("executed"); err != nil {
		return err
	}
	if fire.Timestamp, err = f.row.at.time("timestamp"); err != nil {
		return err
	}
	day, err := c.placeFire(*fire, now)
	fire.Day = int64(day)
	return err
}

func (f *fact) readTrade(c *core, now time.Time) (err error) {
	trade := &f.trade
	trade.ID = f.row.id
	if trade.UserID, err = f.row.user.number("user id"); err != nil {
		return err
	}
	if trade.TradeID, err = f.row.key.id("trade id"); err != nil {
		return err
	}
	if trade.SignalID, err = f.row.signal.id("signal id"); err != nil {
		return err
	}
	if trade.PnlMicros, err = f.row.pnl.number("P&L in millionths"); err != nil {
		return err
	}
	if trade.Outcome, err = f.row.outcome.id("outcome"); err != nil {
		return err
	}
	trade.ClosedAt, err = f.row.at.time("closing time")
	if trade.TradeID == openingBalance {
		trade.ClosedAt, err = balanceTime(trade.ClosedAt), nil
	}
	if err != nil {
		return err
	}
	day, err := c.placeTrade(*trade, now)
	trade.Day = int64(day)
	return err
}

// readable returns a fact with what can be read of a row, zero for what cannot.
func (r factRow) readable() *fact {
	f := &fact{isTrade: r.table == tradesTable, row: &r}
	if f.isTrade {
		f.trade.UserID, _ = r.user.number("")
		f.trade.TradeID, _ = r.key.id("")
		f.trade.SignalID, _ = r.signal.id("")
		f.trade.PnlMicros, _ = r.pnl.number("")
		f.trade.Outcome, _ = r.outcome.id("")
		f.trade.ClosedAt, _ = r.at.time("")
		return f
	}
	f.fire.UserID, _ = r.user.number("")
	f.fire.SignalID, _ = r.key.id("")
	f.fire.Executed, _ = r.executed.truth("")
	f.fire.Timestamp, _ = r.at.time("")
	return f
}

// wrong refuses the value in the column.
func (c column) wrong(field, want string) error {
	switch c.kind {
	case "null":
		return invalid(field, nil, "it is missing")
	case "blob":
		return invalid(field, c.text, "it is bytes, want "+want)
	}
	return invalid(field, c.text, "want "+want)
}

func (c column) number(field string) (int64, error) {
	n, err := strconv.ParseInt(c.text, 10, 64)
	if err != nil || c.kind != "integer" {
		return 0, c.wrong(field, "a whole number of 64 bits")
	}
	return n, nil
}

func (c column) id(field string) (string, error) {
	if c.kind != "text" {
		return "", c.wrong(field, "text")
	}
	return c.text, nil
}

// truth reads a boolean in the forms that programs store.
func (c column) truth(field string) (bool, error) {
	word := strings.ToLower(c.text)
	switch {
	case c.kind == "integer":
		return c.text != "0", nil
	case c.kind != "text":
	case word == "true" || word == "yes" || word == "t" || word == "y" || word == "on":
		return true, nil
	case word == "" || word == "false" || word == "no" || word == "f" || word == "n" || word == "off":
		return false, nil
	}
	return false, c.wrong(field, "true or false")
}

// timeLayouts are the forms of a time that can be read. They are those of the driver,
// which reads the times of counted facts.
var timeLayouts = []string{
	"2006-01-02 15:04:05.999999999-07:00",
	"2006-01-02T15:04:05.999999999-07:00",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04",
	"2006-01-02T15:04",
	"2006-01-02",
}

// time reads a time: text, or a number of seconds or, if it is too large for
// them, milliseconds since 1970.
func (c column) time(field string) (time.Time, error) {
	switch n, err := strconv.ParseInt(c.text, 10, 64); {
	case c.kind == "integer" && err == nil && (n > 1e12 || n < -1e12):
		return time.UnixMilli(n).UTC(), nil
	case c.kind == "integer" && err == nil:
		return time.Unix(n, 0).UTC(), nil
	case c.kind != "text" && c.kind != "real": // only text, or a number as text, can be another form
		return time.Time{}, c.wrong(field, "a time")
	}
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, strings.TrimSuffix(c.text, "Z"), time.UTC); err == nil {
			return stored(t), nil
		}
	}
	return time.Time{}, c.wrong(field, "a time such as 2006-01-02 15:04:05")
}

// rowsOf lists at most limit rows of a table of facts whose day is uncounted or
// setAside, after a position.
func (v *view) rowsOf(ctx context.Context, table string, day Day, after rowPosition, limit int) ([]factRow, error) {
	if table == firesTable {
		found, err := v.q.FireRows(ctx, dbgen.FireRowsParams{
			OfDay: int64(day), AfterID: after.id, AfterKey: after.key, MaxRows: int64(limit),
		})
		return rowsFrom(found, fireRow), err
	}
	found, err := v.q.TradeRows(ctx, dbgen.TradeRowsParams{
		OfDay: int64(day), AfterID: after.id, AfterKey: after.key, MaxRows: int64(limit),
	})
	return rowsFrom(found, tradeRow), err
}

func rowsFrom[R any](found []R, row func(R) factRow) []factRow {
	list := make([]factRow, len(found))
	for i, r := range found {
		list[i] = row(r)
	}
	return list
}

// place stores the fact's day and time in its row, and reports whether it did: it
// does not if another process has changed the row meanwhile. It sets f.fire.Executed
// to what is stored then.
func (w *writing) place(ctx context.Context, f *fact) (placed bool, err error) {
	r := f.row
	if f.isTrade {
		n, err := w.q.PlaceTrade(ctx, dbgen.PlaceTradeParams{
			Day: f.trade.Day, ClosedAt: f.trade.ClosedAt,
			ID: r.id, UserText: r.user.text, KeyText: r.key.text, SeenDay: r.day,
		})
		return n > 0, err
	}
	executed, err := w.q.PlaceFire(ctx, dbgen.PlaceFireParams{
		Day: f.fire.Day, Timestamp: f.fire.Timestamp, Executed: f.fire.Executed,
		ID: r.id, UserText: r.user.text, KeyText: r.key.text, SeenDay: r.day,
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	f.fire.Executed = executed
	return err == nil, err
}

// move gives a row another day and changes nothing else of it.
func (w *writing) move(ctx context.Context, r factRow, day Day) (moved bool, err error) {
	params := dbgen.SetFireDayParams{Day: int64(day), ID: r.id, UserText: r.user.text, KeyText: r.key.text, SeenDay: r.day}
	var n int64
	if r.table == firesTable {
		n, err = w.q.SetFireDay(ctx, params)
	} else {
		n, err = w.q.SetTradeDay(ctx, dbgen.SetTradeDayParams(params))
	}
	return n > 0, err
}

// day returns the day that the fact belongs on.
func (f *fact) day() Day {
	if f.isTrade {
		return Day(f.trade.Day)
	}
	return Day(f.fire.Day)
}

// dayNumber reads the day that the row says.
func (r factRow) dayNumber() (Day, error) {
	n, err := strconv.ParseInt(r.day, 10, 64)
	return Day(n), err
}
