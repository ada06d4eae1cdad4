// Package migrations embeds the versioned schema, so that a program carries
// the migrations it was built with.
package migrations

import "embed"

// SQLite holds the goose migrations for SQLite.
//
//go:embed *.sql
var SQLite embed.FS
