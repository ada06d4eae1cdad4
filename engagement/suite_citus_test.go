package engagement_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/migrations"
)

// onCluster returns the DSN of an empty schema on the coordinator of a cluster.
func onCluster(t *testing.T) string {
	t.Helper()
	if os.Getenv(postgresCitus) != "1" {
		t.Skipf("needs a Citus cluster: %s names its coordinator, and %s is 1", postgresURL, postgresCitus)
	}
	return onServer(t)
}

// keptWhole are the tables that stay on the coordinator, and why.
var keptWhole = map[string]string{
	"days":             "every batch writes it",
	"signal_metrics":   "every batch writes it",
	"signal_days":      "every batch writes it",
	"settings":         "small",
	"custom_metrics":   "small",
	"api_tokens":       "small",
	"goose_db_version": "the migrations' own",
}

func TestEveryTableIsSpreadOrKeptWholeForAReason(t *testing.T) {
	t.Parallel()
	dsn := onServer(t)
	noError(t, engagement.Migrate(t.Context(), dsn))
	spread := map[string]bool{}
	for _, match := range regexp.MustCompile(`\(\d, '(\w+)'\)`).FindAllStringSubmatch(migrations.Spread, -1) {
		spread[match[1]] = true
	}
	for _, table := range inDatabase(t, dsn, "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema()") {
		if spread[table] == (keptWhole[table] != "") {
			t.Errorf("%s: spread %t, and kept whole because %q", table, spread[table], keptWhole[table])
		}
		delete(spread, table)
	}
	if len(spread) > 0 {
		t.Errorf("there are no tables %v", spread)
	}
}

func TestWhatIsNoClusterIsNotSpread(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			if e.name == "postgres" && os.Getenv(postgresCitus) == "1" {
				t.Skip("it is a cluster")
			}
			dsn := e.migrated(t)
			_, err := engagement.Open(t.Context(), dsn, engagement.WithCitus())
			only(t, err, engagement.ErrInvalid)
			proven(t, openAt(t, dsn))
		})
	}
}

func TestSpreadingKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	ctx, dsn := t.Context(), onCluster(t)
	before := read(t, openVaried(t, dsn))
	for _, when := range []string{"when the tables are spread", "when they are already"} {
		noError(t, engagement.Migrate(ctx, dsn, engagement.WithCitus()))
		db := openAt(t, dsn, newClock(noon).option())
		same(t, "contents "+when, read(t, db), before)
	}
	db := openAt(t, dsn, newClock(noon).option())
	for user := range int64(9) {
		fire(t, db, engagement.Fire{UserID: user + 1, SignalID: "AFTER"})
	}
	proven(t, db)

	raw := openSQL(t, dsn)
	defer raw.Close()
	var shards, nodes, replicated, left int
	noError(t, raw.QueryRow(`
		SELECT count(*), count(DISTINCT p.groupid)
		FROM pg_dist_shard AS s JOIN pg_dist_placement AS p USING (shardid)
		WHERE s.logicalrelid = 'signal_fires'::regclass`).Scan(&shards, &nodes))
	if nodes < 2 || shards != nodes {
		t.Errorf("fires are in %d shards on %d nodes, want several nodes with one each", shards, nodes)
	}
	noError(t, raw.QueryRow(`
		SELECT count(*) FROM pg_dist_partition AS d JOIN pg_class AS c ON c.oid = d.logicalrelid
		WHERE c.relnamespace = current_schema()::regnamespace AND d.partmethod = 'n'`).Scan(&replicated))
	same(t, "tables that are written on every node", replicated, 0)
	noError(t, raw.QueryRow(`SELECT pg_relation_size('signal_fires')`).Scan(&left))
	same(t, "bytes of fires left on the coordinator", left, 0)
}

func TestTheNumberOfShardsCanBeSet(t *testing.T) {
	t.Parallel()
	dsn := onCluster(t)
	noError(t, engagement.Migrate(t.Context(), dsn+"&citus.shard_count=6", engagement.WithCitus()))
	raw := openSQL(t, dsn)
	defer raw.Close()
	var shards int
	noError(t, raw.QueryRow("SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = 'user_days'::regclass").Scan(&shards))
	same(t, "shards", shards, 6)
	db := openVaried(t, dsn)
	proven(t, db)
}

func TestADatabaseIsCopiedToAClusterAndBack(t *testing.T) {
	t.Parallel()
	target := migratedSchema(t, onCluster(t))
	source, back := richDSN(t, engines[0]), freshFile(t)
	copyTo(t, source, target)
	sameContents(t, target, source)
	copyTo(t, target, back)
	same(t, "all rows", dump(t, back), dump(t, source))
}
