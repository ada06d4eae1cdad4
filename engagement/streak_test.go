package engagement_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestStreaks(t *testing.T) {
	days := func(ago ...int) (times []time.Time) {
		for _, n := range ago {
			times = append(times, noon.AddDate(0, 0, -n))
		}
		return times
	}
	var fortyDays []int
	for ago := 39; ago >= 0; ago-- {
		fortyDays = append(fortyDays, ago)
	}
	expiresIn := func(days int) *time.Time {
		at := time.Date(2026, 1, 14+days, 0, 0, 0, 0, time.UTC)
		return &at
	}
	for _, tt := range []struct {
		name             string
		fires            []time.Time
		current, longest int64
		expires          *time.Time
	}{
		{"one fire today is a streak of one", days(0), 1, 1, expiresIn(2)},
		{"several fires of a day count once", append(days(0), noon.Add(-time.Hour), noon.Add(time.Hour)), 1, 1, expiresIn(2)},
		{"one fire yesterday is alive until midnight", days(1), 1, 1, expiresIn(1)},
		{"the day before yesterday is too long ago", days(2), 0, 1, nil},
		{"consecutive days up to today", days(3, 2, 1, 0), 4, 4, expiresIn(2)},
		{"consecutive days up to yesterday", days(3, 2, 1), 3, 3, expiresIn(1)},
		{"a gap starts a new one and the longest stays", days(7, 6, 5, 3, 1, 0), 2, 3, expiresIn(2)},
		{"more than thirty days", days(fortyDays...), 40, 40, expiresIn(2)},
		{"days recorded backwards", days(0, 1, 2, 3), 4, 4, expiresIn(2)},
		{"days recorded in any order", days(2, 0, 3, 1), 4, 4, expiresIn(2)},
		{"a late fire that joins two runs", days(6, 5, 4, 2, 1, 0, 3), 7, 7, expiresIn(2)},
		{"a late fire that lengthens the older run only", days(6, 5, 1, 0, 4), 2, 3, expiresIn(2)},
		{"a late fire that makes the older run start earlier", days(6, 5, 4, 0, 7), 1, 4, expiresIn(2)},
		{"a late fire on its own is no streak of now", days(1, 0, 20), 2, 2, expiresIn(2)},
		{"a late fire that joins two broken runs", days(12, 11, 9, 8, 10), 0, 5, nil},
		{"a fire ahead of our clock, on tomorrow", append(days(1, 0), noon.AddDate(0, 0, 1)), 3, 3, expiresIn(3)},
		{"across a year's end", days(16, 15, 14, 13, 12), 0, 5, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				fireOn(t, db, 1, tt.fires...)
				check := func(when string) {
					t.Helper()
					summary := must(db.UserSummary(ctx, 1))(t)
					got := engagement.Streak{UserID: 1, Current: summary.CurrentStreak, Longest: summary.LongestStreak, Expires: summary.StreakExpires}
					want := engagement.Streak{UserID: 1, Current: tt.current, Longest: tt.longest, Expires: tt.expires}
					same(t, "streak "+when, got, want)
					board := []engagement.StreakRow{}
					if tt.current > 0 {
						board = append(board, engagement.StreakRow{Rank: 1, Streak: want})
					}
					same(t, "StreakLeaderboard "+when, must(db.StreakLeaderboard(ctx, anyPage))(t).Items, board)
				}
				check("after the fires")
				proven(t, db)
				must(db.Cleanup(ctx, 1))(t)
				check("after a cleanup")
				must(db.Rebuild(ctx))(t)
				check("after a rebuild")
			})
		})
		t.Run(tt.name+", in one batch", func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				var fires []engagement.Fire
				for i, at := range tt.fires {
					fires = append(fires, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), At: at})
				}
				must(db.RecordFires(ctx, fires))(t)
				summary := must(db.UserSummary(ctx, 1))(t)
				same(t, "streak", []int64{summary.CurrentStreak, summary.LongestStreak}, []int64{tt.current, tt.longest})
				proven(t, db)
			})
		})
	}
}

func TestAStreakEndsWhenItExpires(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		loc := zone(t, "Europe/Berlin")
		ctx, clock := context.Background(), newClock(time.Date(2026, 3, 27, 12, 0, 0, 0, loc))
		db := open(clock.option(), engagement.WithLocation(loc))
		fireOn(t, db, 1, clock.Now().AddDate(0, 0, -1), clock.Now())
		expires := *must(db.UserSummary(ctx, 1))(t).StreakExpires
		same(t, "StreakExpires", expires, time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC))

		clock.Set(expires.Add(-time.Microsecond))
		same(t, "current streak just before", must(db.UserSummary(ctx, 1))(t).CurrentStreak, int64(2))
		same(t, "users with a streak just before", len(must(db.StreakLeaderboard(ctx, anyPage))(t).Items), 1)
		clock.Set(expires)
		summary := must(db.UserSummary(ctx, 1))(t)
		same(t, "current streak from then on", summary.CurrentStreak, int64(0))
		same(t, "longest streak from then on", summary.LongestStreak, int64(2))
		if summary.StreakExpires != nil {
			t.Errorf("a streak that is over expires at %s", summary.StreakExpires)
		}
		same(t, "StreakLeaderboard from then on", must(db.StreakLeaderboard(ctx, anyPage))(t).Items, []engagement.StreakRow{})
	})
}

