package engagement

import (
	"context"
	"fmt"
	"strings"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// This file finds rows of facts that should be counted and are not where they
// belong, whatever day their row says, and puts them there.

// misplaced is a row that is not on the day where it belongs. That is the day of
// fact; if it cannot be a fact, err says why.
type misplaced struct {
	row  factRow
	fact *fact
	err  error
}

// finding returns the Finding for the row, which it names by its table and id.
func (m misplaced) finding() Finding {
	f := Finding{Invariant: "V4", Subject: strings.TrimSuffix(strings.TrimPrefix(m.row.table, "signal_"), "s")}
	f.Subject = fmt.Sprintf("%s %d", f.Subject, m.row.id)
	if m.err != nil {
		f.Field, f.Stored, f.Expected = "row", reason(m.err), "a fact"
		return f
	}
	f.Field, f.Stored, f.Expected = "day", m.row.day, m.fact.day().String()
	if day, err := m.row.dayNumber(); err == nil {
		f.Stored = day.String()
	}
	return f
}

func (v *view) verifyFactDays(ctx context.Context, report *Report) error {
	for _, find := range []func(context.Context, int) ([]misplaced, error){v.misplacedFires, v.misplacedTrades} {
		found, err := find(ctx, MaxFindings)
		if err != nil {
			return err
		}
		for _, m := range found {
			report.Findings = append(report.Findings, m.finding())
		}
	}
	return nil
}

// countAside adds the rows that are set aside to the report.
func (v *view) countAside(ctx context.Context, report *Report) error {
	fires, err := v.q.CountFiresOfNoDay(ctx, int64(setAside))
	if err != nil {
		return err
	}
	trades, err := v.q.CountTradesOfNoDay(ctx, int64(setAside))
	if err != nil {
		return err
	}
	report.Fires, report.Trades, report.Aside = report.Fires-fires, report.Trades-trades, fires+trades
	if report.Aside == 0 {
		return nil
	}
	page, err := v.aside(ctx, PageQuery{Limit: MaxFindings})
	report.AsideRows = page.Items
	return err
}

// misplacedFires returns at most limit fires that are not on the day where they
// belong. A counted fire may have a time in the future: the clock may have been set
// back since.
func (v *view) misplacedFires(ctx context.Context, limit int) (wrong []misplaced, err error) {
	for row, err := range v.everyFire(ctx) {
		if err != nil || len(wrong) == limit {
			return wrong, err
		}
		if Day(row.Day) == uncounted {
			continue
		}
		f := dbgen.SignalFire(row)
		day, err := v.placeFire(f, endOfTime)
		if err != nil || day != Day(f.Day) {
			f.Timestamp, f.Day = stored(f.Timestamp), int64(day)
			at := rowOfFire(row)
			wrong = append(wrong, misplaced{at, &fact{fire: f, stored: true, row: &at}, err})
		}
	}
	unreadable, err := v.q.UnreadableFires(ctx, int64(limit-len(wrong)))
	for _, row := range unreadable {
		wrong = append(wrong, v.unreadable(fireRow(dbgen.FireRowsRow(row))))
	}
	return wrong, err
}

// misplacedTrades is misplacedFires for trades.
func (v *view) misplacedTrades(ctx context.Context, limit int) (wrong []misplaced, err error) {
	for row, err := range v.everyTrade(ctx) {
		if err != nil || len(wrong) == limit {
			return wrong, err
		}
		if Day(row.Day) == uncounted {
			continue
		}
		t := dbgen.Trade(row)
		day, err := v.placeTrade(t, endOfTime)
		if err != nil || day != Day(t.Day) {
			t.ClosedAt, t.Day = stored(t.ClosedAt), int64(day)
			at := rowOfTrade(row)
			wrong = append(wrong, misplaced{at, &fact{trade: t, isTrade: true, stored: true, row: &at}, err})
		}
	}
	unreadable, err := v.q.UnreadableTrades(ctx, int64(limit-len(wrong)))
	for _, row := range unreadable {
		wrong = append(wrong, v.unreadable(tradeRow(dbgen.TradeRowsRow(row))))
	}
	return wrong, err
}

// unreadable returns a row that SQL cannot read. The library may be able to, such
// as a time that is a number with a fraction: then it is put right.
func (v *view) unreadable(row factRow) misplaced {
	f, err := v.read(row, endOfTime)
	return misplaced{row, f, err}
}

// repairRows puts rows of facts where they belong, and sets aside those that cannot
// be facts. No counter moves: what they should be is found after this.
func (db *DB) repairRows(ctx context.Context, find func(*view, context.Context, int) ([]misplaced, error)) (int, error) {
	return repair(ctx, db, func(ctx context.Context, v *view) ([]misplaced, error) {
		return find(v, ctx, rebuildPage)
	}, func(ctx context.Context, w *writing, found []misplaced) error {
		for _, m := range found {
			if m.err == nil {
				if _, err := w.place(ctx, m.fact); err != nil {
					return err
				}
				continue
			}
			if _, err := w.move(ctx, m.row, setAside); err != nil {
				return err
			}
			w.logAside(refusal{m.row, m.err})
		}
		return nil
	})
}

func (db *DB) repairFireDays(ctx context.Context) (int, error) {
	return db.repairRows(ctx, (*view).misplacedFires)
}

func (db *DB) repairTradeDays(ctx context.Context) (int, error) {
	return db.repairRows(ctx, (*view).misplacedTrades)
}
