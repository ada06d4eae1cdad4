package importer

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// zone is how clocks of a file run: a time zone, and for brokers whose clocks show a
// fixed number of hours more than those of another place, that shift.
type zone struct {
	loc   *time.Location // nil: not known
	shift time.Duration
}

var (
	utcOffset  = regexp.MustCompile(`^(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?$`)
	zoneOffset = regexp.MustCompile(`^(.+?)([+-])(\d{1,2})(?::?([0-5]\d))?$`)
)

// parseZone reads a time zone: a name of the time zone database, a difference from UTC
// such as UTC+3 or +02:00, or a name with hours added, such as America/New_York+7. ""
// is none.
func parseZone(text string) (zone, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return zone{}, nil
	}
	if m := utcOffset.FindStringSubmatch(text); m != nil {
		offset, ok := parseOffset(m[1:])
		if !ok {
			return zone{}, invalidZone(text)
		}
		return zone{loc: time.FixedZone(text, int(offset/time.Second))}, nil
	}
	if text == "Local" { // it would depend on the machine
		return zone{}, invalidZone(text)
	}
	if loc, err := time.LoadLocation(text); err == nil {
		return zone{loc: loc}, nil
	}
	if m := zoneOffset.FindStringSubmatch(text); m != nil && m[1] != "Local" {
		loc, err := time.LoadLocation(m[1])
		shift, ok := parseOffset(m[2:])
		if err == nil && ok {
			return zone{loc, shift}, nil
		}
	}
	return zone{}, invalidZone(text)
}

func invalidZone(text string) error {
	return invalid("time zone", text, "want a name such as Europe/Berlin, UTC+3, or America/New_York+7 for clocks that are 7 hours ahead of New York's")
}

func parseOffset(m []string) (time.Duration, bool) {
	hours, _ := strconv.Atoi(m[1]) // the pattern has digits
	minutes, _ := strconv.Atoi(m[2])
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if m[0] == "-" {
		offset = -offset
	}
	return offset, hours <= 14
}

// instant returns the time at which the clocks of the zone showed what wall, which is
// in UTC, says. If they showed it twice it is the first time, and ambiguous.
func (z zone) instant(wall time.Time) (t time.Time, ambiguous bool, err error) {
	wall = wall.Add(-z.shift)
	at := func(offset int) (time.Time, bool) {
		t := wall.Add(-time.Duration(offset) * time.Second)
		_, real := t.In(z.loc).Zone()
		return t, real == offset
	}
	_, before := wall.Add(-24 * time.Hour).In(z.loc).Zone()
	_, after := wall.Add(24 * time.Hour).In(z.loc).Zone()
	early, isEarly := at(before)
	if before == after && isEarly {
		return early, false, nil
	}
	late, isLate := at(after)
	if late.Before(early) {
		early, late, isEarly, isLate = late, early, isLate, isEarly
	}
	switch {
	case isEarly:
		return early, isLate && !late.Equal(early), nil
	case isLate:
		return late, false, nil
	}
	return time.Time{}, false, fmt.Errorf("clocks in %s were put forward over it", z.loc)
}

// dates is the order in which a platform writes dates with slashes.
type dates int

const (
	unknownDates dates = iota
	monthFirst
	dayFirst
)

var errNoZone = errors.New("it has no time zone")

// What times look like: year first, with slashes, with points and the day first, and in
// words. Go reads a fraction of the seconds whether or not the layout has one.
var (
	yearFirst  = []string{"2006.01.02 15:04:05", "2006.01.02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006/01/02 15:04:05", "2006/01/02 15:04"}
	withZone   = []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z07:00"}
	slashed    = map[dates][]string{monthFirst: {"1/2/2006 15:04:05", "1/2/2006 15:04"}, dayFirst: {"2/1/2006 15:04:05", "2/1/2006 15:04"}}
	otherTimes = []string{"2.1.2006 15:04:05", "2.1.2006 15:04", "2 Jan 2006 15:04:05", "2 Jan 2006 15:04"}
)

// parseTime reads a time. If it has no zone of its own, it is that of z.
func parseTime(text string, z zone, order dates) (t time.Time, ambiguous bool, err error) {
	if len(text) > 40 || len(text) < 10 {
		return t, false, errors.New("it is no time")
	}
	if digits(text) && len(text) <= 13 {
		n, err := strconv.ParseInt(text, 10, 64)
		if len(text) == 13 {
			return time.UnixMilli(n).UTC(), false, err
		}
		return time.Unix(n, 0).UTC(), false, err
	}
	for _, name := range []string{" UTC", " GMT"} {
		if before, named := strings.CutSuffix(text, name); named {
			text, z = before, zone{loc: time.UTC}
		}
	}
	wall, ok := firstOf(text, yearFirst)
	if !ok {
		if t, ok = firstOf(text, withZone); ok {
			return t.UTC(), false, nil
		}
		wall, ok = firstOf(text, otherTimes)
	}
	if !ok && strings.Count(text, "/") == 2 {
		if order == unknownDates {
			return t, false, errors.New("it may begin with the day or the month; want the year first")
		}
		wall, ok = firstOf(text, slashed[order])
	}
	switch {
	case !ok:
		return t, false, errors.New("it is no time")
	case z.loc == nil:
		return t, false, errNoZone
	}
	return z.instant(wall)
}

func firstOf(text string, layouts []string) (time.Time, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func digits(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
