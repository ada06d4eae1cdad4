package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	migrate "github.com/pressly/goose/v3"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/migrations"
)

// interrupted copies from source to target and gives up when a part of the
// progress is reported.
func interrupted(t tb, source, target string, part float64) {
	t.Helper()
	db := openAt(t, source)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ctx = engagement.ContextWithProgress(ctx, func(done, total int64) {
		if float64(done) >= part*float64(total) {
			cancel()
		}
	})
	if _, err := db.CopyTo(ctx, target); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want a copy that was given up", err)
	}
	noError(t, db.Close())
}

func TestAnUnfinishedCopyCannotBeOpened(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, target := richDSN(t, from), to.fresh(t)
		early := openAt(t, target)
		for _, part := range []float64{0.01, 0.3, 0.9} {
			interrupted(t, source, target, part)
			for _, opts := range [][]engagement.Option{nil, {engagement.WithReadOnly()}} {
				_, err := engagement.Open(context.Background(), target, opts...)
				if !errors.Is(err, engagement.ErrSchema) || !strings.Contains(err.Error(), "unfinished copy") {
					t.Fatalf("Open: %v", err)
				}
			}
		}
		_, err := early.CopyTo(context.Background(), from.fresh(t))
		if !errors.Is(err, engagement.ErrSchema) {
			t.Errorf("copy of an unfinished copy: %v", err)
		}
		report := copyTo(t, source, target)
		if report.Written >= report.Rows {
			t.Errorf("everything was written again: %+v", report)
		}
		sameContents(t, target, source)
	})
}

func TestWhatHappenedToAnUnfinishedCopyIsPutRight(t *testing.T) {
	damage := []string{
		"DELETE FROM signal_fires WHERE user_id = 1",
		"UPDATE signal_fires SET executed = NOT executed WHERE user_id = 2",
		"UPDATE signal_fires SET id = -id WHERE user_id = 3",
		"UPDATE trades SET pnl_micros = pnl_micros + 1, outcome = 'draw'",
		"UPDATE fire_totals SET last_updated = '2020-01-01 00:00:00+00:00'",
		"UPDATE user_states SET pnl = pnl + 0.1",
		"UPDATE user_days SET day = day + 100000 WHERE user_id = 4",
		"UPDATE signal_metrics SET signal_id = signal_id || 'X'",
		"UPDATE signal_days SET fires = 0",
		"DELETE FROM days",
		"INSERT INTO signal_fires (user_id, signal_id) VALUES (9223372036854775807, 'ZZZ'), (-9223372036854775807, 'ZZZ')",
		"INSERT INTO trades (user_id, trade_id, pnl_micros, outcome) VALUES (1, 'a trade', 1, 'win')",
		"INSERT INTO user_states (user_id) VALUES (77777777)",
		"INSERT INTO fire_totals (user_id) VALUES (77777777) ON CONFLICT DO NOTHING",
		"INSERT INTO signal_metrics (signal_id) VALUES ('')",
		"INSERT INTO signal_days (signal_id, day) VALUES ('ZZZ', 1)",
		"INSERT INTO days (day) WITH RECURSIVE n(i) AS (SELECT -9000 UNION ALL SELECT i + 1 FROM n WHERE i < -4000) SELECT i FROM n",
		"UPDATE settings SET value = 'Asia/Tokyo' WHERE name = 'time_zone'",
		"INSERT INTO settings (name, value) VALUES ('zzz', '')",
	}
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, target := richDSN(t, from), to.fresh(t)
		interrupted(t, source, target, 0.9)
		execSQL(t, target, damage...)
		report := copyTo(t, source, target)
		if report.Written == 0 || report.Deleted == 0 {
			t.Errorf("got %+v", report)
		}
		sameContents(t, target, source)
	})
}

func TestIDsThatWereSwappedInAnUnfinishedCopyArePutRight(t *testing.T) {
	t.Parallel()
	source, target := richDSN(t, engines[0]), freshFile(t)
	interrupted(t, source, target, 0.9)
	execSQL(t, target,
		"CREATE TEMP TABLE swapped AS SELECT user_id, signal_id, id FROM signal_fires",
		"UPDATE signal_fires SET id = -id",
		"UPDATE signal_fires SET id = (SELECT MAX(-id) + MIN(-id) FROM signal_fires WHERE id < 0) + id WHERE id < 0")
	copyTo(t, source, target)
	sameContents(t, target, source)
}

func TestACopyGoesOnWithWhatTheDatabaseHasBecome(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, target := richDSN(t, from), to.fresh(t)
		interrupted(t, source, target, 0.6)
		db := openAt(t, source, newClock(noon).option())
		must(db.EraseUser(context.Background(), 1))(t)
		must(db.Cleanup(context.Background(), 5))(t)
		fire(t, db, engagement.Fire{UserID: 9, SignalID: "LATER", Executed: true})
		noError(t, db.Close())
		if report := copyTo(t, source, target); report.Deleted == 0 {
			t.Errorf("got %+v, want rows deleted", report)
		}
		sameContents(t, target, source)
	})
}

