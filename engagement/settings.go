package engagement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
)

// The settings of the database itself.
const (
	settingTimeZone = "time_zone" // a name of the time zone database
	settingHorizon  = "horizon"   // a day, as a number
	settingRepairs  = "repairs"   // how often counters were repaired or users erased
	settingCopying  = "copying"   // a copyMark; only in an unfinished copy
)

// resolveLocation returns the database's time zone. In a database that has none yet
// it stores the wanted one.
func resolveLocation(ctx context.Context, c *core, o options) (*time.Location, error) {
	wanted := o.location
	if wanted == nil {
		wanted = time.UTC
	}
	q := c.engine.Queries()
	name, err := q.GetSetting(ctx, settingTimeZone)
	if errors.Is(err, sql.ErrNoRows) {
		if err := c.mayChooseZone(ctx, o); err != nil {
			return nil, err
		}
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

// mayChooseZone returns an error if the database has counted facts but no time zone
// any more, and the caller names none.
func (c *core) mayChooseZone(ctx context.Context, o options) error {
	counted, err := (&view{core: c, q: c.engine.Queries()}).counted(ctx)
	switch {
	case err != nil || !counted:
		return err
	case o.location == nil:
		return fmt.Errorf("%w: the time zone of its days is no longer stored: open it with WithLocation (--timezone) and the zone that it was made with, UTC if none was given", ErrCorrupt)
	}
	c.log.Warn("the time zone is not stored any more; it is taken from the caller", "zone", o.location.String())
	return nil
}

// storeLocation stores the time zone unless another process was first, and
// returns what is stored.
func storeLocation(ctx context.Context, c *core, name string) (string, error) {
	return retry(ctx, c, "store the time zone", func(ctx context.Context) (string, error) {
		w, err := c.begin(ctx, engine.EnterGate)
		if err != nil {
			return "", err
		}
		return commitAfter(ctx, w, func(w *writing) (string, error) {
			err := w.q.SetSettingOnce(ctx, dbgen.SetSettingOnceParams{Name: settingTimeZone, Value: name})
			if err != nil {
				return "", err
			}
			return w.q.GetSetting(ctx, settingTimeZone)
		})
	})
}

// writerSettings reads the settings that every writer must know.
func (c *core) writerSettings(settings []dbgen.Setting) (rules StreakRules, horizon Day, err error) {
	rules, horizon = DefaultStreakRules(), firstDay
	for _, setting := range settings {
		switch setting.Name {
		case settingStreakRules:
			rules, err = c.parseRules(setting.Value)
		case settingHorizon:
			var day int64
			day, err = parseSetting(settingHorizon, setting.Value)
			horizon = Day(day)
		}
		if err != nil {
			return rules, horizon, err
		}
	}
	return rules, horizon, nil
}

// Horizon returns the first day whose fires are all still kept one by one.
// Cleanup moves it forward.
func (r *Reader) Horizon(ctx context.Context) (Day, error) {
	return latest(ctx, r, "read the horizon", func(v *view) (Day, error) {
		return v.horizon(ctx)
	})
}

func (v *view) horizon(ctx context.Context) (Day, error) {
	day, err := v.number(ctx, settingHorizon, int64(firstDay))
	return Day(day), err
}

func (v *view) isSet(ctx context.Context, name string) (bool, error) {
	_, err := v.q.GetSetting(ctx, name)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// number returns a setting that is a number, or fallback if it is not set.
func (v *view) number(ctx context.Context, name string, fallback int64) (int64, error) {
	value, err := v.q.GetSetting(ctx, name)
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

// countRepair adds one to the number of repairs and returns it. A repair under way,
// also in another process, sees by it that what it found may no longer be so.
func (w *writing) countRepair(ctx context.Context) (int64, error) {
	value, err := w.q.CountSetting(ctx, settingRepairs)
	if err != nil {
		return 0, err
	}
	return parseSetting(settingRepairs, value)
}

// counted reports whether facts have been counted, in days of some time zone.
func (v *view) counted(ctx context.Context) (bool, error) {
	days, err := v.q.FactDaysAfter(ctx, dbgen.FactDaysAfterParams{AfterUser: math.MinInt64, MaxRows: 1})
	return len(days) > 0, err
}
