package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// onEachEngine runs fn as a subtest on every engine, with the DSN of its own
// database.
func onEachEngine(t *testing.T, fn func(t *testing.T, dsn string)) {
	t.Helper()
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			fn(t, e.migrated(t))
		})
	}
}

// found fails the test if a report lacks one of some findings.
func found(t tb, report engagement.Report, wanted ...engagement.Finding) {
	t.Helper()
	for _, want := range wanted {
		if !slices.ContainsFunc(report.Findings, func(f engagement.Finding) bool {
			return f.Invariant == want.Invariant && f.Subject == want.Subject && f.Field == want.Field && f.Stored != f.Expected
		}) {
			t.Errorf("Verify did not find %s %s %s, but %v", want.Invariant, want.Subject, want.Field, report.Findings)
		}
	}
}

// tamperAt runs statements behind the library's back, on any engine.
func tamperAt(t tb, dsn string, statements ...string) {
	t.Helper()
	if !strings.Contains(dsn, "://") {
		for _, statement := range statements {
			tamper(t, dsn, totalsOf(dsn, statement))
		}
		return
	}
	for _, statement := range statements {
		noError(t, pgtest.Exec(context.Background(), dsn, statement))
	}
}

// cleanedUp opens a database in which one user fired on each of eleven days, and
// all but the last were cleaned up.
func cleanedUp(t tb, dsn string) *engagement.DB {
	t.Helper()
	db := openAt(t, dsn, newClock(noon).option())
	for ago := range 11 {
		fireOn(t, db, 1, noon.AddDate(0, 0, -ago))
	}
	trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", PnL: 2, ClosedAt: noon.AddDate(0, 0, -8)})
	must(db.Cleanup(context.Background(), 1))(t)
	proven(t, db)
	return db
}

func TestRebuildTakesNoHistoryAway(t *testing.T) {
	today := engagement.DayOf(noon, time.UTC)
	for name, test := range map[string]struct {
		damage string
		want   engagement.HistoryError
	}{
		"a lost horizon":                {"DELETE FROM settings WHERE name = 'horizon'", engagement.HistoryError{Days: 9, From: today - 10, To: today - 2, Fires: 9, Horizon: today - 1}},
		"a lowered horizon":             {fmt.Sprintf("UPDATE settings SET value = '%d' WHERE name = 'horizon'", today-5), engagement.HistoryError{Days: 4, From: today - 5, To: today - 2, Fires: 4, Horizon: today - 1}},
		"all fires of a day are lost":   {fmt.Sprintf("DELETE FROM signal_fires WHERE day = %d", today-1), engagement.HistoryError{Days: 1, From: today - 1, To: today - 1, Fires: 1, Horizon: today}},
		"all trades of a day are lost":  {"DELETE FROM trades", engagement.HistoryError{Days: 1, From: today - 8, To: today - 8, Trades: 1}},
		"a cleaned day of a user":       {fmt.Sprintf("DELETE FROM user_days WHERE day = %d", today-4), engagement.HistoryError{Days: 1, From: today - 4, To: today - 4, Fires: 1}},
		"a cleaned day has more by one": {fmt.Sprintf("UPDATE user_days SET fires = fires + 1 WHERE day = %d", today-4), engagement.HistoryError{Days: 1, From: today - 4, To: today - 4, Fires: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			onEachEngine(t, func(t *testing.T, dsn string) {
				ctx, db := context.Background(), cleanedUp(t, dsn)
				tamperAt(t, dsn, test.damage)
				before := must(db.Verify(ctx))(t).Findings
				_, err := db.Rebuild(ctx)
				wantError(t, err, engagement.ErrCorrupt)
				refused, ok := errors.AsType[*engagement.HistoryError](err)
				if !ok {
					t.Fatalf("Rebuild: %v, want a HistoryError", err)
				}
				same(t, "the refusal", *refused, test.want)
				same(t, "findings after the refusal", must(db.Verify(ctx))(t).Findings, before)

				if test.want.Horizon != 0 {
					total := must(db.UserStats(ctx, 1))(t).TotalFires
					same(t, "findings after restoring the horizon",
						must(db.Rebuild(ctx, engagement.RestoreHorizon(test.want.Horizon)))(t).Findings, []engagement.Finding{})
					same(t, "the horizon", must(db.Horizon(ctx))(t), test.want.Horizon)
					same(t, "total fires", must(db.UserStats(ctx, 1))(t).TotalFires, total)
					proven(t, db)
				}
			})
		})
	}
}