// A day of 23 hours can have passed wholly within 24 hours, so a streak may end
// on the day after tomorrow.
func TestAFireAheadAcrossAShortDayIsOnTheStreakLeaderboard(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		loc := zone(t, "America/New_York")
		clock := newClock(time.Date(2026, 3, 7, 23, 59, 0, 0, loc))
		db := open(clock.option(), engagement.WithLocation(loc))
		fireOn(t, db, 1, clock.Now().Add(24*time.Hour))
		same(t, "users with a streak", len(must(db.StreakLeaderboard(context.Background(), anyPage))(t).Items), 1)
		proven(t, db)
	})
}

func TestStreakLeaderboardRanksTies(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		type run struct {
			user         int64
			last, length int
		}
		for _, r := range []run{{5, 1, 4}, {2, 0, 3}, {9, 1, 3}, {1, 0, 1}, {7, 0, 3}, {8, 2, 9}} {
			for i := range r.length {
				fireOn(t, db, r.user, noon.AddDate(0, 0, -r.last-i))
			}
		}
		ranks := func(rows []engagement.StreakRow) (got [][2]int64) {
			for _, row := range rows {
				got = append(got, [2]int64{row.Rank, row.UserID})
			}
			return got
		}
		want := [][2]int64{{1, 5}, {2, 2}, {2, 7}, {2, 9}, {5, 1}}
		same(t, "ranks and users", ranks(must(db.StreakLeaderboard(ctx, anyPage))(t).Items), want)
		for limit := 1; limit <= 6; limit++ {
			same(t, fmt.Sprintf("ranks and users in pages of %d", limit), ranks(inPages(t, limit, db.StreakLeaderboard)), want)
		}
	})
}

func TestStreaksThatEndToday(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		for _, r := range []struct {
			what         string
			user         int64
			last, length int
		}{
			{"fired until yesterday", 5, 1, 4}, {"fired today too", 2, 0, 3}, {"yesterday alone", 9, 1, 1}, {"as long as another", 1, 1, 4},
			{"broken already", 8, 2, 9}, {"with a freeze, which covers today", 7, 1, 3}, {"with a freeze, which yesterday has taken", 6, 2, 2},
		} {
			for i := range r.length {
				fireOn(t, db, r.user, noon.AddDate(0, 0, -r.last-i))
			}
		}
		clock.Set(noon.AddDate(0, 0, -2))
		must(db.GrantFreeze(ctx, engagement.Freeze{UserID: 7, GrantID: "g"}))(t)
		must(db.GrantFreeze(ctx, engagement.Freeze{UserID: 6, GrantID: "g"}))(t)
		clock.Set(noon)
		users := func(q engagement.PageQuery) (engagement.Page[int64], error) {
			ending, err := db.EndingStreaks(ctx, q)
			same(t, "users", ending.Users, int64(4))
			page := engagement.Page[int64]{Next: ending.Next}
			for _, streak := range ending.Items {
				same(t, "the user's streak", streak, must(db.Streak(ctx, streak.UserID))(t))
				page.Items = append(page.Items, streak.UserID)
			}
			return page, err
		}
		for limit := 1; limit <= 5; limit++ {
			same(t, fmt.Sprintf("users in pages of %d", limit), inPages(t, limit, func(_ context.Context, q engagement.PageQuery) (engagement.Page[int64], error) { return users(q) }), []int64{1, 5, 6, 9})
		}
		fireOn(t, db, 5, noon)
		same(t, "users once one has fired", must(db.EndingStreaks(ctx, anyPage))(t).Users, int64(3))
		clock.Advance(24 * time.Hour)
		same(t, "users a day later: who fired yesterday, and whose freeze took that day", must(db.EndingStreaks(ctx, anyPage))(t).Users, int64(3))
	})
}

func TestAFireOfTheFutureMakesNoStreak(t *testing.T) {
	t.Parallel()
	ctx, dsn := t.Context(), freshFile(t)
	clock := newClock(noon)
	noError(t, openAt(t, dsn, clock.option()).Close())
	execute(t, dsn, "INSERT INTO signal_fires (user_id, signal_id, timestamp) VALUES (1, 'A', '2999-01-01 00:00:00')")
	db := openAt(t, dsn, clock.option())
	same(t, "streaks before the first fire of today", must(db.StreakLeaderboard(ctx, anyPage))(t).Items, []engagement.StreakRow{})
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "B"})
	proven(t, db)
	expires := time.Date(2026, time.January, 16, 0, 0, 0, 0, time.UTC)
	alive := engagement.Streak{UserID: 1, Current: 1, Longest: 1, Expires: &expires}
	same(t, "streaks", must(db.StreakLeaderboard(ctx, anyPage))(t).Items, []engagement.StreakRow{{Rank: 1, Streak: alive}})
	clock.Set(expires)
	summary := must(db.UserSummary(ctx, 1))(t)
	same(t, "fires, current and longest streak once it has expired",
		[3]int64{summary.TotalFires, summary.CurrentStreak, summary.LongestStreak}, [3]int64{1, 0, 1})
	must(db.Rebuild(ctx))(t)
	proven(t, db)
}

func TestAStreakUntilNoDayIsCorrupt(t *testing.T) {
	t.Parallel()
	path := freshFile(t)
	db := openAt(t, path, newClock(noon).option())
	fireOn(t, db, 1, noon)
	execute(t, path, "UPDATE user_stats SET streak_until = 'some day'")
	_, err := db.StreakLeaderboard(t.Context(), anyPage)
	only(t, err, engagement.ErrCorrupt)
}
