package engagement_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// fireOnDays records a fire of user at noon of each of the given days before
// the day of noon.
func fireOnDays(t tb, w writer, user int64, ago ...int) {
	t.Helper()
	for _, days := range ago {
		fireOn(t, w, user, noon.AddDate(0, 0, -days))
	}
}

// lastDays is a window that ends on the day of noon.
func lastDays(db *engagement.DB, n engagement.Day) engagement.Window {
	return engagement.Days(db.Today()-n+1, db.Today())
}

func ptr[T any](v T) *T { return &v }

func TestActivityCountsEachUserOnce(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		today := db.Today()
		fireOnDays(t, db, 1, 0, 1, 2)
		fireOnDays(t, db, 2, 6)
		fireOnDays(t, db, 3, 7)
		fireOnDays(t, db, 4, 29)
		fireOnDays(t, db, 5, 30)
		trade(t, db, engagement.Trade{UserID: 6, TradeID: "t", PnL: 1}) // a trade makes nobody active
		want := []engagement.Activity{
			{Day: today - 1, DAU: 1, WAU: 3, MAU: 5, Stickiness: ptr(6.0 / 30 / 5)},
			{Day: today, DAU: 1, WAU: 2, MAU: 4, Stickiness: ptr(6.0 / 30 / 4), Partial: true},
		}
		same(t, "Activity", must(db.Activity(ctx, lastDays(db, 2)))(t), want, closely)
		same(t, "Activity of a day", must(db.Activity(ctx, lastDays(db, 1)))(t), want[1:], closely)
		same(t, "Activity before the first fire", must(db.Activity(ctx, engagement.Days(today-40, today-40)))(t),
			[]engagement.Activity{{Day: today - 40}})
		all := must(db.Activity(ctx, engagement.AllTime()))(t)
		same(t, "days of all time", len(all), 31)
		same(t, "the last days of all time", all[29:], want, closely)

		must(db.Cleanup(ctx, 1))(t)
		same(t, "Activity after a cleanup", must(db.Activity(ctx, lastDays(db, 2)))(t), want, closely)
		must(db.EraseUser(ctx, 1))(t)
		want[1] = engagement.Activity{Day: today, WAU: 1, MAU: 3, Stickiness: ptr(3.0 / 30 / 3), Partial: true}
		same(t, "Activity without an erased user", must(db.Activity(ctx, lastDays(db, 1)))(t), want[1:], closely)
	})
}

func TestLifecycleByDay(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		today := db.Today()
		fireOnDays(t, db, 1, 3, 2, 1)
		fireOnDays(t, db, 2, 3, 1)
		fireOnDays(t, db, 3, 2, 0)
		want := []engagement.Lifecycle{
			{Start: today - 2, Active: 2, New: 1, Returning: 1, Dormant: 1},
			{Start: today - 1, Active: 2, Returning: 1, Resurrected: 1, Dormant: 1},
			{Start: today, Active: 1, Resurrected: 1, Dormant: 2, Partial: true},
		}
		same(t, "Lifecycle", must(db.Lifecycle(ctx, lastDays(db, 3), engagement.Daily))(t), want)
		first := engagement.Lifecycle{Start: today - 3, Active: 2, New: 2}
		same(t, "Lifecycle of all time", must(db.Lifecycle(ctx, engagement.AllTime(), engagement.Daily))(t),
			append([]engagement.Lifecycle{first}, want...))
		must(db.Cleanup(ctx, 1))(t)
		same(t, "Lifecycle after a cleanup", must(db.Lifecycle(ctx, lastDays(db, 3), engagement.Daily))(t), want)
	})
}

