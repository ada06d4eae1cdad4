package postgres

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"
)

// structure is a schema as the catalog reports it: one line a column,
// constraint, index, rule, trigger or oddity → its table.
type structure map[string]string

// The lines of each kind of thing: its table and what it is, without the name
// of the schema. What another program adds by itself (extensions such as Citus
// add triggers of their own) is marked internal and left out.
var structureQueries = []string{`
	SELECT c.relname, format('column %s.%s %s%s, not null %s, default %s, identity %s',
		c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
		CASE WHEN a.attcollation <> t.typcollation THEN ' collate ' || k.collname ELSE '' END,
		a.attnotnull, COALESCE(pg_get_expr(d.adbin, d.adrelid), 'none'), a.attidentity)
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
	LEFT JOIN pg_catalog.pg_collation AS k ON k.oid = a.attcollation
	LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
	WHERE c.relnamespace = $1::text::oid AND c.relkind IN ('r', 'p')`, `
	SELECT c.relname, format('constraint on %s: %s', c.relname, pg_get_constraintdef(o.oid))
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_constraint AS o ON o.conrelid = c.oid
	WHERE c.relnamespace = $1::text::oid AND o.contype <> 'n'`, `
	SELECT c.relname, format('index %s on %s (%s), unique %s, valid %s%s', i.relname, c.relname,
		(SELECT string_agg(pg_get_indexdef(x.indexrelid, k, TRUE) || CASE x.indoption[k - 1] & 1 WHEN 1 THEN ' DESC' ELSE '' END, ', ' ORDER BY k)
			FROM generate_series(1, x.indnkeyatts) AS k),
		x.indisunique, x.indisvalid, COALESCE(', where ' || pg_get_expr(x.indpred, x.indrelid), ''))
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid
	JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
	WHERE c.relnamespace = $1::text::oid`, `
	SELECT c.relname, format('trigger %s on %s', t.tgname, c.relname)
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = c.oid
	WHERE c.relnamespace = $1::text::oid AND NOT t.tgisinternal AND t.tgname NOT LIKE 'truncate\_trigger\_%'`, `
	SELECT c.relname, format('rule %s on %s', r.rulename, c.relname)
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = c.oid
	WHERE c.relnamespace = $1::text::oid AND c.relkind IN ('r', 'p')`, `
	SELECT c.relname, format('view %s: %s', c.relname, regexp_replace(pg_get_viewdef(c.oid), '\s+', ' ', 'g'))
	FROM pg_catalog.pg_class AS c
	WHERE c.relnamespace = $1::text::oid AND c.relkind = 'v'`, `
	SELECT c.relname, format('table %s is unlogged', c.relname)
	FROM pg_catalog.pg_class AS c
	WHERE c.relnamespace = $1::text::oid AND c.relkind IN ('r', 'p') AND c.relpersistence = 'u'`, `
	SELECT c.relname, format('table %s has row security', c.relname)
	FROM pg_catalog.pg_class AS c
	WHERE c.relnamespace = $1::text::oid AND c.relrowsecurity`,
}

func readStructure(ctx context.Context, db queryer, namespace string) (structure, error) {
	s := structure{}
	for _, query := range structureQueries {
		err := eachRow(ctx, db, query, func(rows *sql.Rows) error {
			var table, line string
			err := rows.Scan(&table, &line)
			s[line] = table
			return err
		}, namespace)
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// differences lists what live lacks of s, and what live has on the tables of s that s
// does not have. Tables that s does not know belong to others.
func (s structure) differences(live structure) []string {
	var lines []string
	tables := map[string]bool{}
	for line, table := range s {
		tables[table] = true
		if _, ok := live[line]; !ok {
			lines = append(lines, "missing: "+line)
		}
	}
	for line, table := range live {
		if _, ok := s[line]; !ok && tables[table] {
			lines = append(lines, "unexpected: "+line)
		}
	}
	slices.Sort(lines)
	return lines
}

// CheckStructure compares the live schema with what the migrations make. That is found
// in temporary tables, in a transaction that is undone, so that the check needs no
// privilege on the schema and leaves no trace. A standby makes no temporary tables:
// there the error is that it takes no writes.
func (e *Engine) CheckStructure(ctx context.Context) ([]string, error) {
	tx, err := e.reader.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // that leaves nothing in any case
	// To hide its shards, Citus looks at every index of the database, which others may
	// just be dropping.
	if e.spread {
		if _, err := tx.ExecContext(ctx, "SET LOCAL citus.override_table_visibility = off"); err != nil {
			return nil, err
		}
	}
	schema, err := schemaOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	var namespace string
	if err := tx.QueryRowContext(ctx, "SELECT oid::text FROM pg_catalog.pg_namespace WHERE nspname = $1", schema).Scan(&namespace); err != nil {
		return nil, err
	}
	live, err := readStructure(ctx, tx, namespace)
	if err != nil {
		return nil, err
	}
	want, err := wantedStructure(ctx, tx)
	if err != nil {
		return nil, err
	}
	return want.differences(live), nil
}

// structures keeps what wantedStructure has found: running the migrations takes the
// server longer than all else that is verified in a small database.
var structures sync.Map // dialect → structure

// wantedStructure returns what the migrations make on a server that spells a structure
// so. It makes temporary tables, and whether it may does not depend on what is known
// from before.
func wantedStructure(ctx context.Context, tx *sql.Tx) (structure, error) {
	if _, err := tx.ExecContext(ctx, "CREATE TEMPORARY TABLE engagement_structure ()"); err != nil {
		return nil, err
	}
	var dialect, scratch string
	err := tx.QueryRowContext(ctx, `
		SELECT concat_ws(' ', current_setting('server_version'), current_setting('quote_all_identifiers')), pg_my_temp_schema()::text`,
	).Scan(&dialect, &scratch)
	if err != nil {
		return nil, err
	}
	if known, ok := structures.Load(dialect); ok {
		return known.(structure), nil
	}
	statements, err := ups()
	if err != nil {
		return nil, err
	}
	script := "DROP TABLE engagement_structure;\nSET LOCAL search_path = pg_temp;\n" + strings.Join(statements, "\n")
	if _, err := tx.ExecContext(ctx, script); err != nil {
		return nil, err
	}
	made, err := readStructure(ctx, tx, scratch)
	if err == nil {
		structures.Store(dialect, made)
	}
	return made, err
}
