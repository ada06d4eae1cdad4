package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// Figure is a figure that can be explained.
type Figure string

// The figures. A signal has the first two, a user has all.
const (
	FigureFires    Figure = "total_fires"
	FigureExecuted Figure = "executed" // executed fires
	FigureWins     Figure = "wins"
	FigureLosses   Figure = "losses"
	FigureDraws    Figure = "draws"
	FigurePnL      Figure = "pnl"
	FigureWinRate  Figure = "win_rate"
	FigureStreak   Figure = "current_streak"
)

// FiguresOfUser lists the figures of a user that can be explained.
func FiguresOfUser() []Figure {
	return append(FiguresOfSignal(), FigureWins, FigureLosses, FigureDraws, FigurePnL, FigureWinRate, FigureStreak)
}

// FiguresOfSignal lists the figures of a signal that can be explained.
func FiguresOfSignal() []Figure { return []Figure{FigureFires, FigureExecuted} }

// String returns the figure's name.
func (f Figure) String() string { return string(f) }

// ParseFigure reads the name of a figure of a user. Anything else is ErrInvalid.
func ParseFigure(s string) (Figure, error) { return parseNamed("figure", s, FiguresOfUser()) }

// MarshalText returns the figure's name, "" for the zero value.
func (f Figure) MarshalText() ([]byte, error) { return marshalNamed("figure", f, FiguresOfUser()) }

// UnmarshalText reads what MarshalText returns.
func (f *Figure) UnmarshalText(text []byte) error { return unmarshalNamed(f, text, ParseFigure) }

// ofFires reports whether the figure comes from fires; the others come from trades.
func (f Figure) ofFires() bool { return f == FigureFires || f == FigureExecuted || f == FigureStreak }

// Explanation says what a figure is made of, all of one moment.
//
// The days survive cleanup; together with Carried they add up to the figure. The
// facts are those that are still kept one by one. Fires of days before the horizon
// are not kept, so those days have sums only.
type Explanation struct {
	UserID   int64  `json:"user_id,omitempty"`
	SignalID string `json:"signal_id,omitempty"`
	Figure   Figure `json:"figure"`

	Value float64 `json:"value"` // as it is stored
	Sum   float64 `json:"sum"`   // what the days come to
	// Exact reports whether the figure, the days and the facts agree to the last
	// millionth. If they do not, Verify finds it and Rebuild puts it right.
	Exact bool `json:"exact"`

	// Days are those that add something, oldest first. Every page of the facts has
	// all of them: there are at most 366 a year.
	Days    []FigureDay `json:"days"`
	Carried float64     `json:"carried,omitempty"` // the part of Sum that is an opening balance, which belongs to no day

	Horizon       Day           `json:"horizon"`
	BeforeHorizon float64       `json:"before_horizon"`   // the part of Sum from days whose facts were cleaned up; 0 for figures of trades
	FromFacts     float64       `json:"from_facts"`       // what all kept facts come to
	Fires         []SignalFire  `json:"fires,omitempty"`  // a page of them, newest first
	Trades        []ClosedTrade `json:"trades,omitempty"` // a page of them, last closed first
	Next          Cursor        `json:"next,omitempty"`   // where the next page of them begins; "" if there is none
}

// FigureDay is what one day adds to a figure.
type FigureDay struct {
	Day     Day     `json:"day"`
	Value   float64 `json:"value"`             // of a win rate: wins; of a streak: 1
	Decided int64   `json:"decided,omitempty"` // of a win rate: wins and losses
}

// part is a figure, or a part of it, in whole numbers: a count or a P&L. decided is
// what a win rate is divided by.
type part struct {
	count, decided int64
	pnl            stats.Amount
}

func (a part) plus(b part) part {
	return part{a.count + b.count, a.decided + b.decided, a.pnl.Plus(b.pnl)}
}

func (f Figure) value(a part) float64 {
	switch f {
	case FigurePnL:
		return a.pnl.Units()
	case FigureWinRate:
		return stats.RatioOrZero(a.count, a.decided)
	}
	return float64(a.count)
}

// partOf picks the figure out of counts.
func (f Figure) partOf(c counts) part {
	switch f {
	case FigureFires:
		return part{count: c.fires}
	case FigureExecuted:
		return part{count: c.executed}
	case FigureWins:
		return part{count: c.wins}
	case FigureLosses:
		return part{count: c.losses}
	case FigureDraws:
		return part{count: c.draws}
	case FigurePnL:
		return part{pnl: c.pnl}
	case FigureWinRate:
		return part{count: c.wins, decided: c.wins + c.losses}
	case FigureStreak:
		if c.fires > 0 {
			return part{count: 1}
		}
	}
	return part{}
}

