package engagement_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func grant(t tb, w writer, user int64, id string) {
	t.Helper()
	result, err := w.GrantFreeze(context.Background(), engagement.Freeze{UserID: user, GrantID: id})
	noError(t, err)
	if result.Status != engagement.Recorded {
		t.Fatalf("grant %s of user %d: %s", id, user, result.Status)
	}
}

// kinds is a user's streak in letters, a day each: active, rest, frozen, open.
func kinds(t tb, r *engagement.Reader, user int64) string {
	t.Helper()
	var letters strings.Builder
	for _, d := range must(r.StreakDays(context.Background(), user))(t) {
		letters.WriteByte(string(d.Kind)[0])
	}
	return letters.String()
}

// spent are the days that a user's freezes cover, "-" for one that covers none.
func spent(t tb, r *engagement.Reader, user int64) string {
	t.Helper()
	var days []string
	for _, f := range must(r.Freezes(context.Background(), user))(t) {
		day := "-"
		if f.SpentDay != nil {
			day = f.SpentDay.String()[5:]
		}
		days = append(days, f.GrantID+" "+day)
	}
	return strings.Join(days, ", ")
}

func setRules(t tb, db *engagement.DB, change func(*engagement.StreakRules)) {
	t.Helper()
	rules := must(db.StreakRules(context.Background()))(t)
	change(&rules)
	noError(t, db.SetStreakRules(context.Background(), rules))
}

func weekend(rules *engagement.StreakRules) {
	rules.RestDays = []time.Weekday{time.Sunday, time.Saturday}
}

func TestAFreezeCoversAMissedDay(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		check := func(when string, current, freezes int64, expires time.Time, days, covered string) {
			t.Helper()
			want := engagement.Streak{UserID: 1, Current: current, Longest: 2, Freezes: freezes}
			board := []engagement.StreakRow{}
			if current > 0 {
				want.Expires = &expires
				board = append(board, engagement.StreakRow{Rank: 1, Streak: want})
			}
			same(t, "Streak "+when, must(db.Streak(ctx, 1))(t), want)
			same(t, "StreakLeaderboard "+when, must(db.StreakLeaderboard(ctx, anyPage))(t).Items, board)
			summary := must(db.UserSummary(ctx, 1))(t)
			same(t, "current streak in the summary "+when, summary.CurrentStreak, current)
			same(t, "streak_expires in the summary "+when, summary.StreakExpires, want.Expires)
			same(t, "days "+when, kinds(t, db.Reader, 1), days)
			same(t, "freezes "+when, spent(t, db.Reader, 1), covered)
			proven(t, db)
		}
		jan := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }

		fireOn(t, db, 1, noon.AddDate(0, 0, -1), noon) // the 13th and the 14th
		check("without freezes", 2, 0, jan(16), "aa", "")
		grant(t, db, 1, "g1")
		grant(t, db, 1, "g2")
		check("with two freezes", 2, 2, jan(18), "aa", "g1 -, g2 -")
		clock.Advance(24 * time.Hour)
		check("on a day that may still be fired", 2, 2, jan(18), "aao", "g1 -, g2 -")
		clock.Advance(24 * time.Hour)
		check("after one missed day", 2, 1, jan(18), "aafo", "g1 01-15, g2 -")
		clock.Advance(24 * time.Hour)
		check("after two missed days", 2, 0, jan(18), "aaffo", "g1 01-15, g2 01-16")
		clock.Advance(24 * time.Hour)
		check("after three", 0, 0, time.Time{}, "", "g1 01-15, g2 01-16")
	})
}

func TestALateFireGivesItsFreezeBack(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		fireOn(t, db, 1, noon)
		grant(t, db, 1, "g1")
		clock.Set(noon.AddDate(0, 0, 2))
		fireOn(t, db, 1, clock.Now())
		same(t, "days with a freeze", kinds(t, db.Reader, 1), "afa")
		same(t, "freezes", spent(t, db.Reader, 1), "g1 01-15")
		fireOn(t, db, 1, noon.AddDate(0, 0, 1))
		same(t, "days after the late fire", kinds(t, db.Reader, 1), "aaa")
		same(t, "freezes after the late fire", spent(t, db.Reader, 1), "g1 -")
		same(t, "streak", must(db.Streak(ctx, 1))(t).Current, int64(3))
		clock.Set(noon.AddDate(0, 0, 4))
		fireOn(t, db, 1, clock.Now())
		same(t, "days when it is spent again", kinds(t, db.Reader, 1), "aaafa")
		same(t, "freezes when it is spent again", spent(t, db.Reader, 1), "g1 01-17")
		proven(t, db)
	})
}

