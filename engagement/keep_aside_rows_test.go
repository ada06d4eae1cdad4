package engagement_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hydraxdev/engagementdb/engagement"
	"github.com/hydraxdev/engagementdb/engagement/internal/pgtest"
)

// badRow is a row that another program can store and that cannot be a fact: the
// values of its columns in SQL, but the day, and what is said of it.
type badRow struct{ values, reason string }

const (
	fireColumns  = "user_id, signal_id, timestamp, executed"
	tradeColumns = "user_id, trade_id, signal_id, pnl_micros, outcome, closed_at"

	wholeNumber  = "want a whole number of 64 bits"
	timeLike     = "want a time such as 2006-01-02 15:04:05"
	reserved     = "trade id: it is reserved for opening balances, which are draws without a signal"
	beforeOneDay = ": want a time after 1970-01-01"
)

// badFires and badTrades are bad rows by engine; "" is of both. Users 1 to 3 are
// those of openVaried.
var badFires = map[string][]badRow{
	"": {
		{"0, 'S', '2026-01-14 09:00:00', FALSE", "user id: want a number other than 0"},
		{"1, '', '2026-01-14 09:00:00', TRUE", "signal id: it is empty"},
		{"1, '" + strings.Repeat("x", 257) + "', '2026-01-14 09:00:00', FALSE", "signal id: it has 257 bytes, want at most 256"},
		{"1, 'two\nlines', '2026-01-14 09:00:00', FALSE", "signal id: it has a control character"},
		{"1, 'OLD', '1969-12-31 12:00:00', FALSE", "timestamp" + beforeOneDay},
		{"1, 'UNSET', '1970-01-01 12:00:00', FALSE", "timestamp" + beforeOneDay},
		{"1, 'AHEAD', '2026-01-15 12:00:01', FALSE", "timestamp: it is more than 24 hours ahead"},
		{"1, 'FAR', '9999-12-31 23:00:00', FALSE", "timestamp: it is more than 24 hours ahead"},
	},
	"sqlite": {
		{"'bob', 'S', '2026-01-14 09:00:00', 0", "user id: " + wholeNumber},
		{"1.5, 'S', '2026-01-14 09:00:00', 0", "user id: " + wholeNumber},
		{"1e19, 'S', '2026-01-14 09:00:00', 0", "user id: " + wholeNumber},
		{"x'31', 'S_0', '2026-01-14 09:00:00', 0", "user id: it is bytes, want a whole number of 64 bits"},
		{"1, x'535f30', '2026-01-14 09:00:00', 1", "signal id: it is bytes, want text"}, // S_0, which is stored as text
		{"1, CAST(x'ff' AS TEXT), '2026-01-14 09:00:00', 0", "signal id: it is not UTF-8"},
		{"1, 'nul' || char(0), '2026-01-14 09:00:00', 0", "signal id: it has a control character"},
		{"1, 'GARBAGE', 'yesterday', 0", "timestamp: " + timeLike},
		{"1, 'EMPTY', '', 0", "timestamp: " + timeLike},
		{"1, 'BYTES', x'32303236', 0", "timestamp: it is bytes, want a time"},
		{"1, 'HUGE', 1e300, 0", "timestamp: " + timeLike},
		{"1, 'HUGER', 9223372036854775807, 0", "timestamp: want a time before the year 10000"},
		{"1, 'YEAR', '12000-01-01', 0", "timestamp: " + timeLike},
		{"1, 'ZERO', '0001-01-01 00:00:00', 0", "timestamp: it cannot be read"},
		{"1, 'PERHAPS', '2026-01-14 09:00:00', 'perhaps'", "executed: want true or false"},
	},
	"postgres": {
		{"1, 'INFINITE', 'infinity', FALSE", "timestamp: " + timeLike},
		{"1, 'NEVER', '-infinity', FALSE", "timestamp: " + timeLike},
		{"1, 'CAESAR', '0044-03-15 12:00:00 BC', FALSE", "timestamp: " + timeLike},
		{"1, 'YEAR', '12000-01-01', FALSE", "timestamp: " + timeLike},
	},
}

