-- name: CreateUsers :many
-- CreateUsers holds some users, until the transaction ends, and creates those who are
-- not known yet, whose ids it returns. It takes a JSON array of user ids, none twice.
-- Who is created is known to others from the first fire or trade on.
-- Not portable: SQLite's writer has the file for itself, PostgreSQL's must lock: the
-- row of a conflict is locked even if it is not to be updated. One statement does
-- both, so whoever waits here holds only users with smaller ids.
INSERT INTO user_states AS u (user_id)
SELECT CAST(CAST(j.value AS TEXT) AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1
ON CONFLICT (user_id) DO UPDATE SET freezes = u.freezes WHERE FALSE
RETURNING user_id;

-- name: HoldUsers :many
-- HoldUsers returns the streak state and trades of some users, who are held, in no
-- order. It takes a JSON array of user ids, none twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
SELECT
    u.user_id, u.first_day, u.streak_start, u.streak_end, u.streak_length,
    u.streak_until, u.streak_longest, u.freezes, u.wins, u.losses, u.pnl_micros
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
JOIN user_states AS u ON u.user_id = CAST(CAST(j.value AS TEXT) AS BIGINT);

-- name: FiresByKey :many
-- FiresByKey returns the stored fires among the given keys, in no order. It takes a
-- JSON array of [user_id, signal_id].
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
SELECT f.id, f.user_id, f.signal_id, f.executed, f.day
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(keys) AS TEXT) AS JSONB)) AS j(value)
JOIN signal_fires AS f ON f.user_id = CAST(j.value ->> 0 AS BIGINT) AND f.signal_id = (j.value ->> 1) COLLATE "C";

-- name: TradesByKey :many
-- TradesByKey returns the stored trades among the given keys, in no order. It takes a
-- JSON array of [user_id, trade_id]. A row with a time that cannot be read is
-- returned with the day of rows set aside.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
SELECT
    t.id, t.user_id, t.trade_id, t.signal_id, t.pnl_micros, t.outcome,
    CAST(CASE WHEN isfinite(t.closed_at) THEN t.closed_at ELSE TIMESTAMPTZ '1970-01-01 00:00:00+00' END AS TIMESTAMPTZ) AS closed_at,
    CAST(CASE WHEN isfinite(t.closed_at) THEN t.day ELSE -2 END AS BIGINT) AS day
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(keys) AS TEXT) AS JSONB)) AS j(value)
JOIN trades AS t ON t.user_id = CAST(j.value ->> 0 AS BIGINT) AND t.trade_id = (j.value ->> 1) COLLATE "C";

-- name: DaysOfTrades :many
-- DaysOfTrades returns the users' stored P&L of the days of some trades, in no order.
-- It takes a JSON array of [user_id, trade_id, day].
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
SELECT d.user_id, d.day, d.pnl_micros
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(trades) AS TEXT) AS JSONB)) AS j(value)
JOIN user_days AS d ON d.user_id = CAST(j.value ->> 0 AS BIGINT) AND d.day = CAST(j.value ->> 2 AS BIGINT);

-- name: HistoriesOfUsers :many
-- HistoriesOfUsers lists, by user, the days on which some users fired, in order,
-- and then their freezes, each with its grant id, the day of its grant and the
-- day that it is spent on. It takes a JSON array of user ids.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
SELECT d.user_id, CAST('' AS TEXT) AS grant_id, d.day, CAST(-1 AS BIGINT) AS spent_day
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
JOIN user_days AS d ON d.user_id = CAST(CAST(j.value AS TEXT) AS BIGINT)
WHERE d.fires > 0
UNION ALL
SELECT f.user_id, f.grant_id, f.granted_day, f.spent_day
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
JOIN streak_freezes AS f ON f.user_id = CAST(CAST(j.value AS TEXT) AS BIGINT)
ORDER BY user_id, grant_id, day;

-- name: AwardsOfUsers :many
-- AwardsOfUsers lists the awards of some users, in no order. It takes a JSON
-- array of user ids.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
SELECT a.*
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
JOIN streak_awards AS a ON a.user_id = CAST(CAST(j.value AS TEXT) AS BIGINT);

