// Package migrations embeds the versioned schema, so that a program carries
// the migrations it was built with.
package migrations

import (
	"embed"
	"io/fs"
)

// SQLite holds the goose migrations for SQLite.
//
//go:embed *.sql
var SQLite embed.FS

//go:embed postgres/*.sql
var postgres embed.FS

// Postgres holds the goose migrations for PostgreSQL: the same numbers with
// the same meaning.
var Postgres = mustSub(postgres, "postgres")

// Spread holds the statements that spread PostgreSQL's tables over the nodes of a
// Citus cluster.
//
//go:embed citus/spread.sql
var Spread string

func mustSub(fsys fs.FS, dir string) fs.FS {
	sub, err := fs.Sub(fsys, dir)
	if err != nil {
		panic(err) // dir is not a valid path
	}
	return sub
}
