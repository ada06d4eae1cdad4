package engagement_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hydraxdev/engagementdb/engagement"
)

// damagedCommunity fills a database with something in every table: users who
// fired and traded before and after a cleanup, late at night as well, awards,
// freezes that are spent and that are not, rules, metrics, and a user erased.
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
	proven(t, db)
	noError(t, db.Close())
}

// columnKind is how a column is damaged.
type columnKind int

const (
	integerColumn columnKind = iota
	realColumn
	textColumn
	timeColumn
	boolColumn
)

// column is one of the schema, read from the database.
type column struct {
	table, name string
	kind        columnKind
	key         bool // it is part of what must be unique
	optional    bool // it may be NULL
}

// damage is one statement that makes one value, or one row, wrong.
type damage struct {
	what      string // such as: user_stats.wins other
	statement string
}

// everyDamage makes every damage of every column, at the first and at the last row
// of each table, and at each setting.
func everyDamage(e engine, columns []column) (all []damage) {
	byTable := map[string][]column{}
	var tables []string
	for _, c := range columns {
		if byTable[c.table] == nil {
			tables = append(tables, c.table)
		}
		byTable[c.table] = append(byTable[c.table], c)
	}
	for _, table := range tables {
		for _, where := range picks(table, byTable[table]) {
			for _, c := range byTable[table] {
				for way, value := range c.values(e) {
					all = append(all, damage{
						fmt.Sprintf("%s.%s %s", table, c.name, way),
						fmt.Sprintf("UPDATE %s SET %s = %s WHERE %[4]s AND (%[2]s <> %[3]s OR (%[3]s) IS NULL)", table, c.name, value, where),
					})
				}
			}
			all = append(all, damage{table + " row deleted", fmt.Sprintf("DELETE FROM %s WHERE %s", table, where)})
			for _, key := range byTable[table] {
				if key.key {
					all = append(all, damage{
						fmt.Sprintf("%s row doubled under another %s", table, key.name),
						doubled(table, byTable[table], key, where),
					})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b damage) int { return strings.Compare(a.what, b.what) })
	return all
}

// picks returns conditions that pick one row each.
func picks(table string, columns []column) []string {
	if table == "settings" {
		return []string{"name = 'time_zone'", "name = 'horizon'", "name = 'streak_rules'", "name = 'repairs'"}
	}
	var keys []string
	for _, c := range columns {
		if c.key {
			keys = append(keys, c.name)
		}
	}
	var where []string
	for _, order := range []string{"", " DESC"} {
		key := strings.Join(keys, ", ")
		where = append(where, fmt.Sprintf("(%s) = (SELECT %s FROM %s ORDER BY %s LIMIT 1)",
			key, key, table, strings.Join(keys, order+", ")+order))
	}
	return where
}

// values are what a column's value is replaced by, by the name of the way.
func (c column) values(e engine) map[string]string {
	v := map[string]string{}
	switch c.kind {
	case integerColumn:
		v["other"], v["zero"], v["negative"], v["far"] = c.name+" + 1", "0", "-5", c.name+" + 1000"
	case realColumn:
		v["other"], v["zero"], v["negative"] = c.name+" + 0.5", "0", "-5"
	case textColumn:
		v["other"], v["empty"] = c.name+" || 'x'", "''"
	case timeColumn:
		v["zero"] = "'1970-01-01 00:00:00.000000'"
		if e.name == "sqlite" {
			v["other"], v["other day"] = c.shifted("+7 minutes"), c.shifted("-4 days")
			v["empty"], v["nonsense"] = "''", "'soon'"
		} else {
			v["other"], v["other day"] = c.name+" + interval '7 minutes'", c.name+" - interval '4 days'"
			v["endless"] = "'infinity'"
		}
	case boolColumn:
		v["other"] = "NOT " + c.name
	}
	if e.name == "sqlite" { // PostgreSQL keeps to its types
		v["of another type"], v["bytes"] = "'x'", "X'00ff'"
		if c.kind == textColumn || c.kind == timeColumn {
			v["of another type"] = "7"
			if c.kind == textColumn {
				delete(v, "of another type") // it becomes text
			}
		}
		if c.kind == integerColumn {
			v["broken"] = "1.5"
		}
	}
	if c.optional {
		v["null"] = "NULL"
	}
	return v
}

func (c column) shifted(by string) string {
	return fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%f', %s, '%s') || '000'", c.name, by)
}

// doubled inserts a row once more under another value of a key's column.
func doubled(table string, columns []column, key column, where string) string {
	var names, values []string
	for _, c := range columns {
		value := c.name
		switch {
		case c.name == "id":
			continue
		case c.name == key.name && c.kind == textColumn:
			value = c.name + " || '2'"
		case c.name == key.name:
			value = c.name + " + 3000"
		}
		names, values = append(names, c.name), append(values, value)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s WHERE %s",
		table, strings.Join(names, ", "), strings.Join(values, ", "), table, where)
}

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
	"custom_metrics row deleted":          "a definition is kept once",
	"custom_metrics.updated_at other":     "when a definition was stored is kept once",
	"custom_metrics.updated_at other day": "when a definition was stored is kept once",
	"custom_metrics.updated_at zero":      "when a definition was stored is kept once",
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
	"user_stats.last_updated other":       "when the latest fact was recorded is kept once",
}

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
	if len(unseen) > 30 {
		t.Errorf("%d kinds of damage are listed as unseen, want at most 30", len(unseen))
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
	all := everyDamage(e, columns)
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

// everyNth returns every nth damage, and all others of the same names.
func everyNth(all []damage, n int) []damage {
	chosen := map[string]bool{}
	for i := 0; i < len(all); i += n {
		chosen[all[i].what] = true
	}
	return slices.DeleteFunc(all, func(d damage) bool { return !chosen[d.what] })
}

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
	all := everyDamage(e, columns)
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
