package engagement_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestAVerificationIsNoted(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, clock := context.Background(), newClock(noon)
		db := open(clock.option())
		fireOn(t, db, 1, noon)
		same(t, "before", must(db.Upkeep(ctx))(t), engagement.Upkeep{})
		must(db.Verify(ctx))(t)
		same(t, "verified", must(db.Upkeep(ctx))(t), engagement.Upkeep{LastVerify: &engagement.Verification{At: noon}})
		clock.Advance(time.Hour)
		noError(t, db.DefineMetric(ctx, engagement.MetricDefinition{Name: "m", What: "count", Of: "fires", Per: "user"}))
		noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
			_, err := tx.SQL().ExecContext(ctx, "UPDATE user_stats SET streak_longest = 7")
			return err
		}))
		findings := must(db.Verify(ctx))(t).Findings
		want := engagement.Upkeep{LastVerify: &engagement.Verification{At: noon.Add(time.Hour), Findings: int64(len(findings))}}
		same(t, "verified again", must(db.Upkeep(ctx))(t), want)
		if len(findings) == 0 {
			t.Error("nothing was found")
		}
		at := noon.Add(-time.Hour)
		noError(t, db.NoteUpkeep(ctx, engagement.Upkeep{LastBackup: &at}))
		want.LastBackup = &at
		same(t, "a backup by other means", must(db.Upkeep(ctx))(t), want)
		wantError(t, db.NoteUpkeep(ctx, engagement.Upkeep{LastBackup: new(time.Time)}), engagement.ErrInvalid)
		wantError(t, db.NoteUpkeep(ctx, engagement.Upkeep{LastVerify: &engagement.Verification{At: at, Findings: -1}}), engagement.ErrInvalid)
		same(t, "after what makes no sense", must(db.Upkeep(ctx))(t), want)
	})
}

func TestABackupIsNoted(t *testing.T) {
	t.Parallel()
	ctx, dsn := t.Context(), freshFile(t)
	db := openAt(t, dsn, newClock(noon).option())
	noError(t, db.Backup(ctx, filepath.Join(t.TempDir(), "copy.db")))
	at := noon
	same(t, "backed up", must(db.Upkeep(ctx))(t), engagement.Upkeep{LastBackup: &at})
	wantError(t, db.Backup(ctx, filepath.Join(t.TempDir(), "no", "folder.db")), engagement.ErrInvalid)
	noError(t, db.Close())

	reading := openAt(t, dsn, engagement.WithReadOnly(), newClock(noon.Add(time.Hour)).option())
	must(reading.Verify(ctx))(t)
	noError(t, reading.Backup(ctx, filepath.Join(t.TempDir(), "copy.db")))
	same(t, "of a database opened for reading", must(reading.Upkeep(ctx))(t), engagement.Upkeep{LastBackup: &at})
	wantError(t, reading.NoteUpkeep(ctx, engagement.Upkeep{LastBackup: &at}), engagement.ErrReadOnly)
}

func TestWhatIsNotedOfUpkeepMakesSense(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		for setting, value := range map[string]string{"last_verify": `{"at":"yesterday"}`, "last_backup": "yesterday"} {
			set := func(statement string, args ...any) {
				noError(t, db.Tx(ctx, func(tx *engagement.Tx) error {
					_, err := tx.SQL().ExecContext(ctx, statement, args...)
					return err
				}))
			}
			set("INSERT INTO settings (name, value) VALUES ($1, $2)", setting, value)
			_, err := db.Upkeep(ctx)
			wantError(t, err, engagement.ErrCorrupt)
			found(t, must(db.Verify(ctx))(t), finding("V7", "setting "+setting, "value"))
			set("DELETE FROM settings WHERE name = $1 OR name = 'last_verify'", setting)
		}
	})
}
