package engagement_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestACopyHoldsAndAnswersTheSame(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, target := richDSN(t, from), to.fresh(t)
		report := copyTo(t, source, target)
		sameContents(t, target, source)
		same(t, "time zone", openAt(t, target).Location().String(), "Europe/Berlin")
		same(t, "rows", report.Rows, int64(len(dump(t, source))))
		same(t, "rows written", report.Written, report.Rows)
		same(t, "rows deleted", report.Deleted, int64(0))
		same(t, "what Verify says", report.Copy, proven(t, openAt(t, source)), cmpopts.IgnoreFields(engagement.Report{}, "Timestamp"), withoutAside)
		same(t, "rows left behind", report.Aside, int64(2))
	})
}

func TestACopyGoesThereAndBack(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, there, back := richDSN(t, from), to.fresh(t), from.fresh(t)
		copyTo(t, source, there)
		copyTo(t, there, back)
		same(t, "all rows", dump(t, back), dump(t, source))
	})
}

func TestEveryTableIsCopiedOrLeftOutForAReason(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		dsn := e.migrated(t)
		db := openSQL(t, dsn)
		defer db.Close()
		known := engagement.CopiedTables()
		for table, reason := range engagement.NotCopied {
			known = append(known, table)
			if reason == "" || slices.Contains(engagement.CopiedTables(), table) {
				t.Errorf("%s: left out for the reason %q", table, reason)
			}
		}
		slices.Sort(known)
		same(t, e.name+": tables in copyTables or notCopied", known, allTables(t, db, dsn))
	}
}

func TestACopyHasTheModeOfTheFileThatItIsOf(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o600, 0o640} {
		source, target := engines[0].migrated(t), filepath.Join(filepath.Dir(freshFile(t)), "folder", "copy.db")
		noError(t, os.Chmod(source, mode))
		db := openAt(t, source)
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "A"})
		looked := 0
		ctx := engagement.ContextWithProgress(context.Background(), func(int64, int64) {
			for _, path := range must(filepath.Glob(target + "*"))(t) {
				same(t, "mode of "+filepath.Base(path)+" while it is made", must(os.Stat(path))(t).Mode().Perm(), mode)
				looked++
			}
		})
		must(db.CopyTo(ctx, target))(t)
		same(t, "mode of the copy", must(os.Stat(target))(t).Mode().Perm(), mode)
		if looked < 3 {
			t.Errorf("%d files were seen meanwhile", looked)
		}
	}
}

// A table or column that the copy forgets arrives with its default value, or
// not at all. The tests above see it if the rich database has another value.
func TestTheRichDatabaseHasSomethingInEveryColumn(t *testing.T) {
	t.Parallel()
	dsn := richDSN(t, engines[0])
	db := openSQL(t, dsn)
	defer db.Close()
	for _, table := range tablesOf(t, db, dsn) {
		columns := query(t, dsn, "SELECT name, COALESCE(dflt_value, 'NULL') FROM pragma_table_info('"+table+"')",
			func(rows *sql.Rows) (column [2]string, err error) { return column, rows.Scan(&column[0], &column[1]) })
		for _, column := range columns {
			var n int
			noError(t, db.QueryRow(fmt.Sprintf("SELECT COUNT(*) FROM %s WHERE %s IS NOT (%s)", table, column[0], column[1])).Scan(&n))
			if n == 0 {
				t.Errorf("%s.%s has its default value everywhere: let richDSN make another", table, column[0])
			}
		}
	}
}

func TestACopyGoesOnWithFreshIDs(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, target := richDSN(t, from), to.fresh(t)
		copyTo(t, source, target)
		db := openAt(t, target, newClock(noon).option())
		highest := func(table string) (id int64) {
			raw := openSQL(t, target)
			defer raw.Close()
			noError(t, raw.QueryRow("SELECT MAX(id) FROM "+table).Scan(&id))
			return id
		}
		fires, trades := highest("signal_fires"), highest("trades")
		fire(t, db, engagement.Fire{UserID: 1, SignalID: "NEW"})
		trade(t, db, engagement.Trade{UserID: 1, TradeID: "NEW", PnL: 1})
		same(t, "id of the new fire", highest("signal_fires"), fires+1)
		same(t, "id of the new trade", highest("trades"), trades+1)
		proven(t, db)
	})
}

func TestACopyIsOfTheMomentItBegan(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, target := richDSN(t, from), to.fresh(t)
		db := openAt(t, source, newClock(noon).option())
		before, writes := dump(t, source), 0
		ctx := engagement.ContextWithProgress(context.Background(), func(int64, int64) {
			writes++
			fire(t, db, engagement.Fire{UserID: int64(writes), SignalID: "MEANWHILE", Executed: true})
			trade(t, db, engagement.Trade{UserID: int64(writes), TradeID: "MEANWHILE", PnL: 1})
		})
		must(db.CopyTo(ctx, target))(t)
		if writes < 10 {
			t.Fatalf("only %d facts were written meanwhile", writes)
		}
		same(t, "rows of the copy", dump(t, target), before)
	})
}

