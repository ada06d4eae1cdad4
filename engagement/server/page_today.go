package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

var utc = time.UTC

// todayPage is the first page.
type todayPage struct {
	Day    string
	AsOf   string
	Zone   string // as browsers know it
	Live   []figure
	Fires  *chart
	New    *chart
	NewOn  string // the last day on which somebody was new
	Names  []cell // of who was new then, the first few
	More   int64  // how many others
	Most   *table
	Boards []board
	Empty  bool // nothing was ever recorded
}

// board is a short board with its name.
type board struct {
	Title, Href string
	Table       *table
}

func (s *Server) addTodayPage() { s.page("/{$}", seenByAll, (*visit).today) }

func (v *visit) today() (*shown, error) {
	var data todayPage
	reads, err := v.may(readers, 0)
	if err != nil {
		return nil, err
	}
	err = v.view(func(ctx context.Context, r *engagement.Reader) error {
		stats, err := r.RealTimeStats(ctx)
		if err != nil {
			return err
		}
		data.Day = stats.Day.Start(utc).Format("Monday, 2 January 2006")
		data.AsOf = stats.Timestamp.In(r.Location()).Format("15:04:05 MST")
		if data.Zone = r.Location().String(); data.Zone == "Local" {
			data.Zone = ""
		}
		data.Live = v.liveFigures(stats)
		popular, err := r.PopularSignals(ctx, engagement.Days(r.Today()-29, r.Today()), engagement.PageQuery{Limit: 8})
		if err != nil {
			return err
		}
		data.Most = v.popular(popular.Items)
		if reads {
			if err := v.todaysDays(ctx, r, &data); err != nil {
				return err
			}
		}
		data.Boards, err = v.leaders(ctx, r)
		return err
	})
	data.Empty = len(data.Boards) > 0 && len(data.Boards[0].Table.Rows) == 0 && len(data.Boards[1].Table.Rows) == 0
	return &shown{template: "today", title: "Today", data: data}, err
}

func (v *visit) liveFigures(stats engagement.RealTimeStats) []figure {
	most := figure{Name: "Most fired", Value: cell{Text: "–"}, Live: "most", Note: "nothing yet"}
	if id := stats.MostFiredSignal.SignalID; id != nil {
		most.Value = v.signal(*id)
		most.Note = grouped(stats.MostFiredSignal.FireCount) + " fires"
	}
	return []figure{
		{Name: "Fires", Value: count(stats.TotalFiresToday), Live: "total_fires_today"},
		{Name: "Executed", Value: count(stats.ExecutedFiresToday), Live: "executed_fires_today"},
		{Name: "Execution rate", Value: share(stats.ExecutionRate), Live: "execution_rate"},
		{Name: "Active users", Value: count(stats.ActiveUsersToday), Live: "active_users_today"},
		{Name: "Fires per user", Value: decimal(stats.AvgFiresPerUser), Live: "avg_fires_per_user"},
		most,
	}
}

func (v *visit) popular(signals []engagement.PopularSignal) *table {
	t := v.table("signals", "No signal was fired in these days.", "Signal", "Fires", "Executed", "Rate")
	for _, p := range signals {
		t.add(v.signal(p.SignalID), count(p.Fires), count(p.Executed), share(p.ExecutionRate))
	}
	return t
}

// todaysDays adds what the last 30 days were like.
func (v *visit) todaysDays(ctx context.Context, r *engagement.Reader, data *todayPage) error {
	days, err := r.DailyFigures(ctx, engagement.Days(r.Today()-29, r.Today()))
	if err != nil {
		return err
	}
	data.Fires = v.firesChart("Fires a day", days)
	t := v.table("new", "Nobody fired for the first time in these days.", "Day", "New users")
	c := &chart{Title: "Who is new", Table: t}
	s := scaleOf(values(days, func(d engagement.DayFigures) float64 { return float64(d.NewUsers) })...)
	c.on(s, countName)
	var names []engagement.Day
	var sum int64
	for _, d := range days {
		names = append(names, d.Day)
		c.column(s, fmt.Sprintf("%s: %s new", d.Day, grouped(d.NewUsers)), []string{"new"}, float64(d.NewUsers))
		t.add(day(d.Day), count(d.NewUsers))
		sum += d.NewUsers
	}
	c.days(names)
	if n := len(days); n > 0 {
		c.Note = fmt.Sprintf("%s today, %s in 30 days fired for the first time", grouped(days[n-1].NewUsers), grouped(sum))
	}
	data.New = c
	return v.newest(ctx, r, days, data)
}

// newest names who was new on the last day on which somebody was.
func (v *visit) newest(ctx context.Context, r *engagement.Reader, days []engagement.DayFigures, data *todayPage) error {
	const few = 6
	for _, d := range slices.Backward(days) {
		if d.NewUsers == 0 {
			continue
		}
		page, err := r.NewUsers(ctx, d.Day, engagement.PageQuery{Limit: few})
		if err != nil {
			return err
		}
		if data.NewOn = "On " + d.Day.String(); d.Day == r.Today() {
			data.NewOn = "Today"
		}
		data.More = d.NewUsers - int64(len(page.Items))
		for _, u := range page.Items {
			who, err := v.user(u.UserID)
			if err != nil {
				return err
			}
			data.Names = append(data.Names, who)
		}
		return nil
	}
	return nil
}

// leaders returns the first few of some boards.
func (v *visit) leaders(ctx context.Context, r *engagement.Reader) ([]board, error) {
	const few = 6
	var all []board
	for _, b := range []struct {
		title  string
		board  engagement.Board
		column string
	}{
		{"Most fires", engagement.Board{Ranking: engagement.ByFires}, "Fires"},
		{"Best P&L", engagement.Board{Ranking: engagement.ByPnL}, "P&L"},
		{"Best win rate", engagement.Board{Ranking: engagement.ByWinRate}, "Win rate"},
	} {
		page, err := r.Leaderboard(ctx, b.board, engagement.PageQuery{Limit: few})
		if err != nil {
			return nil, err
		}
		name := b.board.Ranking.String()
		t := v.table("board-"+name, emptyBoard(b.board), "#", "User", b.column)
		for _, row := range page.Items {
			who, err := v.user(row.UserID)
			if err != nil {
				return nil, err
			}
			t.add(rank(row.Rank), who, ranked(b.board.Ranking, row.UserFigures))
		}
		all = append(all, board{b.title, v.root + "boards?ranking=" + name, t})
	}
	page, err := r.StreakLeaderboard(ctx, engagement.PageQuery{Limit: few})
	if err != nil {
		return nil, err
	}
	t := v.table("board-streak", "No streak is alive.", "#", "User", "Days")
	for _, row := range page.Items {
		who, err := v.user(row.UserID)
		if err != nil {
			return nil, err
		}
		t.add(rank(row.Rank), who, count(row.Current))
	}
	return append(all, board{"Longest streak now", v.root + "boards?ranking=" + streakBoard, t}), nil
}

func emptyBoard(b engagement.Board) string {
	if b.Ranking == engagement.ByWinRate {
		return fmt.Sprintf("Nobody has %d wins and losses yet.", engagement.DefaultMinDecided)
	}
	return "Nobody is on this board yet."
}

// ranked is the figure of a user that a board orders by.
func ranked(by engagement.Ranking, f engagement.UserFigures) cell {
	switch by {
	case engagement.ByWinRate:
		return share(f.WinRate)
	case engagement.ByPnL:
		return amount(f.PnL)
	case engagement.ByExecuted:
		return count(f.Executed)
	case engagement.ByLongestStreak:
		return count(f.LongestStreak)
	}
	return count(f.TotalFires)
}
