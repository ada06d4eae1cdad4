package engagement_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// How often a write waits for the server is what decides its speed on a network.
func TestHowOftenAWriteWaitsForTheServer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	proxy, dsn := proxied(t, onServer(t))
	db := openDurable(t, dsn, newClock(noon).option())
	late := noon.AddDate(0, 0, -1)
	writes := []struct {
		name  string
		trips int
		write func(user int64)
	}{
		{"a new user's fire", 2, func(user int64) { fire(t, db, engagement.Fire{UserID: user, SignalID: "A"}) }},
		{"a fire of a day on which the user has fired", 2, func(user int64) { fire(t, db, engagement.Fire{UserID: user, SignalID: "B"}) }},
		{"a fire that is stored", 2, func(user int64) {
			must(db.RecordFire(ctx, engagement.Fire{UserID: user, SignalID: "B"}))(t)
		}},
		{"one that has executed after all", 2, func(user int64) {
			must(db.RecordFire(ctx, engagement.Fire{UserID: user, SignalID: "B", Executed: true}))(t)
		}},
		{"a trade", 2, func(user int64) { trade(t, db, engagement.Trade{UserID: user, TradeID: "t", PnL: 5}) }},
		{"a fire that has streaks counted anew", 3, func(user int64) {
			fire(t, db, engagement.Fire{UserID: user, SignalID: "LATE", At: late})
		}},
		{"twenty fires and twenty trades that wait for a transaction, and two of the transaction", 6, func(user int64) {
			release := hold(t, db)
			defer release()
			before, calls := proxy.RoundTrips(), []*call{}
			for i := range int64(20) {
				calls = append(calls, sendFire(ctx, db, engagement.Fire{UserID: user + i, SignalID: "TOGETHER"}),
					sendTrade(ctx, db, engagement.Trade{UserID: user + i, TradeID: "together"}))
			}
			waiting(t, db, 40)
			same(t, "waits before there is a transaction", proxy.RoundTrips(), before)
			release()
			for _, c := range calls {
				_, err := c.wait(t)
				noError(t, err)
			}
		}},
	}
	// The forty that come together divide the users who follow over both connections, and
	// so the statements are prepared on either.
	for user := int64(100); user < 220; user += 30 {
		for _, w := range writes {
			w.write(user)
		}
	}
	for _, w := range writes {
		before := proxy.RoundTrips()
		w.write(300)
		same(t, fmt.Sprint("waits of ", w.name), proxy.RoundTrips()-before, w.trips)
	}
	proven(t, db)
}