func TestATargetWithContentIsRefusedAndNotTouched(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source := openAt(t, richDSN(t, from))
		for _, row := range []string{
			"signal_fires (user_id, signal_id) VALUES (1, 'X')",
			"trades (user_id, trade_id, pnl_micros, outcome) VALUES (1, 'X', 1, 'win')",
			"user_states (user_id) VALUES (1)",
			"user_days (user_id, day) VALUES (1, 1)",
			"signal_metrics (signal_id) VALUES ('')",
			"signal_days (signal_id, day) VALUES ('X', 1)",
			"days (day) VALUES (1)",
		} {
			target := to.fresh(t)
			noError(t, openAt(t, target).Close())
			execSQL(t, target, "INSERT INTO "+row)
			before := dump(t, target)
			_, err := source.CopyTo(context.Background(), target)
			if !errors.Is(err, engagement.ErrInvalid) || !strings.Contains(err.Error(), "it has content") {
				t.Errorf("%s: got %v", row, err)
			}
			same(t, row, dump(t, target), before)
		}
	})
}

func TestADatabaseThatIsOnlyMadeIsEmpty(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, target := richDSN(t, from), to.fresh(t)
		noError(t, openAt(t, target, engagement.WithLocation(zone(t, "Asia/Tokyo"))).Close())
		copyTo(t, source, target)
		sameContents(t, target, source)
	})
}

func TestFilesThatCannotBeCopiedTo(t *testing.T) {
	t.Parallel()
	source := openAt(t, richDSN(t, engines[0]))
	for _, tt := range []struct {
		name string
		make func(path string)
		want error
	}{
		{"a file of the predecessor", func(path string) { copyFixture(t, unsettled, path) }, engagement.ErrInvalid},
		{"no database", func(path string) { noError(t, os.WriteFile(path, []byte("remember the milk"), 0o600)) }, engagement.ErrSchema},
		{"another program's database", func(path string) { execute(t, path, "CREATE TABLE notes (id INTEGER)") }, engagement.ErrSchema},
	} {
		path := freshFile(t)
		tt.make(path)
		before := must(os.ReadFile(path))(t)
		if _, err := source.CopyTo(context.Background(), path); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
		if !bytes.Equal(must(os.ReadFile(path))(t), before) {
			t.Errorf("%s: it was changed", tt.name)
		}
	}
}

func TestWrongTargetsOfACopy(t *testing.T) {
	t.Parallel()
	path := richDSN(t, engines[0])
	db := openAt(t, path)
	for _, tt := range []struct {
		name, dsn string
		want      error
	}{
		{"nothing", "", engagement.ErrInvalid},
		{"memory", ":memory:", engagement.ErrInvalid},
		{"an unknown engine", "mystery://host/db", engagement.ErrInvalid},
		{"no URL", "postgres://host:port/db", engagement.ErrInvalid},
		{"itself", path, engagement.ErrInvalid},
		{"a server that is not there", "postgres://localhost:1/db", engagement.ErrUnavailable},
	} {
		if _, err := db.CopyTo(context.Background(), tt.dsn); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	proven(t, db)
	noError(t, db.Close())
	target := freshFile(t)
	if _, err := db.CopyTo(context.Background(), target); !errors.Is(err, engagement.ErrClosed) {
		t.Errorf("a closed database: got %v", err)
	}
	if _, err := os.Stat(target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

func TestAnIDThatTheTargetCannotKeepIsNamed(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{"NUL": "a\x00b", "no UTF-8": "a\xffb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := freshFile(t)
			db := openAt(t, source)
			execute(t, source, fmt.Sprintf("INSERT INTO signal_fires (user_id, signal_id) VALUES (6, 'A'), (7, CAST(X'%x' AS TEXT)), (8, 'Z')", id))
			for _, e := range engines {
				target := e.fresh(t)
				_, err := db.CopyTo(context.Background(), target)
				if !isPostgres(target) {
					noError(t, err)
					same(t, "all rows", dump(t, target), dump(t, source))
					continue
				}
				want := fmt.Sprintf("signal_fires: user 7, signal %q cannot be kept there", id)
				if !errors.Is(err, engagement.ErrInvalid) || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
			}
			for _, e := range engines { // once it is set aside, it stays behind
				same(t, "left behind", must(openAt(t, source).CopyTo(context.Background(), e.fresh(t)))(t).Aside, int64(1))
			}
		})
	}
}

func TestWhatIsWrongInTheDatabaseIsCopiedAsItIs(t *testing.T) {
	forEachDirection(t, func(t *testing.T, from, to engine) {
		source, target := richDSN(t, from), to.fresh(t)
		execSQL(t, source, "UPDATE user_days SET fires = fires + 1 WHERE user_id = 3 AND day = (SELECT MAX(day) FROM user_days WHERE user_id = 3)")
		report := copyTo(t, source, target)
		if report.Copy.OK() {
			t.Error("nothing was found wrong")
		}
		same(t, "all rows", dump(t, target), dump(t, source))
		must(openAt(t, target, newClock(noon).option()).Rebuild(context.Background()))(t)
	})
}

func TestACopyReportsItsProgress(t *testing.T) {
	t.Parallel()
	var reports [][2]int64
	ctx := engagement.ContextWithProgress(context.Background(), func(done, total int64) {
		reports = append(reports, [2]int64{done, total})
	})
	report := must(openAt(t, richDSN(t, engines[0])).CopyTo(ctx, freshFile(t)))(t)
	all := 2 * report.Rows
	i := slices.Index(reports, [2]int64{all, all})
	if i < 4 || !slices.IsSortedFunc(reports[:i], func(a, b [2]int64) int { return int(a[0] - b[0]) }) {
		t.Errorf("want rising reports up to %d, got %v", all, reports)
	}
}
