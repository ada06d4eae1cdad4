package importer

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// row is a row of a table, its cells without spaces around them.
type row struct {
	line    int64
	cells   []string
	comment string // that stands in a cell which is not shown, or appears over one
}

func (r row) cell(i int) string {
	if i < 0 || i >= len(r.cells) {
		return ""
	}
	return r.cells[i]
}

// layout says which column of a table is what; none is -1.
type layout struct {
	format         Format
	id, user       int
	opened, closed int
	money          []int // columns that add up to the P&L
	symbol, kind   int
	signal, tag    int
	comment        int  // hiddenComment: row.comment
	zone           zone // of the header; loc is nil: it names none
	dates          dates
	names          []string // of the header
	account        int      // a column that names the account
	partial        bool     // a position may be closed in several rows under one id
	ownIDs         bool     // the ids stand in the database as they do in the file
	needsClosing   bool     // a row without a closing time is no open trade, but one that cannot be read
}

const (
	none          = -1
	hiddenComment = -2
)

func newLayout(format Format, names []string) layout {
	kept := make([]string, len(names)) // the row's are read into again
	for i, name := range names {
		kept[i] = strings.Clone(name)
	}
	return layout{
		format: format, names: kept, id: none, user: none, opened: none, closed: none, symbol: none, kind: none,
		signal: none, tag: none, comment: none, account: none,
	}
}

// table reads the trades of a table, wherever in a file they begin.
type table struct {
	*pass
	layout   *layout // nil: no header yet
	ended    bool    // what follows are other tables
	account  string
	decimals decimals
	sums     []micros // of the columns of money
	totals   bool     // those of the columns were there
	short    int64    // the line of the last row, if it lacks cells
	held     *found   // the last trade, until it is known that it was not cut off
	needed   int      // the last column that is needed
	net      bool     // the net profit of the report was found
	serials  bool     // times may be numbers of days, as spreadsheets have them
}

// row takes the next row of the file.
func (t *table) row(r row) error {
	filled := len(filledCells(r.cells))
	if filled == 0 {
		return nil
	}
	if t.layout == nil {
		return t.before(r)
	}
	if t.ended {
		t.results(r)
		return nil
	}
	if slices.Equal(r.cells, t.layout.names) { // on a new page
		return nil
	}
	switch title := r.cell(0); {
	case t.layout.format != CSV && filled == 1 && title != "" && !strings.ContainsAny(title, "0123456789"):
		t.ended, t.short = true, 0
		return t.release()
	}
	if t.layout.format != CSV && t.isTotalRow(r) {
		t.short = 0
		if err := t.release(); err != nil {
			return err
		}
		t.takeTotal(r)
		return nil
	}
	return t.trade(r)
}

func filledCells(cells []string) (filled []string) {
	for _, cell := range cells {
		if cell != "" {
			filled = append(filled, cell)
		}
	}
	return filled
}

// trimmed takes the spaces around cells away.
func trimmed(cells []string) []string {
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(cell)
	}
	return cells
}

// before looks for the header, and for what stands before it.
func (t *table) before(r row) error {
	l, ok := headerOf(t.o, r.cells)
	if !ok {
		if t.account == "" {
			t.account = accountIn(r.cells)
		}
		return nil
	}
	t.layout = &l
	t.report.Format = l.format
	t.sums = make([]micros, len(l.money))
	t.needed = max(l.id, l.closed)
	for _, column := range l.money {
		t.needed = max(t.needed, column)
	}
	if t.o.Account != "" {
		t.account = t.o.Account
	}
	if l.zone.loc != nil {
		t.zone = l.zone
	}
	if !l.ownIDs && l.account == none {
		if t.account == "" {
			return invalid("account", nil, "the file does not name it: say which account it is of, for the ids of its trades")
		}
		t.report.Account = t.account
	}
	if l.user == none && t.o.User == 0 {
		return invalid("user id", t.o.User, "say whose trades these are")
	}
	if t.zone.loc == nil && l.format != CSV {
		return invalid("time zone", nil, "the times of the file have none: say which zone the broker's clocks show, such as Europe/Athens, UTC+3 or America/New_York+7")
	}
	return t.checkSignals()
}

