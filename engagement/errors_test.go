package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

var sentinels = map[string]error{
	"ErrInvalid": engagement.ErrInvalid, "ErrNotFound": engagement.ErrNotFound, "ErrConflict": engagement.ErrConflict,
	"ErrBusy": engagement.ErrBusy, "ErrSchema": engagement.ErrSchema, "ErrCorrupt": engagement.ErrCorrupt,
	"ErrUnavailable": engagement.ErrUnavailable, "ErrDenied": engagement.ErrDenied, "ErrStorage": engagement.ErrStorage,
	"ErrReadOnly": engagement.ErrReadOnly, "ErrClosed": engagement.ErrClosed,
}

// refusal returns the typed refusal of an argument.
func refusal(t tb, err error) *engagement.InvalidError {
	t.Helper()
	wantError(t, err, engagement.ErrInvalid)
	refused, ok := errors.AsType[*engagement.InvalidError](err)
	if !ok {
		t.Fatalf("%v does not say which argument was refused", err)
	}
	return refused
}

// only fails the test unless err is of this kind and of no other.
func only(t tb, err, kind error) {
	t.Helper()
	wantError(t, err, kind)
	for name, sentinel := range sentinels {
		if sentinel != kind && errors.Is(err, sentinel) {
			t.Errorf("%v is %s as well", err, name)
		}
	}
}

func TestErrConflictAndNotFoundAreOfNoOtherKind(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "t", PnL: 1})
		_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", PnL: 2})
		only(t, err, engagement.ErrConflict)
		_, err = db.UserStats(ctx, 2)
		only(t, err, engagement.ErrNotFound)
		noError(t, db.Close())
		_, err = db.UserStats(ctx, 2)
		only(t, err, engagement.ErrClosed)
	})
}

func TestErrReadOnly(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx := context.Background()
		db := open(newClock(noon).option())
		fireOn(t, db, 1, noon)
		want := read(t, db)
		noError(t, db.Close())
		db = open(newClock(noon).option(), engagement.WithReadOnly())
		unchanged(t, db, func() {
			for name, call := range map[string]func() error{
				"RecordFire": func() error {
					_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A"})
					return err
				},
				"RecordFires": func() error {
					_, err := db.RecordFires(ctx, []engagement.Fire{{UserID: 1, SignalID: "A"}})
					return err
				},
				"RecordTrade": func() error {
					_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t"})
					return err
				},
				"UpdateUserPnL": func() error { _, err := db.UpdateUserPnL(ctx, 1, 1, true); return err },
				"Cleanup":       func() error { _, err := db.Cleanup(ctx, 1); return err },
				"EraseUser":     func() error { _, err := db.EraseUser(ctx, 1); return err },
				"Rebuild":       func() error { _, err := db.Rebuild(ctx); return err },
				"Tx":            func() error { return db.Tx(ctx, func(*engagement.Tx) error { return nil }) },
			} {
				err := call()
				if !errors.Is(err, engagement.ErrReadOnly) {
					t.Errorf("%s: got %v, want %v", name, err, engagement.ErrReadOnly)
				}
			}
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1})
			only(t, err, engagement.ErrInvalid) // a bad argument is bad anywhere
		})
		same(t, "contents", read(t, db), want)
	})
}

func TestWhatIsGivenUpIsTheContextsErrorAndNoOther(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		db := openVaried(t, freshFile(t))
		other := open(newClock(noon).option())
		dir := t.TempDir()
		for i := range 30 {
			for name, call := range map[string]func(ctx context.Context) error{
				"Backup": func(ctx context.Context) error { return db.Backup(ctx, filepath.Join(dir, fmt.Sprint(i, ".db"))) },
				"CopyTo": func(ctx context.Context) error {
					_, err := other.CopyTo(ctx, filepath.Join(dir, fmt.Sprint(i, "-copy.db")))
					return err
				},
				"Open": func(ctx context.Context) error {
					return engagement.Migrate(ctx, filepath.Join(dir, fmt.Sprint(i, "-new.db")))
				},
				"Verify": func(ctx context.Context) error { _, err := other.Verify(ctx); return err },
				"Tx": func(ctx context.Context) error {
					return other.Tx(ctx, func(tx *engagement.Tx) error { _, err := tx.UpdateUserPnL(ctx, 1, 1, true); return err })
				},
			} {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i*i)*40*time.Microsecond)
				err := call(ctx)
				cancel()
				if err == nil {
					continue
				}
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: got error %v, want that of its context", name, err)
				}
				for _, sentinel := range sentinels {
					if errors.Is(err, sentinel) {
						t.Errorf("%s: %v is %v", name, err, sentinel)
					}
				}
			}
		}
	})
}

