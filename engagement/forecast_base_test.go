package engagement_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// decidedByAll returns the community's wins and losses, and how many days have a row.
func decidedByAll(t tb, db *engagement.DB, user int64) [3]int64 {
	t.Helper()
	f := must(db.Forecast(context.Background(), engagement.ForecastQuery{UserID: user}))(t)
	return [3]int64{f.CommunityWins, f.CommunityLosses, proven(t, db).Days}
}

// closedOn records a trade that closed some days ago.
func closedOn(t tb, w writer, user int64, id string, ago int, pnl float64) {
	t.Helper()
	trade(t, w, engagement.Trade{UserID: user, TradeID: id, PnL: pnl, ClosedAt: noon.AddDate(0, 0, -ago)})
}

func TestTheBaseRateIsOfTheTradesOfAllDays(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, db := context.Background(), openAt(t, dsn, newClock(noon).option())
		fireOn(t, db, 1, noon, noon.AddDate(0, 0, -20))
		closedOn(t, db, 1, "on a day of fires", 0, 1)
		closedOn(t, db, 1, "on a day without", 40, -1)
		closedOn(t, db, 1, "a draw has no day", 41, 0)
		same(t, "wins, losses and days", decidedByAll(t, db, 1), [3]int64{1, 1, 3})

		closedOn(t, db, 2, "of another user", 40, -1)
		closedOn(t, db, 2, "alone on its day", 42, 1)
		same(t, "of two users", decidedByAll(t, db, 1), [3]int64{2, 2, 4})
		noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
			closedOn(t, tx, 3, "in a transaction", 40, 1)
			closedOn(t, tx, 3, "of several", 43, 1)
			return nil
		}))
		same(t, "of a transaction", decidedByAll(t, db, 1), [3]int64{4, 2, 5})
		must(db.Cleanup(ctx, 1))(t)
		same(t, "after a cleanup", decidedByAll(t, db, 1), [3]int64{4, 2, 5})
		must(db.EraseUser(ctx, 3))(t)
		same(t, "without an erased user", decidedByAll(t, db, 1), [3]int64{2, 2, 4})
		must(db.EraseUser(ctx, 2))(t)
		same(t, "without two", decidedByAll(t, db, 1), [3]int64{1, 1, 3})
		must(db.EraseUser(ctx, 1))(t)
		same(t, "days when nobody is left", proven(t, db).Days, int64(0))
	})
}

func TestADayOfTradesAloneIsNoDayOfFires(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, db := context.Background(), openAt(t, dsn, newClock(noon).option())
		before := func() []any {
			return []any{
				must(db.DailyFigures(ctx, engagement.AllTime()))(t), must(db.Activity(ctx, engagement.AllTime()))(t),
				must(db.Lifecycle(ctx, engagement.AllTime(), engagement.Daily))(t), must(db.Lifecycle(ctx, engagement.AllTime(), engagement.Weekly))(t),
				must(db.RealTimeStats(ctx))(t), must(db.Hours(ctx, engagement.AllTime()))(t),
			}
		}
		closedOn(t, db, 1, "first", 30, 1)
		same(t, "days of figures without a fire", must(db.DailyFigures(ctx, engagement.AllTime()))(t), []engagement.DayFigures{})
		fireOn(t, db, 1, noon.AddDate(0, 0, -9), noon.AddDate(0, 0, -3))
		want := before()
		for _, ago := range []int{0, 2, 5, 12} {
			closedOn(t, db, 1, fmt.Sprint("days ago ", ago), ago, float64(ago-3))
		}
		same(t, "figures of fires after trades", before(), want)
	})
}

// The migration fills what it adds from the users' days, and takes away what it added.
func TestDecidedTradesAreFilledInForDaysOfBefore(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		db := openVaried(t, dsn)
		closedOn(t, db, 2, "on a day without fires", 50, 1)
		closedOn(t, db, 9, "of who never fired", 60, -1)
		want, contents := decidedByAll(t, db, 1), read(t, db)
		noError(t, db.Close())

		migrateTo(t, dsn, 7)
		same(t, "days of trades alone in version 7", inDatabase(t, dsn, "SELECT CAST(day AS TEXT) FROM days WHERE fires = 0"), []string{})
		migrateTo(t, dsn, 8)
		db = openAt(t, dsn, newClock(noon).option(), engagement.WithoutMigrate())
		same(t, "wins, losses and days", decidedByAll(t, db, 1), want)
		same(t, "contents", read(t, db), contents)
	})
}

func TestADayThatIsNoNumberKeepsNoFileFromBeingMigrated(t *testing.T) {
	t.Parallel()
	dsn := freshFile(t)
	noError(t, openVaried(t, dsn).Close())
	migrateTo(t, dsn, 7)
	tamper(t, dsn, "UPDATE user_days SET day = 'x' WHERE user_id = 3 AND day = "+oldDay)
	db := openAt(t, dsn, newClock(noon).option())
	found(t, must(db.Verify(t.Context()))(t), finding("V5", "user_days, user 3 on day 'x'", "day"))
}

func TestADayOfTradesAloneIsPutRightAndKept(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, db := context.Background(), openAt(t, dsn, newClock(noon).option())
		fireOn(t, db, 1, noon)
		closedOn(t, db, 1, "won", 1, 1)
		want := decidedByAll(t, db, 1)
		for change, wrong := range map[string]engagement.Finding{
			"UPDATE days SET wins = wins + 4, losses = 2 WHERE fires = 0": {Field: "wins", Stored: "5", Expected: "1"},
			"DELETE FROM days WHERE fires = 0":                            {Field: "wins", Stored: "0", Expected: "1"},
		} {
			wrong.Invariant, wrong.Subject = "V3", "day 2026-01-13"
			tamperAt(t, dsn, change)
			findings := must(db.Verify(ctx))(t).Findings
			if len(findings) == 2 {
				same(t, "the other finding after "+change, findings[1].Field, "losses")
				findings = findings[:1]
			}
			same(t, "findings after "+change, findings, []engagement.Finding{wrong})
			must(db.Rebuild(ctx))(t)
			same(t, "wins, losses and days after "+change, decidedByAll(t, db, 1), want)
		}
	})
}
