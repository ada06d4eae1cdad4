package engagement

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// zonesWithSurprises change clocks around midnight, by odd amounts, or have moved
// to the other side of the date line.
var zonesWithSurprises = []string{
	"UTC", "America/St_Johns", "America/New_York", "America/Santiago", "America/Havana", "America/Asuncion", "America/Sao_Paulo",
	"Africa/Cairo", "Africa/Monrovia", "Africa/Casablanca", "Asia/Beirut", "Asia/Amman", "Asia/Tehran", "Asia/Gaza", "Asia/Kathmandu", "Asia/Pyongyang",
	"Atlantic/Azores", "Antarctica/Troll", "Australia/Lord_Howe", "Europe/Berlin", "Europe/Dublin", "Pacific/Apia", "Pacific/Fakaofo",
	"Pacific/Kanton", "Pacific/Kiritimati", "Pacific/Kwajalein", "Pacific/Chatham",
}

func loadZone(t interface{ Fatal(...any) }, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// checkBounds checks where a day begins and ends by the day of instants.
func checkBounds(t interface{ Errorf(string, ...any) }, d Day, loc *time.Location, skipped []int64) {
	const moment = time.Microsecond
	start, end := d.Start(loc), d.end(loc)
	if slices.Contains(skipped, int64(d)) {
		if DayOf(start, loc) <= d || DayOf(start.Add(-moment), loc) >= d || !end.Equal(start) {
			t.Errorf("%s, which there was not in %s, is from %s to %s", d, loc, start, end)
		}
		return
	}
	if DayOf(start, loc) != d || DayOf(start.Add(-moment), loc) >= d {
		t.Errorf("%s in %s begins at %s, want the first instant of it", d, loc, start)
	}
	if DayOf(end.Add(-moment), loc) != d || DayOf(end, loc) <= d {
		t.Errorf("%s in %s ends at %s, want the instant behind its last", d, loc, end)
	}
	for around := -30 * time.Hour; around <= 30*time.Hour; around += 15 * time.Minute {
		at := start.Add(around)
		if DayOf(at, loc) == d && (at.Before(start) || !at.Before(end)) {
			t.Errorf("%s in %s is from %s to %s, but %s is on it", d, loc, start, end, at)
		}
	}
}

func TestAnyDayBeginsWithItsFirstInstantAndEndsBehindItsLast(t *testing.T) {
	zones, skipped := map[string]*time.Location{}, map[string][]int64{}
	for _, name := range zonesWithSurprises {
		zones[name] = loadZone(t, name)
		skipped[name] = skippedDays(zones[name])
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(zonesWithSurprises).Draw(t, "zone")
		checkBounds(t, Day(rapid.Int64Range(0, 25_000).Draw(t, "day")), zones[name], skipped[name])
	})
}

// Sampling would miss most changes of clocks.
func TestEveryDayWithAChangeOfClocksBeginsWithItsFirstInstant(t *testing.T) {
	until := time.Date(2042, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range zonesWithSurprises {
		loc := loadZone(t, name)
		skipped := skippedDays(loc)
		for at := time.Unix(0, 0).In(loc); !at.IsZero() && at.Before(until); at = clocksChange(at) {
			for d := DayOf(at, loc) - 2; d <= DayOf(at, loc)+1; d++ {
				checkBounds(t, d, loc, skipped)
			}
		}
	}
}

func TestClocksPutBackAfterMidnightLeaveTheFirstMidnightAsTheStart(t *testing.T) {
	loc := loadZone(t, "America/St_Johns")
	d := DayOf(time.Date(2006, 10, 29, 12, 0, 0, 0, time.UTC), loc) // at 00:01 it was 23:01 again
	for what, got := range map[string]time.Time{
		"2006-10-29T02:30:00Z": d.Start(loc),
		"2006-10-29T03:30:00Z": (d - 1).end(loc),
		"2006-10-30T03:30:00Z": d.end(loc),
	} {
		if text := got.UTC().Format(time.RFC3339); text != what {
			t.Errorf("got %s, want %s", text, what)
		}
	}
	var minutes [2]time.Duration
	for i, day := range []Day{d - 1, d} {
		for _, span := range hoursOf(day, loc) {
			minutes[i] += span.until.Sub(span.from)
			if DayOf(span.from, loc) != day || DayOf(span.until.Add(-1), loc) != day {
				t.Errorf("%s has the hour from %s to %s", day, span.from, span.until)
			}
		}
	}
	if want := [2]time.Duration{24*time.Hour + 59*time.Minute, 24*time.Hour + time.Minute}; minutes != want {
		t.Errorf("the days last %s, want %s", minutes, want)
	}
}

func TestTheLastDayOfALeapYearHasHours(t *testing.T) {
	for _, name := range zonesWithSurprises {
		var length time.Duration
		for _, span := range hoursOf(DayOf(time.Date(2040, 12, 31, 12, 0, 0, 0, time.UTC), time.UTC), loadZone(t, name)) {
			length += span.until.Sub(span.from)
		}
		if length != 24*time.Hour {
			t.Errorf("it has %s in %s", length, name)
		}
	}
}

func TestDaysThatZonesLeftOut(t *testing.T) {
	for name, want := range map[string]string{
		"UTC": "[]", "America/New_York": "[]", "Europe/Berlin": "[]", "America/St_Johns": "[]",
		"Pacific/Apia": "[2011-12-30]", "Pacific/Fakaofo": "[2011-12-30]", "Pacific/Kwajalein": "[1993-08-21]",
		"Pacific/Kanton": "[1994-12-31]", "Pacific/Kiritimati": "[1994-12-31]",
	} {
		days := []Day{}
		for _, day := range skippedDays(loadZone(t, name)) {
			days = append(days, Day(day))
		}
		if got := fmt.Sprint(days); got != want {
			t.Errorf("%s left out %s, want %s", name, got, want)
		}
	}
}