// Noon is on a Wednesday: the week before it begins nine days ago.
func TestLifecycleByWeek(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		monday := db.Today() - 2
		fireOnDays(t, db, 1, 9, 8, 2, 0) // Mondays, a Tuesday, today
		fireOnDays(t, db, 2, 16, 0)
		fireOnDays(t, db, 3, 3) // Sunday
		fireOnDays(t, db, 4, 1, 0)
		want := []engagement.Lifecycle{
			{Start: monday - 7, Active: 2, New: 2, Dormant: 1},
			{Start: monday, Active: 3, New: 1, Returning: 1, Resurrected: 1, Dormant: 1, Partial: true},
		}
		for _, w := range []engagement.Window{engagement.Days(monday-7, monday), engagement.Days(monday-1, monday+6), engagement.Days(monday-1, monday+2)} {
			same(t, "Lifecycle", must(db.Lifecycle(ctx, w, engagement.Weekly))(t), want)
		}
		clock.Set(noon.AddDate(0, 0, 4)) // Sunday
		same(t, "Lifecycle on the last day of the week", must(db.Lifecycle(ctx, db.ThisWeek(), engagement.Weekly))(t), want[1:])
		clock.Set(noon.AddDate(0, 0, 5))
		want[1].Partial = false
		same(t, "Lifecycle of a week that is over", must(db.Lifecycle(ctx, engagement.Days(monday, monday), engagement.Weekly))(t), want[1:])
	})
}

func TestCohorts(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		today := db.Today()
		fireOnDays(t, db, 1, 3, 2, 1)
		fireOnDays(t, db, 2, 3, 1, 0)
		fireOnDays(t, db, 3, 3)
		fireOnDays(t, db, 4, 4, 3, 2) // of an earlier cohort
		fireOnDays(t, db, 5, 0)
		want := []engagement.Cohort{
			{Start: today - 3, Size: 3, On: []*int64{ptr(int64(1)), ptr(int64(2)), nil}, OnOrAfter: []*int64{ptr(int64(2)), ptr(int64(2)), nil}},
			{Start: today - 2, On: []*int64{ptr(int64(0)), nil, nil}, OnOrAfter: []*int64{ptr(int64(0)), nil, nil}},
			{Start: today - 1, On: []*int64{nil, nil, nil}, OnOrAfter: []*int64{nil, nil, nil}},
			{Start: today, Size: 1, On: []*int64{nil, nil, nil}, OnOrAfter: []*int64{nil, nil, nil}, Partial: true},
		}
		same(t, "Cohorts", must(db.Cohorts(ctx, lastDays(db, 4), engagement.Daily, 3))(t), want)
		must(db.Cleanup(ctx, 1))(t)
		same(t, "Cohorts after a cleanup", must(db.Cohorts(ctx, lastDays(db, 4), engagement.Daily, 3))(t), want)

		// Sunday is of the week before; whoever fired on it and since came back.
		same(t, "Cohorts by week", must(db.Cohorts(ctx, lastDays(db, 4), engagement.Weekly, 1))(t), []engagement.Cohort{
			{Start: today - 9, Size: 4, On: []*int64{nil}, OnOrAfter: []*int64{nil}},
			{Start: today - 2, Size: 1, On: []*int64{nil}, OnOrAfter: []*int64{nil}, Partial: true},
		})
	})
}

func TestCohortsByWeekCountAUserOnceAWeek(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		monday := db.Today() - 2
		fireOnDays(t, db, 1, 2, 1, 0)
		fireOnDays(t, db, 2, 2)
		clock.Set(noon.AddDate(0, 0, 14))
		fireOnDays(t, db, 1, -5, -6)      // the next week, twice
		fireOnDays(t, db, 2, -12, -13)    // the one after
		fireOnDays(t, db, 3, -5, -6, -12) // of another cohort
		same(t, "Cohorts", must(db.Cohorts(ctx, engagement.Days(monday, monday), engagement.Weekly, 2))(t), []engagement.Cohort{
			{Start: monday, Size: 2, On: []*int64{ptr(int64(1)), nil}, OnOrAfter: []*int64{ptr(int64(2)), nil}},
		})
		clock.Set(noon.AddDate(0, 0, 19))
		same(t, "Cohorts a week later", must(db.Cohorts(ctx, engagement.Days(monday, monday), engagement.Weekly, 2))(t), []engagement.Cohort{
			{Start: monday, Size: 2, On: []*int64{ptr(int64(1)), ptr(int64(1))}, OnOrAfter: []*int64{ptr(int64(2)), ptr(int64(1))}},
		})
	})
}

