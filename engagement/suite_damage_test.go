package engagement_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hydraxdev/engagementdb/engagement"
)

// damagedCommunity fills a database with something in every table: users who
// fired and traded before and after a cleanup, late at night as well, awards,
// freezes that are spent and that are not, rules, metrics, a user erased, tokens of
// each scope, and users who are public.
func damagedCommunity(t tb, dsn string) {
	t.Helper()
	ctx, clock := context.Background(), newClock(noon.AddDate(0, 0, -30))
	db := openAt(t, dsn, clock.option(), engagement.WithLocation(zone(t, "Europe/Berlin")))
	noError(t, db.SetStreakRules(ctx, engagement.StreakRules{
		RestDays: []time.Weekday{time.Sunday}, Milestones: []int64{2, 3, 7}, FreezeCap: 2,
	}))
	for ago := 30; ago >= 0; ago-- {
		clock.Set(noon.AddDate(0, 0, -ago))
		for user := int64(1); user <= 5; user++ {
			if (int64(ago)+user)%4 != 0 && ago != int(user)+10 {
				for i, hour := range []int{-11, 0, 9}[:1+user%3] {
					at := clock.Now().Add(time.Duration(hour)*time.Hour + time.Duration(user)*time.Minute)
					fire(t, db, engagement.Fire{UserID: user, SignalID: fmt.Sprintf("S_%d_%d", ago/3, i+ago%3), At: at, Executed: (ago+i)%3 == 0})
				}
			}
			if (int64(ago)*user)%5 == 1 {
				trade(t, db, engagement.Trade{
					UserID: user, TradeID: fmt.Sprint("t", ago), SignalID: fmt.Sprintf("S_%d_0", ago/3), PnL: float64(ago-12) / 4,
				})
			}
		}
		switch ago {
		case 22, 12, 2:
			for user := int64(1); user <= 3; user++ {
				must(db.GrantFreeze(ctx, engagement.Freeze{UserID: user, GrantID: fmt.Sprint("g", ago)}))(t)
			}
		case 6:
			must(db.EraseUser(ctx, 5))(t)
			must(db.Cleanup(ctx, 9))(t)
		}
	}
	for _, name := range []string{"busy", "calm"} {
		noError(t, db.DefineMetric(ctx, engagement.MetricDefinition{Name: name, What: "count", Of: "fires", Per: "user"}))
	}
	trade(t, db, engagement.Trade{UserID: 9, TradeID: "alone", PnL: 3}) // who never fired
	for _, user := range []int64{2, 4} {
		noError(t, db.SetPublic(ctx, user, true))
	}
	clock.Set(noon.AddDate(0, 0, -12))
	for _, name := range damagedTokens {
		token := engagement.NewToken{Name: name, Scopes: []engagement.Scope{engagement.Scope(name)}}
		if name == "read" || name == "self:2" {
			token.ExpiresAt = noon.AddDate(0, 1, 0)
		}
		if name == "read write" {
			token.Scopes = []engagement.Scope{engagement.ScopeRead, engagement.ScopeWrite}
		}
		created := must(db.CreateToken(ctx, token))(t)
		if name != "admin" {
			clock.Advance(6 * 24 * time.Hour)
			noError(t, db.UseToken(ctx, created.ID))
			clock.Advance(-6 * 24 * time.Hour)
		}
	}
	clock.Set(noon)
	proven(t, db)
	noError(t, db.Close())
}

// damagedTokens are the names of the tokens of a damagedCommunity, which are their
// scopes: their ids are random.
var damagedTokens = []string{"read", "write", "admin", "self:2", "read write"}

// TestVerifySeesDamageOfEveryColumn damages every column of every table in turn.
// What Verify does not see must be listed with its reason.
func TestVerifySeesDamageOfEveryColumn(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.migrated(t)
			damagedCommunity(t, dsn)
			campaign := sqliteDamage
			if e.name != "sqlite" {
				campaign = postgresDamage
			}
			campaign(t, e, dsn)
		})
	}
}

// seen is how many damages of a name there were, and how many Verify saw.
type seen struct{ all, found, failed int }

// tally judges what became of all damages.
type tally struct {
	mu     sync.Mutex
	ways   map[string]*seen
	errors []string
}

func (ta *tally) add(what string, report engagement.Report, err error) {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	if ta.ways[what] == nil {
		ta.ways[what] = &seen{}
	}
	s := ta.ways[what]
	s.all++
	switch {
	case err != nil && strings.HasPrefix(what, "settings") && strings.Contains(err.Error(), "time zone"):
		s.found++ // without the time zone there are no days: Open says so
	case err != nil:
		s.failed++
		ta.errors = append(ta.errors, what+": "+err.Error())
	case !report.OK():
		s.found++
	}
}

