-- name: HoldUsers :many
-- HoldUsers holds some users, until the transaction ends, and returns the streak
-- state and trades of those who are known, in no order. It takes a JSON array of user
-- ids, none twice.
-- Not portable: SQLite's writer has the file for itself, PostgreSQL's must lock.
SELECT
    u.user_id, u.first_day, u.streak_start, u.streak_end, u.streak_length,
    u.streak_until, u.streak_longest, u.freezes, u.wins, u.losses, u.pnl_micros
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
CROSS JOIN user_stats AS u -- CROSS: one search a user
WHERE u.user_id = CAST(j.value AS BIGINT);

-- name: FiresByKey :many
-- FiresByKey returns the stored fires among the given keys, in no order. It takes a
-- JSON array of [user_id, signal_id]. A row that is not counted may contain anything.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
SELECT f.id, f.user_id, f.signal_id, CAST(COALESCE(f.executed = TRUE, FALSE) AS BOOLEAN) AS executed, CAST(f.day AS BIGINT) AS day
FROM json_each(CAST(sqlc.arg(keys) AS TEXT)) AS j
CROSS JOIN signal_fires AS f -- CROSS: one search a key
WHERE f.user_id = CAST(j.value ->> 0 AS BIGINT) AND f.signal_id = CAST(j.value ->> 1 AS TEXT);

-- name: TradesByKey :many
-- TradesByKey returns the stored trades among the given keys, in no order. It takes a
-- JSON array of [user_id, trade_id]. A row that cannot be read is returned with its
-- id, its key and the day of rows set aside.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
SELECT t.id, t.user_id, t.trade_id, t.signal_id, t.pnl_micros, t.outcome, t.closed_at, CAST(t.day AS BIGINT) AS day
FROM json_each(CAST(sqlc.arg(keys) AS TEXT)) AS j
CROSS JOIN readable_trades AS t -- CROSS: one search a key
WHERE t.user_id = CAST(j.value ->> 0 AS BIGINT) AND t.trade_id = CAST(j.value ->> 1 AS TEXT)
UNION ALL
SELECT t.id, t.user_id, t.trade_id, '', 0, '', '1970-01-01 00:00:00', -2
FROM json_each(CAST(sqlc.arg(keys) AS TEXT)) AS j
CROSS JOIN trades AS t -- CROSS: one search a key
WHERE t.user_id = CAST(j.value ->> 0 AS BIGINT) AND t.trade_id = CAST(j.value ->> 1 AS TEXT)
    AND t.id NOT IN (SELECT r.id FROM readable_trades AS r WHERE r.id = t.id);

-- name: DaysOfTrades :many
-- DaysOfTrades returns the users' stored P&L of the days of some trades, in no order.
-- It takes a JSON array of [user_id, trade_id, day].
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
SELECT d.user_id, d.day, d.pnl_micros
FROM json_each(CAST(sqlc.arg(trades) AS TEXT)) AS j
CROSS JOIN user_days AS d -- CROSS: one search a trade
WHERE d.user_id = CAST(j.value ->> 0 AS BIGINT) AND d.day = CAST(j.value ->> 2 AS BIGINT);

-- name: HistoriesOfUsers :many
-- HistoriesOfUsers lists, by user, the days on which some users fired, in order,
-- and then their freezes, each with its grant id, the day of its grant and the
-- day that it is spent on. It takes a JSON array of user ids.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
SELECT d.user_id, CAST('' AS TEXT) AS grant_id, d.day, CAST(-1 AS BIGINT) AS spent_day
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
CROSS JOIN user_days AS d -- CROSS: one search a user
WHERE d.user_id = CAST(j.value AS BIGINT) AND d.fires > 0
UNION ALL
SELECT f.user_id, f.grant_id, f.granted_day, f.spent_day
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
CROSS JOIN streak_freezes AS f
WHERE f.user_id = CAST(j.value AS BIGINT)
ORDER BY user_id, grant_id, day;

-- name: AwardsOfUsers :many
-- AwardsOfUsers lists the awards of some users, in no order. It takes a JSON
-- array of user ids.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
SELECT a.*
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
CROSS JOIN streak_awards AS a -- CROSS: one search a user
WHERE a.user_id = CAST(j.value AS BIGINT);

-- name: InsertFires :exec
-- InsertFires stores fires whose keys are not stored. It takes a JSON array of
-- [user_id, signal_id, timestamp, executed, day], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO signal_fires (user_id, signal_id, timestamp, executed, day)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4
FROM json_each(CAST(sqlc.arg(fires) AS TEXT)) AS j;

-- name: MarkFiresExecuted :exec
-- MarkFiresExecuted marks stored fires as executed. It takes a JSON array of
-- [user_id, signal_id], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
UPDATE signal_fires SET executed = TRUE
WHERE id IN (
    SELECT f.id
    FROM json_each(CAST(sqlc.arg(keys) AS TEXT)) AS j
    CROSS JOIN signal_fires AS f -- CROSS: one search a key, in this order
    WHERE f.user_id = CAST(j.value ->> 0 AS BIGINT)
        AND f.signal_id = CAST(j.value ->> 1 AS TEXT)
        AND f.executed = FALSE
);

