package engagement

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/stats"
)

// place is a position on a board: higher values come first, then lower ids. A P&L is
// the float64 that the board shows, in a window too: beyond some nine billion, sums that
// differ by a millionth show as the same and share a rank, and the P&L of a window may
// not fit into 64 bits of millionths.
type place struct {
	value float64
	user  int64
}

// top is before the first place of any board.
var top = place{math.MaxFloat64, math.MinInt64}

// position is the place as a cursor contains it; placeAt is its inverse.
func (p place) position() position {
	return position{numbers: []int64{int64(math.Float64bits(p.value)), p.user}}
}

func placeAt(p position) place {
	return place{math.Float64frombits(uint64(p.numbers[0])), p.numbers[1]}
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.user, b.user))
}

// order is everybody on a board, in order.
type order interface {
	// below returns the next n users after a place.
	below(ctx context.Context, at place, n int64) ([]UserFigures, error)
	// above returns the next n users before a place, the nearest first.
	above(ctx context.Context, at place, n int64) ([]UserFigures, error)
	// better counts the users with a better value.
	better(ctx context.Context, value float64) (int64, error)
	// find returns a user's figures, or ErrNotFound for one who is not on the board.
	find(ctx context.Context, user int64) (UserFigures, error)
}

func notOnBoard(user int64) error {
	return fmt.Errorf("user %d is not on the leaderboard: %w", user, ErrNotFound)
}

// order returns a board's order. If fromTop is not 0, only that many of its first
// places are needed.
func (v *view) order(ctx context.Context, b Board, fromTop int64) (order, error) {
	if b.Users == nil && b.Window.IsAllTime() {
		return storedOrder{v, b.Ranking, b.MinDecided}, nil
	}
	var places []place
	var err error
	if b.Users != nil {
		places, err = v.placesOf(ctx, b)
	} else {
		places, err = v.placesIn(ctx, b, fromTop)
	}
	slices.SortFunc(places, comparePlaces)
	return listedOrder{v, b.Window, places}, err
}

// storedOrder is the board of everybody and all time, read off the indexes of
// user_stats.
type storedOrder struct {
	v          *view
	ranking    Ranking
	minDecided int64
}

// whole returns a value of a ranking that counts.
func whole(value float64) int64 {
	if value >= math.MaxInt64 {
		return math.MaxInt64 // the top
	}
	return int64(value)
}

func (o storedOrder) below(ctx context.Context, at place, n int64) ([]UserFigures, error) {
	var rows []dbgen.UserStat
	var err error
	q := o.v.q
	switch o.ranking {
	case ByFires:
		rows, err = q.TopByFires(ctx, dbgen.TopByFiresParams{AfterValue: whole(at.value), AfterUser: at.user, MaxRows: n})
	case ByWinRate:
		rows, err = q.TopByWinBound(ctx, dbgen.TopByWinBoundParams{
			AfterValue: whole(at.value), AfterUser: at.user, MinDecided: o.minDecided, MaxRows: n,
		})
	case ByPnL:
		rows, err = q.TopByPnL(ctx, dbgen.TopByPnLParams{AfterValue: at.value, AfterUser: at.user, MaxRows: n})
	case ByExecuted:
		rows, err = q.TopByExecuted(ctx, dbgen.TopByExecutedParams{AfterValue: whole(at.value), AfterUser: at.user, MaxRows: n})
	case ByLongestStreak:
		rows, err = q.TopByLongestStreak(ctx, dbgen.TopByLongestStreakParams{AfterValue: whole(at.value), AfterUser: at.user, MaxRows: n})
	}
	return allLifetimeFigures(rows), err
}

