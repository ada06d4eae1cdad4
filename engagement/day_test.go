package engagement_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func day(t tb, s string) engagement.Day {
	t.Helper()
	return must(engagement.ParseDay(s))(t)
}

func TestDayStart(t *testing.T) {
	for _, tt := range []struct {
		name, zone, day string
		start           string
		length          time.Duration
	}{
		{"an ordinary day", "UTC", "2026-01-14", "2026-01-14T00:00:00Z", 24 * time.Hour},
		{"the first day of all", "UTC", "1970-01-01", "1970-01-01T00:00:00Z", 24 * time.Hour},
		{"a leap day", "Europe/Berlin", "2028-02-29", "2028-02-28T23:00:00Z", 24 * time.Hour},
		{"New York springs forward", "America/New_York", "2026-03-08", "2026-03-08T05:00:00Z", 23 * time.Hour},
		{"New York falls back", "America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", 25 * time.Hour},
		{"Berlin springs forward", "Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", 23 * time.Hour},
		{"Berlin falls back", "Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", 25 * time.Hour},
		{"Santiago springs forward at midnight, so the day begins at one", "America/Santiago", "2024-09-08", "2024-09-08T04:00:00Z", 23 * time.Hour},
		{"Santiago falls back at midnight, so the day before has its last hour twice", "America/Santiago", "2024-04-06", "2024-04-06T03:00:00Z", 25 * time.Hour},
		{"Santiago, the day after falling back", "America/Santiago", "2024-04-07", "2024-04-07T04:00:00Z", 24 * time.Hour},
		{"Cairo springs forward at midnight", "Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z", 23 * time.Hour},
		{"Cairo falls back at midnight", "Africa/Cairo", "2024-10-31", "2024-10-30T21:00:00Z", 25 * time.Hour},
		{"Lord Howe changes by half an hour", "Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z", 24*time.Hour + 30*time.Minute},
		{"Kiritimati, far ahead", "Pacific/Kiritimati", "2026-01-14", "2026-01-13T10:00:00Z", 24 * time.Hour},
		{"Kathmandu, off by a quarter", "Asia/Kathmandu", "2026-01-14", "2026-01-13T18:15:00Z", 24 * time.Hour},
		{"Apia, the day before one that did not exist", "Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 24 * time.Hour},
		{"Apia, the day that did not exist begins with the next", "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0},
		{"Apia, the day after one that did not exist", "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			loc, d := zone(t, tt.zone), day(t, tt.day)
			start := d.Start(loc)
			same(t, "Start", start.UTC().Format(time.RFC3339Nano), tt.start)
			same(t, "length", (d + 1).Start(loc).Sub(start), tt.length)
			if tt.length > 0 {
				same(t, "DayOf the start", engagement.DayOf(start, loc), d)
			}
			same(t, "DayOf just before", engagement.DayOf(start.Add(-1), loc) < d, true)
		})
	}
}

func TestEveryDayOfManyZonesBeginsWhereTheOneBeforeEnds(t *testing.T) {
	for _, name := range []string{"America/New_York", "Europe/Berlin", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "America/Havana", "Asia/Tehran", "Australia/Lord_Howe"} {
		loc := zone(t, name)
		for d := day(t, "2015-01-01"); d < day(t, "2027-01-01"); d++ {
			start := d.Start(loc)
			if engagement.DayOf(start, loc) != d || engagement.DayOf(start.Add(-time.Nanosecond), loc) != d-1 {
				t.Errorf("%s does not begin at %s", d, start)
			}
		}
	}
}

func TestDayText(t *testing.T) {
	for _, s := range []string{"1970-01-01", "2026-01-14", "2028-02-29", "9999-12-31", "1969-12-31", "0001-01-01"} {
		same(t, "through text", day(t, s).String(), s)
	}
	same(t, "number", day(t, "1970-01-02"), engagement.Day(1))
	same(t, "JSON", string(must(json.Marshal(map[engagement.Day]engagement.Day{1: 2}))(t)), `{"1970-01-02":"1970-01-03"}`)
	var back map[engagement.Day]engagement.Day
	noError(t, json.Unmarshal([]byte(`{"1970-01-02":"1970-01-03"}`), &back))
	same(t, "from JSON", back, map[engagement.Day]engagement.Day{1: 2})
	for _, bad := range []string{"", "2026-1-14", "2026-02-30", "14.01.2026", "2026-01-14T00:00:00Z", "today"} {
		_, err := engagement.ParseDay(bad)
		wantError(t, err, engagement.ErrInvalid)
		contains(t, err, fmt.Sprintf("day %q", bad))
	}
}

func TestWeeksBeginOnMonday(t *testing.T) {
	for _, tt := range []struct {
		day, monday string
		weekday     time.Weekday
	}{
		{"2026-01-12", "2026-01-12", time.Monday},
		{"2026-01-14", "2026-01-12", time.Wednesday},
		{"2026-01-18", "2026-01-12", time.Sunday},
		{"2026-01-01", "2025-12-29", time.Thursday},
		{"1970-01-01", "1969-12-29", time.Thursday},
		{"1969-12-28", "1969-12-22", time.Sunday},
	} {
		same(t, "weekday of "+tt.day, day(t, tt.day).Weekday(), tt.weekday)
		same(t, "week of "+tt.day, day(t, tt.day).WeekStart().String(), tt.monday)
	}
}

// On the days of 23 and 25 hours, too, a fire counts on the day that a wall
// clock showed.
func TestFiresAroundLocalMidnightCountOnTheRightDay(t *testing.T) {
	for _, tt := range []struct{ zone, day string }{
		{"America/New_York", "2026-03-08"}, {"America/New_York", "2026-11-01"},
		{"Europe/Berlin", "2026-03-29"}, {"Europe/Berlin", "2026-10-25"},
		{"America/Santiago", "2024-09-08"}, {"America/Santiago", "2024-04-06"},
		{"Africa/Cairo", "2024-04-26"}, {"Africa/Cairo", "2024-10-31"},
	} {
		t.Run(tt.zone+" on "+tt.day, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, loc, d := context.Background(), zone(t, tt.zone), day(t, tt.day)
				start, end := d.Start(loc), (d + 1).Start(loc)
				clock := newClock(start.Add(-time.Hour))
				db := open(clock.option(), engagement.WithLocation(loc))
				for i, at := range []time.Time{
					start.Add(-time.Second), start, start.Add(time.Second), end.Add(-time.Second), end, end.Add(time.Second),
				} {
					clock.Set(at)
					fire(t, db, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), Executed: i%2 == 0})
				}
				days := must(db.DailyFigures(ctx, engagement.Days(d-1, d+1)))(t)
				same(t, "fires of the day before, the day and the day after", []int64{days[0].Fires, days[1].Fires, days[2].Fires}, []int64{1, 3, 2})
				proven(t, db)

				// The live figures begin anew at local midnight and not before.
				for _, moment := range []struct {
					at    time.Time
					day   engagement.Day
					fires int64
				}{{start.Add(-time.Microsecond), d - 1, 1}, {start, d, 3}, {end.Add(-time.Microsecond), d, 3}, {end, d + 1, 2}} {
					clock.Set(moment.at)
					live := must(db.RealTimeStats(ctx))(t)
					same(t, "day at "+moment.at.String(), live.Day, moment.day)
					same(t, "fires at "+moment.at.String(), live.TotalFiresToday, moment.fires)
				}

				// A cleanup deletes whole local days.
				clock.Set(end.Add(time.Hour))
				report := must(db.Cleanup(ctx, 1))(t)
				same(t, "Cleanup", report, engagement.CleanupReport{Horizon: d, FiresDeleted: 1})
				same(t, "fires kept", proven(t, db).Fires, int64(5))
				_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "late", At: start.Add(-time.Microsecond)})
				wantError(t, err, engagement.ErrInvalid)
				fire(t, db, engagement.Fire{UserID: 1, SignalID: "late", At: start})
			})
		})
	}
}
