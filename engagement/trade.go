package engagement

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
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

// Outcome is how a trade ended.
type Outcome int

// The outcomes. The zero value is none of them.
const (
	Win Outcome = iota + 1
	Loss
	Draw
)

// Outcomes lists all outcomes.
func Outcomes() []Outcome { return []Outcome{Win, Loss, Draw} }

// String returns the outcome's name: "win", "loss" or "draw".
func (o Outcome) String() string {
	switch o {
	case Win:
		return "win"
	case Loss:
		return "loss"
	case Draw:
		return "draw"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// ParseOutcome reads an outcome's name. Anything else is ErrInvalid.
func ParseOutcome(s string) (Outcome, error) { return parseNamed("outcome", s, Outcomes()) }

// MarshalText returns the outcome's name, "" for the zero value.
func (o Outcome) MarshalText() ([]byte, error) { return marshalNamed("outcome", o, Outcomes()) }

// UnmarshalText reads what MarshalText returns.
func (o *Outcome) UnmarshalText(text []byte) error { return unmarshalNamed(o, text, ParseOutcome) }

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
// outcome or (if given) time is ErrConflict, which names the field.
//
// A time that [DB.RecordFire] refuses, but for cleaned-up days, is ErrInvalid, and
// so is a trade that would take the user's P&L, in all or of its day, beyond
// ±MaxPnL.
//
// Callers who record at the same time share a commit; each returns when its own
// trade is on disk.
func (db *DB) RecordTrade(ctx context.Context, t Trade) (TradeReceipt, error) {
	return run(ctx, db.shared(), "record trade", func() (TradeReceipt, error) {
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

// UpdateUserPnL adds change to a user's P&L as a trade that followed no signal,
// and returns the user's new totals. With isWin the trade is a win, whatever the
// change, 0 included; without, it is a loss, or a draw for a change of 0. It is
// the predecessor's call; unlike [DB.RecordTrade] it has no key, so repeating it
// adds again.
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
	receipts, err := w.recordAll(ctx, []*fact{f})
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

// TradeFilter selects some trades out of a list that runs from the last closed
// to the first.
type TradeFilter struct {
	UserID  int64        // 0: all users
	Outcome Outcome      // 0: all outcomes
	Limit   int          // 1 to MaxLimit; 0: DefaultLimit
	After   *ClosedTrade // the last trade of the page before; nil: from the last closed
}

func (f TradeFilter) position() (before time.Time, id int64) {
	if f.After == nil {
		return endOfTime, math.MaxInt64
	}
	return stored(f.After.ClosedAt), f.After.ID
}

// RecentTrades returns the trades that f selects, last closed first; none if
// there are none.
func (r *Reader) RecentTrades(ctx context.Context, f TradeFilter) ([]ClosedTrade, error) {
	return latest(ctx, r, "list trades", func(v *view) ([]ClosedTrade, error) {
		return v.closedTrades(ctx, f)
	})
}

func (v *view) closedTrades(ctx context.Context, f TradeFilter) ([]ClosedTrade, error) {
	rows, err := v.tradeRows(ctx, f)
	if err != nil {
		return nil, err
	}
	return closedTrades(rows)
}

func closedTrades(rows []dbgen.Trade) (trades []ClosedTrade, err error) {
	trades = make([]ClosedTrade, len(rows))
	for i, row := range rows {
		if trades[i], err = closedTrade(row); err != nil {
			return nil, err
		}
	}
	return trades, nil
}

func (v *view) tradeRows(ctx context.Context, f TradeFilter) ([]dbgen.Trade, error) {
	limit, err := checkLimit(f.Limit)
	if err != nil {
		return nil, err
	}
	if f.Outcome != 0 {
		if err := checkNamed("outcome", f.Outcome, Outcomes()); err != nil {
			return nil, err
		}
	}
	before, id := f.position()
	outcome := f.Outcome.String()
	switch {
	case f.UserID != 0 && f.Outcome != 0:
		return v.q.UserOutcomeTrades(ctx, dbgen.UserOutcomeTradesParams{UserID: f.UserID, Outcome: outcome, Before: before, BeforeID: id, MaxRows: limit})
	case f.UserID != 0:
		return v.q.UserTrades(ctx, dbgen.UserTradesParams{UserID: f.UserID, Before: before, BeforeID: id, MaxRows: limit})
	case f.Outcome != 0:
		return v.q.OutcomeTrades(ctx, dbgen.OutcomeTradesParams{Outcome: outcome, Before: before, BeforeID: id, MaxRows: limit})
	}
	return v.q.Trades(ctx, dbgen.TradesParams{Before: before, BeforeID: id, MaxRows: limit})
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
