package engagement_test

import (
	"database/sql"
	"os"
	"slices"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// rewritten returns the indexes whose entries a statement rewrites in rows that are
// there already: those that its program deletes entries from.
func rewritten(t *testing.T, db *sql.DB, q *generatedQuery) []string {
	t.Helper()
	names := map[int64]string{} // by root page
	for name, page := range rootPages(t, db) {
		names[page] = name
	}
	cursors, found := map[int64]string{}, []string{}
	rows := must(db.Query("EXPLAIN "+q.text, make([]any, q.args)...))(t)
	defer rows.Close()
	for rows.Next() {
		var address, p1, p2, p3, p5 int64
		var opcode string
		var p4, comment any
		noError(t, rows.Scan(&address, &opcode, &p1, &p2, &p3, &p4, &p5, &comment))
		switch opcode {
		case "OpenWrite":
			cursors[p1] = names[p2]
		case "IdxDelete":
			found = append(found, cursors[p1])
		}
	}
	noError(t, rows.Err())
	slices.Sort(found)
	return slices.Compact(found)
}

func rootPages(t *testing.T, db *sql.DB) map[string]int64 {
	t.Helper()
	pages := map[string]int64{}
	rows := must(db.Query("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0"))(t)
	defer rows.Close()
	for rows.Next() {
		var name string
		var page int64
		noError(t, rows.Scan(&name, &page))
		pages[name] = page
	}
	noError(t, rows.Err())
	return pages
}

func TestAWriteRewritesNoIndexEntryOfWhatStaysAsItIs(t *testing.T) {
	t.Parallel()
	path := freshFile(t)
	openAt(t, path)
	db := rawDB(t, path)
	queries := generatedQueries(t, "sqlite")
	// A partial index without rows: the statement deletes none.
	const empty = "idx_user_stats_last_updated"
	for _, want := range []struct {
		query   string
		indexes []string
	}{
		{"InsertFires", []string{}},
		{"AddUserDayFires", []string{}},
		{"AddUserDayTrades", []string{}},
		{"AddUserFires", []string{"idx_user_stats_executed", empty, "idx_user_stats_total_fires"}},
		{"AddUserFiresNotExecuted", []string{empty, "idx_user_stats_total_fires"}},
		{"SetLatestStreaks", []string{"idx_user_stats_streak"}},
		{"SetLongestStreaks", []string{"idx_user_stats_longest"}},
		{"AddUserTrades", []string{empty, "idx_user_stats_pnl", "idx_user_stats_win_bound"}},
		{"AddSignalDays", []string{"idx_signal_days_day_fires"}},
		{"AddSignals", []string{}},
		{"AddDays", []string{}},
	} {
		same(t, "indexes that "+want.query+" rewrites", rewritten(t, db, queries[want.query]), want.indexes)
	}
}

// pagesOf returns how many pages writing changes of a small file, where each table and
// each index is one page: how many of them are written.
func pagesOf(t *testing.T, path string, write func()) int64 {
	t.Helper()
	const frame, header = 4096 + 24, 32
	before := must(os.Stat(path + "-wal"))(t).Size()
	write()
	return (must(os.Stat(path+"-wal"))(t).Size() - max(before, header)) / frame
}

func TestPagesThatALoneFireWrites(t *testing.T) {
	t.Parallel()
	path := freshFile(t)
	now := newClock(noon)
	db := openAt(t, path, now.option())
	signal := 0
	record := func(executed bool) func() {
		return func() {
			signal++
			fire(t, db, engagement.Fire{UserID: 1, SignalID: "A_" + string(rune('a'+signal)), Executed: executed})
		}
	}
	record(false)()
	// signal_fires, its sequence and 4 indexes; user_days; user_stats and 1 index;
	// signal_metrics and its key; signal_days and 1 index; days.
	same(t, "of a second fire of the day", pagesOf(t, path, record(false)), int64(14))
	same(t, "and of one that executed: an index", pagesOf(t, path, record(true)), int64(15))
	now.Set(noon.AddDate(0, 0, 1))
	// user_days' index, and those of latest and longest streaks.
	same(t, "of the first fire of a day", pagesOf(t, path, record(false)), int64(17))
	now.Set(noon.AddDate(0, 0, 5))
	same(t, "and of one after a missed day: no longer streak", pagesOf(t, path, record(false)), int64(16))
}
