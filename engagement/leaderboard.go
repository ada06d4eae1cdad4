package engagement

import (
	"context"
	"fmt"
	"math"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Metric is what a leaderboard orders by.
type Metric int

// The metrics. The zero value is none of them.
const (
	ByFires   Metric = iota + 1 // total fires
	ByWinRate                   // wins / (wins + losses)
	ByPnL                       // profit and loss
)

// Metrics lists all metrics.
func Metrics() []Metric { return []Metric{ByFires, ByWinRate, ByPnL} }

// String returns the metric's name as the predecessor had it: "total_fires",
// "win_rate" or "pnl".
func (m Metric) String() string {
	switch m {
	case ByFires:
		return "total_fires"
	case ByWinRate:
		return "win_rate"
	case ByPnL:
		return "pnl"
	}
	return fmt.Sprintf("Metric(%d)", int(m))
}

// ParseMetric reads a metric's name. Anything else is ErrInvalid.
func ParseMetric(s string) (Metric, error) {
	for _, m := range Metrics() {
		if m.String() == s {
			return m, nil
		}
	}
	return 0, invalid("metric", s, fmt.Sprintf("want one of %v", Metrics()))
}

// minDecided is how many decided trades a win-rate board asks for.
const minDecided = 0

// Board says which page of which leaderboard to show.
type Board struct {
	Metric Metric
	Limit  int       // 1 to MaxLimit; 0: DefaultLimit
	After  *BoardRow // the last row of the page before; nil: from the top
}

// BoardRow is one user's place.
type BoardRow struct {
	Rank int64 `json:"rank"` // 1 + how many users are strictly better
	UserStats
}

// Leaderboard returns users from the best on, ties by user id. Users with the
// same value share a rank and the next ranks are left out: 1, 2, 2, 4. Every
// user who has fired or traded is on every board. An unknown metric is
// ErrInvalid.
func (r *Reader) Leaderboard(ctx context.Context, b Board) (rows []BoardRow, err error) {
	err = r.snapshot(ctx, "leaderboard", func(r *Reader) (int, error) {
		rows, err = r.leaderboard(ctx, b)
		return len(rows), err
	})
	return rows, err
}

func (r *Reader) leaderboard(ctx context.Context, b Board) ([]BoardRow, error) {
	limit, err := checkLimit(b.Limit)
	if err != nil {
		return nil, err
	}
	users, err := r.topUsers(ctx, b, limit)
	if err != nil {
		return nil, err
	}
	rows := make([]BoardRow, len(users))
	counted := -1 // the last row whose rank was counted
	for i, user := range users {
		rows[i].UserStats = userStats(user)
		value := b.Metric.value(rows[i].UserStats)
		switch {
		case i > 0 && value == b.Metric.value(rows[i-1].UserStats):
			rows[i].Rank = rows[i-1].Rank
		case counted > 0 || (counted == 0 && b.After == nil):
			rows[i].Rank = rows[counted].Rank + int64(i-counted)
		default:
			// A tie with the page before may have begun there, so the first row
			// does not say how many stand before the second.
			if rows[i].Rank, err = r.rank(ctx, b.Metric, value); err != nil {
				return nil, err
			}
			counted = i
		}
	}
	return rows, nil
}

// topUsers reads one page. The positions before the first page are better than
// any user's.
func (r *Reader) topUsers(ctx context.Context, b Board, limit int64) ([]dbgen.UserStat, error) {
	fires, bound, value, user := int64(math.MaxInt64), int64(math.MaxInt64), math.MaxFloat64, int64(math.MinInt64)
	if b.After != nil {
		fires, bound, value, user = b.After.TotalFires, winBound(b.After.Wins, b.After.Losses), b.Metric.value(b.After.UserStats), b.After.UserID
	}
	switch b.Metric {
	case ByFires:
		return r.q.TopByFires(ctx, dbgen.TopByFiresParams{AfterValue: fires, AfterUser: user, MaxRows: limit})
	case ByWinRate:
		return r.q.TopByWinBound(ctx, dbgen.TopByWinBoundParams{AfterValue: bound, AfterUser: user, MinDecided: minDecided, MaxRows: limit})
	case ByPnL:
		return r.q.TopByPnL(ctx, dbgen.TopByPnLParams{AfterValue: value, AfterUser: user, MaxRows: limit})
	}
	return nil, b.Metric.check()
}

// value is what m orders users by.
func (m Metric) value(s UserStats) float64 {
	switch m {
	case ByFires:
		return float64(s.TotalFires)
	case ByWinRate:
		return float64(winBound(s.Wins, s.Losses))
	}
	return s.PnL
}

func (m Metric) check() error {
	if m < ByFires || m > ByPnL {
		return invalid("metric", int(m), fmt.Sprintf("want one of %v", Metrics()))
	}
	return nil
}

// rank returns 1 + how many users have a better value.
func (r *Reader) rank(ctx context.Context, m Metric, value float64) (rank int64, err error) {
	switch m {
	case ByFires:
		rank, err = r.q.CountWithMoreFires(ctx, int64(value))
	case ByWinRate:
		rank, err = r.q.CountWithHigherWinBound(ctx, dbgen.CountWithHigherWinBoundParams{Value: int64(value), MinDecided: minDecided})
	case ByPnL:
		rank, err = r.q.CountWithMorePnL(ctx, value)
	}
	return rank + 1, err
}

// UserRank returns a user's place on a leaderboard, or ErrNotFound for a user
// who has neither fired nor traded. An unknown metric is ErrInvalid.
func (r *Reader) UserRank(ctx context.Context, m Metric, userID int64) (row BoardRow, err error) {
	err = r.snapshot(ctx, "user rank", func(r *Reader) (int, error) {
		if err := m.check(); err != nil {
			return 0, err
		}
		if row.UserStats, err = r.userStats(ctx, userID); err != nil {
			return 0, err
		}
		row.Rank, err = r.rank(ctx, m, m.value(row.UserStats))
		return 1, err
	})
	return row, err
}