-- name: InsertTrades :exec
-- InsertTrades stores trades whose keys are not stored. It takes a JSON array of
-- [user_id, trade_id, signal_id, pnl_micros, outcome, closed_at, day], no key
-- twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO trades (user_id, trade_id, signal_id, pnl_micros, outcome, closed_at, day)
SELECT
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3,
    j.value ->> 4, j.value ->> 5, j.value ->> 6
FROM json_each(CAST(sqlc.arg(trades) AS TEXT)) AS j;

-- name: AddUserDayFires :exec
-- AddUserDayFires adds to users' fires of a day. It takes a JSON array of
-- [user_id, day, fires, executed], no (user_id, day) twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO user_days (user_id, day, fires, executed)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3
FROM json_each(CAST(sqlc.arg(user_days) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id, day) DO UPDATE SET
    fires = user_days.fires + excluded.fires,
    executed = user_days.executed + excluded.executed;

-- name: AddUserDayTrades :exec
-- AddUserDayTrades adds to users' outcomes and P&L of a day. It takes a JSON
-- array of [user_id, day, wins, losses, draws, pnl_micros], no (user_id, day)
-- twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO user_days (user_id, day, wins, losses, draws, pnl_micros)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, j.value ->> 5
FROM json_each(CAST(sqlc.arg(user_days) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id, day) DO UPDATE SET
    wins = user_days.wins + excluded.wins,
    losses = user_days.losses + excluded.losses,
    draws = user_days.draws + excluded.draws,
    pnl_micros = user_days.pnl_micros + excluded.pnl_micros;

-- name: AddUserFires :exec
-- AddUserFires adds to users' fires, creating users. It takes a JSON array of
-- [user_id, fires, executed, last_updated], no user twice. Here and below, columns that
-- do not change are left out, because SQLite rewrites the index entries of every column
-- that an update names.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO user_stats (user_id, total_fires, executed, last_updated)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id) DO UPDATE SET
    total_fires = user_stats.total_fires + excluded.total_fires,
    executed = user_stats.executed + excluded.executed,
    last_updated = CASE
        WHEN excluded.last_updated > user_stats.last_updated THEN excluded.last_updated
        ELSE user_stats.last_updated
    END;

-- name: AddUserFiresNotExecuted :exec
-- AddUserFiresNotExecuted is AddUserFires for users of whom no more fires were executed.
-- It takes a JSON array of [user_id, fires, last_updated], no user twice.
-- Not portable: only SQLite rewrites the index entries of columns that stay as they are.
INSERT INTO user_stats (user_id, total_fires, last_updated)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id) DO UPDATE SET
    total_fires = user_stats.total_fires + excluded.total_fires,
    last_updated = CASE
        WHEN excluded.last_updated > user_stats.last_updated THEN excluded.last_updated
        ELSE user_stats.last_updated
    END;

-- name: SetLatestStreaks :exec
-- SetLatestStreaks stores the latest streaks of users who are known. It takes a JSON
-- array of [user_id, streak_start, streak_end, streak_length, streak_until, freezes], no
-- user twice.
-- Not portable: only SQLite rewrites the index entries of columns that stay as they are.
INSERT INTO user_stats (user_id, streak_start, streak_end, streak_length, streak_until, freezes)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, j.value ->> 5
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id) DO UPDATE SET
    streak_start = excluded.streak_start,
    streak_end = excluded.streak_end,
    streak_length = excluded.streak_length,
    streak_until = excluded.streak_until,
    freezes = excluded.freezes;

-- name: SetLongestStreaks :exec
-- SetLongestStreaks stores the longest streaks of users who are known. It takes a JSON
-- array of [user_id, streak_longest], no user twice.
-- Not portable: only SQLite rewrites the index entries of columns that stay as they are.
INSERT INTO user_stats (user_id, streak_longest)
SELECT j.value ->> 0, j.value ->> 1
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id) DO UPDATE SET streak_longest = excluded.streak_longest;

-- name: SetStreaks :exec
-- SetStreaks adds to users' fires, creating users, and stores their streak state.
-- It takes a JSON array of [user_id, fires, executed, last_updated, first_day,
-- streak_start, streak_end, streak_length, streak_until, streak_longest, freezes],
-- no user twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO user_stats (
    user_id, total_fires, executed, last_updated, first_day, streak_start, streak_end,
    streak_length, streak_until, streak_longest, freezes
)
SELECT
    j.value ->> 0,
    j.value ->> 1,
    j.value ->> 2,
    j.value ->> 3,
    j.value ->> 4,
    j.value ->> 5,
    j.value ->> 6,
    j.value ->> 7,
    j.value ->> 8,
    j.value ->> 9,
    j.value ->> 10
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
WHERE TRUE
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
    freezes = excluded.freezes;

