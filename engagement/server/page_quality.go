package server

import (
	"fmt"

	"github.com/hydraxdev/engagementdb/engagement"
)

// qualityFigures are the figures of trades that are worth a look.
func qualityFigures(q engagement.TradeQuality) []figure {
	all := []figure{
		{Name: "Trades", Value: count(q.Trades), Note: fmt.Sprintf("%s won, %s lost, %s drawn", grouped(q.Wins), grouped(q.Losses), grouped(q.Draws))},
		{Name: "Profit factor", Value: given(q.ProfitFactor, decimal), Note: "won ÷ lost"},
		{Name: "Expectancy", Value: given(q.Expectancy, amount), Note: "a trade"},
		{Name: "Average win", Value: given(q.AverageWin, amount)},
		{Name: "Average loss", Value: given(q.AverageLoss, amount)},
		{Name: "Largest drawdown", Value: amount(-q.Drawdown.Amount), Note: "from " + amountText(q.Drawdown.Peak)},
	}
	if q.Run != nil {
		all[0].Note += fmt.Sprintf("; at last %s in a row %s", grouped(q.Run.Length), map[bool]string{true: "won", false: "lost"}[q.Run.Outcome == engagement.Win])
	}
	return all
}

// equity draws the closed P&L, and how far it was below its highest.
func (v *visit) equity(q engagement.TradeQuality) *chart {
	t := v.table("equity", "No trade closed in these days.", "Day", "P&L of the day", "P&L so far", "Below the highest")
	c := &chart{
		Title: "P&L", Note: "of closed trades, on the days on which some closed", Table: t,
		Legend: []legend{{"executed", "so far"}, {"drawdown", "below the highest it had been"}},
	}
	so := append([]float64{0}, values(q.Equity, func(d engagement.EquityDay) float64 { return d.Cumulative })...)
	peaks, peak := make([]float64, len(so)), 0.0
	var names []engagement.Day
	for i, x := range so {
		peak = max(peak, x)
		peaks[i] = peak
	}
	s := scaleOf(append(so, peak)...)
	c.on(s, countName)
	c.Nothing = len(q.Equity) == 0 // a P&L of 0 is something
	c.column(s, "before", nil)
	for i, d := range q.Equity {
		names = append(names, d.Day)
		c.column(s, fmt.Sprintf("%s: %s, so far %s", d.Day, amountText(d.PnL), amountText(d.Cumulative)), nil)
		t.add(day(d.Day), amount(d.PnL), amount(d.Cumulative), amount(so[i+1]-peaks[i+1]))
	}
	c.between(s, "drawdown", peaks, so)
	c.through(s, "executed", so)
	c.days(names)
	return c
}

// signed adds a bar from 0, up or down.
func (c *chart) signed(s scale, says string, x float64, money bool) {
	class := "executed"
	switch {
	case money && x < 0:
		class = "lost"
	case money:
		class = "won"
	}
	top, bottom := s.y(max(x, 0)), s.y(min(x, 0))
	c.Columns = append(c.Columns, column{
		X: 10 * len(c.Columns), Says: says, Parts: []bar{{class, top, bottom - top}},
	})
	c.Width = max(10*len(c.Columns), leastWidth)
}

// forecast is a forecast as a line from 0 to 1.
type forecast struct {
	Says            string
	Is              bool
	Low, Width      coordinate
	Point, Base     coordinate
	Probability     string
	Interval, Rests string
}

func forecastOf(f engagement.Forecast) *forecast {
	if f.Probability == nil {
		return &forecast{Says: fmt.Sprintf("A forecast needs %s wins and losses; there are %s.", grouped(f.Needed), grouped(f.Decided))}
	}
	return &forecast{
		Is: true, Low: coordinate(100 * *f.Low), Width: coordinate(100 * (*f.High - *f.Low)),
		Point: coordinate(100 * *f.Probability), Base: coordinate(100 * f.BaseRate), Probability: percent(*f.Probability),
		Interval: fmt.Sprintf("between %s and %s with 90%% probability", percent(*f.Low), percent(*f.High)),
		Rests: fmt.Sprintf("From %s wins and %s losses of its own, and the community's %s, which weighs as much as %s trades.",
			grouped(f.Wins), grouped(f.Losses), percent(f.BaseRate), plain(f.Strength)),
	}
}