func TestWhatAFreezeDoesNotDo(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fires   []int // days from the first, each recorded on its day
		grants  map[int][]string
		today   int
		days    string
		covered string
	}{
		{"it covers no day before its grant", []int{0, 2}, map[int][]string{2: {"g"}}, 2, "a", "g -"},
		{"it covers the day of its grant", []int{0}, map[int][]string{1: {"g"}}, 2, "afo", "g 01-15"},
		{"it is not spent on a gap that is too long for it, beyond its first day", []int{0, 4}, map[int][]string{0: {"g"}}, 4, "a", "g 01-15"},
		{"it does not revive a streak that was broken before its grant", []int{0}, map[int][]string{2: {"g"}}, 3, "", "g -"},
		{"the earliest granted goes first", []int{0, 1, 3}, map[int][]string{0: {"z"}, 1: {"a"}}, 3, "aafa", "z 01-16, a -"},
		{"a new streak begins with what is left", []int{0, 3, 5}, map[int][]string{0: {"g"}, 3: {"h"}}, 5, "afa", "g 01-15, h 01-18"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				clock := newClock(noon)
				db := open(clock.option())
				for day := range tt.today + 1 {
					clock.Set(noon.AddDate(0, 0, day))
					for _, f := range tt.fires {
						if f == day {
							fireOn(t, db, 1, clock.Now())
						}
					}
					for _, id := range tt.grants[day] {
						grant(t, db, 1, id)
					}
				}
				same(t, "days", kinds(t, db.Reader, 1), tt.days)
				same(t, "freezes", spent(t, db.Reader, 1), tt.covered)
				proven(t, db)
			})
		})
	}
}

func TestGrantingAFreeze(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		fireOn(t, db, 1, noon)
		grant(t, db, 1, "g1")
		grant(t, db, 1, "g2")

		unchanged(t, db, func() {
			result := must(db.GrantFreeze(ctx, engagement.Freeze{UserID: 1, GrantID: "g1"}))(t)
			same(t, "the same grant again", result, engagement.FreezeReceipt{Status: engagement.Duplicate})
			_, err := db.GrantFreeze(ctx, engagement.Freeze{UserID: 1, GrantID: "g3"})
			only(t, err, engagement.ErrConflict)
			_, err = db.GrantFreeze(ctx, engagement.Freeze{UserID: 2, GrantID: "g1"})
			only(t, err, engagement.ErrNotFound)
			wantError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
				setTo := engagement.Freeze{UserID: 1, GrantID: "g4"}
				_, err := tx.GrantFreeze(ctx, setTo)
				only(t, err, engagement.ErrConflict)
				fireOn(t, tx, 2, noon)
				grant(t, tx, 2, "of another user")
				return errRegret
			}), errRegret)
		})
		same(t, "freezes", must(db.Freezes(ctx, 1))(t), []engagement.GrantedFreeze{
			{GrantID: "g1", GrantedDay: db.Today(), GrantedAt: noon}, {GrantID: "g2", GrantedDay: db.Today(), GrantedAt: noon},
		})
		clock.Set(noon.AddDate(0, 0, 2))
		grant(t, db, 1, "g3") // one was spent yesterday, though nothing was written
		_, err := db.GrantFreeze(ctx, engagement.Freeze{UserID: 1, GrantID: "g4"})
		only(t, err, engagement.ErrConflict)
		setRules(t, db, func(rules *engagement.StreakRules) { rules.FreezeCap = 0 })
		_, err = db.GrantFreeze(ctx, engagement.Freeze{UserID: 1, GrantID: "g4"})
		only(t, err, engagement.ErrConflict)
		same(t, "freezes under a lower cap", spent(t, db.Reader, 1), "g1 01-15, g2 -, g3 -")
		proven(t, db)
	})
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

func TestMilestonesAreAwardedOnce(t *testing.T) {
	day := func(n int) time.Time { return noon.AddDate(0, 0, n-20) }
	for _, tt := range []struct {
		name   string
		fires  []int // days, one after another
		awards string
		by     string // the fires that reached them
	}{
		{"a day at a time", []int{1, 2, 3, 4, 5, 6, 7}, "3@1 7@1", "3:3 7:7"},
		{"two days are not three", []int{1, 2, 4, 5}, "", ""},
		{"a late fire that joins two runs", []int{1, 2, 3, 5, 6, 7, 4}, "3@1 7@1 3@5", "3:3 7:3 4:7"},
		{"a late fire that starts the streak earlier", []int{3, 4, 5, 2, 1}, "3@3", "5:3"},
		{"a day lengthening an old run", []int{1, 2, 10, 3}, "3@1", "3:3"},
		{"a new streak is awarded anew", []int{1, 2, 3, 5, 6, 7}, "3@1 3@5", "3:3 7:3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				epoch := db.Today() - 20
				var by []string
				for i, n := range tt.fires {
					f := engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), At: day(n)}
					result := must(db.RecordFire(ctx, f))(t)
					for _, milestone := range result.Milestones {
						by = append(by, fmt.Sprintf("%d:%d", n, milestone))
					}
					unchanged(t, db, func() {
						same(t, "the same fire again", must(db.RecordFire(ctx, f))(t), engagement.FireReceipt{Status: engagement.Duplicate})
					})
				}
				awards := func() string {
					var all []string
					for _, a := range must(db.Awards(ctx, 1))(t) {
						all = append(all, fmt.Sprintf("%d@%d", a.Milestone, a.StreakStart-epoch))
					}
					return strings.Join(all, " ")
				}
				same(t, "fires and their milestones", strings.Join(by, " "), tt.by)
				same(t, "awards", awards(), tt.awards)
				must(db.Cleanup(ctx, 1))(t)
				must(db.Rebuild(ctx))(t)
				setRules(t, db, weekend)
				setRules(t, db, func(rules *engagement.StreakRules) { rules.RestDays, rules.Milestones = nil, nil })
				same(t, "awards are never taken back", strings.HasPrefix(awards(), strings.SplitN(tt.awards, " ", 2)[0]), true)
				must(db.EraseUser(ctx, 1))(t)
				same(t, "awards of an erased user", awards(), "")
			})
		})
	}
}

