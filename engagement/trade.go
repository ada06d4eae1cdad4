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
	UserID   int64     `json:"user_id"`   // not 0
	TradeID  string    `json:"trade_id"`  // the caller's key, which makes a retry safe; as a signal id
	SignalID string    `json:"signal_id"` // "" when the trade followed no signal
	PnL      float64   `json:"pnl"`       // within ±MaxPnL, rounded to a millionth
	Outcome  Outcome   `json:"outcome"`   // zero: from the sign of PnL
	ClosedAt time.Time `json:"closed_at"` // zero: now; cut to whole microseconds
}

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
// outcome or (if given) time is ErrConflict, which names the field.
//
// A time that [DB.RecordFire] refuses, but for cleaned-up days, is ErrInvalid, and
// so is a trade that would take the user's P&L, in all or of its day, beyond
// ±MaxPnL.
//
// Callers who record at the same time share a commit; each returns when its own
// trade is on disk.
func (db *DB) RecordTrade(ctx context.Context, t Trade) (result TradeReceipt, err error) {
	err = db.core.do(ctx, "record trade", func() (int, error) {
		fact, err := db.checkTrade(t)
		if err != nil {
			return 0, err
		}
		w := write{trade: fact}
		if err := db.enqueue(ctx, &w); err != nil {
			return 0, fmt.Errorf("trade %q of user %d: %w", t.TradeID, t.UserID, err)
		}
		result.Status = w.status
		return 1, nil
	})
	return result, err
}

// RecordTrade does what [DB.RecordTrade] does, as part of the transaction.
func (tx *Tx) RecordTrade(ctx context.Context, t Trade) (result TradeReceipt, err error) {
	err = tx.joined(ctx, "record trade", func() (int, error) {
		result, err = tx.recordTrade(ctx, t)
		return 1, err
	})
	return result, err
}

// UpdateUserPnL adds change to a user's P&L as a trade that followed no signal,
// and returns the user's new totals. With isWin the trade is a win, whatever the
// change, 0 included; without, it is a loss, or a draw for a change of 0. It is
// the predecessor's call; unlike [DB.RecordTrade] it has no key, so repeating it
// adds again.
func (db *DB) UpdateUserPnL(ctx context.Context, userID int64, change float64, isWin bool) (stats UserStats, err error) {
	key := newTradeID()
	err = db.writeKeyed(ctx, "update a user's P&L", func(tx *Tx) (int, error) {
		stats, err = tx.updateUserPnL(ctx, userID, key, change, isWin)
		return 1, err
	})
	return stats, err
}

// newTradeID returns the key of a trade whose caller has none.
func newTradeID() string { return "pnl-" + rand.Text() }

// UpdateUserPnL does what [DB.UpdateUserPnL] does, as part of the transaction.
func (tx *Tx) UpdateUserPnL(ctx context.Context, userID int64, change float64, isWin bool) (stats UserStats, err error) {
	err = tx.joined(ctx, "update a user's P&L", func() (int, error) {
		stats, err = tx.updateUserPnL(ctx, userID, newTradeID(), change, isWin)
		return 1, err
	})
	return stats, err
}

func (tx *Tx) updateUserPnL(ctx context.Context, userID int64, tradeID string, change float64, isWin bool) (UserStats, error) {
	t := Trade{UserID: userID, TradeID: tradeID, PnL: change, Outcome: Win}
	switch {
	case isWin:
	case change == 0:
		t.Outcome = Draw
	default:
		t.Outcome = Loss
	}
	if _, err := tx.recordTrade(ctx, t); err != nil {
		return UserStats{}, err
	}
	return tx.userStats(ctx, userID)
}

func (tx *Tx) recordTrade(ctx context.Context, tr Trade) (TradeReceipt, error) {
	fact, err := tx.checkTrade(tr)
	if err != nil {
		return TradeReceipt{}, err
	}
	t := newTally()
	statuses, errs, err := tx.storeTrades(ctx, []newTrade{fact}, t)
	if err == nil {
		err = errs[0]
	}
	if err == nil {
		_, err = t.apply(ctx, tx)
	}
	if err != nil {
		return TradeReceipt{}, fmt.Errorf("trade %q of user %d: %w", tr.TradeID, tr.UserID, err)
	}
	return TradeReceipt{statuses[0]}, nil
}