// The rest is about files, so only for SQLite.

func TestErrCorrupt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("a horizon that is no number", func(t *testing.T) {
		t.Parallel()
		dsn := freshFile(t)
		db := openVaried(t, dsn)
		tamper(t, dsn, "UPDATE settings SET value = 'soon' WHERE name = 'horizon'")
		_, err := db.Horizon(ctx)
		only(t, err, engagement.ErrCorrupt)
		contains(t, err, "horizon", `"soon"`)
		_, err = db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A"})
		only(t, err, engagement.ErrCorrupt)
	})
	t.Run("a page that was overwritten", func(t *testing.T) {
		t.Parallel()
		dsn := freshFile(t)
		db := openVaried(t, dsn)
		noError(t, db.Close())
		file := must(os.OpenFile(dsn, os.O_RDWR, 0))(t)
		size := must(file.Stat())(t).Size()
		for page := int64(4096); page < size; page += 4096 { // all but the schema
			must(file.WriteAt(make([]byte, 64), page))(t)
		}
		noError(t, file.Close())
		reopened, err := engagement.Open(ctx, dsn)
		if err == nil {
			_, err = reopened.UserStats(ctx, 1)
			noError(t, reopened.Close())
		}
		only(t, err, engagement.ErrCorrupt)
	})
}

func TestErrSchema(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, dsn string)
		opts    []engagement.Option
		says    string
	}{
		{"a file of something else", func(t *testing.T, dsn string) {
			noError(t, os.WriteFile(dsn, []byte("this is a letter to my grandmother, and no database at all"), 0o600))
		}, nil, "not a SQLite database"},
		{"a database of something else", func(t *testing.T, dsn string) {
			noError(t, os.WriteFile(dsn, nil, 0o600))
			tamper(t, dsn, "CREATE TABLE recipes (id INTEGER PRIMARY KEY, text TEXT)")
		}, nil, "not an engagement database"},
		{"a newer schema", func(t *testing.T, dsn string) {
			noError(t, openAt(t, dsn).Close())
			tamper(t, dsn, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)")
		}, nil, "version 99999 is newer"},
		{"a missing column", func(t *testing.T, dsn string) {
			noError(t, openAt(t, dsn).Close())
			tamper(t, dsn, "ALTER TABLE days DROP COLUMN active_users")
		}, nil, "days.active_users"},
		{"no file, to be read only", func(*testing.T, string) {}, []engagement.Option{engagement.WithReadOnly()}, "file does not exist"},
		{"no file, not to be migrated", func(*testing.T, string) {}, []engagement.Option{engagement.WithoutMigrate()}, "file does not exist"},
	} {
		t.Run(tt.name+" is refused and not touched", func(t *testing.T) {
			t.Parallel()
			dsn := freshFile(t)
			tt.prepare(t, dsn)
			before, beforeErr := os.ReadFile(dsn)
			_, err := engagement.Open(ctx, dsn, tt.opts...)
			only(t, err, engagement.ErrSchema)
			contains(t, err, tt.says)
			after, afterErr := os.ReadFile(dsn)
			same(t, "the file", string(after), string(before))
			same(t, "whether there is a file", os.IsNotExist(afterErr), os.IsNotExist(beforeErr))
			if entries := must(os.ReadDir(filepath.Dir(dsn)))(t); len(entries) > 1 {
				t.Errorf("there are other files: %v", entries)
			}
		})
	}
}
