package importer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/hydraxdev/engagementdb/engagement"
)

// found is a trade as it stands in a file.
type found struct {
	line           int64
	id             string
	user           int64 // 0: that of the options
	signal         string
	amount         micros
	opened, closed time.Time // opened may be zero
}

// pass is one reading of a file.
type pass struct {
	ctx    context.Context
	db     *engagement.DB
	o      Options
	in     *input
	zone   zone
	dry    bool
	report Summary
	sum    micros // of all trades that could be read

	waiting []found // for their transaction

	last    string // what names the last trade without an id, and how many in a row were the same
	repeats int
}

// chunk is how many trades share a transaction.
const chunk = 1_000

func (p *pass) progress(done, total int64) {
	if p.o.Progress != nil {
		p.o.Progress(done, total)
	}
}

// add takes a trade that could be read.
func (p *pass) add(f found) error {
	p.report.Read++
	p.sum = clamped(p.sum, f.amount)
	if f.user == 0 {
		f.user = p.o.User
	}
	if p.waiting = append(p.waiting, f); len(p.waiting) < chunk {
		return nil
	}
	return p.flush()
}

// distinct returns what names a trade without an id. Of several in a row of which a
// file says the same it names each.
func (p *pass) distinct(digest string) string {
	if p.repeats++; digest != p.last {
		p.last, p.repeats = digest, 1
	}
	if p.repeats > 1 {
		return fmt.Sprintf("%s-%d", digest, p.repeats)
	}
	return digest
}

// clamped adds, but not beyond what the database has for a sum.
func clamped(sum, m micros) micros {
	return min(max(sum, -mostMicros)+m, mostMicros)
}

// bad takes a row that could not be read.
func (p *pass) bad(line int64, column, text, reason string) {
	p.report.Read++
	p.report.problem(RowProblem{Unreadable, line, column, text, reason})
}

// leaveOut takes a row that is no closed trade.
func (p *pass) leaveOut(reason string) {
	p.report.Read++
	p.report.leaveOut(reason)
}

// total takes a total that the platform states.
func (p *pass) total(name string, theirs, ours micros) {
	p.report.Totals = append(p.report.Totals, Total{shortened(name), theirs.units(), ours.units(), theirs == ours})
}

// errUndone ends the transaction of a dry run.
var errUndone = errors.New("a dry run")

// flush records the trades that wait, in one transaction.
func (p *pass) flush() error {
	if len(p.waiting) == 0 {
		return nil
	}
	var became chunkReport
	err := p.db.Tx(p.ctx, func(tx *engagement.Tx) (err error) {
		if became, err = p.record(tx); err == nil && p.dry {
			err = errUndone
		}
		return err
	})
	if err != nil && !errors.Is(err, errUndone) {
		return err
	}
	p.waiting = p.waiting[:0]
	became.addTo(&p.report)
	return nil
}

// chunkReport is what became of the trades of one transaction.
type chunkReport struct {
	trades, fires [engagement.Duplicate + 1]int64 // by status
	refusedFires  int64
	problems      []RowProblem
}

func (c chunkReport) addTo(r *Summary) {
	r.Recorded += c.trades[engagement.Recorded]
	r.Duplicates += c.trades[engagement.Duplicate]
	if r.Fires != nil {
		r.Fires.Recorded += c.fires[engagement.Recorded]
		r.Fires.Duplicates += c.fires[engagement.Duplicate]
		r.Fires.Marked += c.fires[engagement.MarkedExecuted]
		r.Fires.Refused += c.refusedFires
	}
	for _, problem := range c.problems {
		r.problem(problem)
	}
}

func (p *pass) record(tx *engagement.Tx) (c chunkReport, err error) {
	trades := make([]engagement.Trade, len(p.waiting))
	for i, f := range p.waiting {
		trades[i] = engagement.Trade{UserID: f.user, TradeID: f.id, SignalID: f.signal, PnL: f.amount.units(), ClosedAt: f.closed}
	}
	refused := make([]bool, len(trades))
	err = each(p.ctx, trades, 0, tx.RecordTrades, func(i int, r engagement.TradeReceipt, err error) {
		if err == nil {
			c.trades[r.Status]++
			return
		}
		refused[i] = true
		kind := Unreadable
		if errors.Is(err, engagement.ErrConflict) {
			kind = Conflict
		}
		c.problems = append(c.problems, RowProblem{kind, p.waiting[i].line, "", trades[i].TradeID, reasonOf(err)})
	})
	if err != nil || !p.o.Fires {
		return c, err
	}
	var fires []engagement.Fire
	var lines []int64
	for i, f := range p.waiting {
		if f.signal == "" || refused[i] {
			continue
		}
		at := f.opened
		if at.IsZero() {
			at = f.closed
		}
		fires, lines = append(fires, engagement.Fire{UserID: f.user, SignalID: f.signal, At: at, Executed: true}), append(lines, f.line)
	}
	return c, each(p.ctx, fires, 0, tx.RecordFires, func(i int, r engagement.FireReceipt, err error) {
		if err == nil {
			c.fires[r.Status]++
			return
		}
		c.refusedFires++
		c.problems = append(c.problems, RowProblem{Refused, lines[i], "", fires[i].SignalID, "its fire: " + reasonOf(err)})
	})
}

// each records facts, and tells what became of each. Where one is refused, the half
// that it is in is tried in halves.
func each[F, R any](
	ctx context.Context, facts []F, first int, record func(context.Context, []F) ([]R, error), tell func(int, R, error),
) error {
	if len(facts) == 0 {
		return nil
	}
	receipts, err := record(ctx, facts)
	switch {
	case err == nil:
		for i, r := range receipts {
			tell(first+i, r, nil)
		}
		return nil
	case !errors.Is(err, engagement.ErrInvalid) && !errors.Is(err, engagement.ErrConflict):
		return err
	case len(facts) == 1:
		tell(first, *new(R), err)
		return nil
	}
	half := len(facts) / 2
	if err := each(ctx, facts[:half], first, record, tell); err != nil {
		return err
	}
	return each(ctx, facts[half:], first+half, record, tell)
}

// reasonOf returns why a fact was refused, without what was being done.
func reasonOf(err error) string {
	text := err.Error()
	if refused, ok := errors.AsType[*engagement.InvalidError](err); ok {
		return refused.Error()
	}
	if _, conflict, ok := strings.Cut(text, engagement.ErrConflict.Error()+": "); ok {
		return "another trade is stored under this id: " + conflict
	}
	return text
}

// signalOf makes an id of what stands where the signals of a file stand. What a broker
// adds when a stop is hit is no part of it.
func signalOf(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, text)
	if i := strings.LastIndexByte(text, '['); i >= 0 {
		if mark := text[i:]; strings.HasPrefix(mark, "[sl") || strings.HasPrefix(mark, "[tp") {
			text = text[:i]
		}
	}
	return strings.Join(strings.Fields(text), " ")
}
