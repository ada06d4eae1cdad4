package engagement

import (
	"context"
	"fmt"
	"slices"
)

// Ranking is what a leaderboard orders by.
type Ranking int

// The rankings. The zero value is none of them.
const (
	ByFires    Ranking = iota + 1 // total fires
	ByWinRate                     // win rate, by its lower bound in whole billionths: see [WinRateBound]
	ByPnL                         // profit and loss
	ByExecuted                    // executed fires

	// ByLongestStreak is the longest streak; in a window, the longest run of days with
	// a fire inside it, which rest days and freezes do not bridge.
	ByLongestStreak
)

// Rankings lists all rankings.
func Rankings() []Ranking { return []Ranking{ByFires, ByWinRate, ByPnL, ByExecuted, ByLongestStreak} }

// String returns the ranking's name, where the predecessor had one the same:
// "total_fires", "win_rate", "pnl", "executed" or "longest_streak".
func (m Ranking) String() string {
	switch m {
	case ByFires:
		return "total_fires"
	case ByWinRate:
		return "win_rate"
	case ByPnL:
		return "pnl"
	case ByExecuted:
		return "executed"
	case ByLongestStreak:
		return "longest_streak"
	}
	return fmt.Sprintf("Ranking(%d)", int(m))
}

// ParseRanking reads a ranking's name. Anything else is ErrInvalid.
func ParseRanking(s string) (Ranking, error) { return parseNamed("ranking", s, Rankings()) }

// MarshalText returns the ranking's name, "" for the zero value.
func (m Ranking) MarshalText() ([]byte, error) { return marshalNamed("ranking", m, Rankings()) }

// UnmarshalText reads what MarshalText returns.
func (m *Ranking) UnmarshalText(text []byte) error { return unmarshalNamed(m, text, ParseRanking) }

// value is what m orders users by.
func (m Ranking) value(f UserFigures) float64 {
	switch m {
	case ByFires:
		return float64(f.TotalFires)
	case ByWinRate:
		return float64(winBound(f.Wins, f.Losses))
	case ByExecuted:
		return float64(f.Executed)
	case ByLongestStreak:
		return float64(f.LongestStreak)
	}
	return f.PnL
}

// Board says which leaderboard to show.
//
// Of all time, every user who has fired or traded is on it. On that of a window
// are the users with a fire in the window or, by P&L, with a trade. By win rate,
// in both cases, they are those with at least MinDecided wins and losses.
type Board struct {
	Ranking    Ranking `json:"ranking"`
	Window     Window  `json:"window,omitzero"`      // zero: all time
	MinDecided int64   `json:"min_decided,omitzero"` // by win rate only: 1 or more; 0: DefaultMinDecided
	Users      []int64 `json:"users,omitzero"`       // only these, ranked among themselves: 1 to MaxLimit; nil: everybody
}

// check refuses a board that makes no sense, and fills in the defaults.
func (b *Board) check() error {
	if err := checkNamed("ranking", b.Ranking, Rankings()); err != nil {
		return err
	}
	if err := b.Window.check(); err != nil {
		return err
	}
	switch {
	case b.MinDecided == 0:
		b.MinDecided = DefaultMinDecided
	case b.MinDecided < 0:
		return invalid("minimum of decided trades", b.MinDecided, fmt.Sprintf("want 1 or more, or 0 for %d", DefaultMinDecided))
	}
	if b.Users == nil {
		return nil
	}
	if len(b.Users) == 0 || len(b.Users) > MaxLimit {
		return invalid("number of users", len(b.Users), fmt.Sprintf("want 1 to %d", MaxLimit))
	}
	for _, user := range b.Users {
		if err := checkUserID(user); err != nil {
			return err
		}
	}
	return nil
}

// list is the name of the board's list. A board of some users is the same
// whatever their order.
func (b Board) list() string {
	users := slices.Compact(slices.Sorted(slices.Values(b.Users)))
	return fmt.Sprintf("board by %v in %v of %d decided, %v", b.Ranking, b.Window, b.MinDecided, users)
}

// BoardRow is one user's place, with the user's figures in the board's window.
type BoardRow struct {
	Rank int64 `json:"rank"` // 1 + how many users are strictly better
	UserFigures
}

// Leaderboard lists users from the best on, ties by user id. Users with the same
// value share a rank and the next ranks are left out: 1, 2, 2, 4. A value is a
// ranking's figure in the board's window; of a win rate it is the lower bound of its
// 95 % interval, so that many trades count for more than few; of a streak in a window
// it is the longest run of days inside the window, to which nothing but days with a
// fire counts. Unknown users among Users are not on the board.
//
// A board of all time reads the rows that it shows, and for a page after the first
// counts the users before them. A board of a window, or of some users, reads all
// their days in the window for every page.
//
// An unknown ranking, a window that ends before it starts, a minimum below 1 or a
// set without users is ErrInvalid.
func (r *Reader) Leaderboard(ctx context.Context, b Board, q PageQuery) (Page[BoardRow], error) {
	return snapshot(ctx, r, "leaderboard", func(v *view) (Page[BoardRow], error) {
		return v.leaderboard(ctx, b, q)
	})
}

