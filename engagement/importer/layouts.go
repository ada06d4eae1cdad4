package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// platforms are the formats' names for people.
var platforms = map[Format]string{
	Freqtrade: "freqtrade", MT5: "MetaTrader 5", MT4: "MetaTrader 4", Myfxbook: "Myfxbook", CTrader: "cTrader", CSV: "a table with columns",
}

// headers find the trades of a platform by the header of their table. What platforms
// translate is told by its place, and by what of it is written twice.
var headers = []struct {
	format Format
	is     func(cells []string) (layout, bool)
}{{MT5, mt5Header}, {MT4, mt4Header}, {Myfxbook, myfxbookHeader}, {CTrader, ctraderHeader}}

// headerOf returns the layout of the table that a row is the header of.
func headerOf(o Options, cells []string) (layout, bool) {
	if len(o.Columns) > 0 || o.Format == CSV {
		return columnsHeader(o.Columns, cells)
	}
	for _, header := range headers {
		if o.Format != "" && o.Format != header.format {
			continue
		}
		if l, ok := header.is(cells); ok {
			return l, true
		}
	}
	if o.Format == "" {
		return columnsHeader(nil, cells)
	}
	return layout{}, false
}

// mt5Header knows the Positions of MetaTrader 5: Time, Position, Symbol, Type, Volume,
// Price, S / L, T / P, Time, Price, Commission, Swap, Profit, in any language. No other
// of its tables has both Time and Price twice.
func mt5Header(cells []string) (layout, bool) {
	if len(cells) < 13 || !allFilled(cells[:13]) || cells[0] != cells[8] || cells[5] != cells[9] || !allDifferent(cells[:8]) {
		return layout{}, false
	}
	l := newLayout(MT5, cells)
	l.opened, l.id, l.symbol, l.kind, l.closed, l.comment = 0, 1, 2, 3, 8, hiddenComment
	l.money, l.needsClosing = moneyFrom(cells, 10), true
	return l, true
}

// mt4Header knows the closed transactions of MetaTrader 4: Ticket, Open Time, Type,
// Size, Item, Price, S / L, T / P, Close Time, Price, Commission, Taxes, Swap, Profit.
// Those that are open have no name over the closing time.
func mt4Header(cells []string) (layout, bool) {
	if len(cells) < 12 || !allFilled(cells[:12]) || cells[5] != cells[9] || !allDifferent(cells[:9]) || strings.ContainsAny(cells[8], "0123456789") {
		return layout{}, false
	}
	l := newLayout(MT4, cells)
	l.id, l.opened, l.kind, l.symbol, l.closed, l.comment = 0, 1, 2, 4, 8, hiddenComment
	l.money, l.needsClosing = moneyFrom(cells, 10), true
	for i := l.money[len(l.money)-1] + 1; i < len(cells); i++ {
		if strings.EqualFold(cells[i], "comment") {
			l.comment = i
		}
	}
	return l, true
}

func allFilled(cells []string) bool { return !slices.Contains(cells, "") }

func allDifferent(cells []string) bool {
	seen := map[string]bool{}
	for _, cell := range cells {
		seen[cell] = true
	}
	return len(seen) == len(cells)
}

// moneyFrom returns the columns from one on that have names: costs, and last the
// profit.
func moneyFrom(cells []string, from int) (columns []int) {
	for i := from; i < len(cells) && cells[i] != "" && !strings.EqualFold(cells[i], "comment"); i++ {
		columns = append(columns, i)
	}
	return columns
}

// named returns the column with one of some names, in any case.
func named(cells []string, names ...string) int {
	return slices.IndexFunc(cells, func(cell string) bool { return slices.Contains(names, strings.ToLower(cell)) })
}

// myfxbookHeader knows an export of Myfxbook. Its Profit has commission and swap in it.
func myfxbookHeader(cells []string) (layout, bool) {
	l := newLayout(Myfxbook, cells)
	l.closed, l.kind, l.symbol = named(cells, "close date"), named(cells, "action"), named(cells, "symbol")
	profit := named(cells, "profit")
	if l.closed < 0 || l.kind < 0 || l.symbol < 0 || profit < 0 {
		return layout{}, false
	}
	l.id, l.opened, l.tag, l.comment = named(cells, "ticket"), named(cells, "open date"), named(cells, "tags"), named(cells, "comment")
	l.money, l.dates = []int{profit}, monthFirst
	return l, true
}

var (
	utcInHeader = regexp.MustCompile(`\(UTC\s*([+-]\d{1,2}(?::?[0-5]\d)?)?\)`)
	netHeader   = regexp.MustCompile(`(?i)(?:^|[^\pL])(?:net|neto|netto|nett|líquido|чист[а-я]*|нетто)(?:[^\pL]|$)`)
)

