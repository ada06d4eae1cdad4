package postgres

import (
	"context"
	"errors"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/dbgen/pggen"
)

// querier implements dbgen.Querier with pggen's queries. The generated adapter.go
// converts structs between the two packages; methods with plain types need no
// conversion and are promoted.
type querier struct {
	*pggen.Queries
}

var _ dbgen.Querier = querier{}

// NormalizeUncountedFires does nothing: PostgreSQL enforces column types.
func (querier) NormalizeUncountedFires(context.Context) (int64, error) { return 0, nil }

// PostgreSQL writes a row anew whatever changes of it: its totals and its streaks are
// written together, by AddUserFires and SetStreaks.

func (querier) AddUserFiresNotExecuted(context.Context, string) error { return errSQLiteOnly }
func (querier) SetLatestStreaks(context.Context, string) error        { return errSQLiteOnly }
func (querier) SetLongestStreaks(context.Context, string) error       { return errSQLiteOnly }

var errSQLiteOnly = errors.New("a statement of SQLite alone")

// each returns a function that converts every row.
func each[A, B any](convert func(A) B) func([]A) []B {
	return func(rows []A) []B {
		converted := make([]B, len(rows))
		for i, row := range rows {
			converted[i] = convert(row)
		}
		return converted
	}
}
