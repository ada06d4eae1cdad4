package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hydraxdev/engagementdb/engagement"
)

// streakBoard is the board of streaks that are alive, which has no window.
const streakBoard = "current_streak"

var boardNames = []struct{ ranking, name string }{
	{"total_fires", "Fires"}, {"executed", "Executed fires"}, {"win_rate", "Win rate"}, {"pnl", "P&L"},
	{"longest_streak", "Longest streak"}, {streakBoard, "Streak now"},
}

// boardPage is one page of a board.
type boardPage struct {
	Boards, Windows []navItem
	Ranking, Window string
	Note            string
	User            string // who is looked for
	NoUser          string // why that user is not shown
	Around          *table
	Rows            *table // nil: it is left for later
	Later           []later
}

func (s *Server) addBoardPages() {
	s.page("/boards", seenByAll, (*visit).board)
	s.page("/u/{user}/versus", userPage, (*visit).versus)
}

func (v *visit) board() (*shown, error) {
	q := v.r.URL.Query()
	data := boardPage{Ranking: q.Get("ranking"), Window: q.Get("window"), User: strings.TrimSpace(q.Get("user"))}
	if data.Ranking == "" {
		data.Ranking = boardNames[0].ranking
	}
	title := "Boards"
	for _, b := range boardNames {
		data.Boards = append(data.Boards, navItem{b.name, v.with("ranking", b.ranking, "after", "part"), b.ranking == data.Ranking})
		if b.ranking == data.Ranking {
			title = b.name
		}
	}
	user, err := int64(0), error(nil)
	if data.User != "" {
		if user, err = parseUser(data.User); err != nil {
			data.NoUser, user = "A user's id is a whole number.", 0
		}
	}
	show := v.streaks
	if data.Ranking != streakBoard {
		b := engagement.Board{}
		if b.Ranking, err = engagement.ParseRanking(data.Ranking); err != nil {
			return nil, err
		}
		if b.Window, data.Windows, err = v.window(v.s.db.Reader, "all", "today", "week", "7d", "30d", "month", "all"); err != nil {
			return nil, err
		}
		if b.Ranking == engagement.ByWinRate {
			data.Note = fmt.Sprintf("Of those with %d wins and losses or more, by the lower bound of what the win rate may be: few trades weigh less.", engagement.DefaultMinDecided)
		}
		show = func(ctx context.Context, r *engagement.Reader, data *boardPage, user int64) error {
			return v.ranking(ctx, r, b, data, user)
		}
	}
	data.Later, _, err = v.parts(part{"board", "The board", func(ctx context.Context) error {
		return v.viewWithin(ctx, func(ctx context.Context, r *engagement.Reader) error { return show(ctx, r, &data, user) })
	}})
	if len(data.Later) > 0 {
		data.Rows, data.Around = nil, nil // what was counted of them
	}
	return &shown{template: "boards", title: title, data: data}, err
}

// ranking adds a page of a board, and who is around a user. In a window of a large
// community, all days of it are added up for each.
func (v *visit) ranking(ctx context.Context, r *engagement.Reader, b engagement.Board, data *boardPage, user int64) error {
	page, err := r.Leaderboard(ctx, b, v.after(50))
	if err != nil {
		return err
	}
	data.Rows = v.boardTable("board", emptyBoard(b))
	if page.Next != "" {
		data.Rows.Next = v.with("after", string(page.Next), "part")
	}
	if err := v.addRanked(data.Rows, page.Items, user); err != nil || user == 0 {
		return err
	}
	around, err := r.Around(ctx, b, user, 3)
	if errors.Is(err, engagement.ErrNotFound) {
		data.NoUser = fmt.Sprintf("User %d is not on this board.", user)
		return nil
	}
	if err != nil {
		return err
	}
	data.Around = v.boardTable("around", "")
	return v.addRanked(data.Around, around, user)
}

func (v *visit) boardTable(id, empty string) *table {
	return v.table(id, empty, "#", "User", "Fires", "Executed", "Won", "Lost", "Drawn", "Win rate", "At least", "P&L", "Longest streak")
}

func (v *visit) addRanked(t *table, rows []engagement.BoardRow, here int64) error {
	for _, row := range rows {
		who, err := v.user(row.UserID)
		if err != nil {
			return err
		}
		rate, bound := none(), none()
		if row.Decided > 0 {
			rate, bound = share(row.WinRate), share(row.WinRateBound)
		}
		t.add(rank(row.Rank), who, count(row.TotalFires), count(row.Executed), count(row.Wins), count(row.Losses), count(row.Draws),
			rate, bound, amount(row.PnL), count(row.LongestStreak))
		t.Rows[len(t.Rows)-1].Here = row.UserID == here
	}
	return nil
}

