package main

/*
#cgo LDFLAGS: -Wl,--unresolved-symbols=ignore-all
// The functions are those of the SQLite that github.com/mattn/go-sqlite3 links
// into this binary, so the floor runs on the same build of it.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
int sqlite3_open_v2(const char*, sqlite3**, int, const char*);
int sqlite3_close_v2(sqlite3*);
int sqlite3_exec(sqlite3*, const char*, void*, void*, char**);
int sqlite3_prepare_v2(sqlite3*, const char*, int, sqlite3_stmt**, const char**);
int sqlite3_bind_int64(sqlite3_stmt*, int, long long);
int sqlite3_bind_text(sqlite3_stmt*, int, const char*, int, void*);
int sqlite3_step(sqlite3_stmt*);
int sqlite3_reset(sqlite3_stmt*);
int sqlite3_finalize(sqlite3_stmt*);
long long sqlite3_column_int64(sqlite3_stmt*, int);
int sqlite3_changes(sqlite3*);
const char *sqlite3_errmsg(sqlite3*);

enum { READWRITE = 0x2, NOMUTEX = 0x8000 };

// In the order of fireTexts, then those of a transaction.
enum { FIRE, USER_DAY, EXECUTED, NOT_EXECUTED, HOLD, NEW_USER, LATEST, LONGEST_STREAK,
	SIGNAL_DAY, SIGNAL, DAY, BEGIN, COMMIT, STATEMENTS };

// The columns that HOLD returns; NEW_USER takes them in this order.
enum { USER_ID, FIRST, START, END, LENGTH, UNTIL, LONGEST, FREEZES, USER_COLUMNS };

typedef struct {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
} floor_db;

static const char *floor_open(floor_db *f, const char *path, const char *pragmas, char **texts) {
	if (sqlite3_open_v2(path, &f->db, READWRITE | NOMUTEX, 0)) return "cannot open the file";
	if (sqlite3_exec(f->db, pragmas, 0, 0, 0)) return sqlite3_errmsg(f->db);
	for (int i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v2(f->db, texts[i], -1, &f->statements[i], 0)) return sqlite3_errmsg(f->db);
	return 0;
}

static void floor_close(floor_db *f) {
	for (int i = 0; i < STATEMENTS; i++) sqlite3_finalize(f->statements[i]);
	sqlite3_close_v2(f->db);
}

// Runs a statement to its end and gets the first n columns of its last row.
static int run_row(sqlite3_stmt *s, int n, long long *columns) {
	int rc;
	while ((rc = sqlite3_step(s)) == 100) // a row
		for (int i = 0; i < n; i++) columns[i] = sqlite3_column_int64(s, i);
	sqlite3_reset(s);
	return rc == 101 ? 0 : rc;
}

static int run(sqlite3_stmt *s) { return run_row(s, 0, 0); }

// Adds a day after all others to a user's activity by the default streak rules.
static void add_day(long long *user, long long day) {
	if (user[FIRST] < 0) user[FIRST] = day;
	if (user[LENGTH] == 0 || day != user[END] + 1) {
		user[START] = day;
		user[LENGTH] = 0;
	}
	user[END] = day;
	user[UNTIL] = day + 1;
	user[LENGTH]++;
	if (user[LENGTH] > user[LONGEST]) user[LONGEST] = user[LENGTH];
}

// Stores n fires, batch of them a transaction, row by row.
static const char *floor_write(floor_db *f, long long n, long long batch, const long long *users,
		const int *signals, const char *signal_prefix, const char *now, long long day) {
	sqlite3_stmt **s = f->statements;
	long long user_day[3], user[USER_COLUMNS];
	char signal[64];
	for (long long i = 0; i < n; i++) {
		if (i % batch == 0 && run(s[BEGIN])) goto failed;
		int length = snprintf(signal, sizeof signal, "%s%d", signal_prefix, signals[i]);
		int executed = i & 1;
		sqlite3_bind_int64(s[FIRE], 1, users[i]);
		sqlite3_bind_text(s[FIRE], 2, signal, length, 0);
		sqlite3_bind_text(s[FIRE], 3, now, -1, 0);
		sqlite3_bind_int64(s[FIRE], 4, executed);
		sqlite3_bind_int64(s[FIRE], 5, day);
		if (run(s[FIRE])) goto failed;
		if (sqlite3_changes(f->db) != 1) return "a fire was not new";
		sqlite3_bind_int64(s[USER_DAY], 1, users[i]);
		sqlite3_bind_int64(s[USER_DAY], 2, day);
		sqlite3_bind_int64(s[USER_DAY], 3, executed);
		if (run_row(s[USER_DAY], 3, user_day)) goto failed;
		int active = user_day[2] == 1; // the day has become so
		int new_user = 0;
		long long longest = 0;
		if (active) {
			memset(user, 0, sizeof user);
			user[FIRST] = -1;
			sqlite3_bind_int64(s[HOLD], 1, users[i]);
			if (run_row(s[HOLD], USER_COLUMNS, user)) goto failed;
			if (user[LENGTH] > 0 && (day <= user[END] || user[FREEZES] > 0))
				return "a user's activity is not the workload's";
			new_user = user[FIRST] < 0;
			longest = user[LONGEST];
			add_day(user, day);
		}
		if (new_user) {
			sqlite3_bind_int64(s[NEW_USER], 1, users[i]);
			sqlite3_bind_int64(s[NEW_USER], 2, executed);
			sqlite3_bind_text(s[NEW_USER], 3, now, -1, 0);
			for (int c = FIRST; c < USER_COLUMNS; c++) sqlite3_bind_int64(s[NEW_USER], c + 3, user[c]);
			if (run(s[NEW_USER])) goto failed;
		} else {
			sqlite3_stmt *fires = s[executed ? EXECUTED : NOT_EXECUTED];
			sqlite3_bind_int64(fires, 1, users[i]);
			sqlite3_bind_text(fires, 2, now, -1, 0);
			if (run(fires)) goto failed;
			if (active) {
				sqlite3_bind_int64(s[LATEST], 1, users[i]);
				sqlite3_bind_int64(s[LATEST], 2, user[START]);
				sqlite3_bind_int64(s[LATEST], 3, user[END]);
				sqlite3_bind_int64(s[LATEST], 4, user[LENGTH]);
				sqlite3_bind_int64(s[LATEST], 5, user[UNTIL]);
				sqlite3_bind_int64(s[LATEST], 6, user[FREEZES]);
				if (run(s[LATEST])) goto failed;
			}
			if (active && user[LONGEST] != longest) {
				sqlite3_bind_int64(s[LONGEST_STREAK], 1, users[i]);
				sqlite3_bind_int64(s[LONGEST_STREAK], 2, user[LONGEST]);
				if (run(s[LONGEST_STREAK])) goto failed;
			}
		}
		sqlite3_bind_text(s[SIGNAL_DAY], 1, signal, length, 0);
		sqlite3_bind_int64(s[SIGNAL_DAY], 2, day);
		sqlite3_bind_int64(s[SIGNAL_DAY], 3, executed);
		if (run(s[SIGNAL_DAY])) goto failed;
		sqlite3_bind_text(s[SIGNAL], 1, signal, length, 0);
		sqlite3_bind_text(s[SIGNAL], 2, now, -1, 0);
		if (run(s[SIGNAL])) goto failed;
		sqlite3_bind_int64(s[DAY], 1, day);
		sqlite3_bind_int64(s[DAY], 2, executed);
		sqlite3_bind_int64(s[DAY], 3, active);
		sqlite3_bind_int64(s[DAY], 4, new_user);
		if (run(s[DAY])) goto failed;
		if ((i % batch == batch - 1 || i == n - 1) && run(s[COMMIT])) goto failed;
	}
	return 0;
failed:
	return sqlite3_errmsg(f->db);
}
*/
import "C"

