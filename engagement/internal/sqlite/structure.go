package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// structure is a schema as SQLite reports it: one line a column, index or
// trigger, so that spelling and layout of the statements do not matter.
type structure struct {
	tables  map[string]bool   // and views
	columns map[string]string // "table.column" → its type
	keys    map[string]bool   // what ON CONFLICT relies on: "table (columns)"
	lines   map[string]string // line → its table
	// named are all things with a name of their own, which SQLite compares without
	// case: lower case → "table trades" or "index idx on trades".
	named    map[string]string
	views    map[string]bool
	triggers []string        // "trigger on table"
	required map[string]bool // "table.column" that every new row must give
}

// ordinaryTables selects the tables whose columns can be read: the module of a
// virtual table may be missing, and a view may be invalid.
const ordinaryTables = `(
	SELECT name FROM sqlite_master
	WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
		AND sql NOT LIKE 'CREATE VIRTUAL TABLE%'
) AS m`

func readStructure(ctx context.Context, db queryer) (structure, error) {
	s := structure{
		tables: map[string]bool{}, columns: map[string]string{},
		keys: map[string]bool{}, lines: map[string]string{},
		named: map[string]string{}, views: map[string]bool{}, required: map[string]bool{},
	}
	for _, read := range []func(context.Context, queryer) error{
		s.readNames, s.readTables, s.readColumns, s.readIndexes, s.readKeys, s.readTriggers,
	} {
		if err := read(ctx, db); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *structure) readNames(ctx context.Context, db queryer) error {
	return eachRow(ctx, db, `
		SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\'`,
		func(rows *sql.Rows) error {
			var kind, name, table string
			err := rows.Scan(&kind, &name, &table)
			what := kind + " " + name
			switch kind {
			case "view":
				s.views[name] = true
			case "trigger":
				s.triggers = append(s.triggers, name+" on "+table)
				what += " on " + table
			case "index":
				what += " on " + table
			}
			s.named[strings.ToLower(name)] = what
			return err
		})
}

func (s *structure) readTables(ctx context.Context, db queryer) error {
	return eachRow(ctx, db, `
		SELECT name, CASE type WHEN 'view' THEN sql ELSE '' END FROM sqlite_master
		WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`,
		func(rows *sql.Rows) error {
			var table, view string
			err := rows.Scan(&table, &view)
			s.tables[table] = true
			if view != "" {
				s.lines[fmt.Sprintf("view %s: %s", table, strings.Join(strings.Fields(view), " "))] = table
			}
			return err
		})
}

func (s *structure) readColumns(ctx context.Context, db queryer) error {
	return eachRow(ctx, db, `
		SELECT m.name, c.name, upper(c.type), c."notnull", COALESCE(c.dflt_value, 'none'), c.pk
		FROM `+ordinaryTables+`, pragma_table_xinfo(m.name) AS c`,
		func(rows *sql.Rows) error {
			var table, column, kind, fallback string
			var notNull bool
			var key int
			err := rows.Scan(&table, &column, &kind, &notNull, &fallback, &key)
			s.columns[table+"."+column] = kind
			if notNull && fallback == "none" && key == 0 {
				s.required[table+"."+column] = true
			}
			s.lines[fmt.Sprintf("column %s.%s %s, not null %t, default %s, key %d",
				table, column, kind, notNull, fallback, key)] = table
			return err
		})
}

func (s *structure) readIndexes(ctx context.Context, db queryer) error {
	// A partial index is told apart by its own statement, spaces folded.
	return eachRow(ctx, db, `
		SELECT m.name, i.name, i."unique",
			group_concat(COALESCE(k.name, 'expression') || ' ' || k.coll || ' ' || k."desc" ORDER BY k.seqno),
			CASE WHEN i.partial THEN (SELECT sql FROM sqlite_master AS p WHERE p.name = i.name) ELSE '' END
		FROM `+ordinaryTables+`, pragma_index_list(m.name) AS i, pragma_index_xinfo(i.name) AS k
		WHERE k.key
		GROUP BY m.name, i.name`,
		func(rows *sql.Rows) error {
			var table, index, columns, partial string
			var unique bool
			err := rows.Scan(&table, &index, &unique, &columns, &partial)
			line := fmt.Sprintf("index %s on %s (%s), unique %t", index, table, columns, unique)
			if partial != "" {
				line += ", partial: " + strings.Join(strings.Fields(partial), " ")
			}
			s.lines[line] = table
			return err
		})
}

func (s *structure) readKeys(ctx context.Context, db queryer) error {
	// An INTEGER PRIMARY KEY has no index of its own.
	return eachRow(ctx, db, `
		SELECT m.name, group_concat(c.name, ', ' ORDER BY c.name) AS columns
		FROM `+ordinaryTables+`, pragma_table_xinfo(m.name) AS c
		WHERE c.pk > 0
		GROUP BY m.name
		UNION
		SELECT m.name, group_concat(k.name, ', ' ORDER BY k.name)
		FROM `+ordinaryTables+`, pragma_index_list(m.name) AS i, pragma_index_xinfo(i.name) AS k
		WHERE i."unique" AND NOT i.partial AND k.key
		GROUP BY m.name, i.name
		HAVING COUNT(k.name) = COUNT(*) AND MIN(k.coll) = 'BINARY' AND MAX(k.coll) = 'BINARY'`,
		func(rows *sql.Rows) error {
			var table, columns string
			err := rows.Scan(&table, &columns)
			s.keys[table+" ("+columns+")"] = true
			return err
		})
}

func (s *structure) readTriggers(ctx context.Context, db queryer) error {
	return eachRow(ctx, db, "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'",
		func(rows *sql.Rows) error {
			var name, table string
			err := rows.Scan(&name, &table)
			s.lines[fmt.Sprintf("trigger %s on %s", name, table)] = table
			return err
		})
}

// queryer is a pool or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func eachRow(ctx context.Context, db queryer, query string, use func(*sql.Rows) error) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := use(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// empty reports whether there is nothing but what goose itself made.
func (s *structure) empty() bool {
	for table := range s.tables {
		if table != versionTable {
			return false
		}
	}
	return true
}

// missing returns the first table, column or key of s that live lacks, or "".
func (s *structure) missing(live structure) string {
	var missing []string
	for column, kind := range s.columns {
		table, _, _ := strings.Cut(column, ".")
		found, ok := live.columns[column]
		switch {
		case table == versionTable || (ok && found == kind):
		case live.views[table]:
			missing = append(missing, table+" is a view, want a table")
		case !live.tables[table]:
			missing = append(missing, "table "+table+" is missing")
		case !ok:
			missing = append(missing, "column "+column+" is missing")
		default:
			missing = append(missing, fmt.Sprintf("column %s is %s, want %s", column, found, kind))
		}
	}
	for table := range s.tables {
		if !live.tables[table] && table != versionTable {
			missing = append(missing, "table "+table+" is missing")
		}
	}
	for key := range s.keys {
		if !live.keys[key] && !strings.HasPrefix(key, versionTable) {
			missing = append(missing, "unique key "+key+" is missing")
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return slices.Min(missing)
}

// obstacle names something in live, which has all of s, that would make the
// migrations from s to latest or this program's writes fail, or "". It does not
// belong to this library, so people must decide what to do with it.
func (s *structure) obstacle(latest, live structure) string {
	var found []string
	for name := range latest.named {
		was, known := s.named[name]
		is, there := live.named[name]
		switch {
		case !there || name == versionTable:
		case !known:
			found = append(found, "it has "+article(is)+" that no migration made")
		case is != was:
			found = append(found, "its "+is+" has the name of this program's "+was)
		}
	}
	for column := range latest.columns {
		table, _, _ := strings.Cut(column, ".")
		if _, known := s.columns[column]; !known && s.tables[table] && live.columns[column] != "" {
			found = append(found, "it has a column "+column+" that no migration made")
		}
	}
	for column := range live.required {
		table, _, _ := strings.Cut(column, ".")
		if _, known := s.columns[column]; !known && s.tables[table] {
			found = append(found, "its column "+column+" must be given in every new row, which this program does not know of")
		}
	}
	for _, trigger := range live.triggers {
		if _, table, _ := strings.Cut(trigger, " on "); s.tables[table] && table != versionTable {
			found = append(found, "its trigger "+trigger+" would run while it is migrated")
		}
	}
	if len(found) == 0 {
		return ""
	}
	return slices.Min(found)
}

// article puts "a" or "an" before a word.
func article(what string) string {
	if strings.ContainsRune("aeiou", rune(what[0])) {
		return "an " + what
	}
	return "a " + what
}

// differences lists what live lacks of s, and what live has on the tables of s that s
// does not have. Tables that s does not know belong to others.
func (s *structure) differences(live structure) []string {
	var lines []string
	for line := range s.lines {
		if _, ok := live.lines[line]; !ok {
			lines = append(lines, "missing: "+line)
		}
	}
	for line, table := range live.lines {
		if _, ok := s.lines[line]; !ok && s.tables[table] {
			lines = append(lines, "unexpected: "+line)
		}
	}
	slices.Sort(lines)
	return lines
}

var scratchCount atomic.Int64

// structures keeps what structureOf has found; it cannot change while the
// program runs.
var structures sync.Map // version → structure

// structureOf returns what the migrations up to a version make, 0 meaning all
// of them.
func structureOf(ctx context.Context, version int64) (structure, error) {
	if known, ok := structures.Load(version); ok {
		return known.(structure), nil
	}
	made, err := makeStructure(ctx, version)
	if err == nil {
		structures.Store(version, made)
	}
	return made, err
}

// makeStructure runs the migrations in an empty database in memory.
func makeStructure(ctx context.Context, version int64) (_ structure, err error) {
	db := openMemory(fmt.Sprintf("structure-%d", scratchCount.Add(1)))
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := upOnce(ctx, db, version); err != nil {
		return structure{}, err
	}
	return readStructure(ctx, db)
}

// CheckStructure compares the live schema with what the migrations make and
// runs SQLite's integrity check.
func (e *Engine) CheckStructure(ctx context.Context) ([]string, error) {
	want, err := structureOf(ctx, 0)
	if err != nil {
		return nil, err
	}
	live, err := readStructure(ctx, e.reader)
	if err != nil {
		return nil, err
	}
	damage, err := integrityCheck(ctx, e.reader, fileDSN(e.path, e.mode()))
	if err != nil {
		return nil, err
	}
	return append(want.differences(live), damage...), nil
}