// explaining is an explanation that is being put together.
type explaining struct {
	Explanation
	sum, before part // of its days, and of those before the horizon whose facts are gone
}

// day adds what a day adds to the figure.
func (e *explaining) day(number int64, c counts) {
	a, day := e.Figure.partOf(c), Day(number)
	if a == (part{}) {
		return
	}
	if day < firstDay {
		e.sum, e.Carried = e.sum.plus(a), e.Figure.value(a)
		return
	}
	value := float64(a.count)
	if e.Figure == FigurePnL {
		value = a.pnl.Units()
	}
	e.Days = append(e.Days, FigureDay{Day: day, Value: value, Decided: a.decided})
	e.sum = e.sum.plus(a)
	if e.Figure.ofFires() && day < e.Horizon {
		e.before = e.before.plus(a)
	}
}

// conclude compares the figure as it is stored, its days and its facts.
func (e *explaining) conclude(stored, facts part) Explanation {
	e.Sum, e.BeforeHorizon, e.FromFacts = e.Figure.value(e.sum), e.Figure.value(e.before), e.Figure.value(facts)
	e.Exact = stored == e.sum && e.before.plus(facts) == e.sum && e.Value == e.Sum
	return e.Explanation
}

// ExplainUser returns what a user's figure is made of and a page of its facts. A user
// who has neither fired nor traded is ErrNotFound, a figure that users do not have
// ErrInvalid. A broken streak is 0 and has no days.
func (r *Reader) ExplainUser(ctx context.Context, userID int64, figure Figure, q PageQuery) (Explanation, error) {
	return snapshot(ctx, r, "explain a user's figure", func(v *view) (Explanation, error) {
		return v.explainUser(ctx, userID, figure, q)
	})
}

func (v *view) explainUser(ctx context.Context, userID int64, figure Figure, q PageQuery) (Explanation, error) {
	if err := checkNamed("figure", figure, FiguresOfUser()); err != nil {
		return Explanation{}, err
	}
	list := fmt.Sprintf("%s of user %d", figure, userID)
	p, err := v.factPaging(q, list, allDays)
	if err != nil {
		return Explanation{}, err
	}
	user, err := v.userRow(ctx, userID)
	if err != nil {
		return Explanation{}, err
	}
	e := explaining{Explanation: Explanation{UserID: userID, Figure: figure, Days: []FigureDay{}}}
	if e.Horizon, err = v.horizon(ctx); err != nil {
		return Explanation{}, err
	}
	stored, days := v.storedFigure(figure, user)
	e.Value = figure.value(stored)
	switch figure { // these are stored beside the counts that they follow from
	case FigureWinRate:
		e.Value = user.WinRate
	case FigurePnL:
		e.Value = user.Pnl
	}
	rows, err := v.q.UserDays(ctx, userID)
	if err != nil {
		return Explanation{}, err
	}
	for _, d := range rows {
		if days.has(Day(d.Day)) {
			e.day(d.Day, counts{
				fires: d.Fires, executed: d.Executed, wins: d.Wins, losses: d.Losses, draws: d.Draws, pnl: stats.Sum(0, d.PnlMicros),
			})
		}
	}
	var facts part
	if figure.ofFires() {
		days.first = max(days.first, e.Horizon)
		if days.empty() {
			e.Fires = []SignalFire{}
			return e.conclude(stored, facts), nil
		}
		if p, err = v.factPaging(q, list, days); err != nil {
			return Explanation{}, err
		}
		facts, err = v.explainByFires(ctx, &e.Explanation, p)
	} else {
		facts, err = v.explainByTrades(ctx, &e.Explanation, p)
	}
	if err != nil {
		return Explanation{}, err
	}
	return e.conclude(stored, facts), nil
}

// storedFigure returns a user's figure as it is stored and the days that it is
// made of.
func (v *view) storedFigure(figure Figure, user dbgen.UserStat) (stored part, days daySpan) {
	if figure != FigureStreak {
		return figure.partOf(counts{
			fires: user.TotalFires, executed: user.Executed,
			wins: user.Wins, losses: user.Losses, draws: user.Draws, pnl: stats.Sum(0, user.PnlMicros),
		}), allDays
	}
	if user.StreakLength == 0 || Day(user.StreakUntil) < v.today() {
		return stored, noDays
	}
	// Days of rest and days that a freeze covers lie between these without a fire.
	stored.count = user.StreakLength
	return stored, daySpan{Day(user.StreakStart), Day(user.StreakEnd)}
}