func TestRebuildTakesHistoryAwayIfTheLossIsAccepted(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, db := context.Background(), cleanedUp(t, dsn)
		tamperAt(t, dsn, "DELETE FROM settings WHERE name = 'horizon'")
		same(t, "findings", must(db.Rebuild(ctx, engagement.AcceptLoss()))(t).Findings, []engagement.Finding{})
		same(t, "total fires", must(db.UserStats(ctx, 1))(t).TotalFires, int64(2))
		proven(t, db)
	})
}

func TestRebuildPutsACountRightWithWhichNoOtherAgrees(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, db := context.Background(), cleanedUp(t, dsn)
		before := read(t, db)
		tamperAt(t, dsn,
			fmt.Sprintf("INSERT INTO user_days (user_id, day, fires) VALUES (1, %d, 4)", db.Today()+1),
			fmt.Sprintf("INSERT INTO signal_days (signal_id, day, fires) VALUES ('none', %d, 4)", db.Today()))
		must(db.Rebuild(ctx))(t)
		same(t, "contents after Rebuild", read(t, db), before)
	})
}

func TestFactsOnAWrongDayAreNoLostHistory(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, db := context.Background(), cleanedUp(t, dsn)
		before := read(t, db)
		tamperAt(t, dsn, "UPDATE signal_fires SET day = day + 40")
		must(db.Rebuild(ctx))(t)
		same(t, "contents after Rebuild", read(t, db), before)
	})
}

func TestTheHorizonIsRestoredOnlyToWhatTheFiresAllow(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, db := context.Background(), cleanedUp(t, dsn)
		for _, day := range []engagement.Day{db.Today() - 2, db.Today(), -1} {
			_, err := db.Rebuild(ctx, engagement.RestoreHorizon(day))
			wantError(t, err, engagement.ErrInvalid)
			same(t, "the horizon", must(db.Horizon(ctx))(t), db.Today()-1)
		}
		tamperAt(t, dsn, "UPDATE settings SET value = 'soon' WHERE name = 'horizon'")
		_, err := db.Rebuild(ctx)
		wantError(t, err, engagement.ErrCorrupt)
		must(db.Rebuild(ctx, engagement.RestoreHorizon(db.Today()-1)))(t)
		proven(t, db)
	})
}

// A clock far ahead, from which there is a way back.
func TestACleanupByAWrongClockRefusesNoFires(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, clock := context.Background(), newClock(noon)
		db := openAt(t, dsn, clock.option())
		fireOn(t, db, 1, noon.AddDate(0, 0, -3), noon.AddDate(0, 0, -1))
		clock.Set(noon.AddDate(30, 0, 0))
		want := engagement.CleanupReport{Horizon: engagement.DayOf(noon, time.UTC), FiresDeleted: 2}
		same(t, "PlanCleanup", must(db.PlanCleanup(ctx, 90))(t), want)
		same(t, "Cleanup", must(db.Cleanup(ctx, 90))(t), want)
		clock.Set(noon)
		fireOn(t, db, 1, noon)
		proven(t, db)

		// One that an earlier version has moved.
		tamperAt(t, dsn, fmt.Sprintf("UPDATE settings SET value = '%d' WHERE name = 'horizon'", db.Today()+9000))
		_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "refused"})
		wantError(t, err, engagement.ErrInvalid)
		found(t, must(db.Verify(ctx))(t), finding("V7", "setting horizon", "value"))
		same(t, "findings", must(db.Rebuild(ctx, engagement.RestoreHorizon(db.Today())))(t).Findings, []engagement.Finding{})
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "taken"})
		proven(t, db)
	})
}

func TestAGhostIsFoundAndRebuildRemovesIt(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, db := context.Background(), cleanedUp(t, dsn)
		before := read(t, db)
		const at = "'2026-01-14 00:00:00.000000'"
		tamperAt(t, dsn,
			"INSERT INTO fire_totals (user_id, last_updated) VALUES (99, "+at+")",
			"INSERT INTO signal_metrics (signal_id, created_at) VALUES ('ghost', "+at+")",
			"INSERT INTO days (day) VALUES (20000)",
			"INSERT INTO signal_days (signal_id, day) VALUES ('ghost', 20001)",
			"INSERT INTO user_days (user_id, day) VALUES (98, 20002)")
		report := must(db.Verify(ctx))(t)
		found(t, report,
			finding("V1", "user 99", "row"), finding("V3", "day 2024-10-04", "row"),
			finding("V7", `signal "ghost" on 2024-10-05`, "counts"), finding("V7", "user 98 on 2024-10-06", "counts"))
		rebuilt := must(db.Rebuild(ctx))(t)
		same(t, "findings after Rebuild", rebuilt.Findings, []engagement.Finding{})
		same(t, "contents after Rebuild", read(t, db), before)
		_, err := db.UserStats(ctx, 99)
		wantError(t, err, engagement.ErrNotFound)
		_, err = db.SignalMetrics(ctx, "ghost")
		wantError(t, err, engagement.ErrNotFound)
	})
}

