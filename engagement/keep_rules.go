package engagement

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// SetStreakRules sets the rules that streaks go by, also in other processes that
// have the database open. Rules that make no sense are ErrInvalid.
//
// Since the rules decide about every streak there ever was, all users are
// counted again, in chunks of their own transactions: streaks, spent freezes,
// and awards for what has become a milestone. Awards that are there stay. What
// an interruption leaves is finished by the next Open, Rebuild or
// SetStreakRules; until then the users who are left have the streaks of the
// rules before.
func (db *DB) SetStreakRules(ctx context.Context, rules StreakRules) error {
	if err := rules.check(); err != nil {
		return fmt.Errorf("set the streak rules: %w", err)
	}
	err := db.writeKeyed(ctx, "set the streak rules", func(tx *Tx) (int, error) {
		text, err := json.Marshal(rules.normal())
		if err != nil {
			return 0, err
		}
		for _, setting := range []dbgen.SetSettingParams{
			{Name: settingStreakRules, Value: string(text)},
			{Name: settingStreakRecount, Value: strconv.FormatInt(math.MinInt64, 10)},
		} {
			if err := tx.q.SetSetting(ctx, setting); err != nil {
				return 0, err
			}
		}
		return 1, nil
	})
	if err != nil {
		return err
	}
	return db.recountStreaks(ctx)
}

// recountChunk is how many users are counted again in one transaction, so that
// other writers are not kept waiting for long.
const recountChunk = 250

// recountStreaks counts again the streaks that a change of rules has left, if
// any. It may be run by several processes at once and at any time.
func (db *DB) recountStreaks(ctx context.Context) error {
	var users int64
	err := db.single(ctx, "count users", func(r *Reader) (_ int, err error) {
		users, err = r.q.CountUsers(ctx)
		return 1, err
	})
	if err != nil {
		return err
	}
	p := progressOf(ctx, users)
	for {
		var counted int
		err := db.writeKeyed(ctx, "count streaks again", func(tx *Tx) (int, error) {
			counted, err = tx.recountChunk(ctx)
			return counted, err
		})
		if err != nil || counted == 0 {
			return err
		}
		p.add(counted)
	}
}

// recountChunk counts some users again and stores with whom to go on. It
// returns 0 when none is left. Users who come later are counted by the new
// rules from the start.
func (tx *Tx) recountChunk(ctx context.Context) (int, error) {
	value, err := tx.q.LockSetting(ctx, settingStreakRecount)
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
	if from == math.MinInt64 {
		// Users whom others have just created by the rules before are not seen yet.
		if err := tx.inner.LockUsers(ctx); err != nil {
			return 0, err
		}
	}
	users, err := tx.q.LockUsersFrom(ctx, dbgen.LockUsersFromParams{FromUser: from, MaxRows: recountChunk})
	if err != nil {
		return 0, err
	}
	if len(users) > 0 {
		if _, err := tx.recount(ctx, users); err != nil {
			return 0, err
		}
	}
	if len(users) == 0 || users[len(users)-1] == math.MaxInt64 {
		return len(users), tx.q.DeleteSetting(ctx, settingStreakRecount)
	}
	return len(users), tx.q.SetSetting(ctx, dbgen.SetSettingParams{
		Name: settingStreakRecount, Value: strconv.FormatInt(users[len(users)-1]+1, 10),
	})
}
