package engagement

import "fmt"

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
