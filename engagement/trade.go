package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Trade is a closed trade. Its key is (UserID, TradeID).
type Trade struct {
	UserID   int64     `json:"user_id"`            // not 0
	TradeID  string    `json:"trade_id"`           // the caller's key, which makes a retry safe; as a signal id
	SignalID string    `json:"signal_id"`          // "" when the trade followed no signal
	PnL      float64   `json:"pnl"`                // within ±MaxPnL, rounded to a millionth
	Outcome  Outcome   `json:"outcome,omitzero"`   // zero: from the sign of PnL
	ClosedAt time.Time `json:"closed_at,omitzero"` // zero: now; cut to whole microseconds
}

// String names the trade by its key.
func (t Trade) String() string { return fmt.Sprintf("trade %q of user %d", t.TradeID, t.UserID) }

// TradeReceipt is what recording a trade came to: Recorded or Duplicate.
type TradeReceipt struct {
	Status Status `json:"status"`
}

// ClosedTrade is a stored trade.
type ClosedTrade struct {
	ID       int64     `json:"id"`
	UserID   int64     `json:"user_id"`
	TradeID  string    `json:"trade_id"`
	SignalID string    `json:"signal_id"`
	PnL      float64   `json:"pnl"`
	Outcome  Outcome   `json:"outcome"`
	ClosedAt time.Time `json:"closed_at"` // UTC
}

// RecordTrade stores a closed trade and moves every counter that it touches,
// together or not at all, creating the user if need be. The same trade again
// is Duplicate and changes nothing; the same id with another signal, P&L,
// outcome or (if given) time is ErrConflict, which names the field, and so is the id
// of a row that is set aside ([Reader.Aside]).
//
// The id opening-balance is reserved (ErrInvalid).
//
// A time before the day 1970-01-02 of the database's zone, or more than 24 hours
// ahead of its clock, is ErrInvalid, and so is a trade that would take the user's
// P&L, in all or of its day, beyond ±MaxPnL.
//
// Callers who record at the same time share a commit; each returns when its own
// trade is on disk.
func (db *DB) RecordTrade(ctx context.Context, t Trade) (TradeReceipt, error) {
	return run(ctx, db.shared(), "record trade", func() (TradeReceipt, error) {
		checked, err := db.core.checkTrade(t, db.core.instant())
		if err != nil {
			return TradeReceipt{}, err
		}
		r, err := db.enqueue(ctx, checked)
		if err != nil {
			return TradeReceipt{}, fmt.Errorf("%s: %w", t, err)
		}
		return TradeReceipt{r.status}, nil
	})
}

// RecordTrades stores many trades in one transaction, in their order, and
// returns their receipts in the same order. If one is refused, none is stored.
func (db *DB) RecordTrades(ctx context.Context, trades []Trade) ([]TradeReceipt, error) {
	return write(ctx, db, "record trades", idempotent, func(w *writing) ([]TradeReceipt, error) {
		return w.recordTrades(ctx, trades)
	})
}

// RecordTrade does what [DB.RecordTrade] does, as part of the transaction.
func (tx *Tx) RecordTrade(ctx context.Context, t Trade) (TradeReceipt, error) {
	receipts, err := tx.RecordTrades(ctx, []Trade{t})
	if err != nil {
		return TradeReceipt{}, err
	}
	return receipts[0], nil
}

// RecordTrades does what [DB.RecordTrades] does, as part of the transaction.
func (tx *Tx) RecordTrades(ctx context.Context, trades []Trade) ([]TradeReceipt, error) {
	return join(ctx, tx, "record trades", func(w *writing) ([]TradeReceipt, error) {
		return w.recordTrades(ctx, trades)
	})
}

func (w *writing) recordTrades(ctx context.Context, trades []Trade) ([]TradeReceipt, error) {
	facts := make([]*fact, len(trades))
	for i, t := range trades {
		var err error
		if facts[i], err = w.checkTrade(t, w.now); err != nil {
			return nil, batchError(i, len(trades), err)
		}
	}
	recorded, err := w.recordAll(ctx, facts)
	switch {
	case err != nil && len(trades) == 1:
		return nil, fmt.Errorf("%s: %w", trades[0], err)
	case err != nil:
		return nil, fmt.Errorf("%d trades: %w", len(trades), err)
	}
	receipts := make([]TradeReceipt, len(recorded))
	for i, r := range recorded {
		receipts[i] = TradeReceipt{r.status}
	}
	return receipts, nil
}

// Trade returns a user's trade, or ErrNotFound if none is stored under that id.
func (r *Reader) Trade(ctx context.Context, userID int64, tradeID string) (ClosedTrade, error) {
	return latest(ctx, r, "read a trade", func(v *view) (ClosedTrade, error) {
		if err := checkUserID(userID); err != nil {
			return ClosedTrade{}, err
		}
		if err := checkID("trade id", tradeID); err != nil {
			return ClosedTrade{}, err
		}
		row, err := v.q.GetTrade(ctx, dbgen.GetTradeParams{UserID: userID, TradeID: tradeID})
		if errors.Is(err, sql.ErrNoRows) {
			return ClosedTrade{}, fmt.Errorf("%s: %w", Trade{UserID: userID, TradeID: tradeID}, ErrNotFound)
		}
		if err != nil {
			return ClosedTrade{}, err
		}
		return closedTrade(row)
	})
}

