package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"math"
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

func TestArgumentsThatAreRefused(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		name string
		call func(db *engagement.DB) error
		says string // the field and its value
	}{
		{"a fire of user 0", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{SignalID: "A"})
			return err
		}, "user id 0"},
		{"a fire of no signal", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1})
			return err
		}, `signal id ""`},
		{"a fire before 1970", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A", At: time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)})
			return err
		}, `timestamp "1969-12-31T23:59:59Z"`},
		{"a fire on the first day of 1970, which stands for unknown", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A", At: time.Date(1970, 1, 1, 23, 59, 59, 0, time.UTC)})
			return err
		}, `timestamp "1970-01-01T23:59:59Z"`},
		{"a fire in the year 0", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A", At: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)})
			return err
		}, `timestamp "0000-01-01T00:00:00Z"`},
		{"a fire more than a day ahead", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A", At: noon.Add(24*time.Hour + time.Microsecond)})
			return err
		}, `timestamp "2026-01-15T12:00:00`},
		{"a fire in the year 10000", func(db *engagement.DB) error {
			_, err := db.RecordFire(ctx, engagement.Fire{UserID: 1, SignalID: "A", At: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)})
			return err
		}, `timestamp "10000-01-01T00:00:00Z"`},
		{"a trade of user 0", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{TradeID: "t"})
			return err
		}, "user id 0"},
		{"a trade without an id", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1})
			return err
		}, `trade id ""`},
		{"a trade that is not a number", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", PnL: math.NaN()})
			return err
		}, "P&L NaN"},
		{"a trade with an unknown outcome", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", Outcome: 4})
			return err
		}, "outcome 4"},
		{"a trade with a negative outcome", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", Outcome: -1})
			return err
		}, "outcome -1"},
		{"a trade more than a day ahead", func(db *engagement.DB) error {
			_, err := db.RecordTrade(ctx, engagement.Trade{UserID: 1, TradeID: "t", ClosedAt: noon.Add(25 * time.Hour)})
			return err
		}, `closing time "2026-01-15T13:00:00Z"`},
		{"a P&L of user 0", func(db *engagement.DB) error { _, err := db.UpdateUserPnL(ctx, 0, 1, true); return err }, "user id 0"},
		{"an infinite P&L", func(db *engagement.DB) error { _, err := db.UpdateUserPnL(ctx, 1, math.Inf(1), true); return err }, "P&L +Inf"},
		{"erasing user 0", func(db *engagement.DB) error { _, err := db.EraseUser(ctx, 0); return err }, "user id 0"},
		{"the fire of user 0", func(db *engagement.DB) error { _, err := db.Fire(ctx, 0, "A"); return err }, "user id 0"},
		{"the fire for no signal", func(db *engagement.DB) error { _, err := db.Fire(ctx, 1, ""); return err }, "signal id"},
		{"the trade of user 0", func(db *engagement.DB) error { _, err := db.Trade(ctx, 0, "t"); return err }, "user id 0"},
		{"the trade of no id", func(db *engagement.DB) error { _, err := db.Trade(ctx, 1, ""); return err }, "trade id"},
		{"the totals of user 0", func(db *engagement.DB) error { _, err := db.UserStats(ctx, 0); return err }, "user id 0"},
		{"the summary of user 0", func(db *engagement.DB) error { _, err := db.UserSummary(ctx, 0); return err }, "user id 0"},
		{"the rank of user 0", func(db *engagement.DB) error {
			_, err := db.UserRank(ctx, engagement.Board{Ranking: engagement.ByPnL}, 0)
			return err
		}, "user id 0"},
		{"the export of user 0", func(db *engagement.DB) error { _, err := db.ExportUser(ctx, 0); return err }, "user id 0"},
		{"fewer fires than none", func(db *engagement.DB) error {
			_, err := db.Fires(ctx, engagement.FireFilter{UserID: 1}, engagement.PageQuery{Limit: -1})
			return err
		}, "limit -1"},
		{"more fires than the limit", func(db *engagement.DB) error {
			_, err := db.Fires(ctx, engagement.FireFilter{SignalID: "A"}, engagement.PageQuery{Limit: engagement.MaxLimit + 1})
			return err
		}, "limit 10001"},
		{"more users than the limit", func(db *engagement.DB) error {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires}, engagement.PageQuery{Limit: engagement.MaxLimit + 1})
			return err
		}, "limit 10001"},
		{"a freeze of user 0", func(db *engagement.DB) error {
			_, err := db.GrantFreeze(ctx, engagement.Freeze{GrantID: "g"})
			return err
		}, "user id 0"},
		{"a freeze without a grant id", func(db *engagement.DB) error {
			_, err := db.GrantFreeze(ctx, engagement.Freeze{UserID: 1})
			return err
		}, `grant id ""`},
		{"streak rules without a day to fire on", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{RestDays: []time.Weekday{0, 1, 2, 3, 4, 5, 6}})
		}, "rest days"},
		{"an eighth day of the week", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{RestDays: []time.Weekday{7}})
		}, "rest day 7"},
		{"milestones that do not ascend", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{Milestones: []int64{3, 3}})
		}, "milestones []int64{3, 3}"},
		{"a milestone of no day", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{Milestones: []int64{0}})
		}, "milestones []int64{0}"},
		{"too many milestones", func(db *engagement.DB) error {
			var milestones []int64
			for i := range engagement.MaxMilestones + 1 {
				milestones = append(milestones, int64(i)+1)
			}
			return db.SetStreakRules(ctx, engagement.StreakRules{Milestones: milestones})
		}, "milestones"},
		{"a freeze cap below 0", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{FreezeCap: -1})
		}, "freeze cap -1"},
		{"a freeze cap above the bound", func(db *engagement.DB) error {
			return db.SetStreakRules(ctx, engagement.StreakRules{FreezeCap: engagement.MaxFreezeCap + 1})
		}, "freeze cap 31"},
		{"more streaks than the limit", func(db *engagement.DB) error {
			_, err := db.StreakLeaderboard(ctx, engagement.PageQuery{Limit: 10_001})
			return err
		}, "limit 10001"},
		{"more signals than the limit", func(db *engagement.DB) error {
			_, err := db.PopularSignals(ctx, engagement.Days(1, 2), engagement.PageQuery{Limit: -2})
			return err
		}, "limit -2"},
		{"more trades than the limit", func(db *engagement.DB) error {
			_, err := db.Trades(ctx, engagement.TradeFilter{}, engagement.PageQuery{Limit: 10_001})
			return err
		}, "limit 10001"},
		{"the trades of an unknown outcome", func(db *engagement.DB) error {
			_, err := db.Trades(ctx, engagement.TradeFilter{Outcome: 7}, anyPage)
			return err
		}, "outcome 7"},
		{"a board of no ranking", func(db *engagement.DB) error { _, err := db.Leaderboard(ctx, engagement.Board{}, anyPage); return err }, "ranking 0"},
		{"a board of a window that ends before it starts", func(db *engagement.DB) error {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires, Window: engagement.Days(20_001, 20_000)}, anyPage)
			return err
		}, "window \"2024-10-05..2024-10-04\""},
		{"a board of less than one decided trade", func(db *engagement.DB) error {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByWinRate, MinDecided: -1}, anyPage)
			return err
		}, "minimum of decided trades -1"},
		{"a board of no users", func(db *engagement.DB) error {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires, Users: []int64{}}, anyPage)
			return err
		}, "number of users 0"},
		{"a board of too many users", func(db *engagement.DB) error {
			_, err := db.Leaderboard(ctx, engagement.Board{Ranking: engagement.ByFires, Users: make([]int64, engagement.MaxLimit+1)}, anyPage)
			return err
		}, "number of users 10001"},
		{"a board of user 0", func(db *engagement.DB) error {
			_, err := db.UserRank(ctx, engagement.Board{Ranking: engagement.ByFires, Users: []int64{1, 0}}, 1)
			return err
		}, "user id 0"},
		{"around a user, nobody", func(db *engagement.DB) error {
			_, err := db.Around(ctx, engagement.Board{Ranking: engagement.ByFires}, 1, 0)
			return err
		}, "number of neighbours 0"},
		{"around user 0", func(db *engagement.DB) error {
			_, err := db.Around(ctx, engagement.Board{Ranking: engagement.ByFires}, 0, 1)
			return err
		}, "user id 0"},
		{"a user head to head with himself", func(db *engagement.DB) error {
			_, err := db.HeadToHead(ctx, 1, 1, engagement.AllTime())
			return err
		}, "user id 1"},
		{"user 0 head to head", func(db *engagement.DB) error {
			_, err := db.HeadToHead(ctx, 1, 0, engagement.AllTime())
			return err
		}, "user id 0"},
		{"head to head backwards in time", func(db *engagement.DB) error {
			_, err := db.HeadToHead(ctx, 1, 2, engagement.Days(2, 1))
			return err
		}, "window"},
		{"keeping no days", func(db *engagement.DB) error { _, err := db.Cleanup(ctx, 0); return err }, "days to keep 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachEngine(t, func(t *testing.T, open openFunc) {
				db := open(newClock(noon).option())
				fireOn(t, db, 1, noon)
				unchanged(t, db, func() {
					err := tt.call(db)
					only(t, err, engagement.ErrInvalid)
					contains(t, err, tt.says, refusal(t, err).Field)
				})
			})
		})
	}
}

func TestTheLargestLimitIsAccepted(t *testing.T) {
	forEachEngine(t, func(t *testing.T, open openFunc) {
		ctx, db := context.Background(), open(newClock(noon).option())
		var fires []engagement.Fire
		for i := range engagement.DefaultLimit + 20 {
			fires = append(fires, engagement.Fire{UserID: 1, SignalID: fmt.Sprint("S_", i)}, engagement.Fire{UserID: int64(i + 2), SignalID: "same"})
		}
		must(db.RecordFires(ctx, fires))(t)
		for limit, want := range map[int]int{0: engagement.DefaultLimit, 1: 1, engagement.MaxLimit: engagement.DefaultLimit + 20} {
			same(t, "UserFires", len(must(db.Fires(ctx, engagement.FireFilter{UserID: 1}, engagement.PageQuery{Limit: limit}))(t).Items), want)
			same(t, "SignalFires", len(must(db.Fires(ctx, engagement.FireFilter{SignalID: "same"}, engagement.PageQuery{Limit: limit}))(t).Items), want)
		}
	})
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
