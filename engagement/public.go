package engagement

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// SetPublic notes whether a user has agreed that everybody may see the user's own
// figures where a community is shown in public; nobody has at first. ErrNotFound
// for a user who has neither fired nor traded. Erasing a user takes it back.
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
	// Held, so that nothing is noted of a user who is just being erased.
	l, err := w.hold(ctx, []int64{userID}, jsonRows{}, jsonRows{})
	switch {
	case err != nil:
		return err
	case slices.Contains(l.created, userID):
		return notFound("user", userID)
	case public:
		return w.q.SetPublicUser(ctx, dbgen.SetPublicUserParams{UserID: userID, Since: w.now})
	}
	return w.q.DeletePublicUser(ctx, userID)
}

// IsPublic reports whether a user has agreed that everybody may see the user's own
// figures. Nobody has whom the database does not know.
func (r *Reader) IsPublic(ctx context.Context, userID int64) (bool, error) {
	return latest(ctx, r, "read whether a user is public", func(v *view) (bool, error) {
		if err := checkUserID(userID); err != nil {
			return false, err
		}
		_, err := v.q.GetPublicUser(ctx, userID)
		if errors.Is(err, sql.ErrNoRows) {
			return false, nil
		}
		return err == nil, err
	})
}
