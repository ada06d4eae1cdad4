package engagement

import (
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
)

func checkUserID(id int64) error {
	if id == 0 {
		return invalid("user id", id, "want a number other than 0")
	}
	return nil
}

const maxIDBytes = 256

// checkID refuses an id that could not be stored or shown faithfully.
func checkID(field, id string) error {
	switch {
	case id == "":
		return invalid(field, id, "it is empty")
	case len(id) > maxIDBytes:
		return invalid(field, id[:32]+"…", fmt.Sprintf("it has %d bytes, want at most %d", len(id), maxIDBytes))
	case !utf8.ValidString(id):
		return invalid(field, id, "it is not UTF-8")
	}
	for _, r := range id {
		if unicode.IsControl(r) {
			return invalid(field, id, "it has a control character")
		}
	}
	return nil
}

// maxAhead is how far a clock may be ahead of ours.
const maxAhead = 24 * time.Hour

// checkTime returns t (now, if zero) as it is stored, and its day.
func (r *Reader) checkTime(field string, t time.Time) (time.Time, Day, error) {
	if t.IsZero() {
		t = r.instant()
	}
	t = stored(t)
	day := DayOf(t, r.core.loc)
	switch {
	case t.Unix() < 0 || day <= unknownDay:
		return t, 0, invalid(field, t.Format(time.RFC3339), "want a time after 1970-01-01")
	case t.After(r.instant().Add(maxAhead)):
		return t, 0, invalid(field, t.Format(time.RFC3339), "it is more than 24 hours ahead")
	}
	return t, day, nil
}

// DefaultLimit is how many rows a Limit of 0 stands for; MaxLimit is the most
// that one call returns.
const (
	DefaultLimit = 100
	MaxLimit     = 10_000
)

func checkLimit(limit int) (int64, error) {
	switch {
	case limit == 0:
		return DefaultLimit, nil
	case limit < 0 || limit > MaxLimit:
		return 0, invalid("limit", limit, fmt.Sprintf("want 1 to %d, or 0 for %d", MaxLimit, DefaultLimit))
	}
	return int64(limit), nil
}

// endOfTime is the last time that can be stored as text.
var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)

// furthestDay is further than any calendar goes; differences of days up to it
// are safe.
const furthestDay Day = 4_000_000

func checkDayRange(from, to Day) error {
	if from > to {
		return invalid("range of days", fmt.Sprintf("%s..%s", from, to), "it ends before it starts")
	}
	if from < -furthestDay || to > furthestDay {
		return invalid("range of days", fmt.Sprintf("%d..%d", from, to), "it leaves the calendar")
	}
	if to-from >= MaxLimit {
		return invalid("range of days", fmt.Sprintf("%s..%s", from, to), fmt.Sprintf("want at most %d days", MaxLimit))
	}
	return nil
}

func checkKeepDays(keepDays int) error {
	if keepDays < 1 {
		return invalid("days to keep", keepDays, "want at least 1")
	}
	return nil
}
