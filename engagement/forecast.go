package engagement

import (
	"context"
	"fmt"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// What a forecast assumes unless the query says otherwise.
const (
	// DefaultStrength is how many decided trades the community's win rate
	// stands for in a forecast.
	DefaultStrength = 10
	// DefaultMinDecided is how many decided trades a forecast needs, and a board of
	// win rates asks for, unless the query says otherwise. It equals DefaultStrength,
	// so that a first forecast weighs the trades of the user or signal as much as the
	// community's.
	DefaultMinDecided = 10
)

// ForecastQuery says for whom to forecast: a user, or those who follow a signal.
// Exactly one of UserID and SignalID is set.
type ForecastQuery struct {
	UserID     int64   `json:"user_id,omitzero"`
	SignalID   string  `json:"signal_id,omitzero"`
	Strength   float64 `json:"strength,omitzero"`    // how many decided trades the community's win rate stands for, 1 to 1,000,000; 0: DefaultStrength
	MinDecided int64   `json:"min_decided,omitzero"` // how many decided trades of its own a forecast needs, at least 1; 0: DefaultMinDecided
}

// Forecast is the probability that the next decided trade is a win.
//
// It is a Beta distribution: as if the user or signal had begun with Strength trades
// of which the community's share was won, and had then made its own. The more of its
// own there are, the less the community's weigh. Only wins and losses count, not
// draws or amounts. [Reader.ScoreForecasts] tells how good such forecasts were.
//
// With fewer than Needed trades of its own there is no forecast: Probability,
// Low and High are nil, null in JSON.
type Forecast struct {
	UserID   int64  `json:"user_id,omitzero"`
	SignalID string `json:"signal_id,omitzero"`
	Wins     int64  `json:"wins"`    // its own, since the beginning
	Losses   int64  `json:"losses"`  // its own, since the beginning
	Decided  int64  `json:"decided"` // Wins + Losses
	Needed   int64  `json:"needed"`  // how many decided trades a forecast needs

	CommunityWins   int64   `json:"community_wins"`   // everybody's, its own included
	CommunityLosses int64   `json:"community_losses"` // everybody's, its own included
	BaseRate        float64 `json:"base_rate"`        // (CommunityWins + 1) / (CommunityWins + CommunityLosses + 2)
	Strength        float64 `json:"strength"`

	Probability *float64 `json:"probability"` // (Strength * BaseRate + Wins) / (Strength + Decided)
	Low         *float64 `json:"low"`         // with 5 % the probability is lower
	High        *float64 `json:"high"`        // with 5 % the probability is higher
}

// Forecast returns the probability that the next decided trade of a user, or of those
// who follow a signal, is a win, from all wins and losses stored now. Too few of them
// are no error: see [Forecast]. A user who has neither fired nor traded and a signal
// that nobody has fired or traded are ErrNotFound.
//
// It reads one row a day for the community's sums, and for a signal all trades that
// followed it.
func (r *Reader) Forecast(ctx context.Context, q ForecastQuery) (Forecast, error) {
	return snapshot(ctx, r, "forecast", func(v *view) (Forecast, error) { return v.forecast(ctx, q) })
}

func (v *view) forecast(ctx context.Context, q ForecastQuery) (Forecast, error) {
	s, err := checkSubject(q.UserID, q.SignalID)
	if err != nil {
		return Forecast{}, err
	}
	p, err := newPrior(q.Strength, q.MinDecided)
	if err != nil {
		return Forecast{}, err
	}
	own, err := v.outcomes(ctx, s)
	if err != nil {
		return Forecast{}, err
	}
	community, err := v.q.CommunityDecided(ctx)
	if err != nil {
		return Forecast{}, err
	}
	all := stats.Outcomes(community)
	f := Forecast{
		UserID: s.userID, SignalID: s.signalID,
		Wins: own.Wins, Losses: own.Losses, Decided: own.Decided(), Needed: p.minDecided,
		CommunityWins: all.Wins, CommunityLosses: all.Losses, BaseRate: all.BaseRate(), Strength: p.strength,
	}
	if f.Decided >= f.Needed {
		b := own.Posterior(all.BaseRate(), p.strength)
		f.Probability, f.Low, f.High = new(b.Mean()), new(b.Quantile(0.05)), new(b.Quantile(0.95))
	}
	return f, nil
}

// outcomes returns the wins and losses of one user or signal.
func (v *view) outcomes(ctx context.Context, s subject) (own stats.Outcomes, err error) {
	if s.userID != 0 {
		row, err := v.userRow(ctx, s.userID)
		return stats.Outcomes{Wins: row.Wins, Losses: row.Losses}, err
	}
	trades := 0
	for t, err := range v.tradesInOrder(ctx, s, AllTime().days()) {
		if err != nil {
			return own, err
		}
		trades++
		own = withTrade(own, t)
	}
	if trades == 0 {
		return own, v.checkKnown(ctx, s)
	}
	return own, nil
}

func withTrade(o stats.Outcomes, t dbgen.Trade) stats.Outcomes {
	switch t.Outcome {
	case Win.String():
		return o.With(true)
	case Loss.String():
		return o.With(false)
	}
	return o
}

// prior is what is assumed of a user or signal that has not traded yet.
type prior struct {
	strength   float64
	minDecided int64
}

func newPrior(strength float64, minDecided int64) (prior, error) {
	p := prior{strength, minDecided}
	const most = 1_000_000
	switch {
	case p.strength == 0:
		p.strength = DefaultStrength
	case !(p.strength >= 1 && p.strength <= most): // true for NaN too
		return p, invalid("strength", strength, fmt.Sprintf("want 1 to %d trades, or 0 for %d", most, DefaultStrength))
	}
	switch {
	case p.minDecided == 0:
		p.minDecided = DefaultMinDecided
	case p.minDecided < 0:
		return p, invalid("minimum of decided trades", minDecided, fmt.Sprintf("want at least 1, or 0 for %d", DefaultMinDecided))
	}
	return p, nil
}

// CalibrationQuery says which forecasts to score.
type CalibrationQuery struct {
	BySignal   bool    `json:"by_signal,omitzero"`   // true: forecasts for the signals that trades followed; false: for the users who made them
	Window     Window  `json:"window,omitzero"`      // which trades to forecast, by the day on which they closed; zero: all time
	Strength   float64 `json:"strength,omitzero"`    // as in ForecastQuery
	MinDecided int64   `json:"min_decided,omitzero"` // as in ForecastQuery
}

// Calibration says how good past forecasts were. A forecast is made for every win and
// loss, from nothing but what had closed before it, and compared with how it ended. A
// figure is nil, null in JSON, if no forecast could be made for it.
type Calibration struct {
	Forecasts int64 `json:"forecasts"` // wins and losses that were forecast
	TooEarly  int64 `json:"too_early"` // wins and losses that were not, with fewer than MinDecided before them

	// The Brier score is the mean of (forecast - outcome)², a win being 1 and a
	// loss 0: 0 is perfect, and saying 0.5 each time scores 0.25.
	Brier     *float64 `json:"brier"`
	BaseBrier *float64 `json:"base_brier"` // of forecasting each time the community's base rate before the trade
	// Skill is 1 - Brier / BaseBrier: how much of the base rate's score was
	// saved. At 0 or below, the forecasts were no better than the base rate.
	Skill *float64 `json:"skill"`

	Bins []CalibrationBin `json:"bins"` // ten, from 0 to 1
}

// CalibrationBin compares the forecasts from one probability to another with
// how often they came true.
type CalibrationBin struct {
	From         float64  `json:"from"` // included
	To           float64  `json:"to"`   // excluded, but for 1
	Forecasts    int64    `json:"forecasts"`
	MeanForecast *float64 `json:"mean_forecast"`
	WinRate      *float64 `json:"win_rate"` // how many of them were wins
}

// ScoreForecasts makes the forecast of every win and loss that closed in the window,
// as [Reader.Forecast] would have made it just before, and scores them. A forecast
// uses only trades that closed strictly earlier, and so none that closed at the same
// time. Draws, trades of unknown time and, by signal, trades that followed none are
// not forecast; the latter count towards the base rate.
//
// Trades are never cleaned up, so any window can be asked for. The call reads
// every decided trade up to the end of the window, and keeps one pair of
// numbers in memory for each user or signal.
func (r *Reader) ScoreForecasts(ctx context.Context, q CalibrationQuery) (Calibration, error) {
	return snapshot(ctx, r, "score forecasts", func(v *view) (Calibration, error) {
		if err := q.Window.check(); err != nil {
			return Calibration{}, err
		}
		p, err := newPrior(q.Strength, q.MinDecided)
		if err != nil {
			return Calibration{}, err
		}
		s := scorer{prior: p, bySignal: q.BySignal, days: q.Window.days(), own: map[subject]stats.Outcomes{}}
		known := daySpan{firstDay, s.days.last}
		for t, err := range v.tradesInOrder(ctx, subject{}, known) {
			if err != nil {
				return Calibration{}, err
			}
			s.trade(t)
		}
		return s.calibration(), nil
	})
}

// scorer scores forecasts of trades in the order in which they closed.
type scorer struct {
	prior    prior
	bySignal bool
	days     daySpan // the trades that closed on them are scored

	community stats.Outcomes
	own       map[subject]stats.Outcomes
	now       []dbgen.Trade // the latest trades, which closed at the same time and are not in community and own yet

	tooEarly int64
	scores   stats.Calibration
}

// subject returns the user or the signal that a trade's forecast is for; the zero
// value if forecasts are for signals and the trade followed none.
func (s *scorer) subject(t dbgen.Trade) subject {
	if s.bySignal {
		return subject{signalID: t.SignalID}
	}
	return subject{userID: t.UserID}
}

func (s *scorer) trade(t dbgen.Trade) {
	if len(s.now) > 0 && !s.now[0].ClosedAt.Equal(t.ClosedAt) {
		s.learn()
	}
	s.now = append(s.now, t)
	about := s.subject(t)
	if about == (subject{}) || !s.days.has(Day(t.Day)) {
		return
	}
	own := s.own[about]
	if own.Decided() < s.prior.minDecided {
		s.tooEarly++
		return
	}
	base := s.community.BaseRate()
	s.scores.Add(own.Posterior(base, s.prior.strength).Mean(), base, t.Outcome == Win.String())
}

// learn adds the latest trades to those that forecasts are made from.
func (s *scorer) learn() {
	for _, t := range s.now {
		s.community = withTrade(s.community, t)
		s.own[s.subject(t)] = withTrade(s.own[s.subject(t)], t)
	}
	s.now = s.now[:0]
}

func (s *scorer) calibration() Calibration {
	c := Calibration{
		Forecasts: s.scores.All.Count, TooEarly: s.tooEarly,
		Brier: s.scores.All.Brier(), BaseBrier: s.scores.Base.Brier(), Skill: s.scores.Skill(),
		Bins: make([]CalibrationBin, stats.Bins),
	}
	for i, bin := range s.scores.Bins {
		c.Bins[i] = CalibrationBin{
			From: stats.BinEnd(i - 1), To: stats.BinEnd(i), Forecasts: bin.Count,
			MeanForecast: bin.Mean(), WinRate: bin.WinRate(),
		}
	}
	return c
}
