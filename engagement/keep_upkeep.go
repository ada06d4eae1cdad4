package engagement

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// Upkeep tells when the database was last looked after.
type Upkeep struct {
	LastVerify *Verification `json:"last_verify"` // nil: none was noted
	LastBackup *time.Time    `json:"last_backup"` // UTC; nil: none was noted
}

// Verification is when a [DB.Verify] ended and what it came to.
type Verification struct {
	At       time.Time `json:"at"` // UTC
	Findings int64     `json:"findings"`
}

// The settings in which upkeep is noted.
const (
	settingLastVerify = "last_verify" // a Verification, in JSON
	settingLastBackup = "last_backup" // a time, RFC 3339
)

// Upkeep returns when the database was last verified and backed up, as far as that was
// noted. [DB.Verify] and [DB.Backup] note it by themselves, unless the database was
// opened for reading; see [DB.NoteUpkeep].
func (r *Reader) Upkeep(ctx context.Context) (Upkeep, error) {
	return snapshot(ctx, r, "read when it was looked after", func(v *view) (u Upkeep, err error) {
		for setting, read := range map[string]func(string) error{
			settingLastVerify: func(text string) (err error) { u.LastVerify, err = parseVerification(text); return err },
			settingLastBackup: func(text string) (err error) { u.LastBackup, err = parseNoted(text); return err },
		} {
			text, err := v.q.GetSetting(ctx, setting)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err == nil && read(text) != nil {
				err = fmt.Errorf("%w: setting %s is %q", ErrCorrupt, setting, shortened(text))
			}
			if err != nil {
				return u, err
			}
		}
		return u, nil
	})
}

func parseVerification(text string) (*Verification, error) {
	var last Verification
	err := json.Unmarshal([]byte(text), &last)
	if err == nil && (last.At.IsZero() || last.Findings < 0) {
		err = errors.New("it makes no sense")
	}
	return &last, err
}

func parseNoted(text string) (*time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	return &at, err
}

// NoteUpkeep notes what of u is not nil, in place of what was noted before. It is for a
// verification or backup that could not note itself, such as one of a program that
// opened the database for reading.
func (db *DB) NoteUpkeep(ctx context.Context, u Upkeep) error {
	_, err := write(ctx, db, "note that it was looked after", idempotent, func(w *writing) (struct{}, error) {
		if u.LastVerify != nil {
			last := Verification{u.LastVerify.At.UTC().Truncate(time.Microsecond), u.LastVerify.Findings}
			text, err := json.Marshal(last)
			if err == nil {
				_, err = parseVerification(string(text))
			}
			if err != nil {
				return struct{}{}, invalid("verification", *u.LastVerify, "want a time, and findings from 0 on")
			}
			if err := w.q.SetSetting(ctx, dbgen.SetSettingParams{Name: settingLastVerify, Value: string(text)}); err != nil {
				return struct{}{}, err
			}
		}
		if u.LastBackup == nil {
			return struct{}{}, nil
		}
		if u.LastBackup.IsZero() {
			return struct{}{}, invalid("time of a backup", *u.LastBackup, "want a time")
		}
		text := u.LastBackup.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
		return struct{}{}, w.q.SetSetting(ctx, dbgen.SetSettingParams{Name: settingLastBackup, Value: text})
	})
	return err
}

// noteWait is how long an operation that has ended waits to be noted.
const noteWait = 2 * time.Second

// note notes upkeep where that can be done. What was done is done without it, so an
// error is no more than logged.
func (db *DB) note(ctx context.Context, u Upkeep) {
	if db.core.readOnly || db.core.refuseInTx() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noteWait)
	defer cancel()
	if err := db.NoteUpkeep(ctx, u); err != nil && !errors.Is(err, ErrReadOnly) {
		db.core.log.Warn("it is not noted when the database was looked after", "error", err)
	}
}
