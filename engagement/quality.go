package engagement

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// QualityQuery says which trades to judge: a user's, or those that followed a
// signal, whoever made them. Exactly one of UserID and SignalID is set.
type QualityQuery struct {
	UserID   int64   `json:"user_id,omitzero"`
	SignalID string  `json:"signal_id,omitzero"`
	Window   Window  `json:"window,omitzero"`  // by the day on which a trade closed; zero: all time
	Balance  float64 `json:"balance,omitzero"` // of the account before the first of these trades, at most MaxPnL; 0: not known
}

// TradeQuality says how good some trades were. Whether a trade is a win, a loss or a
// draw is its Outcome alone: a trade recorded as a loss is a loss even if it earned
// something.
//
// An opening balance, the P&L that a user has from the predecessor (trade id
// opening-balance), is not a trade and belongs to no day. For all time it is in PnL
// and CarriedPnL and in no other figure; for other windows it is in none. So for such
// a user Draws is one less than in [UserStats].
//
// A ratio with nothing to divide by is nil, null in JSON.
type TradeQuality struct {
	UserID   int64  `json:"user_id,omitzero"`
	SignalID string `json:"signal_id,omitzero"`

	Trades  int64    `json:"trades"` // Wins + Losses + Draws
	Wins    int64    `json:"wins"`
	Losses  int64    `json:"losses"`
	Draws   int64    `json:"draws"`
	WinRate *float64 `json:"win_rate"` // Wins / (Wins + Losses)

	PnL          float64  `json:"pnl"`           // the sum, CarriedPnL included
	CarriedPnL   float64  `json:"carried_pnl"`   // the balance from the predecessor
	WinsPnL      float64  `json:"wins_pnl"`      // of the wins
	LossesPnL    float64  `json:"losses_pnl"`    // of the losses, below 0 as a rule
	ProfitFactor *float64 `json:"profit_factor"` // WinsPnL / -LossesPnL; null unless LossesPnL is below 0
	Expectancy   *float64 `json:"expectancy"`    // (PnL - CarriedPnL) / Trades
	AverageWin   *float64 `json:"average_win"`   // WinsPnL / Wins
	AverageLoss  *float64 `json:"average_loss"`  // LossesPnL / Losses

	Best  *ClosedTrade `json:"best"`  // of the highest P&L, the first closed among equals; null without trades
	Worst *ClosedTrade `json:"worst"` // of the lowest P&L, the first closed among equals; null without trades
	Run   *Run         `json:"current_run"`

	Drawdown Drawdown    `json:"max_drawdown"`
	Equity   []EquityDay `json:"equity"` // days on which trades closed, oldest first; other days are left out
}

// Run is how many wins or losses came last without one of the other kind between
// them. Draws neither lengthen nor end it. Null if there are neither wins nor losses.
type Run struct {
	Outcome Outcome `json:"outcome"` // Win or Loss
	Length  int64   `json:"length"`
}

// Drawdown is the largest fall of the closed P&L from its highest value before. The
// closed P&L is added up trade by trade in the order in which they closed, without
// CarriedPnL. It starts at 0, so a loss at the very beginning is a fall. Among equal
// falls it is the first.
type Drawdown struct {
	Amount float64  `json:"amount"` // 0 if it never fell
	Peak   float64  `json:"peak"`   // the closed P&L from which it fell, at least 0
	Share  *float64 `json:"share"`  // Amount / (Balance + Peak), above 1 if more was lost than there was; null without a Balance
}

// EquityDay is one day of the closed P&L, without CarriedPnL.
type EquityDay struct {
	Day        Day     `json:"day"`
	PnL        float64 `json:"pnl"`        // of the day
	Cumulative float64 `json:"cumulative"` // of all these days up to it
}

// TradeQuality returns how good the trades were that q selects, all of one moment, in
// the order in which they closed (those of the same time by id). Sums are exact; only
// the divisions round. All figures are zero or null if no trade closed in the window;
// ErrNotFound for a user who has neither fired nor traded and for a signal that
// nobody has fired or traded.
//
// Trades are never cleaned up, so any window can be asked for. The call reads
// the trades of the window one by one and keeps their days in memory.
func (r *Reader) TradeQuality(ctx context.Context, q QualityQuery) (TradeQuality, error) {
	return snapshot(ctx, r, "judge trades", func(v *view) (TradeQuality, error) { return v.tradeQuality(ctx, q) })
}

func (v *view) tradeQuality(ctx context.Context, q QualityQuery) (TradeQuality, error) {
	s, err := checkSubject(q.UserID, q.SignalID)
	if err != nil {
		return TradeQuality{}, err
	}
	if err := q.Window.check(); err != nil {
		return TradeQuality{}, err
	}
	balance, err := toMicros("balance", q.Balance)
	if err != nil {
		return TradeQuality{}, err
	}
	if q.Balance < 0 {
		return TradeQuality{}, invalid("balance", q.Balance, "want at least 0")
	}
	j := judge{days: map[Day]stats.Amount{}}
	for trade, err := range v.tradesInOrder(ctx, s, q.Window.days()) {
		if err == nil {
			err = j.trade(trade)
		}
		if err != nil {
			return TradeQuality{}, err
		}
	}
	if !j.any {
		if err := v.checkKnown(ctx, s); err != nil {
			return TradeQuality{}, err
		}
	}
	return j.verdict(s, balance), nil
}