func (v *view) leaderboard(ctx context.Context, b Board, q PageQuery) (Page[BoardRow], error) {
	if err := b.check(); err != nil {
		return Page[BoardRow]{}, err
	}
	p, err := q.of(b.list(), top.position(), func(a, b position) int { return comparePlaces(placeAt(a), placeAt(b)) })
	if err != nil {
		return Page[BoardRow]{}, err
	}
	fromTop := int64(0)
	if p.first {
		fromTop = p.rows()
	}
	o, err := v.order(ctx, b, fromTop)
	if err != nil {
		return Page[BoardRow]{}, err
	}
	shown, err := o.below(ctx, placeAt(p.after), p.rows())
	if err != nil {
		return Page[BoardRow]{}, err
	}
	shown, next, err := cut(p, shown, func(f UserFigures) position {
		return place{b.Ranking.value(f), f.UserID}.position()
	})
	if err != nil {
		return Page[BoardRow]{}, err
	}
	rows, err := v.ranked(ctx, b, o, shown, p.first)
	return Page[BoardRow]{rows, next}, err
}

// UserRank returns a user's place on a leaderboard. A user who is not on the board
// is ErrNotFound; what Leaderboard refuses is ErrInvalid.
func (r *Reader) UserRank(ctx context.Context, b Board, userID int64) (BoardRow, error) {
	return snapshot(ctx, r, "user rank", func(v *view) (BoardRow, error) {
		rows, err := v.around(ctx, b, userID, 0)
		if err != nil {
			return BoardRow{}, err
		}
		return rows[0], nil
	})
}

// Around returns a user's place on a leaderboard with the n users before and the n
// users after, fewer at an end of the board. n is 1 to MaxLimit. A user who is not on
// the board is ErrNotFound; what Leaderboard refuses is ErrInvalid.
func (r *Reader) Around(ctx context.Context, b Board, userID int64, n int) ([]BoardRow, error) {
	return snapshot(ctx, r, "leaderboard around a user", func(v *view) ([]BoardRow, error) {
		if n < 1 || n > MaxLimit {
			return nil, invalid("number of neighbours", n, fmt.Sprintf("want 1 to %d", MaxLimit))
		}
		return v.around(ctx, b, userID, int64(n))
	})
}

func (v *view) around(ctx context.Context, b Board, userID, n int64) ([]BoardRow, error) {
	if err := checkUserID(userID); err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	o, err := v.order(ctx, b, 0)
	if err != nil {
		return nil, err
	}
	user, err := o.find(ctx, userID)
	if err != nil {
		return nil, err
	}
	shown := []UserFigures{user}
	if n > 0 {
		at := place{b.Ranking.value(user), userID}
		above, err := o.above(ctx, at, n)
		if err != nil {
			return nil, err
		}
		below, err := o.below(ctx, at, n)
		if err != nil {
			return nil, err
		}
		slices.Reverse(above)
		shown = slices.Concat(above, shown, below)
	}
	return v.ranked(ctx, b, o, shown, false)
}

// ranked returns the rows of users who follow each other on a board. fromTop says
// that the first of them is the first of the board.
func (v *view) ranked(ctx context.Context, b Board, o order, shown []UserFigures, fromTop bool) ([]BoardRow, error) {
	rows := make([]BoardRow, len(shown))
	values := make([]float64, len(shown))
	for i, figures := range shown {
		rows[i].UserFigures = figures
		values[i] = b.Ranking.value(figures)
	}
	found, err := ranks(values, fromTop, func(value float64) (int64, error) { return o.better(ctx, value) })
	for i, rank := range found {
		rows[i].Rank = rank
	}
	return rows, err
}

// ranks returns the ranks of values that follow each other on a board. fromTop says
// that the first of them is the first of the board; better counts all of the board
// that are better than a value.
func ranks[T comparable](values []T, fromTop bool, better func(T) (int64, error)) ([]int64, error) {
	found := make([]int64, len(values))
	counted := -1 // the last value whose rank was counted
	for i, value := range values {
		switch {
		case i > 0 && value == values[i-1]:
			found[i] = found[i-1]
		case i == 0 && fromTop:
			found[i], counted = 1, 0
		case counted > 0 || (counted == 0 && fromTop):
			found[i] = found[counted] + int64(i-counted)
		default:
			// The first value may be tied with others before it, so its rank does not
			// tell that of the next value.
			count, err := better(value)
			if err != nil {
				return nil, err
			}
			found[i], counted = count+1, i
		}
	}
	return found, nil
}