-- name: AddUserTrades :exec
-- AddUserTrades adds to users' outcomes and P&L, creating users, and stores the
-- bounds of their win rates. It takes a JSON array of [user_id, wins, losses,
-- draws, pnl_micros, last_updated, win_bound], no user twice. win_rate and pnl
-- follow in the same statement.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO user_stats (user_id, wins, losses, draws, pnl_micros, pnl, win_rate, last_updated, win_bound)
SELECT
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3,
    j.value ->> 4, CAST(j.value ->> 4 AS DOUBLE PRECISION) / 1000000,
    CASE
        WHEN (j.value ->> 1) + (j.value ->> 2) = 0 THEN 0
        ELSE CAST(j.value ->> 1 AS DOUBLE PRECISION) / ((j.value ->> 1) + (j.value ->> 2))
    END,
    j.value ->> 5,
    j.value ->> 6
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id) DO UPDATE SET
    wins = user_stats.wins + excluded.wins,
    losses = user_stats.losses + excluded.losses,
    draws = user_stats.draws + excluded.draws,
    pnl_micros = user_stats.pnl_micros + excluded.pnl_micros,
    pnl = CAST(user_stats.pnl_micros + excluded.pnl_micros AS DOUBLE PRECISION) / 1000000,
    win_rate = CASE
        WHEN user_stats.wins + excluded.wins + user_stats.losses + excluded.losses = 0 THEN 0
        ELSE CAST(user_stats.wins + excluded.wins AS DOUBLE PRECISION)
            / (user_stats.wins + excluded.wins + user_stats.losses + excluded.losses)
    END,
    last_updated = CASE
        WHEN excluded.last_updated > user_stats.last_updated THEN excluded.last_updated
        ELSE user_stats.last_updated
    END,
    win_bound = excluded.win_bound;

-- name: SpendFreezes :exec
-- SpendFreezes stores the days that freezes are spent on, -1 for one that is not
-- spent. It takes a JSON array of [user_id, grant_id, spent_day].
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO streak_freezes (user_id, grant_id, granted_day, granted_at, spent_day)
SELECT f.user_id, f.grant_id, f.granted_day, f.granted_at, j.value ->> 2
FROM json_each(CAST(sqlc.arg(freezes) AS TEXT)) AS j
CROSS JOIN streak_freezes AS f -- CROSS: one search a key
WHERE f.user_id = CAST(j.value ->> 0 AS BIGINT) AND f.grant_id = CAST(j.value ->> 1 AS TEXT)
ON CONFLICT (user_id, grant_id) DO UPDATE SET spent_day = excluded.spent_day;

-- name: InsertAwards :exec
-- InsertAwards stores awards. It takes a JSON array of [user_id, streak_start,
-- milestone, day, awarded_at], no (user_id, streak_start, milestone) twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO streak_awards (user_id, streak_start, milestone, day, awarded_at)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4
FROM json_each(CAST(sqlc.arg(awards) AS TEXT)) AS j;

-- name: AddSignalDays :exec
-- AddSignalDays adds to signals' counts of a day. It takes a JSON array of
-- [signal_id, day, fires, executed], no (signal_id, day) twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO signal_days (signal_id, day, fires, executed)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3
FROM json_each(CAST(sqlc.arg(signal_days) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (signal_id, day) DO UPDATE SET
    fires = signal_days.fires + excluded.fires,
    executed = signal_days.executed + excluded.executed;

-- name: AddSignals :exec
-- AddSignals adds to signals' totals, creating signals. It takes a JSON array of
-- [signal_id, fires, users, created_at], no signal twice. created_at is the time of
-- the earliest fire seen. A user fires a signal once, so its fires and its active
-- users are the same number.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO signal_metrics (signal_id, total_fires, active_users, created_at)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3
FROM json_each(CAST(sqlc.arg(signals) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (signal_id) DO UPDATE SET
    total_fires = signal_metrics.total_fires + excluded.total_fires,
    active_users = signal_metrics.active_users + excluded.active_users,
    created_at = CASE
        WHEN excluded.created_at < signal_metrics.created_at THEN excluded.created_at
        ELSE signal_metrics.created_at
    END;

-- name: AddDays :exec
-- AddDays adds to the community's counts of days. It takes a JSON array of [day,
-- fires, executed, active_users, new_users, wins, losses], no day twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO days (day, fires, executed, active_users, new_users, wins, losses)
SELECT
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, j.value ->> 5,
    j.value ->> 6
FROM json_each(CAST(sqlc.arg(days) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (day) DO UPDATE SET
    fires = days.fires + excluded.fires,
    executed = days.executed + excluded.executed,
    active_users = days.active_users + excluded.active_users,
    new_users = days.new_users + excluded.new_users,
    wins = days.wins + excluded.wins,
    losses = days.losses + excluded.losses;

-- name: DeleteUsers :exec
-- DeleteUsers deletes users' totals. It takes a JSON array of user ids.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
DELETE FROM user_stats WHERE user_id IN (
    SELECT CAST(j.value AS BIGINT) FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
);
