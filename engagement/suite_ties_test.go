package engagement_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hydraxdev/engagementdb/engagement"
)

const tiedUsers = 50_000

// tie stores users who have the same place on every board, and returns the day until
// which their streaks last.
func tie(t *testing.T, dsn string, c *clock) (until int64) {
	t.Helper()
	today := int64(engagement.DayOf(c.Now(), time.UTC))
	bound := int64(math.Round(engagement.WinRateBound(20, 5) * 1e9))
	if strings.HasPrefix(dsn, "postgres") {
		plainSQL(t, dsn, fmt.Sprintf(`INSERT INTO fire_totals (user_id, total_fires, executed, last_updated)
			SELECT i, 3, 3, '2026-01-14 00:00+00' FROM generate_series(1, %d) AS i`, tiedUsers))
		plainSQL(t, dsn, fmt.Sprintf(`INSERT INTO user_states (user_id, pnl, pnl_micros,
				wins, losses, win_bound, streak_start, streak_end, streak_longest, first_day, streak_length, streak_until)
			SELECT i, 7, 7000000, 20, 5, %d, %d, %d, 3, %[2]d, 3, %[4]d FROM generate_series(1, %d) AS i`,
			bound, today-2, today, today+1, tiedUsers))
	} else {
		plainSQL(t, dsn, fmt.Sprintf(`INSERT INTO user_stats (user_id, total_fires, executed, last_updated, pnl, pnl_micros,
				wins, losses, win_bound, streak_start, streak_end, streak_longest, first_day, streak_length, streak_until)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %[5]d)
			SELECT i, 3, 3, '2026-01-14 00:00:00.000000', 7, 7000000, 20, 5, %[1]d, %[2]d, %[3]d, 3, %[2]d, 3, %[4]d FROM n`,
			bound, today-2, today, today+1, tiedUsers))
	}
	plainSQL(t, dsn, "ANALYZE")
	return today + 1
}

// On PostgreSQL the rows are counted that a statement has read. On SQLite it is how
// long it takes that tells: a page far behind the first of a tie took some twenty
// times as long as the first, before the two were read apart.
func TestAPageAmongTiesReadsFewRows(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const position, limit = 40_000, 10
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			c, dsn := newClock(noon), e.migrated(t)
			db := openAt(t, dsn, c.option())
			until := tie(t, dsn, c)

			boards := []engagement.Board{}
			for _, ranking := range engagement.Rankings() {
				boards = append(boards, engagement.Board{Ranking: ranking})
			}
			for _, board := range boards {
				rows := must(db.Around(ctx, board, position, limit))(t)
				var users []int64
				for _, row := range rows {
					users = append(users, row.UserID)
					same(t, "rank", row.Rank, int64(1))
				}
				same(t, fmt.Sprint("who is around by ", board.Ranking), users, inOrder(position-limit, position+limit))
			}
			if e.name == "postgres" {
				readsFewRows(t, dsn, until)
				return
			}

			far := func(list func(context.Context, engagement.PageQuery) (engagement.Cursor, error)) (after engagement.Cursor) {
				for range position / engagement.MaxLimit {
					after = must(list(ctx, engagement.PageQuery{Limit: engagement.MaxLimit, After: after}))(t)
				}
				return after
			}
			board := func(ctx context.Context, q engagement.PageQuery) (engagement.Cursor, error) {
				page, err := db.Leaderboard(ctx, boards[0], q)
				return page.Next, err
			}
			streaks := func(ctx context.Context, q engagement.PageQuery) (engagement.Cursor, error) {
				page, err := db.StreakLeaderboard(ctx, q)
				return page.Next, err
			}
			first := fastest(t, func() error { _, err := board(ctx, engagement.PageQuery{Limit: limit}); return err })
			afterBoard, afterStreaks := far(board), far(streaks)
			for what, ask := range map[string]func() error{
				"a page of a board": func() error { _, err := board(ctx, engagement.PageQuery{Limit: limit, After: afterBoard}); return err },
				"a page of streaks": func() error {
					_, err := streaks(ctx, engagement.PageQuery{Limit: limit, After: afterStreaks})
					return err
				},
				"who is around a user": func() error { _, err := db.Around(ctx, boards[0], tiedUsers/2, limit/2); return err },
			} {
				if took := fastest(t, ask); took > 5*first {
					t.Errorf("%s takes %v, the first page %v", what, took, first)
				}
			}
		})
	}
}

func inOrder(from, to int64) (all []int64) {
	for i := from; i <= to; i++ {
		all = append(all, i)
	}
	return all
}

// fastest returns how long a call takes when nothing disturbs it.
func fastest(t *testing.T, call func() error) time.Duration {
	t.Helper()
	best := time.Duration(math.MaxInt64)
	for range 30 {
		start := time.Now()
		noError(t, call())
		best = min(best, time.Since(start))
	}
	return best
}

// readsFewRows asks a server how many rows the statements of boards read that go on
// from the middle of a tie.
func readsFewRows(t *testing.T, dsn string, until int64) {
	t.Helper()
	ctx := context.Background()
	conn := must(pgx.Connect(ctx, dsn))(t)
	defer func() { noError(t, conn.Close(ctx)) }()
	const position, limit = 40_000, 11
	bound := int64(math.Round(engagement.WinRateBound(20, 5) * 1e9))
	queries := generatedQueries(t, "postgres")
	for query, args := range map[string][]any{
		"TopByFires": {3, position, limit}, "AboveByFires": {3, position, limit},
		"TopByExecuted": {3, position, limit}, "AboveByExecuted": {3, position, limit},
		"TopByLongestStreak": {3, position, limit}, "AboveByLongestStreak": {3, position, limit},
		"TopByPnL": {7.0, position, limit}, "AboveByPnL": {7.0, position, limit},
		"TopByWinBound": {bound, position, 10, limit}, "AboveByWinBound": {bound, position, 10, limit},
		"StreaksUntil": {until, 3, position, limit},
	} {
		var plans []struct{ Plan postgresNode }
		var text []byte
		noError(t, conn.QueryRow(ctx, "EXPLAIN (ANALYZE, FORMAT JSON) "+queries[query].text, args...).Scan(&text))
		noError(t, json.Unmarshal(text, &plans))
		// The rows of the tie, their totals, and those that the two sorts pass on.
		if read := plans[0].Plan.read(); read > 10*limit {
			t.Errorf("%s reads %v rows to show %d:\n%s", query, read, limit, text)
		}
	}
}

// postgresNode is a step of a plan that was carried out.
type postgresNode struct {
	NodeType string         `json:"Node Type"`
	Rows     float64        `json:"Actual Rows"`
	Loops    float64        `json:"Actual Loops"`
	Removed  float64        `json:"Rows Removed by Filter"`
	Plans    []postgresNode `json:"Plans"`
}

// read returns how many rows the scans of a plan have read.
func (n postgresNode) read() (rows float64) {
	if strings.Contains(n.NodeType, "Scan") && n.NodeType != "Subquery Scan" {
		rows = (n.Rows + n.Removed) * n.Loops
	}
	for _, child := range n.Plans {
		rows += child.read()
	}
	return rows
}