-- name: InsertFires :exec
-- InsertFires stores fires whose keys are not stored. It takes a JSON array of
-- [user_id, signal_id, timestamp, executed, day], no key twice. Nobody reads what it
-- returns: without it, Citus copies the rows and loses the code of an error.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO signal_fires (id, user_id, signal_id, timestamp, executed, day)
SELECT f.id, f.user_id, f.signal_id, f.timestamp, f.executed, f.day
FROM (
    SELECT
        nextval('signal_fires_id_seq') AS id, -- in the array's order
        CAST(j.value ->> 0 AS BIGINT) AS user_id,
        (j.value ->> 1) COLLATE "C" AS signal_id,
        CAST((j.value ->> 2) || '+00' AS TIMESTAMPTZ) AS timestamp,
        (j.value ->> 3) = '1' AS executed,
        CAST(j.value ->> 4 AS BIGINT) AS day
    FROM jsonb_array_elements(CAST(CAST(sqlc.arg(fires) AS TEXT) AS JSONB)) AS j(value)
) AS f
ORDER BY f.user_id, f.signal_id
RETURNING user_id;

-- name: MarkFiresExecuted :exec
-- MarkFiresExecuted marks stored fires as executed. It takes a JSON array of
-- [user_id, signal_id], no key twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
UPDATE signal_fires AS f SET executed = TRUE
FROM (
    SELECT CAST(j.value ->> 0 AS BIGINT) AS user_id, (j.value ->> 1) COLLATE "C" AS signal_id
    FROM jsonb_array_elements(CAST(CAST(sqlc.arg(keys) AS TEXT) AS JSONB)) AS j(value)
    ORDER BY 1, 2
) AS k
WHERE f.user_id = k.user_id AND f.signal_id = k.signal_id AND f.executed = FALSE;

-- name: InsertTrades :exec
-- InsertTrades stores trades whose keys are not stored. It takes a JSON array of
-- [user_id, trade_id, signal_id, pnl_micros, outcome, closed_at, day], no key
-- twice. It returns something as InsertFires does.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO trades (id, user_id, trade_id, signal_id, pnl_micros, outcome, closed_at, day)
SELECT t.id, t.user_id, t.trade_id, t.signal_id, t.pnl_micros, t.outcome, t.closed_at, t.day
FROM (
    SELECT
        nextval('trades_id_seq') AS id, -- in the array's order
        CAST(j.value ->> 0 AS BIGINT) AS user_id,
        (j.value ->> 1) COLLATE "C" AS trade_id,
        (j.value ->> 2) COLLATE "C" AS signal_id,
        CAST(j.value ->> 3 AS BIGINT) AS pnl_micros,
        (j.value ->> 4) COLLATE "C" AS outcome,
        CAST((j.value ->> 5) || '+00' AS TIMESTAMPTZ) AS closed_at,
        CAST(j.value ->> 6 AS BIGINT) AS day
    FROM jsonb_array_elements(CAST(CAST(sqlc.arg(trades) AS TEXT) AS JSONB)) AS j(value)
) AS t
ORDER BY t.user_id, t.trade_id
RETURNING user_id;

-- name: AddUserDayFires :exec
-- AddUserDayFires adds to users' fires of a day. It takes a JSON array of
-- [user_id, day, fires, executed], no (user_id, day) twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO user_days (user_id, day, fires, executed)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 1 AS BIGINT),
    CAST(j.value ->> 2 AS BIGINT),
    CAST(j.value ->> 3 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(user_days) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1, 2
ON CONFLICT (user_id, day) DO UPDATE SET
    fires = user_days.fires + excluded.fires,
    executed = user_days.executed + excluded.executed;

-- name: AddUserDayTrades :exec
-- AddUserDayTrades adds to users' outcomes and P&L of a day. It takes a JSON
-- array of [user_id, day, wins, losses, draws, pnl_micros], no (user_id, day)
-- twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO user_days (user_id, day, wins, losses, draws, pnl_micros)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 1 AS BIGINT),
    CAST(j.value ->> 2 AS BIGINT),
    CAST(j.value ->> 3 AS BIGINT),
    CAST(j.value ->> 4 AS BIGINT),
    CAST(j.value ->> 5 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(user_days) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1, 2
ON CONFLICT (user_id, day) DO UPDATE SET
    wins = user_days.wins + excluded.wins,
    losses = user_days.losses + excluded.losses,
    draws = user_days.draws + excluded.draws,
    pnl_micros = user_days.pnl_micros + excluded.pnl_micros;

-- name: AddUserFires :exec
-- AddUserFires adds to users' fires, creating users. It takes a JSON array of
-- [user_id, fires, executed, last_updated], no user twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO fire_totals (user_id, total_fires, executed, last_updated)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 1 AS BIGINT),
    CAST(j.value ->> 2 AS BIGINT),
    CAST((j.value ->> 3) || '+00' AS TIMESTAMPTZ)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1
