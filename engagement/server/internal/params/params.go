// Package params has the parameters that several operations of the server take.
// They are embedded in an operation's own; huma looks only into exported types.
package params

import (
	"strconv"
	"strings"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Page is which page of a list is asked for.
type Page struct {
	Limit int    `query:"limit" doc:"how many at most: 1 to 10,000; 100 unless it is said"`
	After string `query:"after" doc:"the cursor of the page before"`
}

// Query returns the page as the library asks for it.
func (p Page) Query() engagement.PageQuery {
	return engagement.PageQuery{Limit: p.Limit, After: engagement.Cursor(p.After)}
}

// Days is which window is asked for.
type Days struct {
	Window string `query:"window" default:"all" doc:"all, today, week, month, such as 30d, or days such as 2026-01-01..2026-01-31"`
}

// OfUser is the user whom a path is about.
type OfUser struct {
	User int64 `path:"user" doc:"a user's id"`
}

// OfSignal is the signal that a path is about.
type OfSignal struct {
	Signal string `path:"signal" doc:"a signal's id, with / as %2F"`
}

// OfFigure is the figure that a path is about.
type OfFigure struct {
	Figure string `path:"figure" doc:"the figure's name" enum:"total_fires,executed,wins,losses,draws,pnl,win_rate,current_streak"`
}

// Metric is the metric that a path is about.
type Metric struct {
	Name string `path:"name" doc:"a metric's name"`
}

// OfRanking is the board that a path is about.
type OfRanking struct {
	Ranking string `path:"ranking" doc:"what the board orders by" enum:"total_fires,win_rate,pnl,executed,longest_streak"`
}

// Board says who is on a board.
type Board struct {
	Days
	MinDecided int64  `query:"min_decided" doc:"by win rate: how many decided trades a user needs; 10 unless it is said"`
	Users      string `query:"users" doc:"only these, ranked among themselves: ids separated by commas"`
}

// Of returns the board by a ranking, as of the reader's day.
func (p Board) Of(r *engagement.Reader, ranking string) (b engagement.Board, err error) {
	b.MinDecided = p.MinDecided
	if b.Ranking, err = engagement.ParseRanking(ranking); err != nil {
		return b, err
	}
	if b.Window, err = r.ParseWindow(p.Window); err != nil || p.Users == "" {
		return b, err
	}
	for text := range strings.SplitSeq(p.Users, ",") {
		id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return b, &engagement.InvalidError{Field: "users", Value: text, Reason: "want whole numbers separated by commas"}
		}
		b.Users = append(b.Users, id)
	}
	return b, nil
}

// Period is the length of the periods to count in.
type Period struct {
	By string `query:"by" default:"week" enum:"day,week" doc:"the length of a period"`
}

// Fires narrows a list of fires.
type Fires struct {
	Executed bool `query:"executed" doc:"only those whose order reached the broker"`
}

// Trades narrows a list of trades.
type Trades struct {
	Signal  string `query:"signal" doc:"only those that followed this signal"`
	Outcome string `query:"outcome" doc:"only those that ended so" enum:"win,loss,draw"`
}

// Prior is what forecasts take for granted.
type Prior struct {
	Strength   float64 `query:"strength" doc:"how many decided trades the community's win rate stands for; 10 unless it is said"`
	MinDecided int64   `query:"min_decided" doc:"how many decided trades of its own a forecast needs; 10 unless it is said"`
}

// Account is what a drawdown is a share of.
type Account struct {
	Balance float64 `query:"balance" doc:"what the account held before the first of the trades"`
}

// Kept says what a cleanup keeps.
type Kept struct {
	KeepDays int `query:"keep_days" required:"true" doc:"how many days before today to keep"`
}

// Body is a body in JSON, which the operation decodes.
type Body struct {
	RawBody []byte `contentType:"application/json"`
}
