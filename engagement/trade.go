package engagement

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Trade is a closed trade. Its key is (UserID, TradeID).
type Trade struct {
	UserID   int64     `json:"user_id"`   // not 0
	TradeID  string    `json:"trade_id"`  // the caller's key, which makes a retry safe; as a signal id
	SignalID string    `json:"signal_id"` // "" when the trade followed no signal
	PnL      float64   `json:"pnl"`       // within ±MaxPnL, rounded to a millionth
	Outcome  Outcome   `json:"outcome"`   // zero: from the sign of PnL
	ClosedAt time.Time `json:"closed_at"` // zero: now
}

// String names the trade by its key.
func (t Trade) String() string { return fmt.Sprintf("trade %q of user %d", t.TradeID, t.UserID) }

// Outcome says how a trade ended.
type Outcome int

// The results.
const (
	Win Outcome = iota + 1
	Loss
	Draw
)

// String returns "win", "loss" or "draw".
func (r Outcome) String() string {
	switch r {
	case Win:
		return "win"
	case Loss:
		return "loss"
	case Draw:
		return "draw"
	}
	return fmt.Sprintf("Outcome(%d)", int(r))
}

// ParseOutcome reads "win", "loss" or "draw". Anything else is ErrInvalid.
func ParseOutcome(s string) (Outcome, error) {
	for _, r := range []Outcome{Win, Loss, Draw} {
		if r.String() == s {
			return r, nil
		}
	}
	return 0, invalid("outcome", s, "want win, loss or draw")
}

// MarshalText returns the result's name.
func (r Outcome) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the result's name.
func (r *Outcome) UnmarshalText(text []byte) (err error) {
	*r, err = ParseOutcome(string(text))
	return err
}

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
// result or (if given) time is ErrConflict, which names the field.
// Callers who record at the same time share a commit; each returns when its own
// trade is on disk.
func (db *DB) RecordTrade(ctx context.Context, t Trade) (TradeReceipt, error) {
	return run(ctx, db.core, "record trade", func() (TradeReceipt, error) {
		fact, err := db.core.checkTrade(t, db.core.instant())
		if err != nil {
			return TradeReceipt{}, err
		}
		r, err := db.enqueue(ctx, fact)
		if err != nil {
			return TradeReceipt{}, fmt.Errorf("%s: %w", t, err)
		}
		return TradeReceipt{r.status}, nil
	})
}

// RecordTrade does what [DB.RecordTrade] does, as part of the transaction.
func (tx *Tx) RecordTrade(ctx context.Context, t Trade) (TradeReceipt, error) {
	return join(ctx, tx, "record trade", func(w *writing) (TradeReceipt, error) { return w.recordTrade(ctx, t) })
}

// UpdateUserPnL adds change to a user's P&L as a trade that followed no signal
// (a win if isWin, otherwise a loss, or a draw for a change of 0), and returns
// the user's new totals. It is the predecessor's call; unlike [DB.RecordTrade]
// it has no key, so repeating it adds again.
func (db *DB) UpdateUserPnL(ctx context.Context, userID int64, change float64, isWin bool) (UserStats, error) {
	key := newTradeID()
	return write(ctx, db, "update a user's P&L", idempotent, func(w *writing) (UserStats, error) {
		return w.updateUserPnL(ctx, userID, key, change, isWin)
	})
}

// newTradeID returns the key of a trade whose caller has none.
func newTradeID() string { return "pnl-" + rand.Text() }

// UpdateUserPnL does what [DB.UpdateUserPnL] does, as part of the transaction.
func (tx *Tx) UpdateUserPnL(ctx context.Context, userID int64, change float64, isWin bool) (UserStats, error) {
	return join(ctx, tx, "update a user's P&L", func(w *writing) (UserStats, error) {
		return w.updateUserPnL(ctx, userID, newTradeID(), change, isWin)
	})
}

func (w *writing) updateUserPnL(ctx context.Context, userID int64, tradeID string, change float64, isWin bool) (UserStats, error) {
	t := Trade{UserID: userID, TradeID: tradeID, PnL: change, Outcome: Win}
	switch {
	case isWin:
	case change == 0:
		t.Outcome = Draw
	default:
		t.Outcome = Loss
	}
	if _, err := w.recordTrade(ctx, t); err != nil {
		return UserStats{}, err
	}
	return w.userStats(ctx, userID)
}

func (w *writing) recordTrade(ctx context.Context, t Trade) (TradeReceipt, error) {
	f, err := w.checkTrade(t, w.now)
	if err != nil {
		return TradeReceipt{}, err
	}
	receipts, err := w.recordAll(ctx, []fact{f})
	if err != nil {
		return TradeReceipt{}, fmt.Errorf("%s: %w", t, err)
	}
	return TradeReceipt{receipts[0].status}, nil
}

