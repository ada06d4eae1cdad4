package engagement

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// QualityQuery says which trades to judge: a user's, or those that followed a
// signal, whoever made them. Exactly one of UserID and SignalID is set.
type QualityQuery struct {
	UserID   int64
	SignalID string
	Window   Window  // by the day on which a trade closed; zero: all time
	Balance  float64 // what the account held before the first of these trades, at most MaxPnL; 0: not known
}

// TradeQuality says how good some trades were. What a trade is goes by its
// Outcome alone: a trade recorded as a loss is one even if it earned something.
//
// The balance with which a user came from the predecessor (trade id
// opening-balance) is no trade that was made: it is in PnL, CarriedPnL, the
// drawdown and the equity, at the time it carries, and in no other figure. So
// Draws here is one less than in [UserStats] for such a user.
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

	PnL          float64  `json:"pnl"`           // of everything, CarriedPnL included
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

// Run is how many wins or losses came last without one of the other kind
// between them. Draws neither lengthen nor end it. It is null without wins and
// losses.
type Run struct {
	Outcome Outcome `json:"outcome"` // Win or Loss
	Length  int64   `json:"length"`
}

// Drawdown is the largest fall of the closed P&L, added up trade by trade in
// the order in which they closed, from the highest it had been. It starts at 0,
// so a loss at the very beginning is a fall. Of equal falls it is the first.
type Drawdown struct {
	Amount float64  `json:"amount"` // 0 if it never fell
	Peak   float64  `json:"peak"`   // the closed P&L from which it fell, at least 0
	Share  *float64 `json:"share"`  // Amount / (Balance + Peak), above 1 if more was lost than there was; null without a Balance
}

// EquityDay is one day of the closed P&L.
type EquityDay struct {
	Day        Day     `json:"day"`
	PnL        float64 `json:"pnl"`        // of the day
	Cumulative float64 `json:"cumulative"` // of all these days up to it
}

// TradeQuality judges the trades that q selects, of one moment, in the order in
// which they closed (of the same time by id). Every figure is exact up to its
// last division. All zero and null if none closed in the window; ErrNotFound
// for a user who has neither fired nor traded and for a signal that nobody has
// fired or traded.
//
// A trade of an adopted file whose time is not known is part of all time only.
// It is on the first day of the equity, 1970-01-01; what goes by order has it
// where the time stored with it puts it.
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
	j := judge{days: map[Day]amount{}}
	trades, err := v.eachClosed(ctx, s, q.Window.days(), j.trade)
	if err != nil {
		return TradeQuality{}, err
	}
	if trades == 0 {
		if err := v.checkKnown(ctx, s); err != nil {
			return TradeQuality{}, err
		}
	}
	return j.verdict(s, balance), nil
}

// checkKnown refuses a subject of which nothing is stored.
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
	trades, err := v.eachClosed(ctx, s, AllTime().days(), func(dbgen.Trade) error { return nil })
	if err == nil && trades == 0 {
		return notFound("signal", s.signalID)
	}
	return err
}

// openingBalance is the id of the draw that carries a P&L which the predecessor
// kept without the trades behind it.
const openingBalance = "opening-balance"

// judge adds up trades in the order in which they closed.
type judge struct {
	wins, losses, draws              int64
	pnl, carried, winsPnL, lossesPnL amount
	best, worst                      ClosedTrade
	highest, lowest                  int64 // their P&L
	run                              Run

	peak           amount // the highest that pnl has been
	fall, fellFrom amount
	days           map[Day]amount
}

func (j *judge) trade(row dbgen.Trade) error {
	t, err := closedTrade(row)
	if err != nil {
		return err
	}
	micros := row.PnlMicros
	j.pnl = j.pnl.add(micros)
	j.days[Day(row.Day)] = j.days[Day(row.Day)].add(micros)
	if j.peak.less(j.pnl) {
		j.peak = j.pnl
	}
	if fall := j.peak.minus(j.pnl); j.fall.less(fall) {
		j.fall, j.fellFrom = fall, j.peak
	}
	if t.TradeID == openingBalance && t.Outcome == Draw {
		j.carried = j.carried.add(micros)
		return nil
	}
	first := j.made() == 0
	if first || micros > j.highest {
		j.best, j.highest = t, micros
	}
	if first || micros < j.lowest {
		j.worst, j.lowest = t, micros
	}
	switch t.Outcome {
	case Win:
		j.wins++
		j.winsPnL = j.winsPnL.add(micros)
	case Loss:
		j.losses++
		j.lossesPnL = j.lossesPnL.add(micros)
	case Draw:
		j.draws++
		return nil
	}
	if j.run.Outcome != t.Outcome {
		j.run = Run{Outcome: t.Outcome}
	}
	j.run.Length++
	return nil
}

func (j *judge) made() int64 { return j.wins + j.losses + j.draws }

// verdict returns the figures of the trades added up. balance is 0 if it is not
// known.
func (j *judge) verdict(s subject, balance int64) TradeQuality {
	quality := TradeQuality{
		UserID: s.userID, SignalID: s.signalID,
		Trades: j.made(), Wins: j.wins, Losses: j.losses, Draws: j.draws,
		WinRate: quotient(float64(j.wins), float64(j.wins+j.losses)),

		PnL: j.pnl.money(), CarriedPnL: j.carried.money(),
		WinsPnL: j.winsPnL.money(), LossesPnL: j.lossesPnL.money(),
		Expectancy:  quotient(j.pnl.minus(j.carried).money(), float64(j.made())),
		AverageWin:  quotient(j.winsPnL.money(), float64(j.wins)),
		AverageLoss: quotient(j.lossesPnL.money(), float64(j.losses)),

		Drawdown: Drawdown{Amount: j.fall.money(), Peak: j.fellFrom.money()},
		Equity:   make([]EquityDay, 0, len(j.days)),
	}
	if j.lossesPnL.less(amount{}) {
		quality.ProfitFactor = quotient(quality.WinsPnL, -quality.LossesPnL)
	}
	if balance > 0 {
		quality.Drawdown.Share = quotient(quality.Drawdown.Amount, j.fellFrom.add(balance).money())
	}
	if j.made() > 0 {
		quality.Best, quality.Worst = &j.best, &j.worst
	}
	if j.run.Length > 0 {
		quality.Run = &j.run
	}
	var total amount
	for _, day := range slices.Sorted(maps.Keys(j.days)) {
		pnl := j.days[day]
		total = total.plus(pnl)
		quality.Equity = append(quality.Equity, EquityDay{Day: day, PnL: pnl.money(), Cumulative: total.money()})
	}
	return quality
}

// quotient returns part / whole, or nil when there is nothing to divide by.
func quotient(part, whole float64) *float64 {
	if whole == 0 {
		return nil
	}
	q := part / whole
	return &q
}