// checkSignals refuses to look for signals where the table cannot have them.
func (t *table) checkSignals() error {
	l := t.layout
	place := map[SignalFrom]int{SignalTag: l.tag, SignalComment: l.comment, SignalSymbol: l.symbol}
	if column, asked := place[t.o.Signal]; asked && column == none && l.signal == none {
		return invalid("signal", string(t.o.Signal), "this file has no such column")
	}
	if t.o.Fires && l.signal == none && (t.o.Signal == "" || t.o.Signal == SignalNone) {
		return invalid("fires", nil, "a fire needs a signal: say where it stands, by tag, comment or symbol")
	}
	return nil
}

// isTotalRow reports whether a row adds others up: it has a label with a colon, or
// nothing that says of which trade it is.
func (t *table) isTotalRow(r row) bool {
	l := t.layout
	return strings.HasSuffix(filledCells(r.cells)[0], ":") ||
		r.cell(l.closed) == "" && r.cell(l.id) == "" && r.cell(l.symbol) == "" && r.cell(l.kind) == ""
}

// takeTotal compares the totals of such a row with those of the rows before it.
func (t *table) takeTotal(r row) {
	filled := filledCells(r.cells)
	if name, isLabel := strings.CutSuffix(filled[0], ":"); isLabel {
		if m, err := t.decimals.parse(filled[len(filled)-1]); err == nil && len(filled) == 2 {
			t.total(name, m, t.sum)
		}
		return
	}
	for i, column := range t.layout.money {
		if m, err := t.decimals.parse(r.cell(column)); err == nil && r.cell(column) != "" && !t.totals {
			t.total(t.layout.names[column], m, t.sums[i])
		}
	}
	t.totals = true
}

// results takes the row of a report in which gross profit and gross loss add up to
// the net profit, in whatever language it is.
func (t *table) results(r row) {
	filled := filledCells(r.cells)
	if t.net || len(filled) != 6 {
		return
	}
	var amounts [3]micros
	for i := range amounts {
		m, err := t.decimals.parse(filled[2*i+1])
		if err != nil || !strings.HasSuffix(filled[2*i], ":") {
			return
		}
		amounts[i] = m
	}
	if amounts[0] == amounts[1]+amounts[2] && amounts[1] >= 0 && amounts[2] <= 0 {
		t.net = true
		t.total(strings.TrimSuffix(filled[0], ":"), amounts[0], t.sum)
	}
}

// trade takes a row of a trade.
func (t *table) trade(r row) error {
	if err := t.release(); err != nil {
		return err
	}
	t.short = 0
	if len(r.cells) <= t.needed {
		t.short = r.line
	}
	l := t.layout
	if reason := leftOut(r.cell(l.kind)); reason != "" {
		t.leaveOut(reason)
		return nil
	}
	f := found{line: r.line}
	var column int
	bad := func(err error) error {
		t.bad(r.line, t.name(column), r.cell(column), err.Error())
		return nil
	}
	if column = l.closed; r.cell(column) == "" {
		if l.needsClosing || t.short != 0 {
			return bad(errors.New("it is empty"))
		}
		t.leaveOut("open")
		return nil
	}
	var err error
	if f.closed, err = t.time(r.cell(column)); errors.Is(err, errNoZone) && t.report.Read == 0 {
		return invalid("time zone", nil, fmt.Sprintf("the times of the file have none, see line %d: say which zone they are of", r.line))
	} else if err != nil {
		return bad(err)
	}
	if column = l.opened; r.cell(column) != "" {
		if f.opened, err = t.time(r.cell(column)); err != nil {
			return bad(err)
		}
	}
	if t.short != 0 {
		return bad(errors.New("the row ends before its P&L"))
	}
	amounts := make([]micros, len(l.money))
	for i, at := range l.money {
		column = at
		if amounts[i], err = t.decimals.parse(r.cell(at)); err != nil {
			return bad(err)
		}
		if i == len(l.money)-1 && r.cell(at) == "" || r.cell(at) == "-" {
			return bad(errNoNumber)
		}
		f.amount += amounts[i]
	}
	if f.amount > mostMicros || f.amount < -mostMicros {
		return bad(errTooLarge)
	}
	if column = l.user; column != none {
		if f.user, err = parseUser(r.cell(column)); err != nil {
			return bad(err)
		}
	}
	if column = l.id; column != none && r.cell(column) == "" {
		return bad(errors.New("it is empty"))
	}
	for i, m := range amounts {
		t.sums[i] = clamped(t.sums[i], m)
	}
	f.id, f.signal = t.idOf(r, f), signalOf(t.signalText(r))
	t.held = &f
	if l.format != CSV && len(r.cells) < len(l.names) {
		t.short = r.line // its last number may be half of one
	}
	return nil
}

