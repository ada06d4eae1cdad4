package stats

// Ledger adds up closed trades, given in the order in which they closed, in
// millionths. The zero value has none.
type Ledger struct {
	Wins, Losses, Draws int64

	PnL                         Amount // of everything, Carried included
	Carried, WinsPnL, LossesPnL Amount

	// Run is how many wins, or below 0 losses, came last without one of the
	// other kind between them. Draws neither lengthen nor end it.
	Run int64

	// Fall is the largest fall of PnL without Carried from its highest value before,
	// which is FellFrom. PnL starts at 0. Among equal falls they are of the first.
	Fall, FellFrom Amount

	peak Amount
}

// Win adds a trade that was won.
func (l *Ledger) Win(micros int64) {
	l.move(micros)
	l.Wins++
	l.WinsPnL = l.WinsPnL.Add(micros)
	l.Run = max(l.Run, 0) + 1
}

// Loss adds a trade that was lost.
func (l *Ledger) Loss(micros int64) {
	l.move(micros)
	l.Losses++
	l.LossesPnL = l.LossesPnL.Add(micros)
	l.Run = min(l.Run, 0) - 1
}

// Draw adds a trade that was neither.
func (l *Ledger) Draw(micros int64) {
	l.move(micros)
	l.Draws++
}

// Carry adds a P&L that comes from no trade and so has no place in their order.
func (l *Ledger) Carry(micros int64) {
	l.PnL = l.PnL.Add(micros)
	l.Carried = l.Carried.Add(micros)
}

func (l *Ledger) move(micros int64) {
	l.PnL = l.PnL.Add(micros)
	made := l.PnL.Minus(l.Carried)
	if made.Compare(l.peak) > 0 {
		l.peak = made
	}
	if fall := l.peak.Minus(made); fall.Compare(l.Fall) > 0 {
		l.Fall, l.FellFrom = fall, l.peak
	}
}

// Trades returns how many trades were added.
func (l *Ledger) Trades() int64 { return l.Wins + l.Losses + l.Draws }

// WinRate returns the share of the wins among wins and losses, nil without any.
func (l *Ledger) WinRate() *float64 { return Ratio(l.Wins, l.Wins+l.Losses) }

// ProfitFactor returns what was won for each unit lost, nil if the losses did not
// lose anything.
func (l *Ledger) ProfitFactor() *float64 {
	if l.LossesPnL.Compare(Amount{}) >= 0 {
		return nil
	}
	return Ratio(l.WinsPnL.Units(), -l.LossesPnL.Units())
}

// Expectancy returns the mean P&L of a trade, nil without trades.
func (l *Ledger) Expectancy() *float64 { return mean(l.PnL.Minus(l.Carried), l.Trades()) }

// AverageWin returns the mean P&L of a win, nil without wins.
func (l *Ledger) AverageWin() *float64 { return mean(l.WinsPnL, l.Wins) }

// AverageLoss returns the mean P&L of a loss, nil without losses.
func (l *Ledger) AverageLoss() *float64 { return mean(l.LossesPnL, l.Losses) }

// FallShare returns the largest fall as a share of what the account had before it.
// balance is what the account had before the first trade, in millionths; nil for 0,
// which means not known.
func (l *Ledger) FallShare(balance int64) *float64 {
	if balance == 0 {
		return nil
	}
	return Ratio(l.Fall.Units(), l.FellFrom.Add(balance).Units())
}

func mean(sum Amount, count int64) *float64 { return Ratio(sum.Units(), float64(count)) }
