package engagement_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/hydraxdev/engagementdb/engagement"
)

// plan is how SQLite goes about a query.
type plan []string

func explain(t *testing.T, db *sql.DB, q *generatedQuery) (p plan) {
	t.Helper()
	args := make([]any, q.args)
	rows := must(db.Query("EXPLAIN QUERY PLAN "+q.text, args...))(t)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		noError(t, rows.Scan(&id, &parent, &unused, &detail))
		p = append(p, detail)
	}
	noError(t, rows.Err())
	return p
}

func (p plan) has(step string) bool {
	return slices.ContainsFunc(p, func(detail string) bool { return strings.Contains(detail, step) })
}

// planOfSQLite is one range of an index by which SQLite goes about a query.
type planOfSQLite struct {
	query string
	step  string
	sorts bool // what it sorts is bounded by that range
}

// plansOfSQLite are the ranges of an index that bound the rows which queries read.
func plansOfSQLite() []planOfSQLite {
	return []planOfSQLite{
		{query: "GetFire", step: "SEARCH signal_fires USING INDEX sqlite_autoindex_signal_fires_1 (signal_id=? AND user_id=?)"},
		{query: "UserFires", step: "SEARCH signal_fires USING INDEX idx_signal_fires_user_id (user_id=? AND timestamp<?)"},
		{query: "SignalFires", step: "SEARCH signal_fires USING INDEX idx_signal_fires_signal_id (signal_id=? AND timestamp<?)"},
		{query: "Fires", step: "SEARCH signal_fires USING INDEX idx_signal_fires_timestamp (timestamp<?)"},
		{query: "FavoriteFamily", step: "SEARCH f USING INDEX idx_signal_fires_user_id (user_id=?)", sorts: true},

		{query: "GetTrade", step: "SEARCH trades USING INDEX sqlite_autoindex_trades_1 (user_id=? AND trade_id=?)"},
		{query: "UserTrades", step: "SEARCH trades USING INDEX idx_trades_user_closed_at (user_id=? AND closed_at<?)"},
		{query: "UserSignalTrades", step: "SEARCH trades USING INDEX idx_trades_user_closed_at (user_id=? AND closed_at<?)"},
		{query: "SignalTrades", step: "SEARCH trades USING INDEX idx_trades_signal_closed_at (signal_id=? AND closed_at<?)"},
		{query: "OutcomeTrades", step: "SEARCH trades USING INDEX idx_trades_outcome_closed_at (outcome=? AND closed_at<?)"},
		{query: "Trades", step: "SEARCH trades USING INDEX idx_trades_closed_at (closed_at<?)"},
		{query: "UserTradesFrom", step: "SEARCH trades USING INDEX idx_trades_user_closed_at (user_id=? AND closed_at>? AND closed_at<?)"},
		{query: "SignalTradesFrom", step: "SEARCH trades USING INDEX idx_trades_signal_closed_at (signal_id=? AND closed_at>? AND closed_at<?)"},
		{query: "DecidedTradesFrom", step: "SEARCH trades USING INDEX idx_trades_closed_at (closed_at>? AND closed_at<?)"},
		{query: "TradesByKey", step: "SEARCH trades USING INDEX sqlite_autoindex_trades_1 (user_id=? AND trade_id=?)"},
		{query: "DaysOfTrades", step: "SEARCH d USING PRIMARY KEY (day=? AND user_id=?)"},
		{query: "FiresAfter", step: "SEARCH signal_fires USING INDEX idx_signal_fires_user_id (user_id>?)"}, // and sorts one user's fires at a time,
		{query: "TradesAfter", step: "SEARCH trades USING INDEX sqlite_autoindex_trades_1 (user_id>?)"},

		{query: "TopByFires", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_total_fires (total_fires=? AND user_id>?)", sorts: true},
		{query: "TopByFires", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_total_fires (total_fires<?)", sorts: true},
		{query: "TopByWinBound", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_win_bound (win_bound=? AND user_id>?)", sorts: true},
		{query: "TopByWinBound", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_win_bound (win_bound<?)", sorts: true},
		{query: "TopByExecuted", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_executed (executed=? AND user_id>?)", sorts: true},
		{query: "TopByExecuted", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_executed (executed<?)", sorts: true},
		{query: "TopByLongestStreak", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_longest (streak_longest=? AND user_id>?)", sorts: true},
		{query: "TopByLongestStreak", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_longest (streak_longest<?)", sorts: true},
		{query: "TopByPnL", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_pnl (pnl=? AND user_id>?)", sorts: true},
		{query: "TopByPnL", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_pnl (pnl<?)", sorts: true},
		{query: "CountWithMoreFires", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_total_fires (total_fires>?)"},
		{query: "CountWithHigherWinBound", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_win_bound (win_bound>?)"},
		{query: "CountWithMoreExecuted", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_executed (executed>?)"},
		{query: "CountWithLongerStreak", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_longest (streak_longest>?)"},
		{query: "AboveByFires", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_total_fires (total_fires=? AND user_id<?)", sorts: true},
		{query: "AboveByFires", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_total_fires (total_fires>?)", sorts: true},
		{query: "AboveByWinBound", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_win_bound (win_bound=? AND user_id<?)", sorts: true},
		{query: "AboveByWinBound", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_win_bound (win_bound>?)", sorts: true},
		{query: "AboveByExecuted", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_executed (executed=? AND user_id<?)", sorts: true},
		{query: "AboveByExecuted", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_executed (executed>?)", sorts: true},
		{query: "AboveByLongestStreak", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_longest (streak_longest=? AND user_id<?)", sorts: true},
		{query: "AboveByLongestStreak", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_longest (streak_longest>?)", sorts: true},
		{query: "AboveByPnL", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_pnl (pnl=? AND user_id<?)", sorts: true},
		{query: "AboveByPnL", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_pnl (pnl>?)", sorts: true},
		{query: "TopByFiresBetween", step: "SEARCH user_days USING PRIMARY KEY (day>? AND day<?)", sorts: true},
		{query: "TopByExecutedBetween", step: "SEARCH user_days USING PRIMARY KEY (day>? AND day<?)", sorts: true},
		{query: "TopByPnLBetween", step: "SEARCH user_days USING PRIMARY KEY (day>? AND day<?)", sorts: true},
		{query: "DecidedBetween", step: "SEARCH user_days USING PRIMARY KEY (day>? AND day<?)", sorts: true},
		{query: "FiringDaysBetween", step: "SEARCH user_days USING PRIMARY KEY (day>? AND day<?)", sorts: true},
		{query: "StatsOfUsers", step: "SEARCH u USING INTEGER PRIMARY KEY (rowid=?)", sorts: true},
		{query: "DaysOfUsers", step: "SEARCH d USING INDEX idx_user_days_user (user_id=? AND day>? AND day<?)", sorts: true},
		{query: "CountCommonSignals", step: "SEARCH a USING INDEX sqlite_autoindex_signal_fires_1 (signal_id=? AND user_id=?)"},
		{query: "UsersWithoutBound", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_win_bound (win_bound<?)"},
		{query: "CountUsersWithoutBound", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_win_bound (win_bound<?)"},
		{query: "UsersFrom", step: "SEARCH user_stats USING INTEGER PRIMARY KEY (rowid>?)"},
		{query: "CountWithMorePnL", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_pnl (pnl>?)"},

		{query: "GetDay", step: "SEARCH days USING INTEGER PRIMARY KEY (rowid=?)"},
		{query: "DaysBetween", step: "SEARCH days USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
		{query: "FirstActiveDay", step: "SEARCH days USING INTEGER PRIMARY KEY (rowid>?)"},
		{query: "ActiveUsers", step: "SEARCH user_days USING PRIMARY KEY (day=?)"},
		{query: "UsersActiveSince", step: "SEARCH user_days USING PRIMARY KEY (day>? AND day<?)", sorts: true},
		{query: "ReturningUsers", step: "SEARCH a USING PRIMARY KEY (day=?)"},
		{query: "ReturningUsers", step: "SEARCH b USING PRIMARY KEY (day=?)"},
		{query: "CohortActivity", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_first_day (first_day>? AND first_day<?)"},
		{query: "CohortActivity", step: "SEARCH d USING INDEX idx_user_days_user (user_id=? AND day>? AND day<?)"},
		{query: "NewUsersFrom", step: "SEARCH user_stats USING INDEX idx_user_stats_first_day (first_day=? AND user_id>?)"},
		{query: "CohortLastActivity", step: "SEARCH user_stats USING INDEX idx_user_stats_first_day (first_day>? AND first_day<?)"},
		{query: "FiresInSpans", step: "SEARCH f USING INDEX idx_signal_fires_timestamp (timestamp>? AND timestamp<?)"},
		{query: "TopSignalOfDay", step: "SEARCH signal_days USING COVERING INDEX idx_signal_days_day_fires (day=? AND fires>?)"},
		{query: "PopularSignals", step: "SEARCH signal_days USING INDEX idx_signal_days_day_fires (day>? AND day<?)", sorts: true},

		{query: "SignalTotals", step: "SEARCH signal_days USING PRIMARY KEY (signal_id=?)"},
		{query: "SignalDays", step: "SEARCH signal_days USING PRIMARY KEY (signal_id=?)"},
		{query: "UserDays", step: "SEARCH user_days USING INDEX idx_user_days_user (user_id=?)"},
		{query: "CountSignalFires", step: "SEARCH signal_fires USING INDEX idx_signal_fires_signal_id (signal_id=?)"},
		{query: "NthSignalFire", step: "SEARCH signal_fires USING INDEX idx_signal_fires_signal_id (signal_id=?)"},
		{query: "CountUserFires", step: "SEARCH signal_fires USING INDEX"},
		{query: "SumUserTrades", step: "SEARCH trades USING INDEX"},

		{query: "SignalsAfter", step: "SEARCH signal_metrics USING INDEX sqlite_autoindex_signal_metrics_1 (signal_id>?)"},
		{query: "MetricsAfter", step: "SEARCH custom_metrics USING INDEX sqlite_autoindex_custom_metrics_1 (name>?)"},
		{query: "GetMetric", step: "SEARCH custom_metrics USING INDEX sqlite_autoindex_custom_metrics_1 (name=?)"},
		{query: "FiresBySignal", step: "SEARCH signal_days USING INDEX idx_signal_days_day_fires (day>? AND day<?)", sorts: true},
		{query: "KeptFiresByUser", step: "SEARCH signal_fires USING INDEX idx_signal_fires_signal_id (signal_id>? AND signal_id<?)", sorts: true},
		{query: "KeptFiresByDay", step: "SEARCH signal_fires USING INDEX idx_signal_fires_signal_id (signal_id>? AND signal_id<?)", sorts: true},
		{query: "FiresByUser", step: "SEARCH user_days USING PRIMARY KEY (day>? AND day<?)", sorts: true},
		{query: "FiresByDay", step: "SEARCH user_days USING PRIMARY KEY (day>? AND day<?)"},
		{query: "TradesByUser", step: "SEARCH trades USING INDEX idx_trades_outcome_closed_at (outcome=? AND closed_at>? AND closed_at<?)", sorts: true},
		{query: "TradesBySignal", step: "SEARCH trades USING INDEX idx_trades_outcome_closed_at (outcome=? AND closed_at>? AND closed_at<?)", sorts: true},
		{query: "TradesByDay", step: "SEARCH trades USING INDEX idx_trades_outcome_closed_at (outcome=? AND closed_at>? AND closed_at<?)", sorts: true},

		{query: "StreaksUntil", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_streak (streak_until=? AND streak_length=? AND user_id>?)", sorts: true},
		{query: "StreaksUntil", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_streak (streak_until=? AND streak_length<?)", sorts: true},
		{query: "CountLongerStreaksUntil", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_streak (streak_until=? AND streak_length>?)"},
		{query: "NextStreakEnd", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_streak (streak_until>?)"},
		{query: "UserActiveDays", step: "SEARCH user_days USING INDEX idx_user_days_user (user_id=? AND day>?)"},
		{query: "HistoriesOfUsers", step: "SEARCH d USING INDEX idx_user_days_user (user_id=?)", sorts: true},
		{query: "HistoriesOfUsers", step: "SEARCH f USING PRIMARY KEY (user_id=?)", sorts: true},
		{query: "SpendFreezes", step: "SEARCH f USING PRIMARY KEY (user_id=? AND grant_id=?)"},
		{query: "AwardsOfUsers", step: "SEARCH a USING PRIMARY KEY (user_id=?)"},
		{query: "FiresByKey", step: "SEARCH f USING INDEX sqlite_autoindex_signal_fires_1 (signal_id=? AND user_id=?)"},
		{query: "UserIDsFrom", step: "SEARCH user_stats USING INTEGER PRIMARY KEY (rowid>?)"},
		{query: "UserFreezes", step: "SEARCH streak_freezes USING PRIMARY KEY (user_id=?)", sorts: true},
		{query: "UserAwards", step: "SEARCH streak_awards USING PRIMARY KEY (user_id=?)"},
		{query: "FreezesAfter", step: "SEARCH streak_freezes USING PRIMARY KEY (user_id>?)"},
		{query: "UserRecentFires", step: "SEARCH user_days USING INDEX idx_user_days_user (user_id=? AND day>? AND day<?)"},
		{query: "GetSetting", step: "SEARCH settings USING INDEX sqlite_autoindex_settings_1 (name=?)"},
		{query: "GetPublicUser", step: "SEARCH public_users USING INTEGER PRIMARY KEY (rowid=?)"},
		{query: "PublicUsersFrom", step: "SEARCH public_users USING INTEGER PRIMARY KEY (rowid>?)"},
		{query: "GetToken", step: "SEARCH api_tokens USING INDEX sqlite_autoindex_api_tokens_1 (id=?)"},
		{query: "TokensAfter", step: "SEARCH api_tokens USING INDEX sqlite_autoindex_api_tokens_1 (id>?)"},
		{query: "GetUserStats", step: "SEARCH user_stats USING INTEGER PRIMARY KEY (rowid=?)"},
		{query: "GetSignalMetrics", step: "SEARCH signal_metrics USING INDEX sqlite_autoindex_signal_metrics_1 (signal_id=?)"},

		{query: "FireRows", step: "SEARCH signal_fires USING INDEX idx_signal_fires_uncounted (day=? AND id>?)", sorts: true}, // by key within an id
		{query: "CountFiresOfNoDay", step: "SEARCH signal_fires USING COVERING INDEX idx_signal_fires_uncounted (day=?)"},
		{query: "TradeRows", step: "SEARCH trades USING INDEX idx_trades_uncounted (day=? AND id>?)", sorts: true},
		{query: "CountTradesOfNoDay", step: "SEARCH trades USING COVERING INDEX idx_trades_uncounted (day=?)"},
		{query: "SetFireDay", step: "SEARCH signal_fires USING INTEGER PRIMARY KEY (rowid=?)"},
		{query: "PlaceFire", step: "SEARCH signal_fires USING INTEGER PRIMARY KEY (rowid=?)"},
		{query: "PlaceTrade", step: "SEARCH trades USING INTEGER PRIMARY KEY (rowid=?)"},

		{query: "CountFiresBefore", step: "SEARCH signal_fires USING INDEX idx_signal_fires_timestamp (timestamp<?)"},
		{query: "DeleteFiresBefore", step: "SEARCH f USING INDEX idx_signal_fires_timestamp (timestamp<?)"},
		{query: "DeleteUserFires", step: "SEARCH signal_fires USING"},
		{query: "DeleteUserTrades", step: "SEARCH trades USING"},
		{query: "DeleteUserDays", step: "SEARCH user_days USING INDEX idx_user_days_user (user_id=?)"},
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	queries := generatedQueries(t, "sqlite")
	scan := regexp.MustCompile(`SCAN (signal_fires|trades|user_stats|user_days|signal_days|signal_metrics|days|f)\b`)
	partial := regexp.MustCompile(`USING (COVERING )?INDEX idx_\w+_uncounted`)

	for _, state := range []struct {
		name  string
		reach func(t *testing.T, path string)
	}{
		{"on an empty database", func(t *testing.T, path string) { openAt(t, path) }},
		{"on a database with facts and statistics", func(t *testing.T, path string) {
			copyFixture(t, settled, path)
			openAt(t, path)
			execute(t, path, "ANALYZE")
		}},
	} {
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			path := freshFile(t)
			state.reach(t, path)
			db := rawDB(t, path)
			for _, want := range plansOfSQLite() {
				t.Run(want.query, func(t *testing.T) {
					q := queries[want.query]
					if q == nil {
						t.Fatal("there is no such query")
					}
					p := explain(t, db, q)
					if !p.has(want.step) {
						t.Errorf("want a step %q", want.step)
					}
					for _, detail := range p {
						// What is in a partial index is all that the query is about.
						if scan.MatchString(detail) && !partial.MatchString(detail) {
							t.Errorf("it reads a whole table: %s", detail)
						}
					}
					if p.has("USE TEMP B-TREE FOR ORDER BY") && !want.sorts {
						t.Error("it sorts")
					}
					if t.Failed() {
						t.Logf("the plan is:\n%s", strings.Join(p, "\n"))
					}
				})
			}
		})
	}
}

// seeded fills a migrated schema with facts and counters, enough for an index
// to pay. Trades lie in no order, as after a long time.
const seeded = `
	INSERT INTO signal_fires (user_id, signal_id, timestamp, executed, day)
		SELECT i % 300 + 1, 'S_' || i / 300, '2026-01-01 00:00+00'::timestamptz + i * interval '40 s', i % 2 = 0, 20454 + i / 2160
		FROM generate_series(0, 29999) AS i;
	INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at, day)
		SELECT i % 300 + 1, 'T_' || i, i % 1000 - 500, CASE WHEN i % 1000 > 500 THEN 'win' ELSE 'loss' END,
			'2026-01-01 00:00+00'::timestamptz + i * interval '40 s', 20454 + i / 2160
		FROM generate_series(0, 29999) AS i ORDER BY hashint4(i);
	INSERT INTO user_days (user_id, day, fires, executed)
		SELECT user_id, day, count(*), count(*) FILTER (WHERE executed) FROM signal_fires GROUP BY 1, 2;
	INSERT INTO fire_totals (user_id, total_fires) SELECT i, i FROM generate_series(1, 6000) AS i;
	INSERT INTO user_states (user_id, pnl, pnl_micros, win_rate, streak_start, streak_end)
		SELECT i, i, i * 1000000::bigint, i / 6000.0, 20454, 20454 + i % 14 FROM generate_series(1, 6000) AS i;
	INSERT INTO signal_days (signal_id, day, fires)
		SELECT 'S_' || i / 20, 20454 + i % 20, i % 97 + 1 FROM generate_series(0, 19999) AS i;
	INSERT INTO signal_metrics (signal_id, total_fires, active_users)
		SELECT 'S_' || i, 1, 1 FROM generate_series(0, 4999) AS i;
	INSERT INTO days (day, fires) SELECT i, 1 FROM generate_series(17000, 21000) AS i;
	INSERT INTO settings (name, value) SELECT 'setting ' || i, i FROM generate_series(1, 1000) AS i;
	ANALYZE signal_fires, trades, user_days, fire_totals, user_states, signal_days, signal_metrics, days, settings`

// planOfPostgres is one range of an index by which PostgreSQL goes about a query.
type planOfPostgres struct {
	query string
	index string
	cond  string // what bounds the rows that are read, of which cond is the beginning
	sorts bool   // what it sorts is bounded by that range
}

func plansOfPostgres() []planOfPostgres {
	return []planOfPostgres{
		{query: "GetFire", index: "signal_fires_pkey", cond: `((user_id = $1) AND (signal_id = $2))`},
		{query: "UserFires", index: "idx_signal_fires_user_id", cond: `((user_id = $1) AND ("timestamp" <= $2))`},
		{query: "SignalFires", index: "idx_signal_fires_signal_id", cond: `((signal_id = $1) AND ("timestamp" <= $2))`},
		{query: "Fires", index: "idx_signal_fires_timestamp", cond: `("timestamp" <= $1)`},
		{query: "FavoriteFamily", index: "idx_signal_fires_user_id", cond: `(user_id = $1)`, sorts: true},

		{query: "GetTrade", index: "trades_pkey", cond: `((user_id = $1) AND (trade_id = $2))`},
		{query: "UserTrades", index: "idx_trades_user_closed_at", cond: `((user_id = $1) AND (closed_at <= $2))`},
		{query: "UserSignalTrades", index: "idx_trades_user_closed_at", cond: `((user_id = $1) AND (closed_at <= $3))`},
		{query: "SignalTrades", index: "idx_trades_signal_closed_at", cond: `((signal_id = $1) AND (closed_at <= $2))`},
		{query: "OutcomeTrades", index: "idx_trades_outcome_closed_at", cond: `((outcome = $1) AND (closed_at <= $2))`},
		{query: "Trades", index: "idx_trades_closed_at", cond: `(closed_at <= $1)`},
		{query: "TradesByKey", index: "trades_pkey", cond: `((user_id = ((j.value ->> 0))::bigint) AND (trade_id = `},
		{query: "DaysOfTrades", index: "idx_user_days_day", cond: `((day = ((j.value ->> 2))::bigint) AND (user_id = ((j.value ->> 0))::bigint))`},
		{query: "FiresAfter", index: "signal_fires_pkey", cond: `(user_id >= $1)`},
		{query: "TradesAfter", index: "trades_pkey", cond: `(user_id >= $1)`},
		{query: "MarkFiresExecuted", index: "signal_fires_pkey", cond: `((user_id = k.user_id) AND (signal_id = k.signal_id))`, sorts: true},

		{query: "TopByFires", index: "idx_fire_totals_total_fires", cond: `((total_fires = ANY (ARRAY[$1, $1])) AND (user_id > $2))`, sorts: true},
		{query: "TopByFires", index: "idx_fire_totals_total_fires", cond: `(total_fires < $1)`, sorts: true},
		{query: "AboveByFires", index: "idx_fire_totals_total_fires", cond: `((total_fires = ANY (ARRAY[$1, $1])) AND (user_id < $2))`, sorts: true},
		{query: "AboveByFires", index: "idx_fire_totals_total_fires", cond: `(total_fires > $1)`, sorts: true},
		{query: "TopByWinBound", index: "idx_user_stats_win_bound", cond: `((win_bound = ANY (ARRAY[$1, $1])) AND (user_id > $2))`, sorts: true},
		{query: "TopByWinBound", index: "idx_user_stats_win_bound", cond: `(win_bound < $1)`, sorts: true},
		{query: "AboveByWinBound", index: "idx_user_stats_win_bound", cond: `((win_bound = ANY (ARRAY[$1, $1])) AND (user_id < $2))`, sorts: true},
		{query: "AboveByWinBound", index: "idx_user_stats_win_bound", cond: `(win_bound > $1)`, sorts: true},
		{query: "TopByExecuted", index: "idx_fire_totals_executed", cond: `((executed = ANY (ARRAY[$1, $1])) AND (user_id > $2))`, sorts: true},
		{query: "TopByExecuted", index: "idx_fire_totals_executed", cond: `(executed < $1)`, sorts: true},
		{query: "AboveByExecuted", index: "idx_fire_totals_executed", cond: `((executed = ANY (ARRAY[$1, $1])) AND (user_id < $2))`, sorts: true},
		{query: "AboveByExecuted", index: "idx_fire_totals_executed", cond: `(executed > $1)`, sorts: true},
		{query: "TopByLongestStreak", index: "idx_user_stats_longest", cond: `((streak_longest = ANY (ARRAY[$1, $1])) AND (user_id > $2))`, sorts: true},
		{query: "TopByLongestStreak", index: "idx_user_stats_longest", cond: `(streak_longest < $1)`, sorts: true},
		{query: "AboveByLongestStreak", index: "idx_user_stats_longest", cond: `((streak_longest = ANY (ARRAY[$1, $1])) AND (user_id < $2))`, sorts: true},
		{query: "AboveByLongestStreak", index: "idx_user_stats_longest", cond: `(streak_longest > $1)`, sorts: true},
		{query: "TopByPnL", index: "idx_user_stats_pnl", cond: `((pnl = ANY (ARRAY[$1, $1])) AND (user_id > $2))`, sorts: true},
		{query: "TopByPnL", index: "idx_user_stats_pnl", cond: `(pnl < $1)`, sorts: true},
		{query: "AboveByPnL", index: "idx_user_stats_pnl", cond: `((pnl = ANY (ARRAY[$1, $1])) AND (user_id < $2))`, sorts: true},
		{query: "AboveByPnL", index: "idx_user_stats_pnl", cond: `(pnl > $1)`, sorts: true},
		{query: "CountWithMoreFires", index: "idx_fire_totals_total_fires", cond: `(total_fires > $1)`},
		{query: "CountWithHigherWinBound", index: "idx_user_stats_win_bound", cond: `(win_bound > $1)`},
		{query: "CountWithMorePnL", index: "idx_user_stats_pnl", cond: `(pnl > $1)`},

		{query: "GetDay", index: "days_pkey", cond: `(day = $1)`},
		{query: "DaysBetween", index: "days_pkey", cond: `((day >= $1) AND (day <= $2))`},
		{query: "TopSignalOfDay", index: "idx_signal_days_day_fires", cond: `((day = $1) AND (fires > 0))`},
		{query: "PopularSignals", index: "idx_signal_days_day_fires", cond: `((day >= $1) AND (day <= $2)`, sorts: true},
		{query: "FiresInSpans", index: "idx_signal_fires_timestamp", cond: `(("timestamp" >= (((j.value ->> 1)`, sorts: true},

		{query: "NewUsersFrom", index: "idx_user_stats_first_day", cond: `((first_day = ANY (ARRAY[$1, $1])) AND (user_id >= $2))`},
		{query: "UsersFrom", index: "user_stats_pkey", cond: `(user_id >= $1)`},
		{query: "SignalsAfter", index: "signal_metrics_pkey", cond: `(signal_id >= $1)`},
		{query: "StreaksUntil", index: "idx_user_stats_streak", cond: `((streak_until = ANY (ARRAY[$1, $1])) AND (streak_length = $2) AND (user_id > $3))`, sorts: true},
		{query: "StreaksUntil", index: "idx_user_stats_streak", cond: `((streak_until = $1) AND (streak_length < $2))`, sorts: true},
		{query: "CountLongerStreaksUntil", index: "idx_user_stats_streak", cond: `((streak_until = $1) AND (streak_length > $2))`},
		{query: "UserRecentFires", index: "user_days_pkey", cond: `((user_id = $1) AND (day >= $2) AND (day <= $3))`},
		{query: "GetUserStats", index: "user_stats_pkey", cond: `(user_id = $1)`},
		{query: "GetSignalMetrics", index: "signal_metrics_pkey", cond: `(signal_id = $1)`},
		{query: "GetSetting", index: "settings_pkey", cond: `(name = $1)`},

		{query: "CountWithMoreExecuted", index: "idx_fire_totals_executed", cond: `(executed > $1)`},
		{query: "CountWithLongerStreak", index: "idx_user_stats_longest", cond: `(streak_longest > $1)`},
		{query: "TopByFiresBetween", index: "idx_user_days_day", cond: `((day >= $1) AND (day <= $2))`, sorts: true},
		{query: "TopByExecutedBetween", index: "idx_user_days_day", cond: `((day >= $1) AND (day <= $2))`, sorts: true},
		{query: "TopByPnLBetween", index: "idx_user_days_day", cond: `((day >= $1) AND (day <= $2))`, sorts: true},
		{query: "DecidedBetween", index: "idx_user_days_day", cond: `((day >= $1) AND (day <= $2))`, sorts: true},
		{query: "FiringDaysBetween", index: "idx_user_days_day", cond: `((day >= $1) AND (day <= $2))`, sorts: true},
		{query: "StatsOfUsers", index: "user_stats_pkey", cond: `(user_id = `, sorts: true},
		{query: "CountCommonSignals", index: "signal_fires_pkey", cond: `(user_id = $`},

		{query: "FirstActiveDay", index: "days_pkey", cond: `(day > 0)`},
		{query: "ActiveUsers", index: "idx_user_days_day", cond: `(day = $1)`},
		{query: "UsersActiveSince", index: "idx_user_days_day", cond: `((day >= $2) AND (day <= $3) AND (day > 0))`, sorts: true},
		{query: "ReturningUsers", index: "idx_user_days_day", cond: `(day = $1)`, sorts: true},
		{query: "CohortActivity", index: "idx_user_stats_first_day", cond: `((first_day >= $3) AND (first_day <= $4))`, sorts: true},
		{query: "CohortActivity", index: "user_days_pkey", cond: `((user_id = `, sorts: true},
		{query: "CohortLastActivity", index: "idx_user_stats_first_day", cond: `((first_day >= $3) AND (first_day <= $4))`, sorts: true},
		{query: "FiresInSpans", index: "idx_signal_fires_timestamp", cond: `(("timestamp" >= `, sorts: true},

		{query: "SignalTotals", index: "signal_days_pkey", cond: `(signal_id = $`},
		{query: "SignalDays", index: "signal_days_pkey", cond: `(signal_id = $1)`},
		{query: "UserDays", index: "user_days_pkey", cond: `(user_id = $1)`},
		{query: "CountSignalFires", index: "idx_signal_fires_signal_id", cond: `(signal_id = $1)`},
		{query: "NthSignalFire", index: "idx_signal_fires_signal_id", cond: `(signal_id = $1)`},
		{query: "CountUserFires", index: "", cond: `(user_id = $1)`},
		{query: "SumUserTrades", index: "", cond: `(user_id = $1)`},
		{query: "UserTradesFrom", index: "idx_trades_user_closed_at", cond: `((user_id = $1) AND (closed_at >= $2) AND (closed_at <= $3))`, sorts: true},
		{query: "SignalTradesFrom", index: "idx_trades_signal_closed_at", cond: `((signal_id = $1) AND (closed_at >= $2) AND (closed_at <= $3))`, sorts: true},
		{query: "DecidedTradesFrom", index: "idx_trades_closed_at", cond: `((closed_at >= $1) AND (closed_at <= $2))`, sorts: true},

		{query: "MetricsAfter", index: "custom_metrics_pkey", cond: `(name > $1)`},
		{query: "GetMetric", index: "custom_metrics_pkey", cond: `(name = $1)`},
		{query: "FiresBySignal", index: "idx_signal_days_day_fires", cond: `((day >= $3) AND (day <= $4)`, sorts: true},
		{query: "KeptFiresByUser", index: "idx_signal_fires_signal_id", cond: `((signal_id >= $1) AND (signal_id < $2))`, sorts: true},
		{query: "KeptFiresByDay", index: "idx_signal_fires_signal_id", cond: `((signal_id >= $1) AND (signal_id < $2))`, sorts: true},
		{query: "FiresByUser", index: "idx_user_days_day", cond: `((day >= $1) AND (day <= $2))`, sorts: true},
		{query: "FiresByDay", index: "idx_user_days_day", cond: `((day >= $1) AND (day <= $2))`, sorts: true},
		{query: "TradesByUser", index: "idx_trades_closed_at", cond: `((closed_at >= $3) AND (closed_at < $4))`, sorts: true},
		{query: "TradesBySignal", index: "idx_trades_signal_closed_at", cond: `((signal_id > ''::text) AND (signal_id >= $1)`, sorts: true},
		{query: "TradesByDay", index: "idx_trades_closed_at", cond: `((closed_at >= $3) AND (closed_at < $4))`, sorts: true},

		{query: "NextStreakEnd", index: "idx_user_stats_streak", cond: `((streak_until IS NOT NULL) AND (streak_until >= $1))`},
		{query: "UserActiveDays", index: "user_days_pkey", cond: `((user_id = $1) AND (day >= $2) AND (day > 0))`},
		{query: "UserFreezes", index: "streak_freezes_pkey", cond: `(user_id = $1)`, sorts: true},
		{query: "UserAwards", index: "streak_awards_pkey", cond: `(user_id = $1)`},
		{query: "UserIDsFrom", index: "user_stats_pkey", cond: `(user_id >= $1)`},
		{query: "GetPublicUser", index: "public_users_pkey", cond: `(user_id = $1)`},
		{query: "PublicUsersFrom", index: "public_users_pkey", cond: `(user_id >= $1)`},
		{query: "GetToken", index: "api_tokens_pkey", cond: `(id = $1)`},
		{query: "TokensAfter", index: "api_tokens_pkey", cond: `(id > $1)`},

		{query: "FireRows", index: "idx_signal_fires_uncounted", sorts: true},
		{query: "CountFiresOfNoDay", index: "idx_signal_fires_uncounted"},
		{query: "PlaceFire", index: "signal_fires_pkey", cond: `((user_id = ($5)::bigint) AND (signal_id = ($6)::text))`},
		{query: "TradeRows", index: "idx_trades_uncounted", sorts: true},
		{query: "CountTradesOfNoDay", index: "idx_trades_uncounted"},
		{query: "PlaceTrade", index: "trades_pkey", cond: `((user_id = ($4)::bigint) AND (trade_id = ($5)::text))`},

		{query: "CountFiresBefore", index: "idx_signal_fires_timestamp", cond: `("timestamp" < $1)`},
		{query: "DeleteFiresBefore", index: "idx_signal_fires_timestamp", cond: `("timestamp" < $1)`},
		{query: "DeleteUserFires", cond: `(user_id = $1)`},
		{query: "DeleteUserTrades", cond: `(user_id = $1)`},
		{query: "DeleteUserDays", index: "user_days_pkey", cond: `(user_id = $1)`},
		{query: "DeleteUserTotals", index: "user_stats_pkey", cond: `(user_id = $1)`},
	}
}

func TestPlansOfPostgres(t *testing.T) {
	t.Parallel()
	dsn := onServer(t)
	noError(t, engagement.Migrate(t.Context(), dsn))
	plainSQL(t, dsn, seeded)
	conn := must(pgx.Connect(t.Context(), dsn))(t)
	t.Cleanup(func() { noError(t, conn.Close(context.Background())) })
	// What is asked is which plan is possible at any size, not which is cheaper
	// at this one, for arguments that are not known yet and on a disk without a head.
	// Of the two tables that user_stats is a view of, one is looked up for each row
	// of the other.
	must(conn.Exec(t.Context(), "SET enable_seqscan = off; SET enable_mergejoin = off; SET enable_hashjoin = off; SET random_page_cost = 1.1; SET plan_cache_mode = force_generic_plan; SET max_parallel_workers_per_gather = 0"))(t)
	queries := generatedQueries(t, "postgres")
	wholeTable := regexp.MustCompile(`Seq Scan on`)
	indexScan := regexp.MustCompile(`Index (Only )?Scan (Backward )?(using|on) (\w+)`)
	partial := regexp.MustCompile(`_uncounted$`)

	for _, want := range plansOfPostgres() {
		t.Run(want.query, func(t *testing.T) {
			q := queries[want.query]
			if q == nil {
				t.Fatal("there is no such query")
			}
			p := explainPostgres(t, conn, q)
			if !p.has(want.index) {
				t.Errorf("want the index %s", want.index)
			}
			if want.cond != "" && !p.has("Index Cond: "+want.cond) {
				t.Errorf("want the range %s", want.cond)
			}
			for i, step := range p {
				if wholeTable.MatchString(step) {
					t.Errorf("it reads a whole table: %s", step)
				}
				bounded := i+1 < len(p) && (strings.Contains(p[i+1], "Index Cond:") || strings.Contains(p[i+1], "Recheck Cond:"))
				if found := indexScan.FindStringSubmatch(step); found != nil && !bounded && !partial.MatchString(found[4]) {
					t.Errorf("it reads a whole index: %s", step)
				}
				if strings.Contains(step, " Sort  (cost") && !strings.Contains(step, "Incremental Sort") && !want.sorts {
					t.Errorf("it sorts: %s", step)
				}
			}
			if t.Failed() {
				t.Logf("the plan is:\n%s", strings.Join(p, "\n"))
			}
		})
	}
}

// unbounded are the questions that no range of an index bounds, and why.
var unbounded = map[string]string{
	"CommunityDecided":   "adds up one row a day",
	"FiresByUserEver":    "lists all users who have fired",
	"PopularSignalsEver": "compares all signals",
	"DeleteUserTotals":   "it erases one user, by id",
	"UserTokens":         "there are few tokens",
	"CountSetting":       "it writes one setting, by its key",
	"HoldSetting":        "it writes one setting, by its key",
	"WriterSettings":     "there are few settings",
}

// onlyOnSQLite are the questions whose plan PostgreSQL chooses by how much there is.
var onlyOnSQLite = map[string]string{
	"DaysOfUsers": "by user or, while there is little, by day",
}

// Every query that answers a question, which is those outside of the files for upkeep
// and recording, has its plan above for both engines.
func TestPlansOfAllQuestions(t *testing.T) {
	t.Parallel()
	onSQLite, onPostgres := map[string]bool{}, map[string]bool{}
	for _, p := range plansOfSQLite() {
		onSQLite[p.query] = true
	}
	for _, p := range plansOfPostgres() {
		onPostgres[p.query] = true
	}
	name := regexp.MustCompile(`(?m)^-- name: (\w+) :(one|many)$`)
	upkeep := []string{"adopt", "aside", "cleanup", "copy", "erase", "record", "verify", "gate", "size"}
	portable := must(filepath.Glob(filepath.Join("..", "queries", "*.sql")))(t)
	forked := must(filepath.Glob(filepath.Join("..", "queries", "sqlite", "*.sql")))(t)
	for _, path := range append(portable, forked...) {
		if slices.Contains(upkeep, strings.TrimSuffix(filepath.Base(path), ".sql")) {
			continue
		}
		for _, match := range name.FindAllStringSubmatch(string(must(os.ReadFile(path))(t)), -1) {
			switch query := match[1]; {
			case unbounded[query] != "":
			case !onSQLite[query]:
				t.Errorf("the plan of %s on SQLite is not told", query)
			case !onPostgres[query] && onlyOnSQLite[query] == "":
				t.Errorf("the plan of %s on PostgreSQL is not told", query)
			}
		}
	}
}

// explainPostgres returns the plan that serves a query whatever its arguments.
func explainPostgres(t *testing.T, conn *pgx.Conn, q *generatedQuery) (p plan) {
	t.Helper()
	ctx := context.Background()
	must(conn.Exec(ctx, "PREPARE "+q.name+" AS "+q.text))(t)
	defer func() { must(conn.Exec(ctx, "DEALLOCATE "+q.name))(t) }()
	call := "EXPLAIN EXECUTE " + q.name
	if q.args > 0 {
		call += "(" + strings.Repeat(", NULL", q.args)[2:] + ")"
	}
	rows := must(conn.Query(ctx, call, pgx.QueryExecModeSimpleProtocol))(t)
	return must(pgx.CollectRows(rows, pgx.RowTo[string]))(t)
}
