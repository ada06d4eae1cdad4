package postgres

import (
	"context"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/dbgen/pggen"
)

// querier makes pggen's queries those of dbgen. What adapter.go does not
// convert has plain types and is promoted.
type querier struct {
	*pggen.Queries
}

var _ dbgen.Querier = querier{}

// NormalizeUncountedFires does nothing: PostgreSQL keeps to its types.
func (querier) NormalizeUncountedFires(context.Context) (int64, error) { return 0, nil }

// each applies convert to every row.
func each[A, B any](convert func(A) B) func([]A) []B {
	return func(rows []A) []B {
		converted := make([]B, len(rows))
		for i, row := range rows {
			converted[i] = convert(row)
		}
		return converted
	}
}