// TradeFilter selects trades. The zero value selects all.
type TradeFilter struct {
	UserID   int64   `json:"user_id,omitzero"`   // 0: of all users
	SignalID string  `json:"signal_id,omitzero"` // that they followed; "": any or none
	Outcome  Outcome `json:"outcome,omitzero"`   // 0: all of them
	Window   Window  `json:"window,omitzero"`    // by the day on which they closed; zero: of all time
}

func (f TradeFilter) check() error {
	if f.SignalID != "" {
		if err := checkID("signal id", f.SignalID); err != nil {
			return err
		}
	}
	if f.Outcome < 0 || f.Outcome > Draw {
		return invalid("outcome", int(f.Outcome), "want Win, Loss, Draw or 0 for all")
	}
	return f.Window.check()
}

// Trades lists the trades that f selects, last closed first; an empty page if there
// are none.
//
// It reads the trades of the page from an index of the user's, the signal's, an
// outcome's or all trades, and at the end of a window at most as many more. With a
// user or a signal, the other fields of the filter do not narrow what is read: to
// fill a page, all older trades of the user or of the signal may be read.
func (r *Reader) Trades(ctx context.Context, f TradeFilter, q PageQuery) (Page[ClosedTrade], error) {
	return latest(ctx, r, "list trades", func(v *view) (Page[ClosedTrade], error) {
		return v.trades(ctx, f, q)
	})
}

func (v *view) trades(ctx context.Context, f TradeFilter, q PageQuery) (Page[ClosedTrade], error) {
	if err := f.check(); err != nil {
		return Page[ClosedTrade]{}, err
	}
	list := fmt.Sprintf("trades of %d for %q with %d in %v", f.UserID, f.SignalID, f.Outcome, f.Window)
	p, err := v.factPaging(q, list, f.Window.days())
	if err != nil {
		return Page[ClosedTrade]{}, err
	}
	switch {
	case f.Outcome == 0:
		return v.tradesWithout(ctx, f, nil, p)
	case f.UserID == 0 && f.SignalID == "":
		before, id, user, trade := p.before()
		rows, err := v.q.OutcomeTrades(ctx, dbgen.OutcomeTradesParams{
			Outcome: f.Outcome.String(), Before: before, BeforeID: id, BeforeUser: user, BeforeTrade: trade, MaxRows: p.rows(),
		})
		return closedTrades(p, rows, err)
	}
	return v.tradesWithout(ctx, f, slices.DeleteFunc([]Outcome{Win, Loss, Draw}, func(o Outcome) bool { return o == f.Outcome }), p)
}

// tradesWithout lists a page of the trades of a filter's user and signal, without
// those that have one of the outcomes, of which there are at most two.
func (v *view) tradesWithout(ctx context.Context, f TradeFilter, outcomes []Outcome, p factPaging) (Page[ClosedTrade], error) {
	before, id, user, trade := p.before()
	var left [2]string
	for i, outcome := range outcomes {
		left[i] = outcome.String()
	}
	var rows []dbgen.Trade
	var err error
	switch {
	case f.UserID != 0 && f.SignalID != "":
		rows, err = v.q.UserSignalTrades(ctx, dbgen.UserSignalTradesParams{
			UserID: f.UserID, SignalID: f.SignalID, Before: before, BeforeID: id, BeforeTrade: trade,
			But: left[0], Nor: left[1], MaxRows: p.rows(),
		})
	case f.UserID != 0:
		rows, err = v.q.UserTrades(ctx, dbgen.UserTradesParams{
			UserID: f.UserID, Before: before, BeforeID: id, BeforeTrade: trade, But: left[0], Nor: left[1], MaxRows: p.rows(),
		})
	case f.SignalID != "":
		rows, err = v.q.SignalTrades(ctx, dbgen.SignalTradesParams{
			SignalID: f.SignalID, Before: before, BeforeID: id, BeforeUser: user, BeforeTrade: trade,
			But: left[0], Nor: left[1], MaxRows: p.rows(),
		})
	default:
		rows, err = v.q.Trades(ctx, dbgen.TradesParams{
			Before: before, BeforeID: id, BeforeUser: user, BeforeTrade: trade, MaxRows: p.rows(),
		})
	}
	return closedTrades(p, rows, err)
}

// closedTrades makes a page of the rows that a query returned.
func closedTrades(p factPaging, rows []dbgen.Trade, err error) (Page[ClosedTrade], error) {
	if err != nil {
		return Page[ClosedTrade]{}, err
	}
	rows, next, err := cutFacts(p, rows, func(row dbgen.Trade) position {
		return factPosition(row.ClosedAt, row.ID, row.UserID, row.TradeID)
	}, func(row dbgen.Trade) int64 { return row.Day })
	if err != nil {
		return Page[ClosedTrade]{}, err
	}
	page := Page[ClosedTrade]{make([]ClosedTrade, len(rows)), next}
	for i, row := range rows {
		if page.Items[i], err = closedTrade(row); err != nil {
			return Page[ClosedTrade]{}, err
		}
	}
	return page, nil
}

func closedTrade(row dbgen.Trade) (ClosedTrade, error) {
	outcome, err := ParseOutcome(row.Outcome)
	if err != nil {
		return ClosedTrade{}, errors.Join(ErrCorrupt, fmt.Errorf("trade %d: %w", row.ID, err))
	}
	return ClosedTrade{
		ID: row.ID, UserID: row.UserID, TradeID: row.TradeID, SignalID: row.SignalID,
		PnL: fromMicros(row.PnlMicros), Outcome: outcome, ClosedAt: row.ClosedAt,
	}, nil
}