func TestHoursAreThoseOfALocalClock(t *testing.T) {
	for _, tt := range []struct {
		zone    string
		at      string
		weekday time.Weekday
		hour    int
	}{
		{"UTC", "2026-01-12T00:00:00Z", time.Monday, 0},
		{"UTC", "2026-01-11T23:59:59.999999Z", time.Sunday, 23},
		{"Europe/Berlin", "2026-03-29T00:59:59.999999Z", time.Sunday, 1}, // clocks go from 2 to 3
		{"Europe/Berlin", "2026-03-29T01:00:00Z", time.Sunday, 3},
		{"Europe/Berlin", "2026-10-25T00:30:00Z", time.Sunday, 2}, // clocks go from 3 to 2
		{"Europe/Berlin", "2026-10-25T01:30:00Z", time.Sunday, 2},
		{"Europe/Berlin", "2026-10-25T02:00:00Z", time.Sunday, 3},
		{"Asia/Kathmandu", "2026-01-12T18:14:59Z", time.Monday, 23}, // 5:45 ahead
		{"Asia/Kathmandu", "2026-01-12T18:15:00Z", time.Tuesday, 0},
		{"Australia/Lord_Howe", "2026-04-04T14:59:59Z", time.Sunday, 1}, // clocks go from 2 to 1:30
		{"Australia/Lord_Howe", "2026-04-04T15:00:00Z", time.Sunday, 1},
		{"Australia/Lord_Howe", "2026-04-04T15:30:00Z", time.Sunday, 2},
		{"America/St_Johns", "2010-11-07T02:31:00Z", time.Saturday, 23}, // clocks go from 0:01 to 23:01 the day before
		{"Africa/Monrovia", "1971-06-01T01:44:29Z", time.Tuesday, 0},    // 44 minutes and 30 seconds behind
		{"Africa/Monrovia", "1971-06-01T01:44:30Z", time.Tuesday, 1},
	} {
		t.Run(tt.zone+" at "+tt.at, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, at := context.Background(), must(time.Parse(time.RFC3339, tt.at))(t)
				db := open(newClock(at).option(), engagement.WithLocation(zone(t, tt.zone)))
				fireOn(t, db, 1, at)
				want := engagement.Hours{Horizon: 1, Total: 1}
				want.Fires[(tt.weekday+6)%7][tt.hour] = 1
				same(t, "Hours", must(db.Hours(ctx, engagement.AllTime()))(t), want)
				same(t, "Hours today", must(db.Hours(ctx, db.TodayWindow()))(t), want)
			})
		})
	}
}

func TestHoursBeginAtTheHorizon(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		today := db.Today()
		fireOnDays(t, db, 1, 0, 1, 2, 60)
		same(t, "Total", must(db.Hours(ctx, engagement.AllTime()))(t).Total, int64(4))
		same(t, "Total of two days", must(db.Hours(ctx, lastDays(db, 2)))(t).Total, int64(2))
		must(db.Cleanup(ctx, 1))(t)
		want := engagement.Hours{Horizon: today - 1, Total: 2}
		want.Fires[1][12], want.Fires[2][12] = 1, 1
		same(t, "Hours after a cleanup", must(db.Hours(ctx, engagement.AllTime()))(t), want)
		same(t, "Hours of before the horizon", must(db.Hours(ctx, engagement.Days(today-60, today-2)))(t),
			engagement.Hours{Horizon: today - 1})
	})
}

func TestAnEmptyDatabaseHasNoActivity(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		all := engagement.AllTime()
		same(t, "Activity", must(db.Activity(ctx, all))(t), []engagement.Activity{})
		same(t, "Lifecycle", must(db.Lifecycle(ctx, all, engagement.Daily))(t), []engagement.Lifecycle{})
		same(t, "Cohorts", must(db.Cohorts(ctx, all, engagement.Weekly, 1))(t), []engagement.Cohort{})
		same(t, "Hours", must(db.Hours(ctx, all))(t), engagement.Hours{Horizon: 1})
	})
}