func TestWhenSignalsBeganAndUsersWereLastActiveIsDerived(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, db := context.Background(), openAt(t, dsn, newClock(noon).option())
		first, second := noon.AddDate(0, 0, -3), noon.AddDate(0, 0, -2)
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "kept", At: first})
		fire(t, db, engagement.Fire{UserID: 2, SignalID: "kept", At: second})
		fire(t, db, engagement.Fire{UserID: 2, SignalID: "old", At: noon.AddDate(0, 0, -20)})
		fire(t, db, engagement.Fire{UserID: 3, SignalID: "old", At: second})
		trade(t, db, engagement.Trade{UserID: 4, TradeID: "t", PnL: 1, ClosedAt: second})
		must(db.Cleanup(ctx, 5))(t)
		created := func(signal string) time.Time { return must(db.SignalMetrics(ctx, signal))(t).CreatedAt }
		updated := func(user int64) time.Time { return must(db.UserStats(ctx, user))(t).LastUpdated }

		const at = "'2026-01-10 00:00:00.000000'"
		tamperAt(t, dsn, "UPDATE signal_metrics SET created_at = "+at)
		found(t, must(db.Verify(ctx))(t), finding("V2", `signal "kept"`, "created_at"), finding("V2", `signal "old"`, "created_at"))
		must(db.Rebuild(ctx))(t)
		same(t, "created", created("kept"), first)
		old := engagement.DayOf(noon.AddDate(0, 0, -20), time.UTC)
		same(t, "created on a day that was cleaned up", created("old"), old.Start(time.UTC))

		tamperAt(t, dsn, "DELETE FROM signal_metrics", "DELETE FROM fire_totals", "DELETE FROM user_states")
		must(db.Rebuild(ctx))(t)
		same(t, "created after the row was lost", created("kept"), first)
		same(t, "last updated after the row was lost", updated(1), first)
		same(t, "last updated by a trade", updated(4), second)

		must(db.EraseUser(ctx, 1))(t)
		same(t, "created after the first user was erased", created("kept"), second)
		must(db.EraseUser(ctx, 3))(t)
		same(t, "created on a day that was cleaned up, after erasing", created("old"), old.Start(time.UTC))
		proven(t, db)
	})
}

func TestAnErasedDayHasNoRow(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, db := context.Background(), openAt(t, dsn, newClock(noon).option())
		fireOn(t, db, 1, noon, noon.AddDate(0, 0, -1))
		fireOn(t, db, 2, noon)
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", PnL: -1, ClosedAt: noon.AddDate(0, 0, -2)})
		same(t, "days before", proven(t, db).Days, int64(3))
		must(db.EraseUser(ctx, 1))(t)
		same(t, "days", proven(t, db).Days, int64(1))
	})
}

func TestADatabaseWithoutItsTimeZoneIsOpenedOnlyWithOne(t *testing.T) {
	onEachEngine(t, func(t *testing.T, dsn string) {
		ctx, berlin := context.Background(), zone(t, "Europe/Berlin")
		db := openAt(t, dsn, newClock(noon).option(), engagement.WithLocation(berlin))
		fireOn(t, db, 1, noon)
		tamperAt(t, dsn, "DELETE FROM settings WHERE name = 'time_zone'")
		found(t, must(db.Verify(ctx))(t), finding("V7", "setting time_zone", "value"))
		for _, option := range []engagement.Option{engagement.WithSlowThreshold(time.Second), engagement.WithReadOnly()} {
			_, err := engagement.Open(ctx, dsn, option)
			wantError(t, err, engagement.ErrCorrupt)
			contains(t, err, "time zone")
		}
		again := openAt(t, dsn, newClock(noon).option(), engagement.WithLocation(berlin))
		proven(t, again)
		same(t, "the zone", openAt(t, dsn).Location().String(), "Europe/Berlin")
	})
}

func TestAnAdoptedFileHasNoGhostsAndItsSignalsBeganWithTheirFires(t *testing.T) {
	t.Parallel()
	ctx, path := context.Background(), adoptable(t, settled)
	execute(t, path, "INSERT INTO user_stats (user_id, total_fires) VALUES (424242, 3)")
	execute(t, path, "INSERT INTO signal_metrics (signal_id, total_fires) VALUES ('GHOST', 3)")
	execute(t, path, "UPDATE signal_metrics SET created_at = '2020-01-01 00:00:00'")
	db := openAt(t, path)
	proven(t, db)
	_, err := db.UserStats(ctx, 424242)
	wantError(t, err, engagement.ErrNotFound)
	_, err = db.SignalMetrics(ctx, "GHOST")
	wantError(t, err, engagement.ErrNotFound)
}
