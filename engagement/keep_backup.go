package engagement

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup copies the database to a new file at path while it is in use. The copy is
// opened and verified before it gets its name, so a file at path is complete and
// sound. A path that exists, or whose folder does not, is ErrInvalid; a copy with a
// finding that the database itself does not have is ErrCorrupt. What Verify finds in
// the database is copied as it is, so that it can be backed up before it is rebuilt.
// Where the database can be written to, it is noted when that was: see [Reader.Upkeep].
func (db *DB) Backup(ctx context.Context, path string) error {
	_, err := run(ctx, db.shared(), "back up", func() (rows int64, err error) {
		err = db.core.engine.Backup(ctx, path, func(copyPath string) error {
			report, err := verifyCopy(ctx, copyPath)
			rows = report.Fires + report.Trades
			if err != nil || report.OK() {
				return err
			}
			return db.knows(ctx, report.Findings)
		})
		if errors.Is(err, os.ErrExist) {
			err = invalid("path", path, "it exists already")
		} else if _, missing := os.Stat(filepath.Dir(path)); errors.Is(missing, os.ErrNotExist) && err != nil {
			err = fmt.Errorf("%w: %w", invalid("path", path, "its folder"), os.ErrNotExist)
		}
		return rows, err
	})
	if err == nil {
		now := db.core.instant()
		db.note(ctx, Upkeep{LastBackup: &now})
	}
	return err
}

func verifyCopy(ctx context.Context, path string) (report Report, err error) {
	db, err := Open(ctx, path, WithReadOnly())
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Verify(ctx)
}

// knows returns ErrCorrupt unless the database has the same findings as its copy. The
// figures in them may have changed since; which figures are wrong has not.
func (db *DB) knows(ctx context.Context, findings []Finding) error {
	report, err := db.core.verify(ctx)
	if err != nil {
		return err
	}
	own := map[Finding]bool{}
	for _, f := range report.Findings {
		own[placeOf(f)] = true
	}
	for _, f := range findings {
		if !own[placeOf(f)] {
			return fmt.Errorf("%w: %s", ErrCorrupt, f)
		}
	}
	return nil
}

// placeOf returns a finding without its figures, which may have changed since.
func placeOf(f Finding) Finding {
	if f.Invariant != "V5" {
		f.Stored, f.Expected = "", ""
	}
	return f
}