// ctraderHeader knows a history of cTrader: its times name their zone, the last of
// which is that of the closing, and a column has the net profit, in which commission
// and swap are.
func ctraderHeader(cells []string) (layout, bool) {
	l := newLayout(CTrader, cells)
	times := 0
	for i, cell := range cells {
		m := utcInHeader.FindStringSubmatch(cell)
		if m == nil {
			continue
		}
		z, err := parseZone("UTC" + m[1])
		if m[1] == "" {
			z, err = parseZone("UTC")
		}
		if err != nil {
			return layout{}, false
		}
		if l.closed, l.zone, times = i, z, times+1; times == 1 {
			l.opened = i
		}
	}
	if times == 1 {
		l.opened = none
	}
	net := slices.IndexFunc(cells, netHeader.MatchString)
	if times == 0 || times > 2 || net < 0 || len(cells) < 6 {
		return layout{}, false
	}
	l.symbol = named(cells, "symbol", "símbolo", "symbole", "simbolo", "символ")
	l.id = named(cells, "id", "deal id", "position id", "order id", "pid", "deal", "position")
	l.tag, l.comment = named(cells, "label", "etiqueta", "bezeichnung", "étiquette", "etichetta", "метка"), named(cells, "comment", "comentario", "kommentar", "commentaire", "commento", "комментарий")
	l.account = named(cells, "account", "account number", "account id")
	l.money, l.dates, l.partial = []int{net}, dayFirst, true
	return l, true
}

// columnsHeader knows the header that has all columns of the options, or without them
// one that has the keys themselves as names.
func columnsHeader(columns Columns, cells []string) (layout, bool) {
	given := len(columns) > 0
	if !given {
		columns = Columns{}
		for _, key := range columnKeys {
			if slices.Contains(cells, key) || key == "trade_id" || key == "pnl" || key == "closed_at" {
				columns[key] = key
			}
		}
	}
	at := map[string]int{}
	for key, name := range maps.All(columns) {
		if at[key] = slices.Index(cells, name); at[key] < 0 {
			if n, err := strconv.Atoi(name); given && err == nil && n > 0 && n <= len(cells) {
				at[key] = n - 1
				continue
			}
			return layout{}, false
		}
	}
	column := func(key string) int {
		if i, ok := at[key]; ok {
			return i
		}
		return none
	}
	l := newLayout(CSV, cells)
	l.id, l.user, l.closed, l.opened = column("trade_id"), column("user_id"), column("closed_at"), column("opened_at")
	l.signal, l.tag, l.comment, l.symbol = column("signal_id"), column("tag"), column("comment"), column("symbol")
	for _, key := range []string{"commission", "swap", "fees", "pnl"} {
		if i := column(key); i != none {
			l.money = append(l.money, i)
		}
	}
	l.ownIDs, l.needsClosing = true, true
	return l, true
}

var (
	mt5Account = regexp.MustCompile(`^(\d{3,20})[\s\x{a0}]*\([A-Z]{3}[,)]`)
	anyAccount = regexp.MustCompile(`^[^:]{3,40}:[\s\x{a0}]*(\d{4,20})$`)
	onlyDigits = regexp.MustCompile(`^\d{4,20}$`)
)

// accountIn returns the account that a row before the trades names: in MetaTrader 5
// before a bracket that begins with the currency, elsewhere behind a name and a colon.
func accountIn(cells []string) string {
	for i, cell := range cells {
		if m := mt5Account.FindStringSubmatch(cell); m != nil {
			return m[1]
		}
		if m := anyAccount.FindStringSubmatch(cell); m != nil {
			return m[1]
		}
		if before := strings.TrimSpace(strings.TrimSuffix(cellBefore(cells, i), ":")); onlyDigits.MatchString(cell) && isAccount(before) {
			return cell
		}
	}
	return ""
}

// cellBefore returns the cell before one, without those that are empty.
func cellBefore(cells []string, i int) string {
	for i--; i >= 0; i-- {
		if cells[i] != "" {
			return cells[i]
		}
	}
	return ""
}

func isAccount(name string) bool {
	return slices.Contains([]string{"account", "account number", "konto", "kontonummer", "cuenta", "compte", "conto", "conta", "счет", "счёт"}, strings.ToLower(name))
}

// digestOf names a trade that has no id by what the file says of it.
func digestOf(amount micros, more ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q", amount, more))
	return hex.EncodeToString(sum[:8])
}

func parseUser(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("want a whole number other than 0")
	}
	return id, nil
}
