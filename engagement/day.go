package engagement

import (
	"time"
)

// Day is a calendar day in the database's time zone, as days since 1970-01-01.
// Its text form is 2006-01-02.
type Day int64

// What the day of a fact is that lies on none. Counted facts lie on firstDay or
// later: 1970-01-01 is the day of a clock that was never set.
const (
	firstDay   Day = 1
	balanceDay Day = 0  // an opening balance, which belongs to all time and to no day
	uncounted  Day = -1 // no counter holds it yet
	setAside   Day = -2 // it cannot be a fact and is in no figure
)

const dateLayout = "2006-01-02"

// ParseDay reads a day in the form 2006-01-02. Anything else is ErrInvalid.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(dateLayout, s)
	if err != nil {
		return 0, invalid("day", s, "want the form 2006-01-02")
	}
	return DayOf(t, time.UTC), nil
}

// DayOf returns the day on which t falls in loc.
func DayOf(t time.Time, loc *time.Location) Day {
	year, month, day := t.In(loc).Date()
	seconds := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()
	return Day(seconds / (24 * 60 * 60)) // exact: UTC has no leap seconds here
}

// Start returns the first instant of the day in loc. Where clocks change at
// midnight that may be 01:00; a day that a zone left out starts with the next.
func (d Day) Start(loc *time.Location) time.Time {
	// time.Date picks one of two readings around a change of clocks, so look
	// for the first second that is on the day. No zone is or was further than
	// 16 hours from UTC.
	before, on := d.utc().Add(-16*time.Hour).Unix(), d.utc().Add(16*time.Hour).Unix()
	for before+1 < on {
		middle := (before + on) / 2
		if DayOf(time.Unix(middle, 0), loc) < d {
			before = middle
		} else {
			on = middle
		}
	}
	return time.Unix(on, 0).In(loc)
}

func (d Day) utc() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// Weekday returns the day's weekday.
func (d Day) Weekday() time.Weekday { return d.utc().Weekday() }

// WeekStart returns the Monday of the ISO week that holds the day.
func (d Day) WeekStart() Day { return d - Day((d.Weekday()+6)%7) }

// String returns the day in the form 2006-01-02.
func (d Day) String() string { return d.utc().Format(dateLayout) }

// MarshalText returns the day in the form 2006-01-02. A day of which that could
// not be read, before the year 0 or after 9999, is ErrInvalid.
func (d Day) MarshalText() ([]byte, error) {
	if d < minDay || d > maxDay {
		return nil, invalid("day", int64(d), "want one of the years 0 to 9999")
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads a day in the form 2006-01-02.
func (d *Day) UnmarshalText(text []byte) error {
	day, err := ParseDay(string(text))
	if err == nil {
		*d = day
	}
	return err
}
