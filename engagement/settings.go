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
		return "", errors.Join(err, tx.Rollback())
	}
	return name, tx.Commit()
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
	value, err := r.q.GetSetting(ctx, settingHorizon)
	if errors.Is(err, sql.ErrNoRows) {
		return unknownDay + 1, nil
	}
	if err != nil {
		return 0, err
	}
	day, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: setting %s is %q", ErrCorrupt, settingHorizon, value)
	}
	return Day(day), nil
}

func (tx *Tx) setHorizon(ctx context.Context, day Day) error {
	return tx.q.SetSetting(ctx, dbgen.SetSettingParams{Name: settingHorizon, Value: strconv.FormatInt(int64(day), 10)})
}
