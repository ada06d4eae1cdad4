package server

import (
	"context"
	"fmt"

	"github.com/hydraxdev/engagementdb/engagement"
)

// calendar is the last half year, a square a day, a column a week.
type calendar struct {
	Note          string
	Width, Height int
	Squares       []square
	Names         []name
	Table         *table
}

type square struct {
	X, Y  int
	Class string
	Says  string
}

type name struct {
	X    int
	Text string
}

const (
	calendarWeeks = 27
	squareStep    = 14
)

// userStreak adds the calendar with the days of the streak and, for those who may see
// facts, how often the user fired on each day; and what the streak has earned.
func (v *visit) userStreak(ctx context.Context, r *engagement.Reader, user int64, data *userData) error {
	streak, err := r.Streak(ctx, user)
	if err != nil {
		return err
	}
	days, err := r.StreakDays(ctx, user)
	if err != nil {
		return err
	}
	kinds := map[engagement.Day]engagement.StreakDayKind{}
	for _, d := range days {
		kinds[d.Day] = d.Kind
	}
	fires := map[engagement.Day]int64{}
	if data.Facts {
		e, err := r.ExplainUser(ctx, user, engagement.FigureFires, engagement.PageQuery{Limit: 1})
		if err != nil {
			return err
		}
		for _, d := range e.Days {
			fires[d.Day] = int64(d.Value)
		}
	}
	data.Streak = v.calendar(r.Today(), kinds, fires)
	data.Streak.Note = "No streak now: a fire today begins one."
	if streak.Expires != nil {
		data.Streak.Note = fmt.Sprintf("%s in a row, kept by firing before %s.", counted(streak.Current, "day").Text, v.moment(*streak.Expires).Text)
	}
	return v.earned(ctx, r, user, data)
}

func (v *visit) calendar(today engagement.Day, kinds map[engagement.Day]engagement.StreakDayKind, fires map[engagement.Day]int64) *calendar {
	c := &calendar{Width: calendarWeeks*squareStep + 2, Height: 7*squareStep + 16}
	c.Table = v.table("streak", "Nothing was fired in half a year.", "Day", "Fires", "In the streak")
	first := today.WeekStart() - 7*(calendarWeeks-1)
	last := engagement.Day(0)
	for d := first; d <= today; d++ {
		at := int(d - first)
		x := at/7*squareStep + 1
		if month := d.Start(utc); month.Day() <= 7 && at%7 == 0 && (last == 0 || d-last > 21) {
			c.Names, last = append(c.Names, name{x, month.Format("Jan")}), d
		}
		kind, inStreak := kinds[d]
		n := fires[d]
		if n == 0 && kind == engagement.ActiveDay {
			n = 1
		}
		s := square{X: x, Y: at%7*squareStep + 15, Class: fmt.Sprintf("d%d", min(n, 4)), Says: d.String()}
		if n > 0 && len(fires) > 0 {
			s.Says += ": " + grouped(n) + " fires"
		}
		if inStreak {
			s.Says += ", " + string(kind)
			if kind != engagement.ActiveDay {
				s.Class = string(kind)
			} else {
				s.Class += " instreak"
			}
		}
		c.Squares = append(c.Squares, s)
		if n > 0 || inStreak {
			c.Table.add(day(d), count(fires[d]), said(string(kind)))
		}
	}
	return c
}

// earned adds awards and freezes.
func (v *visit) earned(ctx context.Context, r *engagement.Reader, user int64, data *userData) error {
	awards, err := r.Awards(ctx, user)
	if err != nil {
		return err
	}
	data.Awards = v.table("awards", "No milestone was reached yet.", "Milestone", "Reached", "Streak since")
	for _, a := range awards {
		data.Awards.add(said(counted(a.Milestone, "day").Text), day(a.Day), day(a.StreakStart))
	}
	freezes, err := r.Freezes(ctx, user)
	if err != nil {
		return err
	}
	data.Freezes = v.table("freezes", "None was granted.", "Freeze", "Granted", "Covers")
	for _, f := range freezes {
		covers := said("not spent")
		if f.SpentDay != nil {
			covers = day(*f.SpentDay)
		}
		data.Freezes.add(cell{Text: f.GrantID, Class: "id"}, day(f.GrantedDay), covers)
	}
	return nil
}
