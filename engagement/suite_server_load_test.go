package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// ownServer starts a server that the test may break.
func ownServer(t testing.TB, settings ...string) *pgtest.Server {
	t.Helper()
	server, err := pgtest.Start(context.Background(), append([]string{"fsync=off", "max_connections=60"}, settings...)...)
	if errors.Is(err, pgtest.ErrNotInstalled) && os.Getenv(postgresMustRun) != "1" {
		t.Skip(err)
	}
	noError(t, err)
	t.Cleanup(func() { noError(t, server.Stop()) })
	return server
}

// onServer returns the DSN of a new schema, or skips the test.
func onServer(t testing.TB) string {
	t.Helper()
	for _, e := range engines {
		if e.name == "postgres" {
			return e.fresh(t)
		}
	}
	t.Skip(pgtest.ErrNotInstalled)
	return ""
}

// proxied returns a proxy to the server of dsn, and dsn through it.
func proxied(t testing.TB, dsn string) (*pgtest.Proxy, string) {
	t.Helper()
	proxy := must(pgtest.NewProxy(pgtest.AddrOf(dsn)))(t)
	t.Cleanup(func() { noError(t, proxy.Close()) })
	return proxy, proxy.URL(dsn)
}

// openDurable opens the database at dsn as users do, with commits that survive
// a crash of the server.
func openDurable(t testing.TB, dsn string, opts ...engagement.Option) *engagement.DB {
	t.Helper()
	return openAt(t, dsn, append(opts, engagement.WithSynchronous(engagement.SyncFull))...)
}

// slack is how much later than its deadline a call may return on a busy
// machine.
const slack = 5 * time.Second

// failedAsDocumented reports whether err is one that a server's failure may end
// in. A connection's deadline may be noticed a moment before that of its context.
func failedAsDocumented(ctx context.Context, err error) bool {
	_, limited := ctx.Deadline()
	return errors.Is(err, engagement.ErrUnavailable) || errors.Is(err, engagement.ErrBusy) ||
		(limited && errors.Is(err, context.DeadlineExceeded)) || (ctx.Err() != nil && errors.Is(err, ctx.Err()))
}

// load is what one caller has done during a test.
type load struct {
	user   int64
	fires  map[string]bool // signal → it was acknowledged
	trades map[string]bool // trade id → it was acknowledged
	// UpdateUserPnL was acknowledged, and was called.
	updated, updates int64
}

// run calls one method after the other until done, with short and long
// deadlines and without any.
func (l *load) run(t *testing.T, db *engagement.DB, done func() bool) {
	for i := 0; !done(); i++ {
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		timeouts := []time.Duration{0, 20 * time.Second, 50 * time.Millisecond}
		timeout := timeouts[i/7%len(timeouts)]
		if timeout > 0 {
			ctx, cancel = context.WithTimeout(ctx, timeout)
		}
		start := time.Now()
		name := fmt.Sprintf("S_%d_%d", l.user, i)
		var err error
		switch i % 7 {
		case 0, 1:
			_, err = db.RecordFire(ctx, engagement.Fire{UserID: l.user, SignalID: name, Executed: i%3 == 0})
			l.fires[name] = err == nil
		case 2:
			_, err = db.RecordTrade(ctx, engagement.Trade{UserID: l.user, TradeID: name, PnL: 1, Outcome: engagement.Draw})
			l.trades[name] = err == nil
		case 3:
			fires := []engagement.Fire{{UserID: l.user, SignalID: name + "a"}, {UserID: l.user, SignalID: name + "b"}}
			_, err = db.RecordFires(ctx, fires)
			for _, f := range fires {
				l.fires[f.SignalID] = err == nil
			}
		case 4:
			l.updates++
			if _, err = db.UpdateUserPnL(ctx, l.user, 1, true); err == nil {
				l.updated++
			}
		case 5:
			_, err = db.RealTimeStats(ctx)
		case 6:
			_, err = db.Fires(ctx, engagement.FireFilter{UserID: l.user}, engagement.PageQuery{Limit: 5})
		}
		if err != nil && !failedAsDocumented(ctx, err) {
			t.Errorf("call %d with a limit of %s: %v", i%7, timeout, err)
		}
		if took := time.Since(start); timeout > 0 && took > timeout+slack {
			t.Errorf("call %d with a limit of %s took %s", i%7, timeout, took)
		}
		cancel()
	}
}

// check compares what was acknowledged with what is stored.
func (l *load) check(t *testing.T, db *engagement.DB) {
	t.Helper()
	export := must(db.ExportUser(t.Context(), l.user))(t)
	stored := map[string]bool{}
	for _, f := range export.SignalFires {
		stored[f.SignalID] = true
	}
	for signal, acknowledged := range l.fires {
		if acknowledged && !stored[signal] {
			t.Errorf("the acknowledged fire %s is lost", signal)
		}
	}
	trades := map[string]bool{}
	updates := int64(0)
	for _, tr := range export.Trades {
		trades[tr.TradeID] = true
		if tr.Outcome == engagement.Win {
			updates++
		}
	}
	for id, acknowledged := range l.trades {
		if acknowledged && !trades[id] {
			t.Errorf("the acknowledged trade %s is lost", id)
		}
	}
	if updates < l.updated || updates > l.updates {
		t.Errorf("%d updates of the P&L are stored, of %d calls and %d that succeeded", updates, l.updates, l.updated)
	}
	same(t, "wins", export.UserStats.Wins, updates)
	same(t, "total fires", export.UserStats.TotalFires, int64(len(export.SignalFires)))
}
