package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// freqtradeTrade is a trade in the JSON of freqtrade's API and backtests.
type freqtradeTrade struct {
	TradeID        *json.Number `json:"trade_id"` // a backtest has none
	Exchange       string       `json:"exchange"`
	Pair           string       `json:"pair"`
	IsOpen         bool         `json:"is_open"`
	OpenTimestamp  json.Number  `json:"open_timestamp"` // in milliseconds
	CloseTimestamp json.Number  `json:"close_timestamp"`
	OpenDate       string       `json:"open_date"` // in UTC
	CloseDate      string       `json:"close_date"`
	ProfitAbs      json.Number  `json:"profit_abs"`
	CloseProfitAbs json.Number  `json:"close_profit_abs"`
	EnterTag       string       `json:"enter_tag"`
	BuyTag         string       `json:"buy_tag"`
}

// freqtradeFile reads freqtrade's JSON value by value.
type freqtradeFile struct {
	*pass
	text    *bounded
	decoder *json.Decoder
	found   bool // an array of trades
	number  int64
	depth   int
}

// mostDepth is how deeply values may be nested; freqtrade's trades are at 4.
const mostDepth = 100

// readFreqtrade reads the trades of the API ({"trades": […]}), of a backtest
// ({"strategy": {NAME: {"trades": […]}}}) or an array of them.
func readFreqtrade(p *pass) error {
	if err := p.checkFreqtrade(); err != nil {
		return err
	}
	f := &freqtradeFile{pass: p, text: p.in.text(p)}
	f.decoder = json.NewDecoder(f.text)
	f.decoder.UseNumber()
	err := f.value("", "")
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return invalidFile("it was cut off after %d trades, which were read: bring in the whole file, and what is recorded already is a duplicate", f.number)
	case errors.Is(err, errLongRow):
		return errTooLongRow(0)
	case err != nil:
		if _, wrong := errors.AsType[*json.SyntaxError](err); wrong {
			return unreadableFile(err)
		}
		return err
	case !f.found:
		return invalidFile("it has no trades as %s writes them", platforms[Freqtrade])
	}
	return nil
}

// checkFreqtrade refuses settings that do not fit freqtrade.
func (p *pass) checkFreqtrade() error {
	switch p.o.Signal {
	case SignalComment:
		return invalid("signal", string(p.o.Signal), "freqtrade has tag and symbol")
	case SignalNone:
		if p.o.Fires {
			return invalid("fires", nil, "a fire needs a signal: say where it stands, by tag or symbol")
		}
	case "":
		p.o.Signal = SignalTag
	}
	p.report.Account = p.o.Account
	return nil
}

// value reads the next value: the member name of the object that is called within, or
// an element. Trades are wherever an array is called trades, or is the whole file.
func (f *freqtradeFile) value(within, name string) error {
	token, err := f.token()
	if err != nil {
		return err
	}
	if f.depth++; f.depth > mostDepth {
		return invalidFile("its values are nested too deeply")
	}
	defer func() { f.depth-- }()
	switch token {
	case json.Delim('{'):
		for f.decoder.More() {
			key, err := f.token()
			if err != nil {
				return err
			}
			if err := f.value(name, fmt.Sprint(key)); err != nil {
				return err
			}
		}
		_, err = f.token()
		return err
	case json.Delim('['):
		if name == "trades" || name == "" {
			return f.trades(within)
		}
		for f.decoder.More() {
			if err := f.value(within, "an element of "+name); err != nil {
				return err
			}
		}
		_, err = f.token()
		return err
	}
	if number, ok := token.(json.Number); ok && name == "profit_total_abs" && f.found {
		if theirs, err := (&decimals{mark: '.'}).parse(number.String()); err == nil {
			f.total(name, theirs, f.sum)
		}
	}
	return nil
}

func (f *freqtradeFile) token() (json.Token, error) {
	f.text.next()
	return f.decoder.Token()
}

// trades reads an array of trades, of a strategy if it is that of a backtest.
func (f *freqtradeFile) trades(strategy string) error {
	f.found = true
	for f.decoder.More() {
		f.text.next()
		var trade freqtradeTrade
		f.number++
		err := f.decoder.Decode(&trade)
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			f.bad(f.number, wrong.Field, wrong.Value, "it is of another type")
			continue
		}
		if err != nil {
			return err
		}
		if err := f.trade(trade, strategy); err != nil {
			return err
		}
	}
	_, err := f.token()
	return err
}

func (f *freqtradeFile) trade(trade freqtradeTrade, strategy string) error {
	if trade.IsOpen {
		f.leaveOut("open")
		return nil
	}
	r := freqtradeRow{line: f.number, exchange: trade.Exchange, pair: trade.Pair, tag: trade.EnterTag, strategy: strategy,
		opened: trade.OpenTimestamp.String(), closed: trade.CloseTimestamp.String(), profit: trade.ProfitAbs.String()}
	if trade.TradeID != nil {
		r.id = trade.TradeID.String()
	}
	if r.tag == "" {
		r.tag = trade.BuyTag
	}
	if r.opened == "" {
		r.opened = trade.OpenDate
	}
	if r.closed == "" {
		r.closed = trade.CloseDate
	}
	if r.profit == "" {
		r.profit = trade.CloseProfitAbs.String()
	}
	return f.addFreqtrade(r)
}

// freqtradeRow is a closed trade of freqtrade, as text.
type freqtradeRow struct {
	line                         int64
	id, exchange, strategy, pair string
	opened, closed, profit, tag  string
}

// addFreqtrade takes a trade.
func (p *pass) addFreqtrade(r freqtradeRow) error {
	t := found{line: r.line}
	var err error
	utc, _ := parseZone("UTC")
	if t.closed, _, err = parseTime(r.closed, utc, unknownDates); err != nil {
		p.bad(r.line, "close_date", r.closed, err.Error())
		return nil
	}
	if r.opened != "" {
		if t.opened, _, err = parseTime(r.opened, utc, unknownDates); err != nil {
			p.bad(r.line, "open_date", r.opened, err.Error())
			return nil
		}
	}
	if t.amount, err = (&decimals{mark: '.'}).parse(r.profit); err != nil || r.profit == "" {
		p.bad(r.line, "profit_abs", r.profit, errNoNumber.Error())
		return nil
	}
	account := p.o.Account
	for _, other := range []string{r.exchange, r.strategy} {
		if account == "" {
			account = other
		}
	}
	switch {
	case r.id != "" && account == "":
		p.bad(r.line, "exchange", "", "it is empty, and no account is given instead")
		return nil
	case r.id != "":
		t.id = "freqtrade-" + account + "-" + r.id
	default:
		t.id = "freqtrade-" + account + "-" + p.distinct(digestOf(t.amount, fmt.Sprint(t.opened.Unix(), t.closed.Unix()), r.pair, r.tag))
	}
	switch p.o.Signal {
	case SignalTag:
		t.signal = signalOf(r.tag)
	case SignalSymbol:
		t.signal = signalOf(r.pair)
	}
	return p.add(t)
}