ON CONFLICT (user_id) DO UPDATE SET
    total_fires = fire_totals.total_fires + excluded.total_fires,
    executed = fire_totals.executed + excluded.executed,
    last_updated = CASE
        WHEN excluded.last_updated > fire_totals.last_updated THEN excluded.last_updated
        ELSE fire_totals.last_updated
    END;

-- name: SetStreaks :exec
-- SetStreaks adds to users' fires, creating users, and stores their streak state.
-- It takes a JSON array of [user_id, fires, executed, last_updated, first_day,
-- streak_start, streak_end, streak_length, streak_until, streak_longest, freezes],
-- no user twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
WITH fired AS (
    INSERT INTO fire_totals (user_id, total_fires, executed, last_updated)
    SELECT
        CAST(k.value ->> 0 AS BIGINT),
        CAST(k.value ->> 1 AS BIGINT),
        CAST(k.value ->> 2 AS BIGINT),
        CAST((k.value ->> 3) || '+00' AS TIMESTAMPTZ)
    FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS k(value)
    ORDER BY 1
    ON CONFLICT (user_id) DO UPDATE SET
        total_fires = fire_totals.total_fires + excluded.total_fires,
        executed = fire_totals.executed + excluded.executed,
        last_updated = CASE
            WHEN excluded.last_updated > fire_totals.last_updated THEN excluded.last_updated
            ELSE fire_totals.last_updated
        END
)
INSERT INTO user_states (
    user_id, first_day, streak_start, streak_end, streak_length, streak_until, streak_longest, freezes
)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 4 AS BIGINT),
    CAST(j.value ->> 5 AS BIGINT),
    CAST(j.value ->> 6 AS BIGINT),
    CAST(j.value ->> 7 AS BIGINT),
    CAST(j.value ->> 8 AS BIGINT),
    CAST(j.value ->> 9 AS BIGINT),
    CAST(j.value ->> 10 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1
ON CONFLICT (user_id) DO UPDATE SET
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
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
WITH dated AS (
    INSERT INTO fire_totals (user_id, last_updated)
    SELECT CAST(k.value ->> 0 AS BIGINT), CAST((k.value ->> 5) || '+00' AS TIMESTAMPTZ)
    FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS k(value)
    ORDER BY 1
    ON CONFLICT (user_id) DO UPDATE SET last_updated = excluded.last_updated
    WHERE excluded.last_updated > fire_totals.last_updated
)
INSERT INTO user_states (user_id, wins, losses, draws, pnl_micros, pnl, win_rate, win_bound)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 1 AS BIGINT),
    CAST(j.value ->> 2 AS BIGINT),
    CAST(j.value ->> 3 AS BIGINT),
    CAST(j.value ->> 4 AS BIGINT),
    CAST(j.value ->> 4 AS DOUBLE PRECISION) / 1000000,
    CASE
        WHEN CAST(j.value ->> 1 AS DOUBLE PRECISION) + CAST(j.value ->> 2 AS DOUBLE PRECISION) = 0 THEN 0
        ELSE CAST(j.value ->> 1 AS DOUBLE PRECISION) / (CAST(j.value ->> 1 AS DOUBLE PRECISION) + CAST(j.value ->> 2 AS DOUBLE PRECISION))
    END,
    CAST(j.value ->> 6 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1
ON CONFLICT (user_id) DO UPDATE SET
    wins = user_states.wins + excluded.wins,
    losses = user_states.losses + excluded.losses,
    draws = user_states.draws + excluded.draws,
    pnl_micros = user_states.pnl_micros + excluded.pnl_micros,
    pnl = CAST(user_states.pnl_micros + excluded.pnl_micros AS DOUBLE PRECISION) / 1000000,
    win_rate = CASE
        WHEN user_states.wins + excluded.wins + user_states.losses + excluded.losses = 0 THEN 0
        ELSE CAST(user_states.wins + excluded.wins AS DOUBLE PRECISION)
            / (user_states.wins + excluded.wins + user_states.losses + excluded.losses)
    END,
    win_bound = excluded.win_bound;

-- name: SpendFreezes :exec
-- SpendFreezes stores the days that freezes are spent on, -1 for one that is not
-- spent. It takes a JSON array of [user_id, grant_id, spent_day].
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
UPDATE streak_freezes AS f SET spent_day = CAST(j.value ->> 2 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(freezes) AS TEXT) AS JSONB)) AS j(value)
WHERE f.user_id = CAST(j.value ->> 0 AS BIGINT) AND f.grant_id = (j.value ->> 1) COLLATE "C";