// unseen are the damages that Verify does not see, because nothing else that is
// stored says otherwise. Those that tell the engine apart are listed under its name.
var unseen = map[string]string{
	"api_tokens row deleted":              "a token is kept once, and whoever has it is told that it is unknown",
	"api_tokens.created_at other":         "when a token was created is kept once",
	"api_tokens.created_at other day":     "when a token was created is kept once",
	"api_tokens.expires_at other":         "when a token expires is kept once",
	"api_tokens.expires_at other day":     "when a token expires is kept once",
	"api_tokens.last_used other":          "when a token was used last is kept once",
	"api_tokens.last_used other day":      "when a token was used last is kept once",
	"api_tokens.last_used zero":           "when a token was used last is kept once: it may never have been",
	"api_tokens.name other":               "the caller's own name",
	"custom_metrics row deleted":          "a definition is kept once",
	"custom_metrics.updated_at other":     "when a definition was stored is kept once",
	"custom_metrics.updated_at other day": "when a definition was stored is kept once",
	"custom_metrics.updated_at zero":      "when a definition was stored is kept once",
	"public_users row deleted":            "an agreement is kept once, and a lost one shows nothing to anybody",
	"public_users.since other":            "when a user agreed is kept once",
	"public_users.since other day":        "when a user agreed is kept once",
	"public_users.user_id other":          "an agreement is kept once: of another user who is known",
	"settings row deleted":                "rules that were never set are the default; the others are missed",
	"settings.value far":                  "how often was repaired is a number that only rises",
	"signal_days.executed other":          "before the horizon: erased users' fires stay in their signals' days",
	"signal_fires.id far":                 "an id orders facts of the same time and nothing else",
	"signal_fires.id negative":            "an id orders facts of the same time and nothing else",
	"signal_fires.id other":               "an id orders facts of the same time and nothing else",
	"signal_fires.id zero":                "an id orders facts of the same time and nothing else",
	"signal_fires.timestamp other":        "a fact: within its day, and not the signal's first",
	"signal_metrics.created_at other":     "before the horizon: the day is known, the time of it is kept once",
	"streak_awards row deleted":           "an award is a fact: rules change, awards stay",
	"streak_awards.awarded_at other":      "when an award was given is kept once",
	"streak_awards.day other":             "a fact: the day after is a day of the streak too",
	"streak_freezes row deleted":          "a grant is a fact, and one that saved no streak is missed by none",
	"streak_freezes.grant_id other":       "the caller's own id",
	"streak_freezes.granted_at other":     "a fact: within its day",
	"trades.closed_at other":              "a fact: within its day",
	"trades.id far":                       "an id orders facts of the same time and nothing else",
	"trades.id negative":                  "an id orders facts of the same time and nothing else",
	"trades.id other":                     "an id orders facts of the same time and nothing else",
	"trades.id zero":                      "an id orders facts of the same time and nothing else",
	"trades.signal_id empty":              "a fact: a trade need not be of a signal",
	"trades.signal_id other":              "a fact: of which signal a trade was",
	"trades.trade_id other":               "the caller's own id",
	"fire_totals.last_updated other":      "when the latest fact was recorded is kept once",
	"user_stats.last_updated other":       "when the latest fact was recorded is kept once",
}

// mostUnseen is how many kinds of damage may be unseen. 13 of them are of tokens and
// of who is public, from which nothing else derives.
const mostUnseen = 42

// judge compares what was not seen with what need not be.
func (ta *tally) judge(t *testing.T) {
	t.Helper()
	total := 0
	for what, s := range ta.ways {
		total++
		reason, listed := unseen[what]
		switch missed := s.found+s.failed < s.all; {
		case missed && !listed:
			t.Errorf("not seen: %s (%+v)", what, *s)
		case !missed && listed:
			t.Errorf("seen, though listed as unseen (%s): %s", reason, what)
		}
	}
	for _, what := range ta.errors {
		t.Errorf("Verify failed: %s", what)
	}
	t.Logf("%d damages", total)
	if len(unseen) > mostUnseen {
		t.Errorf("%d kinds of damage are listed as unseen, want at most %d", len(unseen), mostUnseen)
	}
}

