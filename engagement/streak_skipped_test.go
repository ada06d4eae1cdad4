package engagement_test

import (
	"context"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Nobody was in Apia on 2011-12-30: after the 29th came the 31st.
func TestNobodyMissesADayThatTheZoneLeftOut(t *testing.T) {
	loc := zone(t, "Pacific/Apia")
	noonOf := func(date string) time.Time { return day(t, date).Start(loc).Add(12 * time.Hour) }
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noonOf("2011-12-29"))
		db := open(clock.option(), engagement.WithLocation(loc))
		fireOn(t, db, 1, noonOf("2011-12-28"), noonOf("2011-12-29"))
		fireOn(t, db, 2, noonOf("2011-12-28"))
		grant(t, db, 1, "a")
		grant(t, db, 2, "a")
		same(t, "when a streak without freezes would break", (day(t, "2011-12-29") + 1).Start(loc), day(t, "2011-12-31").Start(loc))

		clock.Set(noonOf("2011-12-31"))
		for user, want := range map[int64]string{1: "a -", 2: "a 12-29"} {
			same(t, "freezes before the next fire", spent(t, db.Reader, user), want)
		}
		same(t, "kinds of the days before the next fire", []string{kinds(t, db.Reader, 1), kinds(t, db.Reader, 2)}, []string{"aao", "afo"})
		third := must(db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "after"}))(t)
		same(t, "milestones of the third day", third.Milestones, []int64{3})
		fireOn(t, db, 2, clock.Now())
		expires := noonOf("2012-01-02").Add(12 * time.Hour).UTC() // after the freeze of the 1st
		same(t, "streak", must(db.Streak(ctx, 1))(t), engagement.Streak{UserID: 1, Current: 3, Longest: 3, Freezes: 1, Expires: &expires})
		same(t, "kinds of its days", []string{kinds(t, db.Reader, 1), kinds(t, db.Reader, 2)}, []string{"aaa", "afa"})
		for user, want := range map[int64]string{1: "a -", 2: "a 12-29"} {
			same(t, "freezes", spent(t, db.Reader, user), want)
		}
		board := engagement.Board{Ranking: engagement.ByLongestStreak, Window: engagement.Days(day(t, "2011-12-01"), day(t, "2012-01-31"))}
		same(t, "board of a window", places(engagement.ByLongestStreak, must(db.Leaderboard(ctx, board, anyPage))(t).Items), []place{{1, 1, 3}, {2, 2, 1}})
		board.Users = []int64{1, 2}
		same(t, "board of some users", places(engagement.ByLongestStreak, must(db.Leaderboard(ctx, board, anyPage))(t).Items), []place{{1, 1, 3}, {2, 2, 1}})
		proven(t, db)

		noError(t, db.SetStreakRules(ctx, engagement.DefaultStreakRules()))
		same(t, "streak counted again", must(db.Streak(ctx, 1))(t).Current, int64(3))

		clock.Set(noonOf("2012-01-03"))
		fireOn(t, db, 3, noonOf("2011-12-29"), noonOf("2012-01-01")) // the 31st was missed
		same(t, "longest streak of who missed the day after", must(db.Streak(ctx, 3))(t).Longest, int64(1))
		proven(t, db)
	})
}

// In St John's, at 00:01 of 2006-10-29 it was 23:01 of the day before once more.
func TestFactsOfADayThatGoesOnAfterMidnightAreOfThatDay(t *testing.T) {
	loc, d := zone(t, "America/St_Johns"), day(t, "2006-10-28")
	midnight := (d + 1).Start(loc)
	times := []time.Time{midnight.Add(-time.Second), midnight, midnight.Add(30 * time.Minute), midnight.Add(time.Hour)}
	of := []engagement.Day{d, d + 1, d, d + 1}
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(midnight.Add(time.Hour))
		db := open(clock.option(), engagement.WithLocation(loc))
		signals := map[engagement.Day][]string{}
		for i, at := range times {
			same(t, "day of "+at.String(), engagement.DayOf(at, loc), of[i])
			id := string(rune('A' + i))
			fire(t, db, engagement.Fire{UserID: 1, SignalID: id, At: at})
			trade(t, db, engagement.Trade{UserID: 1, TradeID: id, SignalID: id, PnL: 1, ClosedAt: at})
			signals[of[i]] = append([]string{id}, signals[of[i]]...)
		}
		for _, on := range []engagement.Day{d, d + 1} {
			w := engagement.Days(on, on)
			var fires, trades []string
			for _, f := range must(db.Fires(ctx, engagement.FireFilter{Window: w}, anyPage))(t).Items {
				fires = append(fires, f.SignalID)
			}
			for _, tr := range must(db.Trades(ctx, engagement.TradeFilter{UserID: 1, Window: w}, anyPage))(t).Items {
				trades = append(trades, tr.TradeID)
			}
			same(t, "fires of "+on.String(), fires, signals[on])
			same(t, "trades of "+on.String(), trades, signals[on])
			same(t, "hours of "+on.String(), must(db.Hours(ctx, w))(t).Total, int64(2))
			same(t, "trade quality of "+on.String(), must(db.TradeQuality(ctx, engagement.QualityQuery{UserID: 1, Window: w}))(t).Trades, int64(2))
			sum := engagement.MetricDefinition{Name: "m", What: "pnl", Of: "trades", Per: "user", Window: on.String()}
			same(t, "P&L of "+on.String(), *must(db.EvaluateDefinition(ctx, sum, anyPage))(t).Items[0].Value, 2.0)
		}
		same(t, "hours", must(db.Hours(ctx, engagement.AllTime()))(t).Total, int64(4))
		fireOn(t, db, 2, midnight.Add(-time.Hour))
		clock.Set(midnight.Add(30 * time.Minute)) // the day is not over
		same(t, "when a streak breaks", must(db.Streak(ctx, 2))(t).Expires.After(clock.Now()), true)
		clock.Set(midnight.Add(30 * time.Hour))
		same(t, "fires deleted with the day", must(db.Cleanup(ctx, 1))(t), engagement.CleanupReport{Horizon: d + 1, FiresDeleted: 3})
		proven(t, db)
	})
}