// explainByFires returns what a user's fires of some days come to, and puts a
// page of them into e.
func (v *view) explainByFires(ctx context.Context, e *Explanation, p factPaging) (part, error) {
	row, err := v.q.CountUserFires(ctx, dbgen.CountUserFiresParams{
		UserID: e.UserID, FirstDay: int64(p.days.first), LastDay: int64(p.days.last),
	})
	if err != nil {
		return part{}, err
	}
	page, err := v.firesOf(ctx, e.UserID, "", e.Figure == FigureExecuted, p)
	e.Fires, e.Next = page.Items, page.Next
	if e.Figure == FigureStreak {
		return part{count: row.ActiveDays}, err
	}
	return e.Figure.partOf(counts{fires: row.Fires, executed: row.Executed}), err
}

// explainByTrades returns what a user's trades come to, and puts a page of
// those that count into e.
func (v *view) explainByTrades(ctx context.Context, e *Explanation, p factPaging) (part, error) {
	sums, err := v.q.SumUserTrades(ctx, e.UserID)
	if err != nil {
		return part{}, err
	}
	var without []Outcome
	switch e.Figure {
	case FigureWins:
		without = []Outcome{Loss, Draw}
	case FigureLosses:
		without = []Outcome{Win, Draw}
	case FigureDraws:
		without = []Outcome{Win, Loss}
	case FigureWinRate:
		without = []Outcome{Draw}
	}
	page, err := v.tradesWithout(ctx, TradeFilter{UserID: e.UserID}, without, p)
	e.Trades, e.Next = page.Items, page.Next
	return e.Figure.partOf(counts{
		wins: sums.Wins, losses: sums.Losses, draws: sums.Draws, pnl: stats.Sum(sums.Units, sums.Micros),
	}), err
}

// ExplainSignal returns what a signal's figure is made of and a page of its
// fires. A signal that nobody has fired is ErrNotFound, a figure that signals do
// not have ErrInvalid.
func (r *Reader) ExplainSignal(ctx context.Context, signalID string, figure Figure, q PageQuery) (Explanation, error) {
	return snapshot(ctx, r, "explain a signal's figure", func(v *view) (Explanation, error) {
		return v.explainSignal(ctx, signalID, figure, q)
	})
}

func (v *view) explainSignal(ctx context.Context, signalID string, figure Figure, q PageQuery) (Explanation, error) {
	if err := checkNamed("figure", figure, FiguresOfSignal()); err != nil {
		return Explanation{}, err
	}
	if err := checkID("signal id", signalID); err != nil {
		return Explanation{}, err
	}
	p, err := v.factPaging(q, fmt.Sprintf("%s of signal %q", figure, signalID), allDays)
	if err != nil {
		return Explanation{}, err
	}
	signal, err := v.q.GetSignalMetrics(ctx, signalID)
	if errors.Is(err, sql.ErrNoRows) {
		err = notFound("signal", signalID)
	}
	if err != nil {
		return Explanation{}, err
	}
	e := explaining{Explanation: Explanation{SignalID: signalID, Figure: figure, Days: []FigureDay{}}}
	if e.Horizon, err = v.horizon(ctx); err != nil {
		return Explanation{}, err
	}
	days, err := v.q.SignalDays(ctx, signalID)
	if err != nil {
		return Explanation{}, err
	}
	for _, d := range days {
		e.day(d.Day, counts{fires: d.Fires, executed: d.Executed})
	}
	stored := part{count: signal.TotalFires}
	if figure == FigureExecuted {
		stored = e.sum // it is stored in the days alone
	}
	e.Value = figure.value(stored)
	facts, err := v.q.CountSignalFires(ctx, dbgen.CountSignalFiresParams{SignalID: signalID, FirstDay: int64(e.Horizon)})
	if err != nil {
		return Explanation{}, err
	}
	p.days.first, p.since = e.Horizon, e.Horizon.Start(v.loc)
	page, err := v.firesOf(ctx, 0, signalID, figure == FigureExecuted, p)
	if err != nil {
		return Explanation{}, err
	}
	e.Fires, e.Next = page.Items, page.Next
	return e.conclude(stored, figure.partOf(counts{fires: facts.Fires, executed: facts.Executed})), nil
}
