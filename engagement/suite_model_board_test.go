package engagement_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

// roundedBounds lets the bounds of win rates, which are found in two ways,
// differ in their last digits.
var roundedBounds = cmpopts.EquateApprox(0, 1e-12)

func inWindow(day engagement.Day, w engagement.Window) bool {
	return w.IsAllTime() || (w.From() <= day && day <= w.To())
}

func (m *model) figures(user int64, w engagement.Window) engagement.UserFigures {
	f := engagement.UserFigures{UserID: user, LastUpdated: m.updated[user]}
	active := map[engagement.Day]bool{}
	for _, fire := range m.fires {
		if fire.UserID == user && fire.fate != orphaned && inWindow(fire.day, w) {
			f.TotalFires++
			active[fire.day] = true
			if fire.Executed {
				f.Executed++
			}
		}
	}
	for day := range active {
		run := engagement.Day(1)
		for active[day+run] {
			run++
		}
		f.LongestStreak = max(f.LongestStreak, int64(run))
	}
	if w.IsAllTime() { // by the streak rules
		f.LongestStreak = m.streak(user).Longest
	}
	var micros int64
	for _, tr := range m.trades {
		if tr.UserID != user || !inWindow(tr.day, w) {
			continue
		}
		micros += tr.micros
		switch tr.Outcome {
		case engagement.Win:
			f.Wins++
		case engagement.Loss:
			f.Losses++
		case engagement.Draw:
			f.Draws++
		}
	}
	f.PnL = float64(micros) / 1e6
	f.Decided = f.Wins + f.Losses
	f.WinRate = quotient(f.Wins, f.Decided)
	f.WinRateBound = wilson(f.Wins, f.Losses)
	return f
}

// wilson solves |p - wins/n| = z sqrt(p(1-p)/n) for the lesser p.
func wilson(wins, losses int64) float64 {
	if wins == 0 {
		return 0
	}
	const z2 = 1.959963984540054 * 1.959963984540054
	n, rate := float64(wins+losses), quotient(wins, wins+losses)
	a, b, c := 1+z2/n, -(2*rate + z2/n), rate*rate
	return (-b - math.Sqrt(b*b-4*a*c)) / (2 * a)
}

func valueOf(ranking engagement.Ranking, f engagement.UserFigures) float64 {
	return map[engagement.Ranking]float64{
		engagement.ByFires:         float64(f.TotalFires),
		engagement.ByWinRate:       math.Round(f.WinRateBound * 1e9),
		engagement.ByPnL:           f.PnL,
		engagement.ByExecuted:      float64(f.Executed),
		engagement.ByLongestStreak: float64(f.LongestStreak),
	}[ranking]
}

// leaderboard returns a whole board.
func (m *model) leaderboard(b engagement.Board) []engagement.BoardRow {
	rows := []engagement.BoardRow{}
	for _, user := range m.users() {
		f := m.figures(user, b.Window)
		if m.onBoard(b, f) {
			rows = append(rows, engagement.BoardRow{UserFigures: f, Rank: 1})
		}
	}
	for i := range rows {
		for _, other := range rows {
			if valueOf(b.Ranking, other.UserFigures) > valueOf(b.Ranking, rows[i].UserFigures) {
				rows[i].Rank++
			}
		}
	}
	slices.SortFunc(rows, func(a, b engagement.BoardRow) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.UserID, b.UserID))
	})
	return rows
}

func (m *model) onBoard(b engagement.Board, f engagement.UserFigures) bool {
	if b.Users != nil && !slices.Contains(b.Users, f.UserID) {
		return false
	}
	switch {
	case b.Ranking == engagement.ByWinRate && b.MinDecided == 0:
		return f.Decided >= 10
	case b.Ranking == engagement.ByWinRate:
		return f.Decided >= b.MinDecided
	case b.Window.IsAllTime():
		return true
	case b.Ranking == engagement.ByPnL:
		return f.Wins+f.Losses+f.Draws > 0
	}
	return f.TotalFires > 0
}

// boards are boards of every ranking, of some windows and of some sets of users.
func (h *history) boards() []engagement.Board {
	today := h.model.today()
	var boards []engagement.Board
	for _, ranking := range engagement.Rankings() {
		for _, window := range []engagement.Window{engagement.AllTime(), engagement.Days(today, today), engagement.Days(today-6, today-1)} {
			for _, users := range [][]int64{nil, {4, -7, 2, 4, 99}} {
				boards = append(boards, engagement.Board{Ranking: ranking, Window: window, Users: users, MinDecided: 2})
			}
		}
	}
	return append(boards, engagement.Board{Ranking: engagement.ByWinRate})
}

func (h *history) compareRank(t *rapid.T, r *engagement.Reader, b engagement.Board, user int64) {
	ctx := context.Background()
	board := h.model.leaderboard(b)
	i := slices.IndexFunc(board, func(row engagement.BoardRow) bool { return row.UserID == user })
	if i < 0 {
		_, err := r.UserRank(ctx, b, user)
		wantError(t, err, engagement.ErrNotFound)
		_, err = r.Around(ctx, b, user, 1)
		wantError(t, err, engagement.ErrNotFound)
		return
	}
	same(t, fmt.Sprintf("UserRank %+v", b), must(r.UserRank(ctx, b, user))(t), board[i], roundedBounds)
	for _, n := range []int{1, 3} {
		same(t, fmt.Sprintf("Around %+v, %d", b, n), must(r.Around(ctx, b, user, n))(t),
			board[max(0, i-n):min(len(board), i+n+1)], roundedBounds)
	}
}

func (h *history) compareHeadToHead(t *rapid.T, r *engagement.Reader, a, b int64) {
	ctx, m := context.Background(), h.model
	for _, window := range []engagement.Window{engagement.AllTime(), engagement.Days(m.today()-4, m.today())} {
		got, err := r.HeadToHead(ctx, a, b, window)
		if a == b {
			wantError(t, err, engagement.ErrInvalid)
			continue
		}
		noError(t, err)
		want := engagement.HeadToHead{A: m.figures(a, window), B: m.figures(b, window), Leaders: map[engagement.Ranking]*int64{}, Horizon: m.horizon}
		for _, ranking := range engagement.Rankings() {
			var leader *int64
			if difference := valueOf(ranking, want.A) - valueOf(ranking, want.B); difference > 0 {
				leader = &a
			} else if difference < 0 {
				leader = &b
			}
			want.Leaders[ranking] = leader
		}
		for _, f := range m.fires {
			for _, g := range m.fires {
				if f.SignalID == g.SignalID && f.UserID == a && g.UserID == b && f.fate == kept && g.fate == kept &&
					inWindow(f.day, window) && inWindow(g.day, window) {
					want.CommonSignals++
				}
			}
		}
		same(t, fmt.Sprintf("HeadToHead of %d and %d", a, b), got, want, roundedBounds)
	}
}
