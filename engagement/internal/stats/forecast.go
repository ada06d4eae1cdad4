package stats

import "gonum.org/v1/gonum/mathext"

// Outcomes are how many trades were won and lost.
type Outcomes struct{ Wins, Losses int64 }

// Decided returns the number of wins and losses.
func (o Outcomes) Decided() int64 { return o.Wins + o.Losses }

// With returns the outcomes with one more trade added, won or lost.
func (o Outcomes) With(won bool) Outcomes {
	if won {
		o.Wins++
	} else {
		o.Losses++
	}
	return o
}

// BaseRate is the share of wins after one more win and one more loss (Laplace's
// rule of succession), so that a few trades do not make anything certain.
func (o Outcomes) BaseRate() float64 { return float64(o.Wins+1) / float64(o.Decided()+2) }

// Beta is a Beta distribution; both parameters are above 0.
type Beta struct{ Wins, Losses float64 }

// Posterior returns the distribution of the win probability of somebody with these
// outcomes, as if they had begun with strength trades of which the share base was
// won.
func (o Outcomes) Posterior(base, strength float64) Beta {
	return Beta{float64(strength*base) + float64(o.Wins), float64(strength*(1-base)) + float64(o.Losses)}
}

// Mean returns the distribution's mean.
func (b Beta) Mean() float64 { return b.Wins / (b.Wins + b.Losses) }

// Quantile returns the value that the win probability is below with probability p.
func (b Beta) Quantile(p float64) float64 { return mathext.InvRegIncBeta(b.Wins, b.Losses, p) }
