package engagement

import (
	"fmt"
	"time"
)

// Day is a calendar day in the database's time zone, as days since 1970-01-01.
// Its text form is 2006-01-02. The calendar has the days of the years 1 to 9999:
// any other is ErrInvalid wherever it is given to, and a method that cannot refuse
// it takes the nearest day for it, at most one day beyond.
type Day int64

// What the day of a fact is that lies on none. Counted facts lie on firstDay or
// later: 1970-01-01 is the day of a clock that was never set.
const (
	firstDay   Day = 1
	balanceDay Day = 0  // an opening balance, which belongs to all time and to no day
	uncounted  Day = -1 // no counter holds it yet
	setAside   Day = -2 // it cannot be a fact and is in no figure
)

const (
	dateLayout = "2006-01-02"
	daySeconds = 24 * 60 * 60 // UTC has no leap seconds here
)

// maxOffset is further than the clocks of any zone are or were from UTC.
const maxOffset = 16 * time.Hour

// ParseDay reads a day in the form 2006-01-02. Anything else is ErrInvalid.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(dateLayout, s)
	if err != nil {
		return 0, invalid("day", s, "want the form 2006-01-02")
	}
	day := DayOf(t, time.UTC)
	if !day.known() {
		return 0, invalid("day", s, wantDay)
	}
	return day, nil
}

// DayOf returns the day on which t falls in loc: a time that the calendar does
// not have falls on the day before its first or after its last.
func DayOf(t time.Time, loc *time.Location) Day {
	seconds := min(max(t.Unix(), int64(minDay-2)*daySeconds), int64(maxDay+2)*daySeconds)
	_, offset := time.Unix(seconds, 0).In(loc).Zone()
	clock := seconds + int64(offset)
	return Day((clock - (clock%daySeconds+daySeconds)%daySeconds) / daySeconds).nearest()
}

// Start returns the first instant of the day in loc. Where clocks change at
// midnight that may be 01:00, and where they are put back just after midnight the
// day before goes on for a while; a day that a zone left out starts with the next.
func (d Day) Start(loc *time.Location) time.Time {
	// Between two changes of clocks midnight is at one time. The first stretch that
	// has it, or that begins after it, has the start.
	midnight := d.utc()
	for t := midnight.Add(-maxOffset).In(loc); ; {
		start, change := byClock(midnight, t), clocksChange(t)
		if start.Before(t) {
			start = t
		}
		if change.IsZero() || start.Before(change) {
			return start
		}
		t = change
	}
}

// end returns the instant behind the last of the day in loc. It is later than the
// start of the next day where clocks are put back across midnight.
func (d Day) end(loc *time.Location) (end time.Time) {
	midnight := (d.nearest() + 1).utc()
	for t := midnight.Add(-maxOffset).In(loc); !t.After(midnight.Add(maxOffset)); {
		last, change := byClock(midnight, t), clocksChange(t)
		if !change.IsZero() && change.Before(last) {
			last = change
		}
		if t.Before(last) {
			end = last
		}
		if change.IsZero() {
			break
		}
		t = change
	}
	return end
}

// byClock returns when the clocks of t, as they are set then, show what a clock at
// UTC shows at another time.
func byClock(utc, t time.Time) time.Time {
	_, offset := t.Zone()
	return utc.Add(-time.Duration(offset) * time.Second).In(t.Location())
}

// clocksChange returns a time after t up to which the clocks of its zone are not
// changed; zero if they never are again.
func clocksChange(t time.Time) time.Time {
	_, change := t.ZoneBounds()
	if !change.IsZero() && !change.After(t) {
		// Of the last day of a leap year after the table of changes, ZoneBounds says
		// that its stretch has ended before it.
		return t.Add(time.Hour)
	}
	return change
}

// skippedDays returns the days, ascending, that loc has left out, as a zone does
// that moves to the other side of the date line.
func skippedDays(loc *time.Location) (skipped []int64) {
	// Zones have rules only for hours, so none is left out far in the future.
	until := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	for t := time.Unix(0, 0).In(loc); !t.IsZero() && t.Before(until); t = clocksChange(t) {
		for day := DayOf(t.Add(-1), loc) + 1; day < DayOf(t, loc); day++ {
			skipped = append(skipped, int64(day))
		}
	}
	return skipped
}

// known reports whether the calendar has the day.
func (d Day) known() bool { return minDay <= d && d <= maxDay }

// nearest returns the day itself or the one next to the calendar that is nearest.
func (d Day) nearest() Day { return min(max(d, minDay-1), maxDay+1) }

func (d Day) utc() time.Time { return time.Unix(int64(d.nearest())*daySeconds, 0).UTC() }

// Weekday returns the day's weekday.
func (d Day) Weekday() time.Weekday { return d.utc().Weekday() }

// WeekStart returns the Monday of the ISO week that holds the day.
func (d Day) WeekStart() Day { return d.nearest() - Day((d.Weekday()+6)%7) }

// String returns the day in the form 2006-01-02, or as Day(2932897) if the calendar
// does not have it.
func (d Day) String() string {
	if !d.known() {
		return fmt.Sprintf("Day(%d)", int64(d))
	}
	return d.utc().Format(dateLayout)
}

// MarshalText returns the day in the form 2006-01-02. A day that the calendar does
// not have is ErrInvalid.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), checkDay("day", d) }

// UnmarshalText reads a day in the form 2006-01-02.
func (d *Day) UnmarshalText(text []byte) error {
	day, err := ParseDay(string(text))
	if err == nil {
		*d = day
	}
	return err
}
