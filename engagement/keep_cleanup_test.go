package engagement_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestCleanup(t *testing.T) {
	for _, tt := range []struct {
		name     string
		keepDays int
		horizon  string
		kept     int64 // of a fire on each of the last ten days
	}{
		{"keeping one day keeps yesterday and today", 1, "2026-01-13", 2},
		{"keeping five days keeps those and today", 5, "2026-01-09", 6},
		{"keeping more days than there are deletes nothing", 90, "2025-10-16", 10},
		{"keeping more days than there can be deletes nothing", 1 << 62, "1970-01-02", 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				ctx, db := context.Background(), open(newClock(noon).option())
				for ago := range 10 {
					fireOn(t, db, 1, noon.AddDate(0, 0, -ago))
				}
				trade(t, db, engagement.Trade{UserID: 1, TradeID: "old", PnL: 1, ClosedAt: noon.AddDate(0, 0, -9)})
				want := engagement.CleanupReport{Horizon: day(t, tt.horizon), FiresDeleted: 10 - tt.kept}
				before := read(t, db)
				same(t, "PlanCleanup", must(db.PlanCleanup(ctx, tt.keepDays))(t), want)
				same(t, "contents after PlanCleanup", read(t, db), before)
				same(t, "Cleanup", must(db.Cleanup(ctx, tt.keepDays))(t), want)
				same(t, "Horizon", must(db.Horizon(ctx))(t), want.Horizon)
				same(t, "fires kept", len(must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, anyPage))(t).Items), int(tt.kept))

				// Only the facts, what is said of them and the favorite differ.
				after := read(t, db)
				same(t, "everything else", after, before,
					cmpopts.IgnoreFields(engagement.Report{}, "Fires", "Horizon"),
					cmpopts.IgnoreFields(engagement.UserExport{}, "SignalFires"),
					cmpopts.IgnoreFields(engagement.UserSummary{}, "FavoriteSignal"))
				same(t, "a second Cleanup", must(db.Cleanup(ctx, tt.keepDays))(t), engagement.CleanupReport{Horizon: want.Horizon})
				same(t, "contents after a second Cleanup", read(t, db), after)
			})
		})
	}
	t.Run("the horizon never moves back", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			ctx, db := context.Background(), open(newClock(noon).option())
			fireOn(t, db, 1, noon)
			must(db.Cleanup(ctx, 2))(t)
			want := engagement.CleanupReport{Horizon: db.Today() - 2}
			same(t, "PlanCleanup", must(db.PlanCleanup(ctx, 30))(t), want)
			same(t, "Cleanup", must(db.Cleanup(ctx, 30))(t), want)
		})
	})
	t.Run("more fires than one transaction deletes", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			const fires = 12_000
			ctx, db := context.Background(), open(newClock(noon).option())
			var batch []engagement.Fire
			for i := range fires {
				batch = append(batch, engagement.Fire{UserID: int64(i%50) + 1, SignalID: fmt.Sprint("S_", i), At: noon.AddDate(0, 0, -5-i%3)})
			}
			must(db.RecordFires(ctx, batch))(t)
			var reports [][2]int64
			reporting := engagement.ContextWithProgress(ctx, func(done, total int64) { reports = append(reports, [2]int64{done, total}) })
			same(t, "FiresDeleted", must(db.Cleanup(reporting, 2))(t).FiresDeleted, int64(fires))
			if len(reports) < 2 || reports[len(reports)-1] != [2]int64{fires, fires} {
				t.Errorf("progress was reported as %v", reports)
			}
			same(t, "fires kept", proven(t, db).Fires, int64(0))
		})
	})
	t.Run("an interrupted one leaves every figure proven and the next goes on", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			const fires = 12_000
			db := open(newClock(noon).option())
			var batch []engagement.Fire
			for i := range fires {
				batch = append(batch, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i), At: noon.AddDate(0, 0, -5)})
			}
			must(db.RecordFires(context.Background(), batch))(t)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			report, err := db.Cleanup(engagement.ContextWithProgress(ctx, func(int64, int64) { cancel() }), 2)
			wantError(t, err, context.Canceled)
			verified := proven(t, db)
			same(t, "fires left", verified.Fires, fires-report.FiresDeleted)
			same(t, "Horizon", verified.Horizon, db.Today()-4)
			same(t, "the next", must(db.Cleanup(context.Background(), 2))(t).FiresDeleted, verified.Fires)
			same(t, "total fires", must(db.UserStats(context.Background(), 1))(t).TotalFires, int64(fires))
		})
	})
	t.Run("keeping no day is refused", func(t *testing.T) {
		forEachEngine(t, func(t *testing.T, open openFunc) {
			ctx, db := context.Background(), open(newClock(noon).option())
			fireOn(t, db, 1, noon.AddDate(0, 0, -50))
			unchanged(t, db, func() {
				for _, keepDays := range []int{0, -1} {
					_, err := db.Cleanup(ctx, keepDays)
					wantError(t, err, engagement.ErrInvalid)
					contains(t, err, fmt.Sprintf("days to keep %d", keepDays))
					_, err = db.PlanCleanup(ctx, keepDays)
					wantError(t, err, engagement.ErrInvalid)
				}
			})
		})
	})
}

func TestRetentionCleansUpInTheBackground(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		fireOn(t, db, 1, noon.AddDate(0, 0, -9), noon)
		noError(t, db.Close())

		db = open(clock.option(), engagement.WithRetention(3))
		waitUntil(t, func() bool { return len(must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, anyPage))(t).Items) == 1 })
		same(t, "Horizon", must(db.Horizon(ctx))(t), db.Today()-3)
		proven(t, db)
		closed := make(chan error, 1)
		go func() { closed <- db.Close() }() // it ends the background work and does not wait for tomorrow
		select {
		case err := <-closed:
			noError(t, err)
		case <-time.After(20 * time.Second):
			t.Error("Close waits for the next cleanup")
		}
	})
}

func TestAFireThatExecutesAfterACleanupMovesTheCounters(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		fireOn(t, db, 1, noon.AddDate(0, 0, -9))
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A", At: noon.AddDate(0, 0, -2)})
		must(db.Cleanup(ctx, 3))(t)
		same(t, "RecordFire", fire(t, db, engagement.Fire{UserID: 1, SignalID: "A", Executed: true}), engagement.MarkedExecuted)
		same(t, "Executed", must(db.UserSummary(ctx, 1))(t).Executed, int64(1))
		same(t, "a day's executed fires", must(db.DailyFigures(ctx, engagement.Days(db.Today()-2, db.Today()-2)))(t)[0].Executed, int64(1))
		proven(t, db)
	})
}
