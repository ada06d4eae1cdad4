package engagement_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestADatabaseIsReadyUnlessItsSchemaIsNewerOrNobodyCanWrite(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn := context.Background(), e.migrated(t)
			db := openAt(t, dsn)
			noError(t, db.Ready(ctx))
			noError(t, openAt(t, dsn, engagement.WithReadOnly()).Ready(ctx))
			if size := must(db.Size(ctx))(t); size < 1<<14 {
				t.Errorf("it has %d bytes", size)
			}

			held, release := make(chan struct{}), make(chan struct{})
			var group sync.WaitGroup
			group.Go(func() {
				_ = db.Tx(ctx, func(*engagement.Tx) error { close(held); <-release; return nil })
			})
			<-held
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			if err := db.Ready(short); err == nil {
				t.Error("it is ready while another holds the writing connection")
			}
			close(release)
			group.Wait()
			noError(t, db.Ready(ctx))

			execSQL(t, dsn, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
			wantError(t, db.Ready(ctx), engagement.ErrSchema)
			noError(t, db.Close())
			wantError(t, db.Ready(ctx), engagement.ErrClosed)
		})
	}
}

func TestAnObserverIsToldOfEachOperation(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		var mu sync.Mutex
		var seen []engagement.Observation
		db := open(engagement.WithObserver(func(o engagement.Observation) {
			mu.Lock()
			defer mu.Unlock()
			if o.Duration <= 0 {
				t.Errorf("%s took %v", o.Operation, o.Duration)
			}
			o.Duration = 0
			seen = append(seen, o)
		}))
		ctx := context.Background()
		seen = nil
		fires := []engagement.Fire{{UserID: 1, SignalID: "A"}, {UserID: 1, SignalID: "B"}}
		must(db.RecordFire(ctx, fires[0]))(t)
		must(db.RecordFires(ctx, fires))(t)
		must(db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", PnL: 1}))(t)
		_, failed := db.UserStats(ctx, 2)
		wantError(t, failed, engagement.ErrNotFound)
		same(t, "observations", seen[:3], []engagement.Observation{
			{Operation: "record fire", Fires: []engagement.Status{engagement.Recorded}},
			{Operation: "record fires", Fires: []engagement.Status{engagement.Duplicate, engagement.Recorded}},
			{Operation: "record trade", Trades: []engagement.Status{engagement.Recorded}},
		})
		if len(seen) != 4 || seen[3].Operation != "read a user's totals" || seen[3].Err == nil || seen[3].Err.Error() != failed.Error() {
			t.Errorf("of a failure it is told %+v", seen[3:])
		}
	})
	_, err := engagement.Open(context.Background(), "unused.db", engagement.WithObserver(nil))
	wantError(t, err, engagement.ErrInvalid)
}
