package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// The settings that belong to the database itself.
const (
	settingTimeZone = "time_zone" // a name of the time zone database
	settingHorizon  = "horizon"   // a day, as a number
	settingRepairs  = "repairs"   // how often counters were repaired or users erased
	settingCopying  = "copying"   // how often a copy to it has begun; only in an unfinished one
)

// resolveLocation returns the database's time zone, storing the wanted one in
// a database that has none yet.
func resolveLocation(ctx context.Context, c *core, o options) (*time.Location, error) {
	wanted := o.location
	if wanted == nil {
		wanted = time.UTC
	}
	q := c.engine.Queries()
	name, err := q.GetSetting(ctx, settingTimeZone)
	if errors.Is(err, sql.ErrNoRows) {
		if o.readOnly {
			return wanted, nil
		}
		if name, err = storeLocation(ctx, c, wanted.String()); err != nil {
			return nil, err
		}
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	loc, err := loadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone of the database: %w", err)
	}
	if o.location != nil && o.location.String() != name {
		return nil, invalid("location", o.location.String(), fmt.Sprintf("the database was made with %q", name))
	}
	return loc, nil
}

// storeLocation stores the time zone unless another process was first, and
// returns what is stored.
func storeLocation(ctx context.Context, c *core, name string) (string, error) {
	tx, err := c.engine.BeginWrite(ctx)
	if err != nil {
		return "", err
	}
	err = tx.SetSettingOnce(ctx, dbgen.SetSettingOnceParams{Name: settingTimeZone, Value: name})
	if err == nil {
		name, err = tx.GetSetting(ctx, settingTimeZone)
	}
	if err != nil {
		return "", errors.Join(err, tx.Rollback(ctx))
	}
	return name, tx.Commit(ctx)
}

// horizonFor returns the horizon for a write of facts whose first day is given.
// A cleanup in another process, for which it may be tomorrow already and which
// keeps at least the day before, must not delete such days before the write has
// ended: nobody could tell any more whether its
// facts had been there.
func (tx *Tx) horizonFor(ctx context.Context, first Day) (Day, error) {
	if first >= tx.Today() {
		return tx.horizon(ctx)
	}
	day, err := tx.raise(ctx, settingHorizon, int64(unknownDay)+1)
	return Day(day), err
}

// Horizon returns the first day whose fires are all still kept one by one.
// Cleanup moves it forward.
func (r *Reader) Horizon(ctx context.Context) (horizon Day, err error) {
	err = r.single(ctx, "read the horizon", func(r *Reader) (int, error) {
		horizon, err = r.horizon(ctx)
		return 1, err
	})
	return horizon, err
}

func (r *Reader) horizon(ctx context.Context) (Day, error) {
	day, err := r.number(ctx, settingHorizon, int64(unknownDay)+1)
	return Day(day), err
}

func (r *Reader) isSet(ctx context.Context, name string) (bool, error) {
	_, err := r.q.GetSetting(ctx, name)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// number returns a setting that is a number, or fallback if it is not set.
func (r *Reader) number(ctx context.Context, name string, fallback int64) (int64, error) {
	value, err := r.q.GetSetting(ctx, name)
	if errors.Is(err, sql.ErrNoRows) {
		return fallback, nil
	}
	if err != nil {
		return 0, err
	}
	return parseSetting(name, value)
}

func parseSetting(name, value string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: setting %s is %q", ErrCorrupt, name, value)
	}
	return n, nil
}

// raise stores a setting that is a number, unless a higher one is stored, and
// returns what is stored then. Nobody else can change it before the transaction
// ends.
func (tx *Tx) raise(ctx context.Context, name string, n int64) (int64, error) {
	value, err := tx.q.RaiseSetting(ctx, dbgen.RaiseSettingParams{Name: name, Value: strconv.FormatInt(n, 10)})
	if err != nil {
		return 0, err
	}
	return parseSetting(name, value)
}

// countRepair tells repairs under way, also in other processes, that what they
// found may no longer be so, and returns how many there were.
func (tx *Tx) countRepair(ctx context.Context) (int64, error) {
	value, err := tx.q.CountSetting(ctx, settingRepairs)
	if err != nil {
		return 0, err
	}
	return parseSetting(settingRepairs, value)
}
