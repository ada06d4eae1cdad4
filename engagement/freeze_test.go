package engagement_test

import (
	"context"
	"strings"
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

func TestFreezesAreSpentInTheOrderOfTheirGrants(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		clock := newClock(noon)
		db := open(clock.option())
		fireOn(t, db, 1, noon)
		grant(t, db, 1, "z")
		clock.Set(noon.AddDate(0, 0, 4))
		grant(t, db, 1, "b")
		grant(t, db, 1, "a") // z was spent, though the others come before it by name
		same(t, "freezes", spent(t, db.Reader, 1), "z 01-15, a -, b -")
		proven(t, db)
	})
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