func TestActivityRefusesWhatItCannotAnswer(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		today, week := db.Today(), lastDays(db, 7)
		backwards := engagement.Days(today, today-1)
		for _, tt := range []struct {
			name, field string
			ask         func() error
		}{
			{"activity of a window that runs backwards", "window", func() error {
				_, err := db.Activity(ctx, backwards)
				return err
			}},
			{"a lifecycle of one", "window", func() error {
				_, err := db.Lifecycle(ctx, backwards, engagement.Daily)
				return err
			}},
			{"cohorts of one", "window", func() error {
				_, err := db.Cohorts(ctx, backwards, engagement.Daily, 1)
				return err
			}},
			{"hours of one", "window", func() error {
				_, err := db.Hours(ctx, backwards)
				return err
			}},
			{"too many cohorts", "window", func() error {
				_, err := db.Cohorts(ctx, lastDays(db, engagement.MaxCohorts+1), engagement.Daily, 1)
				return err
			}},
			{"a lifecycle by nothing", "period", func() error {
				_, err := db.Lifecycle(ctx, week, 0)
				return err
			}},
			{"cohorts by what is not there", "period", func() error {
				_, err := db.Cohorts(ctx, week, 3, 1)
				return err
			}},
			{"cohorts followed for no period", "number of periods", func() error {
				_, err := db.Cohorts(ctx, week, engagement.Daily, 0)
				return err
			}},
			{"cohorts followed for too many", "number of periods", func() error {
				_, err := db.Cohorts(ctx, week, engagement.Daily, engagement.MaxCohorts+1)
				return err
			}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				err := tt.ask()
				wantError(t, err, engagement.ErrInvalid)
				contains(t, err, "invalid "+tt.field+" ")
			})
		}
		same(t, "the most cohorts", len(must(db.Cohorts(ctx, lastDays(db, engagement.MaxCohorts), engagement.Daily, engagement.MaxCohorts))(t)), engagement.MaxCohorts)
		same(t, "the longest range", len(must(db.Activity(ctx, lastDays(db, engagement.MaxLimit)))(t)), engagement.MaxLimit)
	})
}

// A fire of long ago is no reason never to answer for all time again.
func TestAllTimeOfMoreDaysThanCanBeShownIsTheLastOfThem(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		fireOn(t, db, 1, time.Date(1970, 1, 2, 12, 0, 0, 0, time.UTC), noon)
		fireOn(t, db, 2, noon.AddDate(0, 0, -engagement.MaxLimit))
		today := db.Today()
		activity := must(db.Activity(ctx, engagement.AllTime()))(t)
		same(t, "days of activity", []any{len(activity), activity[0].Day, activity[0].MAU, activity[engagement.MaxLimit-1].Day},
			[]any{engagement.MaxLimit, today - engagement.MaxLimit + 1, int64(1), today})
		same(t, "days of figures", len(must(db.DailyFigures(ctx, engagement.AllTime()))(t)), engagement.MaxLimit)
		for _, by := range engagement.Periods() {
			lifecycle := must(db.Lifecycle(ctx, engagement.AllTime(), by))(t)
			last := lifecycle[len(lifecycle)-1]
			same(t, "the last period's active and new", []int64{last.Active, last.New, last.Resurrected}, []int64{1, 0, 1})
			cohorts := must(db.Cohorts(ctx, engagement.AllTime(), by, 1))(t)
			same(t, "cohorts", len(cohorts), engagement.MaxCohorts)
			newest := cohorts[len(cohorts)-1]
			same(t, "the newest cohort is the current one", newest.Start <= today && newest.Partial, true)
			must(json.Marshal(lifecycle))(t)
		}
		_, err := db.Activity(ctx, engagement.Days(1, today))
		wantError(t, err, engagement.ErrInvalid)
	})
}

func TestPeriodText(t *testing.T) {
	for _, p := range engagement.Periods() {
		same(t, "through text", must(engagement.ParsePeriod(p.String()))(t), p)
	}
	_, err := engagement.ParsePeriod("month")
	wantError(t, err, engagement.ErrInvalid)
	contains(t, err, `period "month"`)
	same(t, "no period", engagement.Period(7).String(), "Period(7)")
}
