package engagement_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	gooselib "github.com/pressly/goose/v3"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/migrations"
)

// A row that changes in its place (a HOT update) has none of its index entries
// written again. Of a user's rows only what boards of fires order by changes otherwise
// with each fire, which has no other index; the row with the indexes of all other
// boards changes with the first fire of a day.
func TestAFireLeavesTheIndexesOfOtherFiguresAlone(t *testing.T) {
	t.Parallel()
	ctx, dsn := soon(t), onServer(t)
	db := must(engagement.Open(ctx, dsn, newClock(noon).option()))(t)
	const users, signals = 20, 10
	for i := range users * signals { // one a commit
		fire(t, db, engagement.Fire{UserID: int64(i%users) + 1, SignalID: fmt.Sprint("S", i/users)})
	}
	noError(t, db.Close()) // and the server counts what its session did
	conn := must(pgx.Connect(ctx, dsn))(t)
	defer conn.Close(ctx)
	const fires = users * signals
	for table, want := range map[string]struct{ updated, inPlace float64 }{
		"user_states":    {users, 0},
		"fire_totals":    {fires - users, 0},
		"user_days":      {fires - users, 0.9 * (fires - users)},
		"signal_metrics": {fires - signals, 0.9 * (fires - signals)},
		"days":           {fires - 1, 0.9 * (fires - 1)},
	} {
		var updated, inPlace float64
		waitUntil(t, func() bool {
			noError(t, conn.QueryRow(ctx, "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relid = $1::regclass", table).Scan(&updated, &inPlace))
			return updated >= want.updated
		})
		same(t, table+": changes", updated, want.updated)
		if inPlace < want.inPlace {
			t.Errorf("%s: %v of %v changes are in place", table, inPlace, updated)
		}
	}
	same(t, "indexes of the row that boards of fires read", must(pgx.CollectRows(must(conn.Query(ctx,
		"SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'fire_totals'::regclass ORDER BY 1"))(t), pgx.RowTo[string]))(t),
		[]string{"fire_totals_pkey", "idx_fire_totals_executed", "idx_fire_totals_total_fires"})
}

// What version 6 kept of users is what version 7 shows, down and up again, and a role
// that could use it goes on.
func TestTotalsOfAnOlderSchemaAreKeptApart(t *testing.T) {
	t.Parallel()
	super := ownServer(t).URL()
	ctx := context.Background()
	bot := granted(t, super, "older", "")
	owner := as(super, "older_engagement_owner", oddPassword)
	db := openAt(t, bot, newClock(noon).option())
	fireOn(t, db, 1, noon.AddDate(0, 0, -1), noon)
	fire(t, db, engagement.Fire{UserID: 2, SignalID: "A", Executed: true})
	trade(t, db, engagement.Trade{UserID: 2, TradeID: "t", PnL: 3})
	noError(t, db.Close())
	const totals = `SELECT row_to_json(u)::jsonb::text FROM user_stats AS u ORDER BY user_id`
	read := func() []string {
		conn := must(pgx.Connect(ctx, bot))(t)
		defer conn.Close(ctx)
		return must(pgx.CollectRows(must(conn.Query(ctx, totals))(t), pgx.RowTo[string]))(t)
	}
	before := read()
	raw := openSQL(t, owner)
	defer raw.Close()
	provider := must(gooselib.NewProvider(gooselib.DialectPostgres, raw, migrations.Postgres, gooselib.WithDisableGlobalRegistry(true)))(t)
	must(provider.DownTo(ctx, 6))(t)
	same(t, "totals of version 6", read(), before)
	must(provider.Up(ctx))(t)
	same(t, "totals of version 7", read(), before)

	db = openAt(t, bot, newClock(noon).option())
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "B"})
	proven(t, db)
}
