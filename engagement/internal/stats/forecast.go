package stats

import "gonum.org/v1/gonum/mathext"

// Record is how many trades were won and lost.
type Record struct{ Wins, Losses int64 }

// Decided returns how many trades the record has.
func (r Record) Decided() int64 { return r.Wins + r.Losses }

// With returns the record with one more trade.
func (r Record) With(won bool) Record {
	if won {
		r.Wins++
	} else {
		r.Losses++
	}
	return r
}

// BaseRate is the share of wins after one more win and one more loss (Laplace's
// rule of succession), so that a few trades do not make anything certain.
func (r Record) BaseRate() float64 { return float64(r.Wins+1) / float64(r.Decided()+2) }

// Beta is a Beta distribution; both parameters are above 0.
type Beta struct{ Wins, Losses float64 }

// Posterior returns what to believe of the win probability of somebody with a
// record of their own: as if they had begun with strength trades, of which base
// was the share of wins.
func (r Record) Posterior(base, strength float64) Beta {
	return Beta{float64(strength*base) + float64(r.Wins), float64(strength*(1-base)) + float64(r.Losses)}
}

// Mean returns the distribution's mean.
func (b Beta) Mean() float64 { return b.Wins / (b.Wins + b.Losses) }

// Quantile returns the value below which the distribution is with probability p.
func (b Beta) Quantile(p float64) float64 { return mathext.InvRegIncBeta(b.Wins, b.Losses, p) }
