package engagement

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Backup copies the database to a new file at path while it is in use. The
// copy is opened and verified before it gets its name, so a file at path is a
// good one. A path that exists is ErrInvalid; a copy that does not verify is
// ErrCorrupt.
func (db *DB) Backup(ctx context.Context, path string) error {
	return db.core.do(ctx, "back up", func() (rows int, err error) {
		err = db.core.engine.Backup(ctx, path, func(copyPath string) error {
			report, err := verifyCopy(ctx, copyPath)
			rows = int(report.Fires + report.Trades)
			return err
		})
		if errors.Is(err, os.ErrExist) {
			err = invalid("path", path, "it exists already")
		}
		return rows, err
	})
}

func verifyCopy(ctx context.Context, path string) (report Report, err error) {
	db, err := Open(ctx, path, WithReadOnly())
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if report, err = db.Verify(ctx); err != nil {
		return report, err
	}
	if !report.OK() {
		return report, fmt.Errorf("%w: %s", ErrCorrupt, report.Findings[0])
	}
	return report, nil
}
