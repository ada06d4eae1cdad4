package engagement

import "time"

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
func (r *Reader) ThisWeek() Window {
	monday := r.Today().WeekStart()
	return Window{monday, monday + 6}
}

// ThisMonth is the window of the calendar month that holds today.
func (r *Reader) ThisMonth() Window {
	today := r.Today().utc()
	first := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, time.UTC)
	return Window{DayOf(first, time.UTC), DayOf(first.AddDate(0, 1, -1), time.UTC)}
}