import (
	"context"
	"errors"
	"time"
	"unsafe"

	"github.com/hydraxdev/engagementdb/engagement"
)

// The statements that store one fire, as the library's do many.
const (
	insertFire = iota
	addUserDay
	addUserFires // this or the next, unless the user is new
	addUserFiresNotExecuted
	holdUser   // if the day has just become active, this and what follows
	setStreaks // of a new user
	setLatestStreaks
	setLongestStreaks // if it has grown
	addSignalDay
	addSignal
	addDay
)

// fireTexts are the library's set-based statements with one row in place of the
// set, in the library's order: those of queries/sqlite/record.sql.
var fireTexts = [...]string{
	insertFire: `INSERT INTO signal_fires (user_id, signal_id, timestamp, executed, day) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (user_id, signal_id) DO NOTHING
RETURNING user_id, signal_id`,
	addUserDay: `INSERT INTO user_days (user_id, day, fires, executed) VALUES (?1, ?2, 1, ?3)
ON CONFLICT (user_id, day) DO UPDATE SET
    fires = user_days.fires + excluded.fires,
    executed = user_days.executed + excluded.executed
RETURNING user_id, day, fires`,
	addUserFires: `INSERT INTO user_stats (user_id, total_fires, executed, last_updated) VALUES (?1, 1, 1, ?2)
ON CONFLICT (user_id) DO UPDATE SET
    total_fires = user_stats.total_fires + excluded.total_fires,
    executed = user_stats.executed + excluded.executed,
    last_updated = CASE
        WHEN excluded.last_updated > user_stats.last_updated THEN excluded.last_updated
        ELSE user_stats.last_updated
    END`,
	addUserFiresNotExecuted: `INSERT INTO user_stats (user_id, total_fires, last_updated) VALUES (?1, 1, ?2)
ON CONFLICT (user_id) DO UPDATE SET
    total_fires = user_stats.total_fires + excluded.total_fires,
    last_updated = CASE
        WHEN excluded.last_updated > user_stats.last_updated THEN excluded.last_updated
        ELSE user_stats.last_updated
    END`,
	holdUser: `SELECT user_id, first_day, streak_start, streak_end, streak_length, streak_until, streak_longest, freezes
FROM user_stats WHERE user_id = ?1`,
	setStreaks: `INSERT INTO user_stats (user_id, total_fires, executed, last_updated, first_day, streak_start, streak_end,
    streak_length, streak_until, streak_longest, freezes)
VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (user_id) DO UPDATE SET
    total_fires = user_stats.total_fires + excluded.total_fires,
    executed = user_stats.executed + excluded.executed,
    last_updated = CASE
        WHEN excluded.last_updated > user_stats.last_updated THEN excluded.last_updated
        ELSE user_stats.last_updated
    END,
    first_day = excluded.first_day,
    streak_start = excluded.streak_start,
    streak_end = excluded.streak_end,
    streak_length = excluded.streak_length,
    streak_until = excluded.streak_until,
    streak_longest = excluded.streak_longest,
    freezes = excluded.freezes`,
	setLatestStreaks: `INSERT INTO user_stats (user_id, streak_start, streak_end, streak_length, streak_until, freezes)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (user_id) DO UPDATE SET
    streak_start = excluded.streak_start,
    streak_end = excluded.streak_end,
    streak_length = excluded.streak_length,
    streak_until = excluded.streak_until,
    freezes = excluded.freezes`,
	setLongestStreaks: `INSERT INTO user_stats (user_id, streak_longest) VALUES (?1, ?2)
ON CONFLICT (user_id) DO UPDATE SET streak_longest = excluded.streak_longest`,
	addSignalDay: `INSERT INTO signal_days (signal_id, day, fires, executed) VALUES (?1, ?2, 1, ?3)
ON CONFLICT (signal_id, day) DO UPDATE SET
    fires = signal_days.fires + excluded.fires,
    executed = signal_days.executed + excluded.executed`,
	addSignal: `INSERT INTO signal_metrics (signal_id, total_fires, active_users, created_at) VALUES (?1, 1, 1, ?2)
ON CONFLICT (signal_id) DO UPDATE SET
    total_fires = signal_metrics.total_fires + excluded.total_fires,
    active_users = signal_metrics.active_users + excluded.active_users,
    created_at = CASE
        WHEN excluded.created_at < signal_metrics.created_at THEN excluded.created_at
        ELSE signal_metrics.created_at
    END`,
	addDay: `INSERT INTO days (day, fires, executed, active_users, new_users) VALUES (?1, 1, ?2, ?3, ?4)
ON CONFLICT (day) DO UPDATE SET
    fires = days.fires + excluded.fires,
    executed = days.executed + excluded.executed,
    active_users = days.active_users + excluded.active_users,
    new_users = days.new_users + excluded.new_users`,
}

