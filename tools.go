//go:build tools

// Package tools pins the programs that the Makefile runs, so that every
// checkout generates, migrates and lints with the same versions.
package tools

import (
	_ "github.com/pressly/goose/v3/cmd/goose"
	_ "github.com/sqlc-dev/sqlc/cmd/sqlc"
	_ "honnef.co/go/tools/cmd/staticcheck"
)
