package engagement_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestAViewStandsStillWhileOthersWrite(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		fireOn(t, db, 1, noon)
		noError(t, db.View(ctx, func(r *engagement.Reader) error {
			first := must(r.ExportUser(ctx, 1))(t)
			live := must(r.RealTimeStats(ctx))(t)
			clock.Advance(36 * time.Hour)
			fireOn(t, db, 1, clock.Now())
			fireOn(t, db, 2, clock.Now())
			trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", PnL: 1})
			must(db.Cleanup(ctx, 1))(t)
			same(t, "ExportUser", must(r.ExportUser(ctx, 1))(t), first)
			same(t, "RealTimeStats", must(r.RealTimeStats(ctx))(t), live)
			same(t, "Leaderboard", len(must(r.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, anyPage))(t).Items), 1)
			same(t, "Today", r.Today(), day(t, "2026-01-14"))
			return nil
		}))
		same(t, "users after it", len(must(db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, anyPage))(t).Items), 2)
	})
}

func TestFiguresReadTogetherAgreeWhileOthersWrite(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		db := open(newClock(noon).option())
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "first"})
		var writers sync.WaitGroup
		for worker := range 4 {
			writers.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					_, err := db.RecordFire(ctx, engagement.Fire{UserID: int64(worker + 1), SignalID: fmt.Sprint("S_", i)})
					if err != nil && ctx.Err() == nil {
						t.Errorf("RecordFire: %v", err)
						return
					}
				}
			})
		}
		for range 20 {
			noError(t, db.View(ctx, func(r *engagement.Reader) error {
				var sum int64
				for _, row := range must(r.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, anyPage))(t).Items {
					sum += row.TotalFires
				}
				same(t, "fires of the day and of the users", must(r.RealTimeStats(ctx))(t).TotalFiresToday, sum)
				return nil
			}))
			export := must(db.ExportUser(ctx, 1))(t)
			same(t, "fires listed and counted", int64(len(export.SignalFires)), export.UserStats.TotalFires)
			report := must(db.Verify(ctx))(t)
			same(t, "findings", report.Findings, []engagement.Finding{})
		}
		cancel()
		writers.Wait()
	})
}

func TestAViewReturnsTheErrorOfItsFunction(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := open()
		wantError(t, db.View(context.Background(), func(*engagement.Reader) error { return errRegret }), errRegret)
	})
}

func TestManyViewsHeldOpenBlockNoOtherRead(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		const views = 20
		ctx, db := soon(t), open()
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
		done := make(chan struct{})
		var held, ended sync.WaitGroup
		held.Add(views)
		for range views {
			ended.Go(func() {
				err := db.View(context.Background(), func(r *engagement.Reader) error {
					_, err := r.RealTimeStats(ctx)
					held.Done()
					<-done
					return err
				})
				if err != nil {
					t.Errorf("View: %v", err)
				}
			})
		}
		defer ended.Wait()
		defer close(done)
		opened := make(chan struct{})
		go func() { held.Wait(); close(opened) }()
		select {
		case <-opened:
		case <-ctx.Done():
			t.Fatal("the views did not open")
		}
		_, err := db.RealTimeStats(ctx)
		noError(t, err)
		_, err = db.UserStats(ctx, 1)
		noError(t, err)
		_, err = db.ExportUser(ctx, 1)
		noError(t, err)
		_, err = db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "B"})
		noError(t, err)
		proven(t, db)
	})
}