// checkKnown returns ErrNotFound for a subject about which nothing is stored.
func (v *view) checkKnown(ctx context.Context, s subject) error {
	if s.userID != 0 {
		_, err := v.userRow(ctx, s.userID)
		return err
	}
	_, err := v.q.GetSignalMetrics(ctx, s.signalID)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	// Nobody fired it, but trades may name it.
	for _, err := range v.tradesInOrder(ctx, s, AllTime().days()) {
		return err
	}
	return notFound("signal", s.signalID)
}

// subject says whose trades a figure is computed from: those of a user, or those that
// followed a signal. The zero value stands for the wins and losses of everybody.
type subject struct {
	userID   int64
	signalID string
}

// checkSubject refuses what is not one user or one signal.
func checkSubject(userID int64, signalID string) (subject, error) {
	switch {
	case userID != 0 && signalID != "":
		return subject{}, invalid("subject", fmt.Sprintf("user %d and signal %s", userID, signalID), "want one of them")
	case signalID != "":
		return subject{signalID: signalID}, checkID("signal id", signalID)
	}
	return subject{userID: userID}, checkUserID(userID)
}

func (s subject) String() string {
	if s.signalID != "" {
		return fmt.Sprintf("signal %q", s.signalID)
	}
	return fmt.Sprintf("user %d", s.userID)
}

// tradesInOrder yields the trades of s on some days, first closed first, those of the
// same time by id and then by key.
func (v *view) tradesInOrder(ctx context.Context, s subject, days daySpan) iter.Seq2[dbgen.Trade, error] {
	const pageSize = 1_000
	first, end := days.bounds()
	start, until := days.times()
	byClosing := func(a, b dbgen.Trade) int {
		return cmp.Or(a.ClosedAt.Compare(b.ClosedAt), cmp.Compare(a.ID, b.ID), compareKeys(a.UserID, a.TradeID, b.UserID, b.TradeID))
	}
	return walk(pageSize, byClosing, func(after *dbgen.Trade) ([]dbgen.Trade, error) {
		if after == nil {
			after = &dbgen.Trade{ClosedAt: start, ID: math.MinInt64, UserID: math.MinInt64}
		}
		switch {
		case s.userID != 0:
			return v.q.UserTradesFrom(ctx, dbgen.UserTradesFromParams{
				UserID: s.userID, After: after.ClosedAt, Until: until, AfterID: after.ID, AfterTrade: after.TradeID,
				FirstDay: first, LastDay: end, MaxRows: pageSize,
			})
		case s.signalID != "":
			return v.q.SignalTradesFrom(ctx, dbgen.SignalTradesFromParams{
				SignalID: s.signalID, After: after.ClosedAt, Until: until,
				AfterID: after.ID, AfterUser: after.UserID, AfterTrade: after.TradeID,
				FirstDay: first, LastDay: end, MaxRows: pageSize,
			})
		}
		return v.q.DecidedTradesFrom(ctx, dbgen.DecidedTradesFromParams{
			After: after.ClosedAt, Until: until, AfterID: after.ID, AfterUser: after.UserID, AfterTrade: after.TradeID,
			FirstDay: first, LastDay: end, MaxRows: pageSize,
		})
	})
}

// openingBalance is the trade id of opening balances: draws that carry a P&L which
// the predecessor kept without its trades.
const openingBalance = "opening-balance"

// judge adds up trades in the order in which they closed.
type judge struct {
	stats.Ledger
	best, worst     ClosedTrade
	highest, lowest int64 // their P&L
	days            map[Day]stats.Amount
	any             bool // a trade or an opening balance was added
}

func (j *judge) trade(row dbgen.Trade) error {
	t, err := closedTrade(row)
	if err != nil {
		return err
	}
	micros := row.PnlMicros
	j.any = true
	if Day(row.Day) == balanceDay {
		j.Carry(micros)
		return nil
	}
	j.days[Day(row.Day)] = j.days[Day(row.Day)].Add(micros)
	first := j.Trades() == 0
	if first || micros > j.highest {
		j.best, j.highest = t, micros
	}
	if first || micros < j.lowest {
		j.worst, j.lowest = t, micros
	}
	switch t.Outcome {
	case Win:
		j.Win(micros)
	case Loss:
		j.Loss(micros)
	case Draw:
		j.Draw(micros)
	}
	return nil
}

// verdict returns the figures of the trades added up. balance is 0 if it is not
// known.
func (j *judge) verdict(s subject, balance int64) TradeQuality {
	quality := TradeQuality{
		UserID: s.userID, SignalID: s.signalID,
		Trades: j.Trades(), Wins: j.Wins, Losses: j.Losses, Draws: j.Draws, WinRate: j.WinRate(),

		PnL: j.PnL.Units(), CarriedPnL: j.Carried.Units(), WinsPnL: j.WinsPnL.Units(), LossesPnL: j.LossesPnL.Units(),
		ProfitFactor: j.ProfitFactor(), Expectancy: j.Expectancy(), AverageWin: j.AverageWin(), AverageLoss: j.AverageLoss(),

		Drawdown: Drawdown{Amount: j.Fall.Units(), Peak: j.FellFrom.Units(), Share: j.FallShare(balance)},
		Equity:   make([]EquityDay, 0, len(j.days)),
	}
	if j.Trades() > 0 {
		quality.Best, quality.Worst = &j.best, &j.worst
	}
	switch {
	case j.Run > 0:
		quality.Run = &Run{Win, j.Run}
	case j.Run < 0:
		quality.Run = &Run{Loss, -j.Run}
	}
	var total stats.Amount
	for _, day := range slices.Sorted(maps.Keys(j.days)) {
		pnl := j.days[day]
		total = total.Plus(pnl)
		quality.Equity = append(quality.Equity, EquityDay{Day: day, PnL: pnl.Units(), Cumulative: total.Units()})
	}
	return quality
}