// release takes the trade before.
func (t *table) release() error {
	if t.held == nil {
		return nil
	}
	f := *t.held
	t.held = nil
	return t.add(f)
}

func (t *table) name(column int) string {
	if column < 0 || column >= len(t.layout.names) {
		return ""
	}
	return t.layout.names[column]
}

func (t *table) time(text string) (time.Time, error) {
	if t.serials {
		text = spelledOut(text)
	}
	at, ambiguous, err := parseTime(text, t.zone, t.layout.dates)
	if ambiguous {
		t.report.AmbiguousTimes++
	}
	return at, err
}

// magicNumber is what MetaTrader 4 writes before the comment of a program's order.
var magicNumber = regexp.MustCompile(`^#\d+\s*`)

func (t *table) signalText(r row) string {
	l := t.layout
	if l.signal != none {
		return r.cell(l.signal)
	}
	switch t.o.Signal {
	case SignalTag:
		return r.cell(l.tag)
	case SignalSymbol:
		return r.cell(l.symbol)
	case SignalComment:
		if l.comment == hiddenComment {
			return magicNumber.ReplaceAllString(r.comment, "")
		}
		return r.cell(l.comment)
	}
	return ""
}

// idOf returns the id of a trade: the same whenever the file is exported again.
func (t *table) idOf(r row, f found) string {
	l := t.layout
	if l.ownIDs {
		return r.cell(l.id)
	}
	account := t.account
	if l.account != none && t.o.Account == "" {
		account = r.cell(l.account)
	}
	id := string(l.format) + "-" + account + "-"
	if l.id != none {
		id += r.cell(l.id)
		if l.partial {
			id += fmt.Sprintf("-%d", f.closed.Unix())
		}
		return id
	}
	opened, closed := r.cell(l.opened), r.cell(l.closed)
	if l.zone.loc != nil { // in which the next export may not be
		opened, closed = fmt.Sprint(f.opened.Unix()), fmt.Sprint(f.closed.Unix())
	}
	return id + t.distinct(digestOf(f.amount, opened, closed, r.cell(l.symbol), r.cell(l.kind)))
}

// finish tells of a file that had no trades, or was cut off.
func (t *table) finish(cut bool) error {
	switch {
	case t.layout == nil:
		return t.unknown()
	case cut && t.short != 0:
		if t.held != nil {
			t.held = nil
			t.bad(t.short, "", "", "it was cut off")
		}
		return errCut(t.short)
	}
	return t.release()
}

func (t *table) unknown() error {
	if len(t.o.Columns) > 0 {
		return invalidFile("no row of it has the names of all columns that are asked for")
	}
	if t.o.Format == "" {
		return invalidFile("it has no table of trades that is known; see docs/import.md, and --columns for a table of another origin")
	}
	return invalidFile("it has no table of trades as %s writes it", platforms[t.o.Format])
}

func errCut(line int64) error {
	return invalidFile("it was cut off in line %d; what stands before it was read: bring in the whole file, and what is recorded already is a duplicate", line)
}

// leftOut returns why a row of this kind is no closed trade; "": it is one.
func leftOut(kind string) string {
	kind = strings.ToLower(kind)
	switch {
	case kind == "":
		return ""
	case strings.Contains(kind, "limit"), strings.Contains(kind, "stop"), strings.Contains(kind, "cancel"):
		return "cancelled"
	case strings.Contains(kind, "credit"):
		return "credit"
	}
	for _, word := range []string{"balance", "deposit", "withdraw", "transfer", "bonus", "interest", "charge", "correction", "rebate", "dividend", "tax"} {
		if strings.Contains(kind, word) {
			return "balance"
		}
	}
	return ""
}
