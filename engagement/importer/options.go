package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Format is what a file is, by the platform that made it.
type Format string

// The formats. The zero value stands for whichever the file's content shows.
const (
	Freqtrade Format = "freqtrade" // freqtrade's database, the JSON of its API, and of backtests
	MT5       Format = "mt5"       // a MetaTrader 5 history report: HTML, CSV or XLSX
	MT4       Format = "mt4"       // a MetaTrader 4 statement: HTML, CSV or XLSX
	Myfxbook  Format = "myfxbook"  // a CSV export of Myfxbook
	CTrader   Format = "ctrader"   // a cTrader history: CSV, HTML or XLSX
	CSV       Format = "csv"       // a table of whatever origin, with Options.Columns
)

// Formats lists all formats.
func Formats() []Format { return []Format{Freqtrade, MT5, MT4, Myfxbook, CTrader, CSV} }

// ParseFormat reads a format's name; "" is the zero value. Anything else is ErrInvalid.
func ParseFormat(name string) (Format, error) {
	return parseNamed("format", Format(name), Formats())
}

// SignalFrom is where the signal of a trade stands in a file.
type SignalFrom string

// The places of signals. The zero value is SignalTag for freqtrade, and SignalNone for
// other platforms. In a file of format CSV, the column signal_id goes before it.
const (
	SignalTag     SignalFrom = "tag"     // freqtrade's enter_tag, Myfxbook's Tags, cTrader's Label
	SignalComment SignalFrom = "comment" // the comment of the order
	SignalSymbol  SignalFrom = "symbol"  // what was traded
	SignalNone    SignalFrom = "none"
)

// SignalPlaces lists all places of signals.
func SignalPlaces() []SignalFrom {
	return []SignalFrom{SignalTag, SignalComment, SignalSymbol, SignalNone}
}

// ParseSignalFrom reads the name of a place; "" is the zero value. Anything else is
// ErrInvalid.
func ParseSignalFrom(name string) (SignalFrom, error) {
	return parseNamed("signal", SignalFrom(name), SignalPlaces())
}

func parseNamed[T ~string](field string, value T, known []T) (T, error) {
	if value == "" || slices.Contains(known, value) {
		return value, nil
	}
	names := make([]string, len(known))
	for i, name := range known {
		names[i] = string(name)
	}
	return "", invalid(field, string(value), "want "+strings.Join(names[:len(names)-1], ", ")+" or "+names[len(names)-1])
}

// Columns say what the columns of a table are, by the name that a column has in its
// header. Keys are trade_id, pnl and closed_at, which are needed; user_id, opened_at,
// signal_id, tag, comment and symbol; and commission, swap and fees, which are added to
// pnl. A costs column has a negative number where money was taken.
type Columns map[string]string

var columnKeys = []string{
	"trade_id", "user_id", "pnl", "closed_at", "opened_at", "signal_id", "tag", "comment", "symbol", "commission", "swap", "fees",
}

// ParseColumns reads columns such as trade_id=Ticket,pnl=Profit,closed_at=Close Time.
func ParseColumns(text string) (Columns, error) {
	columns := Columns{}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for pair := range strings.SplitSeq(text, ",") {
		key, name, ok := strings.Cut(pair, "=")
		key, name = strings.TrimSpace(key), strings.TrimSpace(name)
		if !ok || name == "" {
			return nil, invalid("columns", pair, "want KEY=NAME, separated by commas")
		}
		if _, twice := columns[key]; twice {
			return nil, invalid("columns", key, "it is given twice")
		}
		columns[key] = name
	}
	return columns, columns.check()
}

func (c Columns) check() error {
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if !slices.Contains(columnKeys, key) {
			return invalid("columns", key, "want keys out of "+strings.Join(columnKeys, ", "))
		}
	}
	for _, key := range []string{"trade_id", "pnl", "closed_at"} {
		if len(c) > 0 && c[key] == "" {
			return invalid("columns", nil, "want a column for "+key)
		}
	}
	return nil
}

// DefaultMaxBytes is how long a file may be unless Options say otherwise: 1 GiB.
const DefaultMaxBytes = 1 << 30

// Options say how a file is read. The zero value suits a file of which nothing needs to
// be said: freqtrade's, but for the user.
type Options struct {
	Format   Format     // zero: by the content
	User     int64      // whose trades they are; 0: a column user_id says it
	Account  string     // the account, in place of the one that the file names
	TimeZone string     // of the times in the file, if they have none: see docs/import.md
	Signal   SignalFrom // where a trade's signal stands
	Columns  Columns    // of a table of format CSV

	Fires  bool // also record a fire, executed at the trade's opening, for each trade with a signal
	DryRun bool // record nothing, but say what would be recorded
	Strict bool // record nothing unless every row can be read and nothing is in conflict

	MaxBytes int64               // how long the file may be; 0: DefaultMaxBytes
	Progress engagement.Progress // told how many bytes (of a database: rows) are read; may be nil
}

func (o Options) check() error {
	if _, err := ParseFormat(string(o.Format)); err != nil {
		return err
	}
	if _, err := ParseSignalFrom(string(o.Signal)); err != nil {
		return err
	}
	if err := o.Columns.check(); err != nil {
		return err
	}
	if len(o.Columns) > 0 && o.Format != CSV && o.Format != "" {
		return invalid("columns", nil, fmt.Sprintf("they are of format %s alone, not of %s", CSV, o.Format))
	}
	if o.MaxBytes < 0 {
		return invalid("size", o.MaxBytes, "want a number of bytes, or 0")
	}
	_, err := parseZone(o.TimeZone)
	return err
}

func invalid(field string, value any, why string) error {
	return &engagement.InvalidError{Field: field, Value: value, Reason: why}
}

// invalidFile refuses the file as a whole.
func invalidFile(format string, args ...any) error {
	return invalid("file", nil, fmt.Sprintf(format, args...))
}
