package engagement

import (
	"context"
	"fmt"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// MaxCohorts is the most cohorts that Cohorts returns, and the most periods
// that it follows each.
const MaxCohorts = 400

// Cohort says how many users fired for the first time in one period, and how many of
// them came back. A count is nil while its period is not over.
type Cohort struct {
	Start Day   `json:"start"` // the first day of the cohort's own period
	Size  int64 `json:"size"`
	// On and OnOrAfter have a count for each following period, first the one
	// right after the cohort's own: the users who fired in that period, and
	// those who fired in it or any later one.
	On        []*int64 `json:"on"`
	OnOrAfter []*int64 `json:"on_or_after"`
	Partial   bool     `json:"partial"` // the cohort's own period is not over
}

// Cohorts returns a cohort for each period that contains a day of a window, oldest
// first, followed for the given number of periods, 1 to MaxCohorts. Cohorts without
// users are included. All time runs from the first fire to today, cut to its last
// MaxCohorts cohorts; none before the first fire. A window with more cohorts is
// ErrInvalid. Cleanup does not change them.
func (r *Reader) Cohorts(ctx context.Context, w Window, by Period, periods int) ([]Cohort, error) {
	return snapshot(ctx, r, "cohorts", func(v *view) ([]Cohort, error) {
		return v.cohorts(ctx, w, by, periods)
	})
}

func (v *view) cohorts(ctx context.Context, w Window, by Period, periods int) ([]Cohort, error) {
	if err := by.check(); err != nil {
		return nil, err
	}
	if periods < 1 || periods > MaxCohorts {
		return nil, invalid("number of periods", periods, fmt.Sprintf("want 1 to %d", MaxCohorts))
	}
	days, err := v.bounded(ctx, w, by, MaxCohorts)
	if err != nil || days.empty() {
		return []Cohort{}, err
	}
	days = by.whole(days)
	count := (days.last - days.first + 1) / by.days()
	if count > MaxCohorts {
		return nil, invalid("window", Days(days.first, days.last).String(), fmt.Sprintf("want at most %d cohorts", MaxCohorts))
	}
	cohorts := v.emptyCohorts(days.first, int(count), by, periods)
	return cohorts, v.fillCohorts(ctx, cohorts, days, by, periods)
}

// emptyCohorts returns cohorts without users, and with nil for what is not over.
func (v *view) emptyCohorts(first Day, count int, by Period, periods int) []Cohort {
	cohorts := make([]Cohort, count)
	for i := range cohorts {
		start := first + Day(i)*by.days()
		c := Cohort{
			Start:     start,
			On:        make([]*int64, periods),
			OnOrAfter: make([]*int64, periods),
			Partial:   start+by.days() > v.today(),
		}
		for k := range periods {
			if start+Day(k+2)*by.days() <= v.today() {
				c.On[k], c.OnOrAfter[k] = new(int64), new(int64)
			}
		}
		cohorts[i] = c
	}
	return cohorts
}

func (v *view) fillCohorts(ctx context.Context, cohorts []Cohort, days daySpan, by Period, periods int) error {
	// Users whose first day is not known are in no cohort.
	firstDay, lastDay := int64(max(days.first, firstDay)), int64(days.last)
	length, shift := int64(by.days()), int64(by.shift())
	number := func(c int64) int64 { return c - int64((days.first+by.shift())/by.days()) }

	last, err := v.q.CohortLastActivity(ctx, dbgen.CohortLastActivityParams{
		FirstDay: firstDay, LastDay: lastDay, Length: length, Shift: shift,
	})
	if err != nil {
		return err
	}
	for _, row := range last {
		c := &cohorts[number(row.Cohort)]
		c.Size += row.Users
		for k := range min(row.Period-row.Cohort, int64(periods)) {
			addTo(c.OnOrAfter[k], row.Users)
		}
	}
	active, err := v.q.CohortActivity(ctx, dbgen.CohortActivityParams{
		FirstDay: firstDay, LastDay: lastDay, Length: length, Shift: shift,
		FollowDays: int64(periods+1)*length - 1,
	})
	if err != nil {
		return err
	}
	for _, row := range active {
		if k := row.Period - row.Cohort - 1; k >= 0 && k < int64(periods) {
			addTo(cohorts[number(row.Cohort)].On[k], row.Users)
		}
	}
	return nil
}

// addTo adds to a count, unless it is nil.
func addTo(count *int64, n int64) {
	if count != nil {
		*count += n
	}
}
