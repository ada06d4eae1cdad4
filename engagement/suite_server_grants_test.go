package engagement_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// documentedGrants returns the statements of docs/postgresql.md that make a
// schema, before it is migrated, and those that let the role bot use it. The
// names that they give to the schema and the roles begin with prefix instead.
func documentedGrants(t testing.TB, prefix string) (before, after string) {
	t.Helper()
	doc := string(must(os.ReadFile("docs/postgresql.md"))(t))
	block := regexp.MustCompile("(?s)```sql\n(CREATE SCHEMA .*?)```").FindStringSubmatch(doc)
	if block == nil {
		t.Fatal("the document has no such block")
	}
	statements := regexp.MustCompile(`\b(engagement_owner|engagement|bot)\b`).ReplaceAllString(block[1], prefix+"_$1")
	statements = regexp.MustCompile(`\bcommunity\b`).ReplaceAllString(statements, "postgres")
	before, after, ok := strings.Cut(statements, "-- after:")
	if !ok {
		t.Fatal("the document does not say when to migrate")
	}
	_, after, _ = strings.Cut(after, "\n")
	return before, after
}

// granted makes a schema as the document says, migrated by its owner, and
// returns the DSN of the bot, who may do what the document says but for one
// grant, which is named by its beginning ("": none).
func granted(t testing.TB, super, prefix, withheld string) (dsn string) {
	t.Helper()
	ctx := context.Background()
	role(t, super, prefix+"_engagement_owner")
	role(t, super, prefix+"_bot")
	before, after := documentedGrants(t, prefix)
	noError(t, pgtest.Exec(ctx, super, before))
	noError(t, engagement.Migrate(ctx, as(super, prefix+"_engagement_owner", oddPassword)))
	kept, found := "", withheld == ""
	for line := range strings.Lines(after) {
		if withheld != "" && strings.HasPrefix(line, withheld) {
			found = true
			continue
		}
		kept += line
	}
	if !found {
		t.Fatalf("there is no grant %q", withheld)
	}
	noError(t, pgtest.Exec(ctx, super, kept))
	return as(super, prefix+"_bot", oddPassword)
}

func TestTheDocumentedGrantsAreEnough(t *testing.T) {
	t.Parallel()
	super := ownServer(t).URL()
	ctx := context.Background()
	noError(t, pgtest.Exec(ctx, super, "REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC"))

	clock := newClock(noon)
	db := openAt(t, granted(t, super, "used", ""), clock.option())
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
	fire(t, db, engagement.Fire{UserID: 1, SignalID: "A", Executed: true})
	fireOn(t, db, 2, noon.AddDate(0, 0, -30), noon.AddDate(0, 0, -1), noon)
	trade(t, db, engagement.Trade{UserID: 1, TradeID: "a", SignalID: "A", PnL: 1})
	must(db.UpdateUserPnL(ctx, 1, 2, true))(t)
	must(db.GrantFreeze(ctx, engagement.Freeze{UserID: 2, GrantID: "g"}))(t)
	noError(t, db.DefineMetric(ctx, must(engagement.ParseMetricDefinition([]byte(`{"name": "fires", "what": "count", "of": "fires", "per": "user"}`)))(t)))
	noError(t, db.SetStreakRules(ctx, engagement.StreakRules{Milestones: []int64{2}}))
	must(db.Cleanup(ctx, 7))(t)
	must(db.Rebuild(ctx))(t)
	must(db.EraseUser(ctx, 1))(t)
	proven(t, db)

	for _, e := range engines {
		source := richDSN(t, e)
		target := granted(t, super, "from_"+e.name, "")
		copyTo(t, source, target)
		same(t, "rows of the copy from "+e.name, dump(t, target), dump(t, source))
		proven(t, openAt(t, target))
		back := e.fresh(t)
		copyTo(t, target, back)
		same(t, "rows of the copy back to "+e.name, dump(t, back), dump(t, source))
	}
}

func TestACopyNamesTheGrantThatIsMissingBeforeItCopiesARow(t *testing.T) {
	t.Parallel()
	super := ownServer(t).URL()
	ctx := context.Background()
	noError(t, pgtest.Exec(ctx, super, "REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC"))
	source := openAt(t, richDSN(t, engines[0]))
	for prefix, tt := range map[string]struct{ withheld, says string }{
		"sequences": {"GRANT UPDATE ON ALL SEQUENCES", "UPDATE ON SEQUENCE sequences_engagement.signal_fires_id_seq; UPDATE ON SEQUENCE sequences_engagement.trades_id_seq"},
		"temporary": {"GRANT TEMPORARY", "TEMPORARY ON DATABASE postgres"},
	} {
		target := granted(t, super, prefix, tt.withheld)
		before := dump(t, target)
		_, err := source.CopyTo(ctx, target)
		only(t, err, engagement.ErrDenied)
		contains(t, err, "to copy there, the server must grant "+tt.says)
		same(t, "rows of the target", dump(t, target), before)
	}

	target := granted(t, super, "deletes", "")
	noError(t, pgtest.Exec(ctx, super, "REVOKE INSERT, DELETE ON deletes_engagement.trades FROM deletes_bot"))
	_, err := source.CopyTo(ctx, target)
	only(t, err, engagement.ErrDenied)
	contains(t, err, "the server must grant INSERT, DELETE ON trades")
}