func TestTheLaterOfTwoCopiesToOneTargetWins(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		first, second, target := richDSN(t, from), from.fresh(t), to.fresh(t)
		fire(t, openAt(t, second), engagement.Fire{UserID: 1, SignalID: "SECOND"})
		once := false
		ctx := engagement.ContextWithProgress(context.Background(), func(int64, int64) {
			if !once {
				once = true
				copyTo(t, second, target)
			}
		})
		if _, err := openAt(t, first).CopyTo(ctx, target); !errors.Is(err, engagement.ErrConflict) {
			t.Errorf("the first: got %v, want %v", err, engagement.ErrConflict)
		}
		sameContents(t, target, second)
	})
}

func TestACopyThatIsWrittenToIsNotFinished(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, target := richDSN(t, from), to.fresh(t)
		early := openAt(t, target, newClock(noon).option())
		written := false
		ctx := engagement.ContextWithProgress(context.Background(), func(done, total int64) {
			if done >= total/2 && !written { // all is copied, nothing compared
				written = true
				fire(t, early, engagement.Fire{UserID: 1, SignalID: "EARLY"})
			}
		})
		_, err := openAt(t, source).CopyTo(ctx, target)
		want := `signal_fires: user 1, signal "EARLY"`
		if !errors.Is(err, engagement.ErrCorrupt) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		noError(t, early.Close())
		copyTo(t, source, target)
		sameContents(t, target, source)
	})
}

func TestACopyWithAnotherStructureIsNotFinished(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, target := richDSN(t, from), to.fresh(t)
		noError(t, openAt(t, target).Close())
		execSQL(t, target, "DROP INDEX idx_trades_closed_at")
		_, err := openAt(t, source).CopyTo(context.Background(), target)
		if !errors.Is(err, engagement.ErrCorrupt) || !strings.Contains(err.Error(), "idx_trades_closed_at") {
			t.Errorf("got %v", err)
		}
		if _, err := engagement.Open(context.Background(), target); !errors.Is(err, engagement.ErrSchema) {
			t.Errorf("Open: %v", err)
		}
	})
}

// An interrupted copy leaves tables of any version behind.
func TestACopyGoesOnWithTheTablesThatAnInterruptedOneHasMade(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source := richDSN(t, from)
		for version := range int64(len(allVersions) - 1) {
			target := to.fresh(t)
			migrateTo(t, target, version)
			copyTo(t, source, target)
			same(t, fmt.Sprintf("all rows, from version %d on", version), dump(t, target), dump(t, source))
		}
	})
}

func TestATargetOfAnOlderSchemaWithContentIsRefusedAndNotTouched(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source := openAt(t, richDSN(t, from))
		for version, want := range map[int64]error{0: engagement.ErrInvalid, 1: engagement.ErrSchema, 3: engagement.ErrSchema} {
			target := to.fresh(t)
			migrateTo(t, target, max(version, 1))
			execSQL(t, target, "INSERT INTO signal_fires (user_id, signal_id) VALUES (1, 'X')")
			if version == 0 {
				migrateTo(t, target, 0)
			}
			before := dump(t, target)
			if _, err := source.CopyTo(context.Background(), target); !errors.Is(err, want) {
				t.Errorf("version %d: got %v, want %v", version, err, want)
			}
			same(t, fmt.Sprintf("all rows of version %d", version), dump(t, target), before)
		}
	})
}

// migrateTo takes a database up or down to a version, as the goose command would.
func migrateTo(t tb, dsn string, version int64) {
	t.Helper()
	db := openSQL(t, dsn)
	defer db.Close()
	dialect, files := migrate.DialectSQLite3, fs.FS(migrations.SQLite)
	if isPostgres(dsn) {
		dialect, files = migrate.DialectPostgres, migrations.Postgres
	}
	provider := must(migrate.NewProvider(dialect, db, files, migrate.WithDisableGlobalRegistry(true)))(t)
	ctx := context.Background()
	switch at := must(provider.GetDBVersion(ctx))(t); { // which makes goose's own table
	case at > version:
		must(provider.DownTo(ctx, version))(t)
	case at < version:
		must(provider.UpTo(ctx, version))(t)
	}
}

func TestACopyThatIsGivenUpAtOnceMakesNothing(t *testing.T) {
	t.Parallel()
	target := filepath.Join(filepath.Dir(freshFile(t)), "new folder", "copy.db")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := openAt(t, engines[0].migrated(t)).CopyTo(ctx, target)
	wantError(t, err, context.Canceled)
	if _, err := os.Stat(filepath.Dir(target)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder was made: %v", err)
	}
}