// storeTrades stores trades, as if they had come one after another, and adds
// what they change to t. errs are those of trades whose key is stored with other
// content; they change nothing.
func (tx *Tx) storeTrades(ctx context.Context, trades []newTrade, t *tally) (statuses []Status, errs []error, err error) {
	statuses, errs = make([]Status, len(trades)), make([]error, len(trades))
	if len(trades) == 0 {
		return statuses, errs, nil
	}
	first := make(map[tradeKey]int, len(trades)) // the only one that can be new
	stored := make(map[tradeKey]dbgen.Trade, len(trades))
	var params rows
	for i, tr := range trades {
		if _, known := first[tr.key()]; known {
			continue
		}
		first[tr.key()] = i
		params.begin().int(tr.UserID).str(tr.TradeID).str(tr.SignalID).int(tr.PnlMicros).
			str(tr.Outcome).time(tr.ClosedAt).int(tr.Day)
	}
	inserted, err := tx.q.InsertTrades(ctx, params.String())
	if err != nil {
		return nil, nil, err
	}
	for _, row := range inserted {
		key := tradeKey{row.UserID, row.TradeID}
		i := first[key]
		statuses[i], stored[key] = Recorded, trades[i].Trade
		if err := t.trade(trades[i].Trade, tx.now); err != nil {
			return nil, nil, err
		}
	}
	if err := tx.readTrades(ctx, first, stored); err != nil {
		return nil, nil, err
	}
	for i, tr := range trades {
		if statuses[i] == Recorded {
			continue
		}
		statuses[i] = Duplicate
		// It may have been erased meanwhile: then nothing contradicts it.
		if known, ok := stored[tr.key()]; ok {
			errs[i] = checkSameTrade(known, tr.Trade, tr.timeGiven)
		}
	}
	return statuses, errs, nil
}

// readTrades adds the trades of those keys that stored lacks.
func (tx *Tx) readTrades(ctx context.Context, keys map[tradeKey]int, stored map[tradeKey]dbgen.Trade) error {
	var params rows
	for key := range keys {
		if _, known := stored[key]; !known {
			params.begin().int(key.user).str(key.trade)
		}
	}
	if params.empty() {
		return nil
	}
	known, err := tx.q.TradesByKey(ctx, params.String())
	for _, row := range known {
		stored[tradeKey{row.UserID, row.TradeID}] = row
	}
	return err
}

// newTrade is a trade to be stored.
type newTrade struct {
	dbgen.Trade
	timeGiven bool // the caller gave its closing time
}

type tradeKey struct {
	user  int64
	trade string
}

func (t newTrade) key() tradeKey { return tradeKey{t.UserID, t.TradeID} }

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

// checkTrade refuses a trade that cannot be stored and returns the row for one
// that can.
func (r *Reader) checkTrade(t Trade) (newTrade, error) {
	if err := checkUserID(t.UserID); err != nil {
		return newTrade{}, err
	}
	if err := checkID("trade id", t.TradeID); err != nil {
		return newTrade{}, err
	}
	if t.SignalID != "" {
		if err := checkID("signal id", t.SignalID); err != nil {
			return newTrade{}, err
		}
	}
	micros, err := toMicros("P&L", t.PnL)
	if err != nil {
		return newTrade{}, err
	}
	result, err := outcomeOf(t.Outcome, micros)
	if err != nil {
		return newTrade{}, err
	}
	at, day, err := r.checkTime("closing time", t.ClosedAt)
	if err != nil {
		return newTrade{}, err
	}
	return newTrade{timeGiven: !t.ClosedAt.IsZero(), Trade: dbgen.Trade{
		UserID: t.UserID, TradeID: t.TradeID, SignalID: t.SignalID,
		PnlMicros: micros, Outcome: result.String(), ClosedAt: at, Day: int64(day),
	}}, nil
}

func outcomeOf(given Outcome, micros int64) (Outcome, error) {
	switch {
	case given < 0 || given > Draw:
		return 0, invalid("outcome", int(given), "want Win, Loss, Draw or 0")
	case given != 0:
		return given, nil
	case micros > 0:
		return Win, nil
	case micros < 0:
		return Loss, nil
	}
	return Draw, nil
}

// TradeFilter selects some trades out of a list that runs from the last closed
// to the first.
type TradeFilter struct {
	UserID  int64        // 0: all users
	Outcome Outcome      // 0: all results
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
func (r *Reader) RecentTrades(ctx context.Context, f TradeFilter) (trades []ClosedTrade, err error) {
	err = r.single(ctx, "list trades", func(r *Reader) (int, error) {
		trades, err = r.closedTrades(ctx, f)
		return len(trades), err
	})
	return trades, err
}

func (r *Reader) closedTrades(ctx context.Context, f TradeFilter) ([]ClosedTrade, error) {
	rows, err := r.tradeRows(ctx, f)
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

func (r *Reader) tradeRows(ctx context.Context, f TradeFilter) ([]dbgen.Trade, error) {
	limit, err := checkLimit(f.Limit)
	if err != nil {
		return nil, err
	}
	if f.Outcome < 0 || f.Outcome > Draw {
		return nil, invalid("outcome", int(f.Outcome), "want Win, Loss, Draw or 0 for all")
	}
	before, id := f.position()
	outcome := f.Outcome.String()
	switch {
	case f.UserID != 0 && f.Outcome != 0:
		return r.q.UserOutcomeTrades(ctx, dbgen.UserOutcomeTradesParams{UserID: f.UserID, Outcome: outcome, Before: before, BeforeID: id, MaxRows: limit})
	case f.UserID != 0:
		return r.q.UserTrades(ctx, dbgen.UserTradesParams{UserID: f.UserID, Before: before, BeforeID: id, MaxRows: limit})
	case f.Outcome != 0:
		return r.q.OutcomeTrades(ctx, dbgen.OutcomeTradesParams{Outcome: outcome, Before: before, BeforeID: id, MaxRows: limit})
	}
	return r.q.Trades(ctx, dbgen.TradesParams{Before: before, BeforeID: id, MaxRows: limit})
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
