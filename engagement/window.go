package engagement

import (
	"fmt"
	"math"
	"time"
)

// Window is a range of days, both included. The zero value is all time.
type Window struct{ From, To Day }

// AllTime is the window of all days.
func AllTime() Window { return Window{} }

// IsAllTime says whether the window is that of all days.
func (w Window) IsAllTime() bool { return w == Window{} }

func (w Window) check() error {
	if w.IsAllTime() {
		return nil
	}
	return checkDayRange(w.From, w.To)
}

// TodayWindow is the window of today alone.
func (r *Reader) TodayWindow() Window { return Window{r.Today(), r.Today()} }

// ThisWeek is the window of the ISO week that holds today, Monday to Sunday.
func (r *Reader) ThisWeek() Window { return weekOf(r.Today()) }

func weekOf(day Day) Window {
	monday := day.WeekStart()
	return Window{monday, monday + 6}
}

// ThisMonth is the window of the calendar month that holds today.
func (r *Reader) ThisMonth() Window { return monthOf(r.Today()) }

func monthOf(day Day) Window {
	in := day.utc()
	first := time.Date(in.Year(), in.Month(), 1, 0, 0, 0, 0, time.UTC)
	return Window{DayOf(first, time.UTC), DayOf(first.AddDate(0, 1, -1), time.UTC)}
}

// daySpan is a range of days, both included, with unknownDay if it begins
// there.
type daySpan struct{ first, last Day }

// days returns the days of w. All time has the facts of unknown time too, which
// lie in no other window.
func (w Window) days() daySpan {
	if w.IsAllTime() {
		return daySpan{unknownDay, math.MaxInt64}
	}
	return daySpan{max(w.From, unknownDay+1), w.To}
}

func (d daySpan) has(day Day) bool { return d.first <= day && day <= d.last }

// times returns times between which all facts of these days lie. No zone is or
// was further than 16 hours from UTC.
func (d daySpan) times() (after, until time.Time) {
	after, until = time.Unix(0, 0).UTC(), endOfTime
	if d.first > unknownDay+1 {
		after = d.first.utc().Add(-16 * time.Hour)
	}
	if d.last < DayOf(endOfTime, time.UTC) {
		until = (d.last + 1).utc().Add(16 * time.Hour)
	}
	return after, until
}

// bounds returns the days as queries take them.
func (d daySpan) bounds() (first, last int64) { return int64(d.first), int64(d.last) }

// Period is the length of the periods that a figure counts in. Days and weeks
// are those of the calendar in the database's time zone, so a change of clocks
// does not matter.
type Period int

// The periods. The zero value is none of them.
const (
	Daily  Period = iota + 1
	Weekly        // ISO weeks, Monday to Sunday
)

// Periods lists all periods.
func Periods() []Period { return []Period{Daily, Weekly} }

// String returns "day" or "week".
func (p Period) String() string {
	switch p {
	case Daily:
		return "day"
	case Weekly:
		return "week"
	}
	return fmt.Sprintf("Period(%d)", int(p))
}

// ParsePeriod reads "day" or "week". Anything else is ErrInvalid.
func ParsePeriod(s string) (Period, error) {
	for _, p := range Periods() {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, invalid("period", s, fmt.Sprintf("want one of %v", Periods()))
}

func (p Period) check() error {
	if p != Daily && p != Weekly {
		return invalid("period", int(p), fmt.Sprintf("want one of %v", Periods()))
	}
	return nil
}

// days returns how many days a period has.
func (p Period) days() Day {
	if p == Weekly {
		return 7
	}
	return 1
}

// start returns the first day of the period that holds day.
func (p Period) start(day Day) Day {
	if p == Weekly {
		return day.WeekStart()
	}
	return day
}

// shift returns how many days of the period that holds day 0 were before it.
func (p Period) shift() Day { return -p.start(0) }
