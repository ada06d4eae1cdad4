package engagement_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

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
// of each table, and at each setting and token. count counts the rows that a query
// counts: what is damaged must be there.
func everyDamage(t *testing.T, e engine, columns []column, count func(query string) int64) (all []damage) {
	t.Helper()
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
			if n := count(fmt.Sprintf("SELECT COUNT(*) FROM %s WHERE %s", table, where)); n != 1 {
				t.Fatalf("the community has %d rows of %s where %s, want 1 to damage", n, table, where)
			}
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
	if table == "api_tokens" {
		where := make([]string, len(damagedTokens))
		for i, name := range damagedTokens {
			where[i] = fmt.Sprintf("name = '%s'", name)
		}
		return where
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

// everyNth returns every nth damage, and all others of the same names.
func everyNth(all []damage, n int) []damage {
	chosen := map[string]bool{}
	for i := 0; i < len(all); i += n {
		chosen[all[i].what] = true
	}
	return slices.DeleteFunc(all, func(d damage) bool { return !chosen[d.what] })
}
