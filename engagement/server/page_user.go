package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/hydraxdev/engagementdb/engagement"
)

// userData is what a user's page shows.
type userData struct {
	ID       string
	Figures  []figure
	Streak   *calendar
	Awards   *table
	Freezes  *table
	Ranks    *table
	Windows  []navItem
	Quality  []figure
	Equity   *chart
	Forecast *forecast
	Trades   *table // nil: not for this visitor
	Facts    bool   // the visitor may see facts one by one
	Public   bool
	Picture  string // where the picture to share is, as seen from anywhere; "": there is none
	MayShow  bool   // the visitor may say whether the user is public
	Root     string
}

func (s *Server) addUserPages() {
	s.page("/u/{user}", userPage, (*visit).userPage)
	s.page("/u/{user}/explain/{figure}", ownFacts, (*visit).explainUser)
	s.form("/u/{user}/public", userConsent, usualTime, func(v *visit) (*shown, error) {
		user, err := parseUser(v.r.PathValue("user"))
		if err != nil {
			return nil, err
		}
		public := v.r.PostForm.Get("public") == "yes"
		return &shown{next: "u/" + strconv.FormatInt(user, 10)}, s.db.SetPublic(v.r.Context(), user, public)
	})
}

func (v *visit) userPage() (*shown, error) {
	user, err := parseUser(v.r.PathValue("user"))
	if err != nil {
		return nil, err
	}
	data := userData{ID: strconv.FormatInt(user, 10), Root: v.root}
	if data.Facts, err = v.may(ownFacts, user); err != nil {
		return nil, err
	}
	if data.MayShow, err = v.may(userConsent, user); err != nil {
		return nil, err
	}
	err = v.view(func(ctx context.Context, r *engagement.Reader) error {
		for _, part := range []func(context.Context, *engagement.Reader, int64, *userData) error{
			v.userFigures, v.userStreak, v.userRanks, v.userQuality, v.userForecast, v.userFacts,
		} {
			if err := part(ctx, r, user, &data); err != nil {
				return err
			}
		}
		return nil
	})
	return &shown{template: "user", title: "User " + data.ID, data: data}, err
}

func (v *visit) userFigures(ctx context.Context, r *engagement.Reader, user int64, data *userData) error {
	u, err := r.UserSummary(ctx, user)
	if err != nil {
		return err
	}
	why := func(f engagement.Figure) string {
		if !data.Facts {
			return ""
		}
		return v.root + "u/" + data.ID + "/explain/" + f.String()
	}
	favorite := ""
	if u.FavoriteSignal.SignalID != nil {
		favorite = *u.FavoriteSignal.SignalID
	}
	rate := none()
	if u.Wins+u.Losses > 0 {
		rate = share(u.WinRate)
	}
	data.Figures = []figure{
		{Name: "Fires", Value: count(u.TotalFires), Note: grouped(u.RecentFires7d) + " in 7 days", Href: why(engagement.FigureFires)},
		{Name: "Executed", Value: count(u.Executed), Note: percent(u.ExecutionRate), Href: why(engagement.FigureExecuted)},
		{Name: "Win rate", Value: rate, Note: fmt.Sprintf("%s won, %s lost", grouped(u.Wins), grouped(u.Losses)), Href: why(engagement.FigureWinRate)},
		{Name: "P&L", Value: amount(u.PnL), Note: "closed trades", Href: why(engagement.FigurePnL)},
		{Name: "Streak", Value: counted(u.CurrentStreak, "day"), Note: fmt.Sprintf("longest %s", grouped(u.LongestStreak)), Href: why(engagement.FigureStreak)},
	}
	if favorite != "" {
		data.Figures = append(data.Figures, figure{
			Name: "Favorite signals", Value: cell{Text: favorite, Class: "id"}, Note: grouped(u.FavoriteSignal.FireCount) + " fires",
		})
	}
	return nil
}

func counted(n int64, unit string) cell {
	c := count(n)
	if c.Text += " " + unit; n != 1 {
		c.Text += "s"
	}
	return c
}