-- name: InsertAwards :exec
-- InsertAwards stores awards. It takes a JSON array of [user_id, streak_start,
-- milestone, day, awarded_at], no (user_id, streak_start, milestone) twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO streak_awards (user_id, streak_start, milestone, day, awarded_at)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 1 AS BIGINT),
    CAST(j.value ->> 2 AS BIGINT),
    CAST(j.value ->> 3 AS BIGINT),
    CAST((j.value ->> 4) || '+00' AS TIMESTAMPTZ)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(awards) AS TEXT) AS JSONB)) AS j(value);

-- name: AddSignalDays :exec
-- AddSignalDays adds to signals' counts of a day. It takes a JSON array of
-- [signal_id, day, fires, executed], no (signal_id, day) twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO signal_days (signal_id, day, fires, executed)
SELECT
    (j.value ->> 0) COLLATE "C",
    CAST(j.value ->> 1 AS BIGINT),
    CAST(j.value ->> 2 AS BIGINT),
    CAST(j.value ->> 3 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(signal_days) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1, 2
ON CONFLICT (signal_id, day) DO UPDATE SET
    fires = signal_days.fires + excluded.fires,
    executed = signal_days.executed + excluded.executed;

-- name: AddSignals :exec
-- AddSignals adds to signals' totals, creating signals. It takes a JSON array of
-- [signal_id, fires, users, created_at], no signal twice. created_at is the time of
-- the earliest fire seen. A user fires a signal once, so its fires and its active
-- users are the same number.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO signal_metrics (signal_id, total_fires, active_users, created_at)
SELECT
    (j.value ->> 0) COLLATE "C",
    CAST(j.value ->> 1 AS BIGINT),
    CAST(j.value ->> 2 AS BIGINT),
    CAST((j.value ->> 3) || '+00' AS TIMESTAMPTZ)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(signals) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1
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
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO days (day, fires, executed, active_users, new_users, wins, losses)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 1 AS BIGINT),
    CAST(j.value ->> 2 AS BIGINT),
    CAST(j.value ->> 3 AS BIGINT),
    CAST(j.value ->> 4 AS BIGINT),
    CAST(j.value ->> 5 AS BIGINT),
    CAST(j.value ->> 6 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(days) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1
ON CONFLICT (day) DO UPDATE SET
    fires = days.fires + excluded.fires,
    executed = days.executed + excluded.executed,
    active_users = days.active_users + excluded.active_users,
    new_users = days.new_users + excluded.new_users,
    wins = days.wins + excluded.wins,
    losses = days.losses + excluded.losses;

-- name: DeleteUsers :exec
-- DeleteUsers deletes users' totals. It takes a JSON array of user ids.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
WITH fires AS (
    DELETE FROM fire_totals WHERE user_id IN (
        SELECT CAST(CAST(k.value AS TEXT) AS BIGINT)
        FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS k(value)
    )
)
DELETE FROM user_states WHERE user_id IN (
    SELECT CAST(CAST(j.value AS TEXT) AS BIGINT)
    FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
);