func sqliteDamage(t *testing.T, e engine, dsn string) {
	sound := must(os.ReadFile(dsn))(t)
	raw := must(sql.Open("sqlite3", "file:"+dsn+"?mode=ro"))(t)
	defer raw.Close()
	var columns []column
	rows := must(raw.Query(`
		SELECT m.name, c.name, upper(c.type), c."notnull", c.name <> 'id' AND (c.pk > 0 OR (m.name = 'signal_fires' AND c.name IN ('user_id', 'signal_id')) OR (m.name = 'trades' AND c.name IN ('user_id', 'trade_id')))
		FROM sqlite_master AS m, pragma_table_info(m.name) AS c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> 'goose_db_version'
		ORDER BY m.name, c.cid`))(t)
	defer rows.Close()
	for rows.Next() {
		var c column
		var kind string
		var required bool
		noError(t, rows.Scan(&c.table, &c.name, &kind, &required, &c.key))
		c.kind = map[string]columnKind{
			"INTEGER": integerColumn, "REAL": realColumn, "TEXT": textColumn, "DATETIME": timeColumn, "BOOLEAN": boolColumn,
		}[kind]
		c.optional = !required && kind != "INTEGER"
		columns = append(columns, c)
	}
	noError(t, rows.Err())
	all := everyDamage(t, e, columns, func(query string) (n int64) {
		noError(t, raw.QueryRow(query).Scan(&n))
		return n
	})
	result := tally{ways: map[string]*seen{}}
	work := make(chan damage)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			path := freshFile(t)
			for d := range work {
				report, err := verifyDamaged(t, path, sound, d)
				if !errors.Is(err, errRefused) {
					result.add(d.what, report, err)
				}
			}
		})
	}
	for _, d := range all {
		work <- d
	}
	close(work)
	workers.Wait()
	result.judge(t)
}

// errRefused: the database itself does not take a damage.
var errRefused = errors.New("refused by the database")

func verifyDamaged(t *testing.T, path string, sound []byte, d damage) (engagement.Report, error) {
	noError(t, os.WriteFile(path, sound, 0o600))
	raw := must(sql.Open("sqlite3", "file:"+path+"?mode=rw"))(t)
	result, err := raw.Exec(d.statement)
	noError(t, raw.Close())
	if err != nil {
		return engagement.Report{}, fmt.Errorf("%w: %w", errRefused, err)
	}
	if must(result.RowsAffected())(t) != 1 { // it has the value already
		return engagement.Report{}, errRefused
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	db, err := engagement.Open(ctx, path, newClock(noon).option(), engagement.WithReadOnly())
	if err != nil {
		return engagement.Report{}, fmt.Errorf("open: %w", err)
	}
	defer func() { noError(t, db.Close()) }()
	return db.Verify(ctx)
}

// damageAll makes the campaign on PostgreSQL try everything, not a sample.
const damageAll = "ENGAGEMENT_TEST_DAMAGE"

func postgresDamage(t *testing.T, e engine, dsn string) {
	ctx := context.Background()
	conn := must(pgx.Connect(ctx, dsn))(t)
	defer conn.Close(ctx)
	rows := must(conn.Query(ctx, `
		SELECT c.table_name, c.column_name, c.data_type, c.is_nullable = 'YES', COALESCE(k.column_name IS NOT NULL, FALSE)
		FROM information_schema.columns AS c
		JOIN information_schema.tables AS t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
		LEFT JOIN information_schema.key_column_usage AS k
			ON k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name
		WHERE c.table_schema = current_schema() AND c.table_name <> 'goose_db_version' AND t.table_type = 'BASE TABLE'
		ORDER BY c.table_name, c.ordinal_position`))(t)
	var columns []column
	var c column
	var kind string
	_, err := pgx.ForEachRow(rows, []any{&c.table, &c.name, &kind, &c.optional, &c.key}, func() error {
		c.kind = map[string]columnKind{
			"bigint": integerColumn, "double precision": realColumn, "text": textColumn,
			"timestamp with time zone": timeColumn, "boolean": boolColumn,
		}[kind]
		columns = append(columns, c)
		return nil
	})
	noError(t, err)
	kept := map[string]bool{}
	for _, c := range columns {
		if !kept[c.table] {
			kept[c.table] = true
			must(conn.Exec(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE kept_%s AS TABLE %[1]s", c.table)))(t)
		}
	}
	db := openAt(t, dsn, newClock(noon).option(), engagement.WithReadOnly())
	result := tally{ways: map[string]*seen{}}
	all := everyDamage(t, e, columns, func(query string) (n int64) {
		noError(t, conn.QueryRow(ctx, query).Scan(&n))
		return n
	})
	if os.Getenv(damageAll) == "" { // each takes some ten milliseconds there
		all = everyNth(all, 12)
	}
	for _, d := range all {
		table, _, _ := strings.Cut(strings.ReplaceAll(d.what, ".", " "), " ")
		tag, err := conn.Exec(ctx, d.statement)
		if err == nil && tag.RowsAffected() == 1 {
			report, err := db.Verify(soon(t))
			result.add(d.what, report, err)
		}
		must(conn.Exec(ctx, fmt.Sprintf("DELETE FROM %s; INSERT INTO %[1]s SELECT * FROM kept_%[1]s", table)))(t)
	}
	proven(t, db)
	result.judge(t)
}