func TestAwardsOfABatchBelongToTheFirstFireOfTheDay(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		var fires []engagement.Fire
		for i, ago := range []int{2, 0, 0, 1, 3} {
			fires = append(fires, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), At: noon.AddDate(0, 0, -ago)})
		}
		fires = append(fires, fires[1])
		var got [][]int64
		for _, result := range must(db.RecordFires(ctx, fires))(t) {
			got = append(got, result.Milestones)
		}
		same(t, "milestones of each fire", got, [][]int64{nil, nil, nil, {3}, nil, nil})
		award := engagement.Award{Milestone: 3, StreakStart: db.Today() - 3, Day: db.Today() - 1, AwardedAt: noon}
		same(t, "awards", must(db.Awards(ctx, 1))(t), []engagement.Award{award})
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

func TestVerifyFindsAFreezeThatIsOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ change, fields string }{
		{"UPDATE streak_freezes SET spent_day = spent_day + 1 WHERE grant_id = 'g1'", `day of freeze "g1"`},
		{"UPDATE streak_freezes SET spent_day = -1 WHERE grant_id = 'g1'", `day of freeze "g1"`},
		{"UPDATE streak_freezes SET spent_day = 20000 WHERE grant_id = 'g2'", `day of freeze "g2"`},
		{"DELETE FROM streak_freezes WHERE grant_id = 'g2'", "streak_until, freezes"},
		{"UPDATE user_stats SET freezes = 7", "freezes"},
	} {
		t.Run(tt.change, func(t *testing.T) {
			t.Parallel()
			dsn, clock := freshFile(t), newClock(noon)
			db := openAt(t, dsn, clock.option())
			fireOn(t, db, 1, noon)
			grant(t, db, 1, "g1")
			grant(t, db, 1, "g2")
			clock.Set(noon.AddDate(0, 0, 2))
			fireOn(t, db, 1, clock.Now())
			proven(t, db)
			tamper(t, dsn, tt.change)
			report := must(db.Rebuild(context.Background()))(t)
			var fields []string
			for _, f := range report.Repaired {
				fields = append(fields, f.Field)
			}
			same(t, "what Rebuild put right", strings.Join(fields, ", "), tt.fields)
			proven(t, db)
			same(t, "days", kinds(t, db.Reader, 1), "afa")
		})
	}
}

func TestStreakRulesInJSON(t *testing.T) {
	t.Parallel()
	rules := engagement.StreakRules{RestDays: []time.Weekday{0, 6}, Milestones: []int64{5, 10}, FreezeCap: 3}
	text := must(rules.MarshalJSON())(t)
	same(t, "JSON", string(text), `{"rest_days":["sunday","saturday"],"milestones":[5,10],"freeze_cap":3}`)
	var read engagement.StreakRules
	noError(t, read.UnmarshalJSON(text))
	same(t, "rules read again", read, rules)
	wantError(t, read.UnmarshalJSON([]byte(`{"rest_days":["caturday"]}`)), engagement.ErrInvalid)
}

func TestALateFireUsesNoFreezeGrantedSince(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		fireOn(t, db, 1, noon.AddDate(0, 0, -3))
		grant(t, db, 1, "g")
		fireOn(t, db, 1, noon.AddDate(0, 0, -2)) // prolongs the streak, which yesterday broke
		same(t, "streak", must(db.Streak(ctx, 1))(t), engagement.Streak{UserID: 1, Longest: 2, Freezes: 1})
		proven(t, db)
		fireOn(t, db, 1, noon.AddDate(0, 0, -1)) // which the freeze covers from today on
		expires := time.Date(2026, 1, 16, 0, 0, 0, 0, time.UTC)
		same(t, "streak up to yesterday", must(db.Streak(ctx, 1))(t), engagement.Streak{UserID: 1, Current: 3, Longest: 3, Expires: &expires, Freezes: 1})
		proven(t, db)
	})
}

func TestADuplicateReachesNoMilestone(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open(newClock(noon).option())
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "S_0", At: noon.AddDate(0, 0, -2)})
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "S_1", At: noon.AddDate(0, 0, -1)})
		got := must(db.RecordFires(context.Background(), []engagement.Fire{
			{UserID: 1, SignalID: "S_0"}, // again, with another time
			{UserID: 1, SignalID: "S_2"},
		}))(t)
		same(t, "results", got, []engagement.FireReceipt{
			{Status: engagement.Duplicate}, {Status: engagement.Recorded, Milestones: []int64{3}},
		})
	})
}
