package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hydraxdev/engagementdb/dbgen/pggen"
	"github.com/hydraxdev/engagementdb/migrations"
)

// errNoCluster refuses to spread the tables of a server by itself.
var errNoCluster = errors.New("the server is not the coordinator of a Citus cluster: this database has no extension citus")

// spread spreads the tables over the nodes of a Citus cluster, as far as they are
// not. Writers wait meanwhile.
func spread(ctx context.Context, db *sql.DB) error {
	if cluster, err := isCluster(ctx, db); err != nil || !cluster {
		return errors.Join(err, errNoCluster)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	for _, statements := range []string{pggen.CloseGate, migrations.Spread} {
		if _, err := tx.ExecContext(ctx, statements); err != nil {
			return fmt.Errorf("spread the tables: %w", err)
		}
	}
	return tx.Commit()
}

// isSpread reports whether the tables are spread over the nodes of a Citus cluster.
func isSpread(ctx context.Context, db queryer) (spread bool, err error) {
	if cluster, err := isCluster(ctx, db); err != nil || !cluster {
		return false, err
	}
	err = db.QueryRowContext(ctx,
		"SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_dist_partition WHERE logicalrelid = to_regclass('signal_fires'))").Scan(&spread)
	return spread, err
}

// isCluster reports whether the database has the extension of Citus.
func isCluster(ctx context.Context, db queryer) (cluster bool, err error) {
	err = db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_extension WHERE extname = 'citus')").Scan(&cluster)
	return cluster, err
}
