package engagement

import (
	"fmt"
	"time"
)

// Day is a calendar day in the database's time zone, as days since 1970-01-01. Its
// text form is 2006-01-02. The calendar has the days of the years 1 to 9999: every
// function that takes a day refuses any other as ErrInvalid. A method of Day that
// returns no error takes the nearest day instead, at most one day outside of the
// calendar.
type Day int64

// What is stored as the day of a fact that belongs to no day. Other facts lie on
// firstDay or later: 1970-01-01 is the day of a clock that was never set.
const (
	firstDay   Day = 1
	balanceDay Day = 0  // an opening balance, which belongs to all time and to no day
	uncounted  Day = -1 // not counted yet
	setAside   Day = -2 // it cannot be a fact and is in no figure
)

const (
	dateLayout = "2006-01-02"
	daySeconds = 24 * 60 * 60 // UTC has no leap seconds here
)

// maxOffset is more than the clocks of any zone ever differed from UTC.
const maxOffset = 16 * time.Hour

// ParseDay reads a day in the form 2006-01-02. Anything else is ErrInvalid.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(dateLayout, s)
	if err != nil {
		return 0, invalid("day", s, "want the form 2026-01-31")
	}
	day := DayOf(t, time.UTC)
	if !day.known() {
		return 0, invalid("day", s, wantDay)
	}
	return day, nil
}

// DayOf returns the day on which t falls in loc. A time before or after the calendar
// falls on the day before its first or after its last day.
func DayOf(t time.Time, loc *time.Location) Day {
	seconds := min(max(t.Unix(), int64(minDay-2)*daySeconds), int64(maxDay+2)*daySeconds)
	_, offset := time.Unix(seconds, 0).In(loc).Zone()
	clock := seconds + int64(offset)
	return Day((clock - (clock%daySeconds+daySeconds)%daySeconds) / daySeconds).nearest()
}

// Start returns the first instant of the day in loc. Where clocks change at midnight
// that may be 01:00. Where they are put back across midnight, the day before goes on
// for a while after it. A day that the zone left out starts when the next day does.
func (d Day) Start(loc *time.Location) time.Time {
	// Between two changes of the clocks midnight comes once. The day starts in the
	// first stretch between changes that has this midnight or begins after it.
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

// end returns the first instant after the day in loc. Where clocks are put back
// across midnight it is later than the start of the next day.
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

// byClock returns when clocks, with the offset that they have at t, show the date and
// time that a clock in UTC shows at utc.
func byClock(utc, t time.Time) time.Time {
	_, offset := t.Zone()
	return utc.Add(-time.Duration(offset) * time.Second).In(t.Location())
}

// clocksChange returns a time after t before which the clocks of its zone do not
// change, or zero if they never change again.
func clocksChange(t time.Time) time.Time {
	_, change := t.ZoneBounds()
	if !change.IsZero() && !change.After(t) {
		// In years after the zone's table of changes, ZoneBounds is wrong about the
		// last day of a leap year: it returns an end before t.
		return t.Add(time.Hour)
	}
	return change
}

// skippedDays returns the days, ascending, that loc left out. A zone leaves out a day
// when it moves to the other side of the date line.
func skippedDays(loc *time.Location) (skipped []int64) {
	// Far in the future zones only have rules that move clocks by hours, so no day is
	// left out.
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

// nearest returns the day itself, or for one outside of the calendar the day before
// its first or after its last.
func (d Day) nearest() Day { return min(max(d, minDay-1), maxDay+1) }

func (d Day) utc() time.Time { return time.Unix(int64(d.nearest())*daySeconds, 0).UTC() }

// Weekday returns the day's weekday.
func (d Day) Weekday() time.Weekday { return d.utc().Weekday() }

// WeekStart returns the Monday of the ISO week that the day is in.
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
