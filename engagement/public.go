package engagement

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// SetPublic stores whether a user has agreed that everybody may see the user's own
// figures where a community is shown in public. Without a call a user has not.
// ErrNotFound for a user who has neither fired nor traded. Erasing a user deletes it.
func (db *DB) SetPublic(ctx context.Context, userID int64, public bool) error {
	_, err := write(ctx, db, "set whether a user is public", idempotent, func(w *writing) (struct{}, error) {
		return struct{}{}, w.setPublic(ctx, userID, public)
	})
	return err
}

func (w *writing) setPublic(ctx context.Context, userID int64, public bool) error {
	if _, err := w.userRow(ctx, userID); err != nil {
		return err
	}
	// The user is held, so that nothing is stored about one who is being erased.
	l, err := w.hold(ctx, []int64{userID}, jsonRows{}, jsonRows{})
	switch {
	case err != nil:
		return err
	case slices.Contains(l.created, userID):
		return errors.Join(notFound("user", userID), w.store(ctx, changes{unused: l.created}))
	case public:
		return w.q.SetPublicUser(ctx, dbgen.SetPublicUserParams{UserID: userID, Since: w.now})
	}
	return w.q.DeletePublicUser(ctx, userID)
}

// IsPublic reports whether a user has agreed that everybody may see the user's own
// figures; false for a user whom the database does not know.
func (r *Reader) IsPublic(ctx context.Context, userID int64) (bool, error) {
	return latest(ctx, r, "read whether a user is public", func(v *view) (bool, error) {
		if err := checkUserID(userID); err != nil {
			return false, err
		}
		return v.isPublic(ctx, userID)
	})
}

func (v *view) isPublic(ctx context.Context, userID int64) (bool, error) {
	_, err := v.q.GetPublicUser(ctx, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
