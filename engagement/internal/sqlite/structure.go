package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// structure is a schema as SQLite reports it: one line a column, index or
// trigger, so that spelling and layout of the statements do not matter.
type structure struct {
	tables  map[string]bool
	columns map[string]bool   // "table.column"
	lines   map[string]string // line → its table
}

func readStructure(ctx context.Context, db *sql.DB) (structure, error) {
	s := structure{tables: map[string]bool{}, columns: map[string]bool{}, lines: map[string]string{}}
	if err := s.readColumns(ctx, db); err != nil {
		return s, err
	}
	if err := s.readIndexes(ctx, db); err != nil {
		return s, err
	}
	return s, s.readTriggers(ctx, db)
}

func (s *structure) readColumns(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `
		SELECT m.name, c.name, c.type, c."notnull", COALESCE(c.dflt_value, 'none'), c.pk
		FROM sqlite_master AS m, pragma_table_xinfo(m.name) AS c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var table, column, kind, fallback string
		var notNull bool
		var key int
		if err := rows.Scan(&table, &column, &kind, &notNull, &fallback, &key); err != nil {
			return err
		}
		s.tables[table] = true
		s.columns[table+"."+column] = true
		line := fmt.Sprintf("column %s.%s %s, not null %t, default %s, key %d",
			table, column, strings.ToUpper(kind), notNull, fallback, key)
		s.lines[line] = table
	}
	return rows.Err()
}

func (s *structure) readIndexes(ctx context.Context, db *sql.DB) error {
	// A partial index is told apart by its own statement, spaces folded.
	rows, err := db.QueryContext(ctx, `
		SELECT m.name, i.name, i."unique", group_concat(COALESCE(k.name, 'expression') || ' ' || k."desc"),
			CASE WHEN i.partial THEN (SELECT sql FROM sqlite_master AS p WHERE p.name = i.name) ELSE '' END
		FROM sqlite_master AS m, pragma_index_list(m.name) AS i, pragma_index_xinfo(i.name) AS k
		WHERE m.type = 'table' AND k.key
		GROUP BY m.name, i.name`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var table, index, columns, partial string
		var unique bool
		if err := rows.Scan(&table, &index, &unique, &columns, &partial); err != nil {
			return err
		}
		line := fmt.Sprintf("index %s on %s (%s), unique %t", index, table, columns, unique)
		if partial != "" {
			line += ", partial: " + strings.Join(strings.Fields(partial), " ")
		}
		s.lines[line] = table
	}
	return rows.Err()
}

func (s *structure) readTriggers(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name, table string
		if err := rows.Scan(&name, &table); err != nil {
			return err
		}
		s.lines[fmt.Sprintf("trigger %s on %s", name, table)] = table
	}
	return rows.Err()
}

// empty says whether there is nothing but what goose itself made.
func (s *structure) empty() bool {
	for table := range s.tables {
		if table != "goose_db_version" {
			return false
		}
	}
	return true
}

// missingColumns names the first table or column of s that live lacks, or "".
func (s *structure) missingColumns(live structure) string {
	var missing []string
	for column := range s.columns {
		table, _, _ := strings.Cut(column, ".")
		switch {
		case table == "goose_db_version" || live.columns[column]:
		case !live.tables[table]:
			missing = append(missing, "table "+table+" is missing")
		default:
			missing = append(missing, "column "+column+" is missing")
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return slices.Min(missing)
}

// differences lists what live lacks of s and what it has beyond it on the
// tables of s. Tables that s does not know are somebody else's.
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

// structureOf returns what the migrations up to a version make, 0 meaning all
// of them, by running them in an empty database in memory.
func structureOf(ctx context.Context, version int64) (_ structure, err error) {
	db := openDSN(fmt.Sprintf("file:/structure-%d?vfs=memdb", scratchCount.Add(1)), 1, false)
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := up(ctx, db, version); err != nil {
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
	damage, err := integrityCheck(ctx, e.reader)
	if err != nil {
		return nil, err
	}
	return append(want.differences(live), damage...), nil
}

func integrityCheck(ctx context.Context, db *sql.DB) ([]string, error) {
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var damage []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		if line != "ok" {
			damage = append(damage, "integrity check: "+line)
		}
	}
	return damage, rows.Err()
}