func (o storedOrder) above(ctx context.Context, at place, n int64) ([]UserFigures, error) {
	var rows []dbgen.UserStat
	var err error
	q := o.v.q
	switch o.ranking {
	case ByFires:
		rows, err = q.AboveByFires(ctx, dbgen.AboveByFiresParams{BeforeValue: whole(at.value), BeforeUser: at.user, MaxRows: n})
	case ByWinRate:
		rows, err = q.AboveByWinBound(ctx, dbgen.AboveByWinBoundParams{
			BeforeValue: whole(at.value), BeforeUser: at.user, MinDecided: o.minDecided, MaxRows: n,
		})
	case ByPnL:
		rows, err = q.AboveByPnL(ctx, dbgen.AboveByPnLParams{BeforeValue: at.value, BeforeUser: at.user, MaxRows: n})
	case ByExecuted:
		rows, err = q.AboveByExecuted(ctx, dbgen.AboveByExecutedParams{BeforeValue: whole(at.value), BeforeUser: at.user, MaxRows: n})
	case ByLongestStreak:
		rows, err = q.AboveByLongestStreak(ctx, dbgen.AboveByLongestStreakParams{BeforeValue: whole(at.value), BeforeUser: at.user, MaxRows: n})
	}
	return allLifetimeFigures(rows), err
}

// better counts index entries, one for each better user: some 16 ns on SQLite and 40 on
// PostgreSQL. What would not grow with them is a tree that knows how many are below each
// of its nodes, which neither engine has, or a table of how many have each value, in
// which each fire would change two rows that all writers share.
func (o storedOrder) better(ctx context.Context, value float64) (count int64, err error) {
	q := o.v.q
	switch o.ranking {
	case ByFires:
		return q.CountWithMoreFires(ctx, whole(value))
	case ByWinRate:
		return q.CountWithHigherWinBound(ctx, dbgen.CountWithHigherWinBoundParams{Value: whole(value), MinDecided: o.minDecided})
	case ByExecuted:
		return q.CountWithMoreExecuted(ctx, whole(value))
	case ByLongestStreak:
		return q.CountWithLongerStreak(ctx, whole(value))
	}
	return q.CountWithMorePnL(ctx, value)
}

func (o storedOrder) find(ctx context.Context, user int64) (UserFigures, error) {
	row, err := o.v.userRow(ctx, user)
	if err == nil && o.ranking == ByWinRate && row.Wins+row.Losses < o.minDecided {
		err = notOnBoard(user)
	}
	return lifetimeFigures(row), err
}

// listedOrder is a board whose places are all known.
type listedOrder struct {
	v      *view
	window Window
	places []place
}

func (o listedOrder) below(ctx context.Context, at place, n int64) ([]UserFigures, error) {
	i, found := slices.BinarySearchFunc(o.places, at, comparePlaces)
	if found {
		i++
	}
	return o.figures(ctx, o.places[i:min(int64(i)+n, int64(len(o.places)))])
}

func (o listedOrder) above(ctx context.Context, at place, n int64) ([]UserFigures, error) {
	i, _ := slices.BinarySearchFunc(o.places, at, comparePlaces)
	figures, err := o.figures(ctx, o.places[max(0, int64(i)-n):i])
	slices.Reverse(figures)
	return figures, err
}

// figures returns the figures of the users at some places, in the places' order.
func (o listedOrder) figures(ctx context.Context, places []place) ([]UserFigures, error) {
	users := make([]int64, len(places))
	position := make(map[int64]int, len(places))
	for i, p := range places {
		users[i] = p.user
		position[p.user] = i
	}
	figures, err := o.v.figuresOf(ctx, users, o.window)
	slices.SortFunc(figures, func(a, b UserFigures) int { return position[a.UserID] - position[b.UserID] })
	return figures, err
}

func (o listedOrder) better(_ context.Context, value float64) (int64, error) {
	i, _ := slices.BinarySearchFunc(o.places, place{value, math.MinInt64}, comparePlaces)
	return int64(i), nil
}

