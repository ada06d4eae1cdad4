package engagement

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// SetStreakRules sets the rules that streaks go by, also in other processes that
// have the database open. Rules that make no sense are ErrInvalid.
//
// The rules apply to all past days too, so the streaks, spent freezes and awards of
// all users are counted again, some users in each transaction. What has become a
// milestone is awarded; awards already given stay. If that is interrupted, the next
// Open, Rebuild or SetStreakRules goes on; until then the remaining users have
// streaks by the old rules.
func (db *DB) SetStreakRules(ctx context.Context, rules StreakRules) error {
	if err := rules.check(); err != nil {
		return fmt.Errorf("set the streak rules: %w", err)
	}
	text, err := json.Marshal(rules.normal())
	if err != nil {
		return err
	}
	_, err = write(ctx, db, "set the streak rules", alone, func(w *writing) (struct{}, error) {
		for _, setting := range []dbgen.SetSettingParams{
			{Name: settingStreakRules, Value: string(text)},
			{Name: settingStreakRecount, Value: strconv.FormatInt(math.MinInt64, 10)},
		} {
			if err := w.q.SetSetting(ctx, setting); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	if err != nil {
		return err
	}
	return db.recountStreaks(ctx)
}

// recountChunk is how many users are counted again in one transaction, so that other
// writers do not wait long.
const recountChunk = 250

// recountStreaks counts the streaks again that are still by the old rules, if any.
// Several processes may run it at once, at any time.
func (db *DB) recountStreaks(ctx context.Context) error {
	users, err := db.CountUsers(ctx)
	if err != nil {
		return err
	}
	p := progressOf(ctx, users)
	for {
		counted, err := write(ctx, db, "count streaks again", idempotent, func(w *writing) (int, error) {
			return w.recountChunk(ctx)
		})
		if err != nil || counted == 0 {
			return err
		}
		p.add(counted)
	}
}

// recountChunk counts the next users again and stores the user id after the last of
// them. It returns how many they were, 0 when none is left. New users are counted by
// the new rules from the start: nobody was writing when the rules were stored.
func (w *writing) recountChunk(ctx context.Context) (int, error) {
	value, err := w.q.HoldSetting(ctx, settingStreakRecount)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	from, err := parseSetting(settingStreakRecount, value)
	if err != nil {
		return 0, err
	}
	users, err := w.q.UserIDsFrom(ctx, dbgen.UserIDsFromParams{FromUser: from, MaxRows: recountChunk})
	if err != nil {
		return 0, err
	}
	if len(users) > 0 && users[len(users)-1] < from { // otherwise it would never end
		return 0, fmt.Errorf("%w: user %d is listed behind user %d", ErrCorrupt, users[len(users)-1], from-1)
	}
	if err := w.recount(ctx, users, true); err != nil {
		return 0, err
	}
	if len(users) == 0 || users[len(users)-1] == math.MaxInt64 {
		return len(users), w.q.DeleteSetting(ctx, settingStreakRecount)
	}
	return len(users), w.q.SetSetting(ctx, dbgen.SetSettingParams{
		Name: settingStreakRecount, Value: strconv.FormatInt(users[len(users)-1]+1, 10),
	})
}

// recount counts users again from their days and freezes. If awarded, they are
// awarded the milestones that they have reached. Users who have been erased meanwhile
// are left out.
func (w *writing) recount(ctx context.Context, users []int64, awarded bool) error {
	if len(users) == 0 {
		return nil
	}
	l, err := w.holdHistories(ctx, users)
	if err != nil {
		return err
	}
	users = slices.DeleteFunc(slices.Clone(users), func(user int64) bool { return slices.Contains(l.created, user) })
	return w.store(ctx, recount(l, users, awarded, w.now))
}
