package engagement_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func setRules(t tb, db *engagement.DB, change func(*engagement.StreakRules)) {
	t.Helper()
	rules := must(db.StreakRules(context.Background()))(t)
	change(&rules)
	noError(t, db.SetStreakRules(context.Background(), rules))
}

func weekend(rules *engagement.StreakRules) {
	rules.RestDays = []time.Weekday{time.Sunday, time.Saturday}
}

func TestRestDaysBreakNoStreak(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, loc := context.Background(), zone(t, "America/New_York")
		friday := time.Date(2026, 3, 6, 12, 0, 0, 0, loc) // clocks change on Sunday
		clock := newClock(friday)
		db := open(clock.option(), engagement.WithLocation(loc))
		fireOn(t, db, 1, friday.AddDate(0, 0, -1), friday)
		setRules(t, db, weekend)
		monday := time.Date(2026, 3, 10, 0, 0, 0, 0, loc).UTC() // the end of it
		same(t, "streak on Friday", must(db.Streak(ctx, 1))(t), engagement.Streak{UserID: 1, Current: 2, Longest: 2, Expires: &monday})
		clock.Set(time.Date(2026, 3, 8, 12, 0, 0, 0, loc))
		same(t, "days on Sunday", kinds(t, db.Reader, 1), "aarr")
		clock.Set(monday.Add(-time.Microsecond))
		same(t, "days at the end of Monday", kinds(t, db.Reader, 1), "aarro")
		fireOn(t, db, 1, clock.Now())
		same(t, "days with Monday", kinds(t, db.Reader, 1), "aarra")
		same(t, "streak with Monday", must(db.Streak(ctx, 1))(t).Current, int64(3))
		fireOn(t, db, 1, time.Date(2026, 3, 7, 12, 0, 0, 0, loc))
		same(t, "days with a fire on Saturday", kinds(t, db.Reader, 1), "aaara")
		same(t, "streak with a fire on Saturday", must(db.Streak(ctx, 1))(t).Current, int64(4))
		clock.Set(time.Date(2026, 3, 11, 0, 0, 0, 0, loc))
		same(t, "days after a missed Tuesday", kinds(t, db.Reader, 1), "")
		proven(t, db)
	})
}

func TestNewMilestonesAndRestDaysAwardWhatWasReached(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon) // a Wednesday
		db := open(clock.option())
		for ago := range 10 {
			if at := noon.AddDate(0, 0, -ago); at.Weekday() != time.Saturday && at.Weekday() != time.Sunday {
				fireOn(t, db, 1, at)
			}
		}
		same(t, "awards", len(must(db.Awards(ctx, 1))(t)), 2) // three days, twice
		clock.Advance(time.Minute)
		setRules(t, db, func(rules *engagement.StreakRules) {
			weekend(rules)
			rules.Milestones = []int64{3, 7}
		})
		same(t, "streak with rest days", must(db.Streak(ctx, 1))(t).Current, int64(8))
		awards := must(db.Awards(ctx, 1))(t)
		same(t, "awards with rest days", awards[0], engagement.Award{
			Milestone: 7, StreakStart: db.Today() - 9, Day: db.Today() - 1, AwardedAt: noon.Add(time.Minute),
		})
		same(t, "how many", len(awards), 3)
		proven(t, db)
	})
}

func TestOtherProcessesGoByTheNewRules(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon.AddDate(0, 0, 2)) // a Friday
		one, other := open(clock.option()), open(clock.option())
		fireOn(t, one, 1, clock.Now())
		fireOn(t, other, 2, clock.Now())
		setRules(t, one, weekend)
		clock.Set(noon.AddDate(0, 0, 5))
		fireOn(t, other, 1, clock.Now())
		fireOn(t, other, 2, clock.Now())
		fireOn(t, other, 3, clock.Now().AddDate(0, 0, -3), clock.Now())
		for user := range int64(3) {
			same(t, "streak", must(other.Streak(ctx, user+1))(t).Current, int64(2))
		}
		proven(t, other)
		same(t, "rules", must(other.StreakRules(ctx))(t), must(one.StreakRules(ctx))(t))
	})
}

func TestRulesMayChangeWhileOthersWrite(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		handles := []*engagement.DB{open(clock.option()), open(clock.option())}
		for user := range int64(40) {
			fireOn(t, handles[0], user+1, noon.AddDate(0, 0, -12))
		}
		var writers sync.WaitGroup
		stop := make(chan struct{})
		for w, db := range handles {
			writers.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					var fires []engagement.Fire
					for n := range 8 {
						fires = append(fires, engagement.Fire{
							UserID: int64((i*8+n)*7%40) + 1, SignalID: fmt.Sprintf("S_%d_%d_%d", w, i, n), At: noon.AddDate(0, 0, -(i*5+n)%12),
						})
					}
					if _, err := db.RecordFires(ctx, fires); err != nil {
						t.Error(err)
						return
					}
					if i%3 == 0 {
						if _, err := db.GrantFreeze(ctx, engagement.Freeze{UserID: int64(i%40) + 1, GrantID: fmt.Sprint("g", i)}); err != nil {
							only(t, err, engagement.ErrConflict)
						}
					}
				}
			})
		}
		for _, days := range [][]time.Weekday{{0, 6}, {}, {1, 2, 3}, {0, 6}} {
			noError(t, handles[len(days)%2].SetStreakRules(ctx, engagement.StreakRules{RestDays: days, Milestones: []int64{2, 5}, FreezeCap: 2}))
		}
		close(stop)
		writers.Wait()
		proven(t, handles[0])
	})
}

// The setting says with whom to go on; it is there while a change of rules is
// under way.
func TestAnInterruptedChangeOfRulesIsFinished(t *testing.T) {
	for name, finish := range map[string]func(t *testing.T, dsn string, clock *clock, db *engagement.DB){
		"by the next Open": func(t *testing.T, dsn string, clock *clock, db *engagement.DB) { openAt(t, dsn, clock.option()) },
		"by Rebuild":       func(t *testing.T, _ string, _ *clock, db *engagement.DB) { must(db.Rebuild(context.Background()))(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, clock := freshFile(t), newClock(noon.AddDate(0, 0, 5)) // a Monday
			db := openAt(t, dsn, clock.option())
			for _, user := range []int64{-7, 1, 2} {
				fireOn(t, db, user, clock.Now().AddDate(0, 0, -3), clock.Now())
			}
			tamper(t, dsn,
				`INSERT INTO settings VALUES ('streak_rules', '{"rest_days":["sunday","saturday"],"milestones":[2],"freeze_cap":1}')`,
				"INSERT INTO settings VALUES ('streak_recount', '-9223372036854775808')")
			if must(db.Verify(context.Background()))(t).OK() {
				t.Fatal("the streaks are right already")
			}
			finish(t, dsn, clock, db)
			proven(t, db)
			for _, user := range []int64{-7, 1, 2} {
				same(t, "streak", must(db.Streak(context.Background(), user))(t).Current, int64(2))
				same(t, "awards", len(must(db.Awards(context.Background(), user))(t)), 1)
			}
			raw, err := sql.Open("sqlite3", "file:"+dsn+"?mode=ro")
			noError(t, err)
			defer raw.Close()
			var left int
			noError(t, raw.QueryRow("SELECT COUNT(*) FROM settings WHERE name = 'streak_recount'").Scan(&left))
			same(t, "what is left to do", left, 0)
		})
	}
}