// floor is the same statements as the library's, row by row in C: what SQLite
// itself costs.
type floor struct {
	db    C.floor_db
	users workload
	next  int // the number of the next fire
}

// openFloor opens a file of the library's schema.
func openFloor(path string, users workload) (*floor, error) {
	var texts [C.STATEMENTS]*C.char
	for i, text := range append(fireTexts[:], "BEGIN IMMEDIATE", "COMMIT") {
		texts[i] = C.CString(text)
		defer C.free(unsafe.Pointer(texts[i]))
	}
	cpath, cpragmas := C.CString(path), C.CString(pragmas)
	defer C.free(unsafe.Pointer(cpath))
	defer C.free(unsafe.Pointer(cpragmas))
	f := &floor{users: users}
	if message := C.floor_open(&f.db, cpath, cpragmas, &texts[0]); message != nil {
		return nil, errors.New(C.GoString(message))
	}
	return f, nil
}

// measure stores fires for about d, batch of them a commit.
func (f *floor) measure(ctx context.Context, d time.Duration, batch int) (sample, error) {
	size := batch // of a call into C, so that short batches share one
	for size < 64 {
		size += batch
	}
	s, err := until(ctx, d, func() (int, error) {
		fires := make([]fire, size)
		for i := range fires {
			fires[i] = f.users.fireAt(f.next)
			f.next++
		}
		return size, f.write(fires, batch)
	})
	s.commits = s.ops / int64(batch)
	return s, err
}

// write stores fires, batch of them a commit.
func (f *floor) write(fires []fire, batch int) error {
	users, signals := make([]C.longlong, len(fires)), make([]C.int, len(fires))
	for i, fire := range fires {
		users[i], signals[i] = C.longlong(fire.user), C.int(fire.signal)
	}
	now := time.Now().UTC()
	prefix, text := C.CString(signalPrefix), C.CString(now.Format(timeFormat))
	defer C.free(unsafe.Pointer(prefix))
	defer C.free(unsafe.Pointer(text))
	message := C.floor_write(&f.db, C.longlong(len(fires)), C.longlong(batch), &users[0], &signals[0], prefix, text,
		C.longlong(engagement.DayOf(now, time.UTC)))
	if message != nil {
		return errors.New(C.GoString(message))
	}
	return nil
}

func (f *floor) close() error {
	C.floor_close(&f.db)
	return nil
}