func (v *visit) streaks(ctx context.Context, r *engagement.Reader, data *boardPage, user int64) error {
	page, err := r.StreakLeaderboard(ctx, v.after(50))
	if err != nil {
		return err
	}
	data.Window = ""
	data.Note = "Streaks that are alive. The time is that by which the user must fire, all freezes spent."
	data.Rows = v.table("board", "No streak is alive.", "#", "User", "Days now", "Longest", "Freezes", "Kept by firing before")
	data.Rows.Next = v.next(page.Next)
	for _, row := range page.Items {
		who, err := v.user(row.UserID)
		if err != nil {
			return err
		}
		data.Rows.add(rank(row.Rank), who, count(row.Current), count(row.Longest), count(row.Freezes), given(row.Expires, v.moment))
		data.Rows.Rows[len(data.Rows.Rows)-1].Here = row.UserID == user
	}
	if user == 0 {
		return nil
	}
	one, err := r.Streak(ctx, user)
	switch {
	case errors.Is(err, engagement.ErrNotFound):
		data.NoUser = fmt.Sprintf("User %d has not fired yet.", user)
		return nil
	case err != nil:
		return err
	case one.Current == 0:
		data.NoUser = fmt.Sprintf("User %d has no streak now; the longest was %s days.", user, grouped(one.Longest))
		return nil
	}
	data.NoUser = fmt.Sprintf("User %d has a streak of %s days.", user, grouped(one.Current))
	return nil
}

// versusPage has two users side by side.
type versusPage struct {
	A, B    cell
	Other   string
	Windows []navItem
	Window  string
	Table   *table
	Note    string
	Mistake string
}

func (v *visit) versus() (*shown, error) {
	user, err := parseUser(v.r.PathValue("user"))
	if err != nil {
		return nil, err
	}
	q := v.r.URL.Query()
	data := versusPage{Other: strings.TrimSpace(q.Get("other")), Window: q.Get("window")}
	title := fmt.Sprintf("User %d and another", user)
	other := int64(0)
	if data.Other != "" {
		if other, err = parseUser(data.Other); err != nil {
			data.Mistake = "A user's id is a whole number."
		}
	}
	err = v.view(func(ctx context.Context, r *engagement.Reader) error {
		if data.A, err = v.user(user); err != nil || other == 0 {
			return err
		}
		var w engagement.Window
		if w, data.Windows, err = v.window(r, "all", "week", "30d", "month", "all"); err != nil {
			return err
		}
		both, err := r.HeadToHead(ctx, user, other, w)
		if errors.Is(err, engagement.ErrNotFound) {
			data.Mistake = fmt.Sprintf("One of users %d and %d is not known.", user, other)
			return nil
		}
		if err != nil {
			return err
		}
		title = fmt.Sprintf("User %d and user %d", user, other)
		if data.B, err = v.user(other); err != nil {
			return err
		}
		data.Note = fmt.Sprintf("Both fired %s of the same signals, of the fires kept since %s. The better of the two is marked.", grouped(both.CommonSignals), both.Horizon)
		data.Table = v.compared(both)
		return nil
	})
	return &shown{template: "versus", title: title, data: data}, err
}

func (v *visit) compared(both engagement.HeadToHead) *table {
	t := v.table("versus", "", "", strconv.FormatInt(both.A.UserID, 10), strconv.FormatInt(both.B.UserID, 10))
	row := func(name string, a, b cell, by engagement.Ranking) {
		if by != 0 {
			if leader := both.Leaders[by]; leader != nil && *leader == both.A.UserID {
				a.Class += " best"
			} else if leader != nil {
				b.Class += " best"
			}
		}
		t.add(said(name), a, b)
	}
	a, b := both.A, both.B
	row("Fires", count(a.TotalFires), count(b.TotalFires), engagement.ByFires)
	row("Executed fires", count(a.Executed), count(b.Executed), engagement.ByExecuted)
	row("Won", count(a.Wins), count(b.Wins), 0)
	row("Lost", count(a.Losses), count(b.Losses), 0)
	row("Drawn", count(a.Draws), count(b.Draws), 0)
	row("Win rate", share(a.WinRate), share(b.WinRate), 0)
	row("Win rate, at least", share(a.WinRateBound), share(b.WinRateBound), engagement.ByWinRate)
	row("P&L", amount(a.PnL), amount(b.PnL), engagement.ByPnL)
	row("Longest streak, days", count(a.LongestStreak), count(b.LongestStreak), engagement.ByLongestStreak)
	return t
}