func (v *visit) userRanks(ctx context.Context, r *engagement.Reader, user int64, data *userData) error {
	data.Ranks = v.table("ranks", "The user is on no board yet.", "Board", "Rank", "Figure")
	for _, b := range boardNames {
		ranking, err := engagement.ParseRanking(b.ranking)
		if err != nil {
			continue // the board of streaks ranks nobody by himself
		}
		row, err := r.UserRank(ctx, engagement.Board{Ranking: ranking}, user)
		if errors.Is(err, engagement.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		data.Ranks.add(cell{Text: b.name, Href: v.root + "boards?ranking=" + b.ranking + "&user=" + data.ID},
			cell{Text: "#" + grouped(row.Rank), Class: "num", raw: strconv.FormatInt(row.Rank, 10)}, ranked(ranking, row.UserFigures))
	}
	return nil
}

func (v *visit) userQuality(ctx context.Context, r *engagement.Reader, user int64, data *userData) error {
	w, windows, err := v.window(r, "all", "7d", "30d", "90d", "all")
	if err != nil {
		return err
	}
	data.Windows = windows
	q, err := r.TradeQuality(ctx, engagement.QualityQuery{UserID: user, Window: w})
	if err != nil {
		return err
	}
	data.Quality, data.Equity = qualityFigures(q), v.equity(q)
	return nil
}

func (v *visit) userForecast(ctx context.Context, r *engagement.Reader, user int64, data *userData) error {
	f, err := r.Forecast(ctx, engagement.ForecastQuery{UserID: user})
	data.Forecast = forecastOf(f)
	return err
}

// userFacts adds what only the user and readers may see.
func (v *visit) userFacts(ctx context.Context, r *engagement.Reader, user int64, data *userData) (err error) {
	if data.Public, err = r.IsPublic(ctx, user); err == nil && data.Public {
		data.Picture = v.address() + "/card.png"
	}
	if err != nil || !data.Facts {
		return err
	}
	page, err := r.Trades(ctx, engagement.TradeFilter{UserID: user}, engagement.PageQuery{Limit: 12})
	if err != nil {
		return err
	}
	data.Trades = v.trades(page.Items)
	return nil
}

func (v *visit) trades(trades []engagement.ClosedTrade) *table {
	t := v.table("trades", "No trade has closed yet.", "Closed", "Trade", "Signal", "Outcome", "P&L")
	for _, x := range trades {
		t.add(v.moment(x.ClosedAt), cell{Text: x.TradeID, Class: "id"}, v.signal(x.SignalID), outcome(x.Outcome), amount(x.PnL))
	}
	return t
}

func outcome(o engagement.Outcome) cell { return cell{Text: o.String(), Class: o.String()} }

// explained is a figure with the days and facts that it is made of.
type explained struct {
	Back   cell
	Value  cell
	Notes  []string
	Days   *chart
	Facts  *table
	Others []navItem
}

func (v *visit) explainUser() (*shown, error) {
	user, err := parseUser(v.r.PathValue("user"))
	if err != nil {
		return nil, err
	}
	f := engagement.Figure(v.r.PathValue("figure"))
	var e engagement.Explanation
	if err := v.view(func(ctx context.Context, r *engagement.Reader) (err error) {
		e, err = r.ExplainUser(ctx, user, f, v.after(50))
		return err
	}); err != nil {
		return nil, err
	}
	id := strconv.FormatInt(user, 10)
	data := v.explained(e)
	data.Back = cell{Text: "User " + id, Href: v.root + "u/" + id}
	for _, other := range engagement.FiguresOfUser() {
		data.Others = append(data.Others, navItem{figureNames[other], v.root + "u/" + id + "/explain/" + other.String(), other == f})
	}
	return &shown{template: "explain", title: figureNames[f] + " of user " + id, data: data}, nil
}

var figureNames = map[engagement.Figure]string{
	engagement.FigureFires: "Fires", engagement.FigureExecuted: "Executed fires", engagement.FigureWins: "Wins", engagement.FigureLosses: "Losses",
	engagement.FigureDraws: "Draws", engagement.FigurePnL: "P&L", engagement.FigureWinRate: "Win rate", engagement.FigureStreak: "Streak",
}

func (v *visit) explained(e engagement.Explanation) explained {
	show := func(x float64) cell { return count(int64(x)) }
	switch e.Figure {
	case engagement.FigurePnL:
		show = amount
	case engagement.FigureWinRate:
		show = share
	}
	data := explained{Value: show(e.Value)}
	agree := "The figure, its days and its facts agree to the last millionth."
	if !e.Exact {
		agree = fmt.Sprintf("Its days come to %s: a verification tells what is wrong.", show(e.Sum).Text)
	}
	data.Notes = append(data.Notes, agree)
	if e.BeforeHorizon != 0 {
		data.Notes = append(data.Notes, fmt.Sprintf("%s of it is from days before %s, whose fires were cleaned up: of these days there is only the sum.",
			show(e.BeforeHorizon).Text, e.Horizon))
	}
	data.Days = v.explainedDays(e)
	if e.Figure == engagement.FigureFires || e.Figure == engagement.FigureExecuted || e.Figure == engagement.FigureStreak {
		data.Facts = v.fires(e.Fires, e.SignalID != "")
	} else {
		data.Facts = v.trades(e.Trades)
	}
	data.Facts.Next = v.next(e.Next)
	return data
}

func (v *visit) explainedDays(e engagement.Explanation) *chart {
	head := []string{"Day", figureNames[e.Figure]}
	if e.Figure == engagement.FigureWinRate {
		head = []string{"Day", "Won", "Won or lost"}
	}
	t := v.table("days", "No day adds anything.", head...)
	c := &chart{Title: "By day", Note: "days that add something", Table: t}
	s := scaleOf(values(e.Days, func(d engagement.FigureDay) float64 { return d.Value })...)
	c.on(s, countName)
	c.Nothing = len(e.Days) == 0
	var names []engagement.Day
	for _, d := range e.Days {
		names = append(names, d.Day)
		value := count(int64(d.Value))
		if e.Figure == engagement.FigurePnL {
			value = amount(d.Value)
		}
		cells := []cell{day(d.Day), value}
		if e.Figure == engagement.FigureWinRate {
			cells = append(cells, count(d.Decided))
		}
		t.add(cells...)
		c.signed(s, d.Day.String()+": "+value.Text, d.Value, e.Figure == engagement.FigurePnL)
	}
	c.days(names)
	return c
}

// fires returns a table of one user's fires or of those for one signal.
func (v *visit) fires(fires []engagement.SignalFire, ofSignal bool) *table {
	t := v.table("fires", "No fire is kept.", "Fired", map[bool]string{true: "User", false: "Signal"}[ofSignal], "Executed")
	for _, f := range fires {
		executed := said("no")
		if f.Executed {
			executed = said("yes")
		}
		which := v.signal(f.SignalID)
		if ofSignal {
			id := strconv.FormatInt(f.UserID, 10)
			which = cell{Text: id, Href: v.root + "u/" + id, Class: "id user"}
		}
		t.add(v.moment(f.Timestamp), which, executed)
	}
	return t
}