func checkSameTrade(known, row dbgen.Trade, timeGiven bool) error {
	conflict := func(field string, have, got any) error {
		return fmt.Errorf("%w: %s is stored as %#v, got %#v", ErrConflict, field, have, got)
	}
	switch {
	case known.SignalID != row.SignalID:
		return conflict("signal id", known.SignalID, row.SignalID)
	case known.PnlMicros != row.PnlMicros:
		return conflict("P&L", fromMicros(known.PnlMicros), fromMicros(row.PnlMicros))
	case known.Outcome != row.Outcome:
		return conflict("outcome", known.Outcome, row.Outcome)
	case timeGiven && !known.ClosedAt.Equal(row.ClosedAt):
		return conflict("closing time", known.ClosedAt.Format(time.RFC3339Nano), row.ClosedAt.Format(time.RFC3339Nano))
	}
	return nil
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

// TradeFilter says which trades to list. The zero value lets all through.
type TradeFilter struct {
	UserID   int64   // 0: of all users
	SignalID string  // that they followed; "": any or none
	Outcome  Outcome // 0: all of them
	Window   Window  // by the day on which they closed; zero: of all time
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

// outcomes are the names of those that the filter lets through.
func (f TradeFilter) outcomes() string {
	if f.Outcome == 0 {
		return anyOutcome
	}
	return f.Outcome.String()
}

var (
	anyOutcome = fmt.Sprint(Win, Loss, Draw)
	decided    = fmt.Sprint(Win, Loss)
)

// Trades lists the trades that f lets through, last closed first; none if there
// are none.
//
// It reads off an index of the user's, the signal's, an outcome's or all trades,
// and no further than the window and 16 hours around it. With a user it reads, of
// that user's trades, those of other signals and outcomes too; with a signal those
// of other outcomes.
func (r *Reader) Trades(ctx context.Context, f TradeFilter, q PageQuery) (Page[ClosedTrade], error) {
	return latest(ctx, r, "list trades", func(v *view) (Page[ClosedTrade], error) {
		return v.trades(ctx, f, q)
	})
}

func (v *view) trades(ctx context.Context, f TradeFilter, q PageQuery) (Page[ClosedTrade], error) {
	if err := f.check(); err != nil {
		return Page[ClosedTrade]{}, err
	}
	p, err := q.of(fmt.Sprintf("trades of %d for %q with %q in %v", f.UserID, f.SignalID, f.outcomes(), f.Window), newestFact(f.Window.days()))
	if err != nil {
		return Page[ClosedTrade]{}, err
	}
	return v.tradesWith(ctx, f, f.outcomes(), p)
}

// tradesWith lists a page of trades with one of some outcomes, by the rest of a
// filter.
func (v *view) tradesWith(ctx context.Context, f TradeFilter, outcomes string, p paging) (Page[ClosedTrade], error) {
	var rows []dbgen.Trade
	var err error
	since, _ := f.Window.days().times()
	before, id, user := p.after.time(), p.after.numbers[1], p.after.numbers[2]
	first, last := f.Window.days().bounds()
	switch {
	case f.UserID != 0:
		rows, err = v.q.UserTrades(ctx, dbgen.UserTradesParams{
			UserID: f.UserID, Since: since, Before: before, BeforeID: id, BeforeTrade: p.after.text,
			FirstDay: first, LastDay: last, Outcomes: outcomes, SignalID: f.SignalID, MaxRows: p.rows(),
		})
	case f.SignalID != "":
		rows, err = v.q.SignalTrades(ctx, dbgen.SignalTradesParams{
			SignalID: f.SignalID, Since: since, Before: before, BeforeID: id, BeforeUser: user, BeforeTrade: p.after.text,
			FirstDay: first, LastDay: last, Outcomes: outcomes, MaxRows: p.rows(),
		})
	case f.Outcome != 0:
		rows, err = v.q.OutcomeTrades(ctx, dbgen.OutcomeTradesParams{
			Outcome: outcomes, Since: since, Before: before, BeforeID: id, BeforeUser: user, BeforeTrade: p.after.text,
			FirstDay: first, LastDay: last, MaxRows: p.rows(),
		})
	default:
		rows, err = v.q.Trades(ctx, dbgen.TradesParams{
			Since: since, Before: before, BeforeID: id, BeforeUser: user, BeforeTrade: p.after.text,
			FirstDay: first, LastDay: last, MaxRows: p.rows(),
		})
	}
	if err != nil {
		return Page[ClosedTrade]{}, err
	}
	rows, next := cut(p, rows, func(row dbgen.Trade) position {
		return factPosition(row.ClosedAt, row.ID, row.UserID, row.TradeID)
	})
	page := Page[ClosedTrade]{make([]ClosedTrade, len(rows)), next}
	for i, row := range rows {
		if page.Items[i], err = closedTrade(row); err != nil {
			return Page[ClosedTrade]{}, err
		}
	}
	return page, nil
}

func closedTrade(row dbgen.Trade) (ClosedTrade, error) {
	result, err := ParseOutcome(row.Outcome)
	if err != nil {
		return ClosedTrade{}, errors.Join(ErrCorrupt, fmt.Errorf("trade %d: %w", row.ID, err))
	}
	return ClosedTrade{
		ID: row.ID, UserID: row.UserID, TradeID: row.TradeID, SignalID: row.SignalID,
		PnL: fromMicros(row.PnlMicros), Outcome: result, ClosedAt: row.ClosedAt,
	}, nil
}