var badTrades = map[string][]badRow{
	"": {
		{"0, 't', '', 1, 'win', '2026-01-14 09:00:00'", "user id: want a number other than 0"},
		{"1, '', '', 1, 'win', '2026-01-14 09:00:00'", "trade id: it is empty"},
		{"1, 'SIGNAL', 'two\nlines', 1, 'win', '2026-01-14 09:00:00'", "signal id: it has a control character"},
		{"1, 'HUGE', '', 9100000000000000000, 'win', '2026-01-14 09:00:00'", "P&L: want a number within ±9000000000000"},
		{"1, 'OLD', '', 1, 'win', '1912-06-23'", "closing time" + beforeOneDay},
		{"1, 'AHEAD', '', 1, 'win', '2026-01-16'", "closing time: it is more than 24 hours ahead"},
		{"1, 'opening-balance', '', 1, 'win', '2026-01-14 09:00:00'", reserved},
		{"2, 'opening-balance', 'P&L 12 USD', 0, 'draw', '2026-01-14 09:00:00'", "P&L: it is no amount that can be carried"},
	},
	"sqlite": {
		{"'bob', 't', '', 1, 'win', '2026-01-14 09:00:00'", "user id: " + wholeNumber},
		{"1, x'7430', '', 1, 'win', '2026-01-14 09:00:00'", "trade id: it is bytes, want text"}, // t0, which is stored as text
		{"1, 'BYTES', x'41', 1, 'win', '2026-01-14 09:00:00'", "signal id: it is bytes, want text"},
		{"1, 'MUCH', '', 'much', 'win', '2026-01-14 09:00:00'", "P&L in millionths: " + wholeNumber},
		{"1, 'PART', '', 1.5, 'win', '2026-01-14 09:00:00'", "P&L in millionths: " + wholeNumber},
		{"1, 'MORE', '', 1e30, 'win', '2026-01-14 09:00:00'", "P&L in millionths: " + wholeNumber},
		{"1, 'GARBAGE', '', 1, 'win', 'garbage'", "closing time: " + timeLike},
	},
	"postgres": {
		{"1, 'INFINITE', '', 1, 'win', 'infinity'", "closing time: " + timeLike},
	},
}

// insertInto inserts rows into a table as another program would.
func insertInto(t tb, dsn, table, columns string, list []badRow) {
	t.Helper()
	for _, row := range list {
		alter(t, dsn, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, columns, row.values))
	}
}

// alter runs statements as another program would that keeps to no rules.
func alter(t tb, dsn string, statements ...string) {
	t.Helper()
	if strings.Contains(dsn, "://") {
		for _, statement := range statements {
			noError(t, pgtest.Exec(context.Background(), dsn, statement))
		}
		return
	}
	tamper(t, dsn, append([]string{"PRAGMA ignore_check_constraints = ON"}, statements...)...)
}

// inDatabase returns the only column of a query, as any program would read it.
func inDatabase(t tb, dsn, statement string) []string {
	t.Helper()
	if !strings.Contains(dsn, "://") {
		return texts(t, dsn, statement)
	}
	db := must(sql.Open("pgx", dsn))(t)
	defer db.Close()
	rows := must(db.Query(statement))(t)
	defer rows.Close()
	found := []string{}
	for rows.Next() {
		var text string
		noError(t, rows.Scan(&text))
		found = append(found, text)
	}
	noError(t, rows.Err())
	return found
}

// everythingOf returns all rows of the facts but their day, whatever is in them.
func everythingOf(t tb, dsn string) []string {
	t.Helper()
	const fires, trades = "id, user_id, signal_id, timestamp, executed", "id, user_id, trade_id, signal_id, pnl_micros, outcome, closed_at"
	if strings.Contains(dsn, "://") {
		return inDatabase(t, dsn, "SELECT CONCAT_WS('|', "+fires+") FROM signal_fires UNION ALL SELECT CONCAT_WS('|', "+trades+") FROM trades ORDER BY 1")
	}
	quoted := func(columns string) string {
		return "quote(" + strings.ReplaceAll(columns, ", ", ") || '|' || quote(") + ")"
	}
	return inDatabase(t, dsn, "SELECT "+quoted(fires)+" FROM signal_fires UNION ALL SELECT "+quoted(trades)+" FROM trades ORDER BY 1")
}

// setAsideIn returns what is said of the rows set aside in a table.
func setAsideIn(t tb, db *engagement.DB, table string) (said []string) {
	t.Helper()
	for _, row := range inPages(t, 3, db.Aside) {
		if row.Table == table {
			said = append(said, row.Reason)
		}
	}
	return said
}

func reasonsOf(list ...[]badRow) (said []string) {
	for _, row := range slices.Concat(list...) {
		said = append(said, row.reason)
	}
	return said
}

// withoutAside leaves out what a report says of rows set aside.
var withoutAside = cmpopts.IgnoreFields(engagement.Report{}, "Aside", "AsideRows")

// try runs a statement that may be refused.
func try(dsn, statement string) {
	driver := "pgx"
	if !strings.Contains(dsn, "://") {
		driver = "sqlite3"
	}
	db, err := sql.Open(driver, dsn)
	if err == nil {
		_, err = db.Exec(statement)
	}
	_ = errors.Join(err, db.Close())
}