func (o listedOrder) find(ctx context.Context, user int64) (UserFigures, error) {
	if !slices.ContainsFunc(o.places, func(p place) bool { return p.user == user }) {
		return UserFigures{}, notOnBoard(user)
	}
	figures, err := o.v.figuresOf(ctx, []int64{user}, o.window)
	if err == nil && len(figures) == 0 { // in a transaction, erased since
		err = notOnBoard(user)
	}
	if err != nil {
		return UserFigures{}, err
	}
	return figures[0], nil
}

// placesOf returns the places of a board's Users, in no order, without those who are
// not on it.
func (v *view) placesOf(ctx context.Context, b Board) ([]place, error) {
	figures, err := v.figuresOf(ctx, b.Users, b.Window)
	var places []place
	for _, f := range figures {
		if b.lists(f) {
			places = append(places, place{b.Ranking.value(f), f.UserID})
		}
	}
	return places, err
}

// lists reports whether a user with these figures is on the board.
func (b Board) lists(f UserFigures) bool {
	switch {
	case b.Ranking == ByWinRate:
		return f.Decided >= b.MinDecided
	case b.Window.IsAllTime():
		return true
	case b.Ranking == ByPnL:
		return f.Decided+f.Draws > 0
	}
	return f.TotalFires > 0
}

// placesIn returns the places of everybody on the board of a window. If first is not
// 0, only that many of the first places are needed.
func (v *view) placesIn(ctx context.Context, b Board, first int64) ([]place, error) {
	if first == 0 {
		first = math.MaxInt64
	}
	firstDay, lastDay := b.Window.days().bounds()
	var places []place
	switch b.Ranking {
	case ByFires:
		rows, err := v.q.TopByFiresBetween(ctx, dbgen.TopByFiresBetweenParams{FirstDay: firstDay, LastDay: lastDay, MaxRows: first})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			places = append(places, place{float64(row.Value), row.UserID})
		}
	case ByExecuted:
		rows, err := v.q.TopByExecutedBetween(ctx, dbgen.TopByExecutedBetweenParams{FirstDay: firstDay, LastDay: lastDay, MaxRows: first})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			places = append(places, place{float64(row.Value), row.UserID})
		}
	case ByPnL:
		return v.placesByPnL(ctx, firstDay, lastDay, first)
	case ByWinRate: // SQL has no square roots, so nothing is left out
		rows, err := v.q.DecidedBetween(ctx, dbgen.DecidedBetweenParams{FirstDay: firstDay, LastDay: lastDay, MinDecided: b.MinDecided})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			places = append(places, place{float64(winBound(row.Wins, row.Losses)), row.UserID})
		}
	case ByLongestStreak:
		rows, err := v.q.FiringDaysBetween(ctx, dbgen.FiringDaysBetweenParams{FirstDay: firstDay, LastDay: lastDay})
		if err != nil {
			return nil, err
		}
		longest := longestRun{skipped: v.skipped}
		for i, row := range rows {
			longest.add(row.Day)
			if i+1 == len(rows) || rows[i+1].UserID != row.UserID {
				places = append(places, place{float64(longest.longest), row.UserID})
				longest = longestRun{skipped: v.skipped}
			}
		}
	}
	return places, nil
}

// placesByPnL returns the places of everybody who traded on some days, by P&L, or
// only the first ones. SQL orders by exact sums. The board orders by what it shows, a
// float64, in which different sums may be equal: if the last place may be part of
// such a tie, all places are read.
func (v *view) placesByPnL(ctx context.Context, firstDay, lastDay, first int64) (places []place, err error) {
	rows, err := v.q.TopByPnLBetween(ctx, dbgen.TopByPnLBetweenParams{FirstDay: firstDay, LastDay: lastDay, MaxRows: first})
	if err != nil {
		return nil, err
	}
	var sum stats.Amount
	for _, row := range rows {
		sum = stats.Sum(row.Units, row.Micros)
		places = append(places, place{sum.Units(), row.UserID})
	}
	if int64(len(rows)) == first && !sum.Distinct() {
		return v.placesByPnL(ctx, firstDay, lastDay, math.MaxInt64)
	}
	return places, nil
}
