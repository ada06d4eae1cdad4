-- name: PutFires :exec
-- PutFires stores fires as they are, replacing rows with the same keys. It takes a
-- JSON array of [id, user_id, signal_id, timestamp, executed, day], no key twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO signal_fires (id, user_id, signal_id, timestamp, executed, day)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 1 AS BIGINT),
    (j.value ->> 2) COLLATE "C",
    CAST((j.value ->> 3) || '+00' AS TIMESTAMPTZ),
    (j.value ->> 4) = '1',
    CAST(j.value ->> 5 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(fires) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 2, 3
ON CONFLICT (user_id, signal_id) DO UPDATE SET
    id = excluded.id,
    timestamp = excluded.timestamp,
    executed = excluded.executed,
    day = excluded.day;

-- name: PutTrades :exec
-- PutTrades stores trades as they are, replacing rows with the same keys. It takes a
-- JSON array of [id, user_id, trade_id, signal_id, pnl_micros, outcome, closed_at,
-- day], no key twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO trades (id, user_id, trade_id, signal_id, pnl_micros, outcome, closed_at, day)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 1 AS BIGINT),
    (j.value ->> 2) COLLATE "C",
    j.value ->> 3,
    CAST(j.value ->> 4 AS BIGINT),
    j.value ->> 5,
    CAST((j.value ->> 6) || '+00' AS TIMESTAMPTZ),
    CAST(j.value ->> 7 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(trades) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 2, 3
ON CONFLICT (user_id, trade_id) DO UPDATE SET
    id = excluded.id,
    signal_id = excluded.signal_id,
    pnl_micros = excluded.pnl_micros,
    outcome = excluded.outcome,
    closed_at = excluded.closed_at,
    day = excluded.day;

-- name: PutUsers :exec
-- PutUsers stores users' totals as they are, replacing rows with the same keys. It
-- takes a JSON array of [user_id, total_fires, win_rate, pnl, last_updated, wins,
-- losses, draws, pnl_micros, streak_start, streak_end, streak_longest, executed,
-- first_day, win_bound, streak_length, streak_until, freezes], no key twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
WITH fires AS (
    INSERT INTO fire_totals (user_id, total_fires, executed, last_updated)
    SELECT
        CAST(k.value ->> 0 AS BIGINT),
        CAST(k.value ->> 1 AS BIGINT),
        CAST(k.value ->> 12 AS BIGINT),
        CAST((k.value ->> 4) || '+00' AS TIMESTAMPTZ)
    FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS k(value)
    ORDER BY 1
    ON CONFLICT (user_id) DO UPDATE SET
        total_fires = excluded.total_fires,
        executed = excluded.executed,
        last_updated = excluded.last_updated
)
INSERT INTO user_states (
    user_id, win_rate, pnl, wins, losses, draws, pnl_micros, streak_start,
    streak_end, streak_longest, first_day, win_bound, streak_length, streak_until, freezes
)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 2 AS DOUBLE PRECISION),
    CAST(j.value ->> 3 AS DOUBLE PRECISION),
    CAST(j.value ->> 5 AS BIGINT),
    CAST(j.value ->> 6 AS BIGINT),
    CAST(j.value ->> 7 AS BIGINT),
    CAST(j.value ->> 8 AS BIGINT),
    CAST(j.value ->> 9 AS BIGINT),
    CAST(j.value ->> 10 AS BIGINT),
    CAST(j.value ->> 11 AS BIGINT),
    CAST(j.value ->> 13 AS BIGINT),
    CAST(j.value ->> 14 AS BIGINT),
    CAST(j.value ->> 15 AS BIGINT),
    CAST(j.value ->> 16 AS BIGINT),
    CAST(j.value ->> 17 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1
ON CONFLICT (user_id) DO UPDATE SET
    win_rate = excluded.win_rate,
    pnl = excluded.pnl,
    wins = excluded.wins,
    losses = excluded.losses,
    draws = excluded.draws,
    pnl_micros = excluded.pnl_micros,
    streak_start = excluded.streak_start,
    streak_end = excluded.streak_end,
    streak_longest = excluded.streak_longest,
    first_day = excluded.first_day,
    win_bound = excluded.win_bound,
    streak_length = excluded.streak_length,
    streak_until = excluded.streak_until,
    freezes = excluded.freezes;

-- name: PutUserDays :exec
-- PutUserDays stores users' days as they are, replacing rows with the same keys. It
-- takes a JSON array of [user_id, day, fires, executed, wins, losses, draws,
-- pnl_micros], no key twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO user_days (user_id, day, fires, executed, wins, losses, draws, pnl_micros)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 1 AS BIGINT),
    CAST(j.value ->> 2 AS BIGINT),
    CAST(j.value ->> 3 AS BIGINT),
    CAST(j.value ->> 4 AS BIGINT),
    CAST(j.value ->> 5 AS BIGINT),
    CAST(j.value ->> 6 AS BIGINT),
    CAST(j.value ->> 7 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(user_days) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1, 2
ON CONFLICT (user_id, day) DO UPDATE SET
    fires = excluded.fires,
    executed = excluded.executed,
    wins = excluded.wins,
    losses = excluded.losses,
    draws = excluded.draws,
    pnl_micros = excluded.pnl_micros;

-- name: PutSignals :exec
-- PutSignals stores signals' totals as they are, replacing rows with the same keys.
-- It takes a JSON array of [signal_id, total_fires, active_users, created_at], no key
-- twice.
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
    total_fires = excluded.total_fires,
    active_users = excluded.active_users,
    created_at = excluded.created_at;

-- name: PutSignalDays :exec
-- PutSignalDays stores signals' days as they are, replacing rows with the same keys.
-- It takes a JSON array of [signal_id, day, fires, executed], no key twice.
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
    fires = excluded.fires,
    executed = excluded.executed;

-- name: PutDays :exec
-- PutDays stores days as they are, replacing rows with the same keys. It takes a JSON
-- array of [day, fires, executed, active_users, new_users, wins, losses], no key twice.
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
    fires = excluded.fires,
    executed = excluded.executed,
    active_users = excluded.active_users,
    new_users = excluded.new_users,
    wins = excluded.wins,
    losses = excluded.losses;

-- name: PutSettings :exec
-- PutSettings stores settings as they are, replacing rows with the same keys. It
-- takes a JSON array of [name, value], no key twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO settings (name, value)
SELECT
    (j.value ->> 0) COLLATE "C",
    j.value ->> 1
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(settings) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1
ON CONFLICT (name) DO UPDATE SET
    value = excluded.value;

-- name: PutAwards :exec
-- PutAwards stores awards as they are, replacing rows with the same keys. It takes a
-- JSON array of [user_id, streak_start, milestone, day, awarded_at], no key twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO streak_awards (user_id, streak_start, milestone, day, awarded_at)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST(j.value ->> 1 AS BIGINT),
    CAST(j.value ->> 2 AS BIGINT),
    CAST(j.value ->> 3 AS BIGINT),
    CAST((j.value ->> 4) || '+00' AS TIMESTAMPTZ)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(awards) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1, 2, 3
ON CONFLICT (user_id, streak_start, milestone) DO UPDATE SET
    day = excluded.day,
    awarded_at = excluded.awarded_at;

-- name: PutFreezes :exec
-- PutFreezes stores freezes as they are, replacing rows with the same keys. It takes
-- a JSON array of [user_id, grant_id, granted_day, granted_at, spent_day], no key
-- twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO streak_freezes (user_id, grant_id, granted_day, granted_at, spent_day)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    (j.value ->> 1) COLLATE "C",
    CAST(j.value ->> 2 AS BIGINT),
    CAST((j.value ->> 3) || '+00' AS TIMESTAMPTZ),
    CAST(j.value ->> 4 AS BIGINT)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(freezes) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1, 2
ON CONFLICT (user_id, grant_id) DO UPDATE SET
    granted_day = excluded.granted_day,
    granted_at = excluded.granted_at,
    spent_day = excluded.spent_day;

-- name: PutMetrics :exec
-- PutMetrics stores metrics as they are, replacing rows with the same keys. It takes
-- a JSON array of [name, definition, updated_at], no key twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO custom_metrics (name, definition, updated_at)
SELECT
    (j.value ->> 0) COLLATE "C",
    j.value ->> 1,
    CAST((j.value ->> 2) || '+00' AS TIMESTAMPTZ)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(metrics) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1
ON CONFLICT (name) DO UPDATE SET
    definition = excluded.definition,
    updated_at = excluded.updated_at;

-- name: RestartFireIDs :one
-- RestartFireIDs makes new ids of fires follow the highest that is stored, and
-- returns the next one.
-- Not portable: SQLite goes on there by itself, PostgreSQL has to be told.
SELECT CAST(setval(pg_get_serial_sequence('signal_fires', 'id'), COALESCE(MAX(id), 0) + 1, FALSE) AS BIGINT) AS next_id
FROM signal_fires;

-- name: RestartTradeIDs :one
-- RestartTradeIDs makes new ids of trades follow the highest that is stored, and
-- returns the next one.
-- Not portable: SQLite goes on there by itself, PostgreSQL has to be told.
SELECT CAST(setval(pg_get_serial_sequence('trades', 'id'), COALESCE(MAX(id), 0) + 1, FALSE) AS BIGINT) AS next_id
FROM trades;

-- name: MissingGrants :many
-- MissingGrants lists the privileges that a copy to this database needs and this role
-- does not have, in the words of GRANT. It takes a JSON array of the tables' names. A
-- copy also sets the sequences of ids, and makes temporary tables to verify the copy.
-- Not portable: SQLite knows no grants.
SELECT CAST(string_agg(p.privilege, ', ' ORDER BY p.place) || ' ON ' || quote_ident(t.value) AS TEXT) AS missing
FROM jsonb_array_elements_text(CAST(CAST(sqlc.arg(tables) AS TEXT) AS JSONB)) AS t(value)
CROSS JOIN (VALUES (1, 'SELECT'), (2, 'INSERT'), (3, 'UPDATE'), (4, 'DELETE')) AS p(place, privilege)
WHERE NOT has_table_privilege(quote_ident(t.value), p.privilege)
GROUP BY t.value
UNION ALL
SELECT 'UPDATE ON SEQUENCE ' || s.name
FROM (VALUES
    (pg_get_serial_sequence('signal_fires', 'id')),
    (pg_get_serial_sequence('trades', 'id'))
) AS s(name)
WHERE NOT has_sequence_privilege(s.name, 'UPDATE')
UNION ALL
SELECT 'TEMPORARY ON DATABASE ' || quote_ident(current_database())
WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
ORDER BY missing;

-- name: PutTokens :exec
-- PutTokens stores tokens as they are, replacing rows with the same keys. It takes a
-- JSON array of [id, hash, name, scopes, user_id, created_at, expires_at, last_used],
-- no key twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO api_tokens (id, hash, name, scopes, user_id, created_at, expires_at, last_used)
SELECT
    (j.value ->> 0) COLLATE "C",
    j.value ->> 1,
    j.value ->> 2,
    j.value ->> 3,
    CAST(j.value ->> 4 AS BIGINT),
    CAST((j.value ->> 5) || '+00' AS TIMESTAMPTZ),
    CAST((j.value ->> 6) || '+00' AS TIMESTAMPTZ),
    CAST((j.value ->> 7) || '+00' AS TIMESTAMPTZ)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(tokens) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1
ON CONFLICT (id) DO UPDATE SET
    hash = excluded.hash,
    name = excluded.name,
    scopes = excluded.scopes,
    user_id = excluded.user_id,
    created_at = excluded.created_at,
    expires_at = excluded.expires_at,
    last_used = excluded.last_used;

-- name: PutPublicUsers :exec
-- PutPublicUsers stores users whose own figures everybody may see, in place of what
-- has their keys. It takes a JSON array of [user_id, since], no key twice.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
INSERT INTO public_users (user_id, since)
SELECT
    CAST(j.value ->> 0 AS BIGINT),
    CAST((j.value ->> 1) || '+00' AS TIMESTAMPTZ)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
ORDER BY 1
ON CONFLICT (user_id) DO UPDATE SET since = excluded.since;
