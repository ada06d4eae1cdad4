package engagement

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Window is all time, which is the zero value, or a range of days; see [Days].
// Its text form, also in JSON, is "all" or such as 2026-01-01..2026-01-31.
// Windows can be compared with ==.
type Window struct {
	span   daySpan
	ranged bool // false: all time
}

// AllTime is the window of all days.
func AllTime() Window { return Window{} }

// Days is the window from one day to another, both included. Every call that takes a
// window refuses one that ends before it starts or has more than MaxLimit days, as
// ErrInvalid.
func Days(from, to Day) Window { return Window{daySpan{from, to}, true} }

// IsAllTime reports whether the window is that of all days.
func (w Window) IsAllTime() bool { return !w.ranged }

// From returns the first day; it means nothing for all time.
func (w Window) From() Day { return w.span.first }

// To returns the last day; it means nothing for all time.
func (w Window) To() Day { return w.span.last }

const allTime = "all"

// String returns the window as ParseWindow reads it.
func (w Window) String() string {
	if w.IsAllTime() {
		return allTime
	}
	return w.From().String() + ".." + w.To().String()
}

// ParseWindow reads "all", a range of days such as 2026-01-01..2026-01-31, both
// included, or a single day. Anything else is ErrInvalid. [Reader.ParseWindow]
// reads windows that depend on today as well.
func ParseWindow(s string) (Window, error) {
	w, ok := readWindow(s)
	if !ok {
		return w, invalid("window", s, "want all, or days such as 2026-01-01..2026-01-31")
	}
	return w, w.check()
}

func readWindow(s string) (w Window, ok bool) {
	if s == allTime {
		return AllTime(), true
	}
	first, last, isRange := strings.Cut(s, "..")
	if !isRange {
		last = first
	}
	from, err := ParseDay(first)
	to, mistake := ParseDay(last)
	return Days(from, to), err == nil && mistake == nil
}

// MarshalText returns the window as String does. It refuses what every call that
// takes a window refuses.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), w.check() }

// UnmarshalText reads the text that [ParseWindow] reads.
func (w *Window) UnmarshalText(text []byte) error {
	read, err := ParseWindow(string(text))
	if err == nil {
		*w = read
	}
	return err
}

func (w Window) check() error {
	if w.IsAllTime() {
		return nil
	}
	return checkDayRange(w.From(), w.To())
}

func parseWindow(s string, today Day) (Window, error) {
	switch s {
	case "today":
		return Days(today, today), nil
	case "week":
		return weekOf(today), nil
	case "month":
		return monthOf(today), nil
	}
	if number, found := strings.CutSuffix(s, "d"); found {
		if n, err := strconv.ParseUint(number, 10, 16); err == nil && n >= 1 && n <= MaxLimit {
			return Days(today-Day(n)+1, today), nil
		}
	}
	w, ok := readWindow(s)
	if !ok {
		return w, invalid("window", s, "want all, today, week, month, 1d to "+strconv.Itoa(MaxLimit)+
			"d, or days such as 2026-01-01..2026-01-31")
	}
	return w, w.check()
}

func weekOf(day Day) Window {
	monday := day.WeekStart()
	return Days(monday, monday+6)
}

func monthOf(day Day) Window {
	in := day.utc()
	first := time.Date(in.Year(), in.Month(), 1, 0, 0, 0, 0, time.UTC)
	return Days(DayOf(first, time.UTC), DayOf(first.AddDate(0, 1, -1), time.UTC))
}

// daySpan is a range of days, both included. It contains opening balances if it
// begins on balanceDay.
type daySpan struct{ first, last Day }

// days returns the days of w. All time contains opening balances too, which are in no
// other window.
func (w Window) days() daySpan {
	if w.IsAllTime() {
		return allDays
	}
	return daySpan{max(w.From(), firstDay), w.To()}
}

var (
	allDays = daySpan{balanceDay, furthestDay} // those of all time
	noDays  = daySpan{0, -1}
)

func (d daySpan) empty() bool { return d.first > d.last }

func (d daySpan) has(day Day) bool { return d.first <= day && day <= d.last }

// times returns two times between which all facts of these days lie.
func (d daySpan) times() (after, until time.Time) {
	after, until = time.Unix(0, 0).UTC(), endOfTime
	if d.first > firstDay {
		after = d.first.utc().Add(-maxOffset)
	}
	if d.last < DayOf(endOfTime, time.UTC) {
		until = (d.last + 1).utc().Add(maxOffset)
	}
	return after, until
}

// bounds returns the first and the last day in the form that queries take.
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

// String returns the period's name: "day" or "week".
func (p Period) String() string {
	switch p {
	case Daily:
		return "day"
	case Weekly:
		return "week"
	}
	return fmt.Sprintf("Period(%d)", int(p))
}

// ParsePeriod reads a period's name. Anything else is ErrInvalid.
func ParsePeriod(s string) (Period, error) { return parseNamed("period", s, Periods()) }

// MarshalText returns the period's name, "" for the zero value.
func (p Period) MarshalText() ([]byte, error) { return marshalNamed("period", p, Periods()) }

// UnmarshalText reads what MarshalText returns.
func (p *Period) UnmarshalText(text []byte) error { return unmarshalNamed(p, text, ParsePeriod) }

func (p Period) check() error { return checkNamed("period", p, Periods()) }

// days returns how many days a period has.
func (p Period) days() Day {
	if p == Weekly {
		return 7
	}
	return 1
}

// start returns the first day of the period that day is in.
func (p Period) start(day Day) Day {
	if p == Weekly {
		return day.WeekStart()
	}
	return day
}

// shift returns how many days before day 0 its period began.
func (p Period) shift() Day { return -p.start(0) }

// whole returns the days of all periods that contain one of these.
func (p Period) whole(days daySpan) daySpan {
	return daySpan{p.start(days.first), p.start(days.last) + p.days() - 1}
}

// instants returns the first time that is on the days, and the first one after them.
func (s daySpan) instants(loc *time.Location) (start, end time.Time) {
	start, end = time.Time{}, endOfTime
	if s.first >= firstDay {
		start = s.first.Start(loc).UTC()
	}
	if s.last < DayOf(endOfTime, time.UTC)-1 {
		end = s.last.end(loc).UTC()
	}
	return start, end
}
