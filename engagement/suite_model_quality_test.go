package engagement_test

import (
	"math/big"
	"slices"

	"github.com/hydraxdev/engagementdb/engagement"
)

// inOrder returns the trades that match, the first closed first, as they were
// recorded among those of the same time.
func (m *model) inOrder(match func(modelTrade) bool) []modelTrade {
	var trades []modelTrade
	for _, t := range m.trades {
		if match(t) {
			trades = append(trades, t)
		}
	}
	slices.SortStableFunc(trades, func(a, b modelTrade) int { return a.ClosedAt.Compare(b.ClosedAt) })
	return trades
}

func within(w engagement.Window, day engagement.Day) bool {
	return w.IsAllTime() || (day > 0 && day >= w.From() && day <= w.To())
}

// tradeQuality returns false for a user or signal that is not known.
func (m *model) tradeQuality(q engagement.QualityQuery) (engagement.TradeQuality, bool) {
	about := func(t modelTrade) bool {
		return (q.UserID != 0 && t.UserID == q.UserID) || (q.SignalID != "" && t.SignalID == q.SignalID)
	}
	_, fired := m.created[q.SignalID]
	_, user := m.updated[q.UserID]
	if !fired && !user && len(m.inOrder(about)) == 0 {
		return engagement.TradeQuality{}, false
	}
	return judged(q, m.inOrder(func(t modelTrade) bool { return about(t) && within(q.Window, t.day) })), true
}

// judged works out every figure by itself from the list of trades.
func judged(q engagement.QualityQuery, trades []modelTrade) engagement.TradeQuality {
	carried := func(t modelTrade) bool { return t.TradeID == "opening-balance" && t.Outcome == engagement.Draw }
	result := func(r engagement.Outcome) func(modelTrade) bool {
		return func(t modelTrade) bool { return t.Outcome == r && !carried(t) }
	}
	count := func(match func(modelTrade) bool) (n int64) {
		for _, t := range trades {
			if match(t) {
				n++
			}
		}
		return n
	}
	sum := func(match func(modelTrade) bool) *big.Rat {
		total := new(big.Rat)
		for _, t := range trades {
			if match(t) {
				total.Add(total, big.NewRat(t.micros, 1_000_000))
			}
		}
		return total
	}
	over := func(part *big.Rat, whole int64) *float64 {
		if whole == 0 {
			return nil
		}
		return number(new(big.Rat).Quo(part, big.NewRat(whole, 1)))
	}
	wins, losses, draws := count(result(engagement.Win)), count(result(engagement.Loss)), count(result(engagement.Draw))
	winsPnL, lossesPnL := sum(result(engagement.Win)), sum(result(engagement.Loss))
	pnl, carriedPnL := sum(func(modelTrade) bool { return true }), sum(carried)
	quality := engagement.TradeQuality{
		UserID: q.UserID, SignalID: q.SignalID,
		Trades: wins + losses + draws, Wins: wins, Losses: losses, Draws: draws,
		WinRate: over(big.NewRat(wins, 1), wins+losses),
		PnL:     *number(pnl), CarriedPnL: *number(carriedPnL), WinsPnL: *number(winsPnL), LossesPnL: *number(lossesPnL),
		Expectancy: over(new(big.Rat).Sub(pnl, carriedPnL), wins+losses+draws),
		AverageWin: over(winsPnL, wins), AverageLoss: over(lossesPnL, losses),
		Equity: []engagement.EquityDay{},
	}
	if lossesPnL.Sign() < 0 {
		quality.ProfitFactor = number(new(big.Rat).Quo(winsPnL, new(big.Rat).Neg(lossesPnL)))
	}

	for _, t := range trades {
		if carried(t) {
			continue
		}
		closed := &engagement.ClosedTrade{
			UserID: t.UserID, TradeID: t.TradeID, SignalID: t.SignalID, PnL: t.PnL, Outcome: t.Outcome, ClosedAt: t.ClosedAt,
		}
		if quality.Best == nil || t.PnL > quality.Best.PnL {
			quality.Best = closed
		}
		if quality.Worst == nil || t.PnL < quality.Worst.PnL {
			quality.Worst = closed
		}
	}
	decided := slices.DeleteFunc(slices.Clone(trades), func(t modelTrade) bool { return t.Outcome == engagement.Draw })
	for _, t := range slices.Backward(decided) {
		if quality.Run == nil {
			quality.Run = &engagement.Run{Outcome: t.Outcome}
		}
		if t.Outcome != quality.Run.Outcome {
			break
		}
		quality.Run.Length++
	}

	// The closed P&L at the beginning and after each trade, and every way down
	// from one to a later one.
	levels := []*big.Rat{new(big.Rat)}
	made := slices.DeleteFunc(slices.Clone(trades), carried)
	for _, t := range made {
		levels = append(levels, new(big.Rat).Add(levels[len(levels)-1], big.NewRat(t.micros, 1_000_000)))
	}
	fall, peak := new(big.Rat), new(big.Rat)
	for to := range levels {
		for from := range to {
			if down := new(big.Rat).Sub(levels[from], levels[to]); down.Cmp(fall) > 0 {
				fall, peak = down, levels[from]
			}
		}
	}
	quality.Drawdown = engagement.Drawdown{Amount: *number(fall), Peak: *number(peak)}
	if q.Balance > 0 {
		account := new(big.Rat).Add(new(big.Rat).SetFloat64(q.Balance), peak)
		quality.Drawdown.Share = number(new(big.Rat).Quo(fall, account))
	}

	days := map[engagement.Day]bool{}
	for _, t := range made {
		days[t.day] = true
	}
	for day := range days {
		quality.Equity = append(quality.Equity, engagement.EquityDay{
			Day: day, PnL: *number(sum(func(t modelTrade) bool { return t.day == day && !carried(t) })),
			Cumulative: *number(sum(func(t modelTrade) bool { return t.day <= day && !carried(t) })),
		})
	}
	slices.SortFunc(quality.Equity, func(a, b engagement.EquityDay) int { return int(a.Day - b.Day) })
	return quality
}

func number(r *big.Rat) *float64 {
	f, _ := r.Float64()
	return &f
}
