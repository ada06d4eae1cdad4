-- name: PutFires :exec
-- PutFires stores fires as they are, replacing rows with the same keys. It takes a
-- JSON array of [id, user_id, signal_id, timestamp, executed, day], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO signal_fires (id, user_id, signal_id, timestamp, executed, day)
SELECT
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4,
    j.value ->> 5
FROM json_each(CAST(sqlc.arg(fires) AS TEXT)) AS j;

-- name: PutTrades :exec
-- PutTrades stores trades as they are, replacing rows with the same keys. It takes a
-- JSON array of [id, user_id, trade_id, signal_id, pnl_micros, outcome, closed_at,
-- day], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO trades (id, user_id, trade_id, signal_id, pnl_micros, outcome, closed_at, day)
SELECT
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4,
    j.value ->> 5, j.value ->> 6, j.value ->> 7
FROM json_each(CAST(sqlc.arg(trades) AS TEXT)) AS j;

-- name: PutUsers :exec
-- PutUsers stores users' totals as they are, replacing rows with the same keys. It
-- takes a JSON array of [user_id, total_fires, win_rate, pnl, last_updated, wins,
-- losses, draws, pnl_micros, streak_start, streak_end, streak_longest, executed,
-- first_day, win_bound, streak_length, streak_until, freezes], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO user_stats (
    user_id, total_fires, win_rate, pnl, last_updated, wins, losses, draws, pnl_micros, streak_start,
    streak_end, streak_longest, executed, first_day, win_bound, streak_length, streak_until, freezes
)
SELECT
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4,
    j.value ->> 5, j.value ->> 6, j.value ->> 7, j.value ->> 8, j.value ->> 9,
    j.value ->> 10, j.value ->> 11, j.value ->> 12, j.value ->> 13, j.value ->> 14,
    j.value ->> 15, j.value ->> 16, j.value ->> 17
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j;

-- name: PutUserDays :exec
-- PutUserDays stores users' days as they are, replacing rows with the same keys. It
-- takes a JSON array of [user_id, day, fires, executed, wins, losses, draws,
-- pnl_micros], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO user_days (user_id, day, fires, executed, wins, losses, draws, pnl_micros)
SELECT
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4,
    j.value ->> 5, j.value ->> 6, j.value ->> 7
FROM json_each(CAST(sqlc.arg(user_days) AS TEXT)) AS j;

-- name: PutSignals :exec
-- PutSignals stores signals' totals as they are, replacing rows with the same keys.
-- It takes a JSON array of [signal_id, total_fires, active_users, created_at], no key
-- twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO signal_metrics (signal_id, total_fires, active_users, created_at)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3
FROM json_each(CAST(sqlc.arg(signals) AS TEXT)) AS j;

-- name: PutSignalDays :exec
-- PutSignalDays stores signals' days as they are, replacing rows with the same keys.
-- It takes a JSON array of [signal_id, day, fires, executed], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO signal_days (signal_id, day, fires, executed)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3
FROM json_each(CAST(sqlc.arg(signal_days) AS TEXT)) AS j;

-- name: PutDays :exec
-- PutDays stores days as they are, replacing rows with the same keys. It takes a JSON
-- array of [day, fires, executed, active_users, new_users, wins, losses], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO days (day, fires, executed, active_users, new_users, wins, losses)
SELECT
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, j.value ->> 5,
    j.value ->> 6
FROM json_each(CAST(sqlc.arg(days) AS TEXT)) AS j;

-- name: PutSettings :exec
-- PutSettings stores settings as they are, replacing rows with the same keys. It
-- takes a JSON array of [name, value], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO settings (name, value)
SELECT j.value ->> 0, j.value ->> 1
FROM json_each(CAST(sqlc.arg(settings) AS TEXT)) AS j;

-- name: PutAwards :exec
-- PutAwards stores awards as they are, replacing rows with the same keys. It takes a
-- JSON array of [user_id, streak_start, milestone, day, awarded_at], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO streak_awards (user_id, streak_start, milestone, day, awarded_at)
SELECT
    j.value ->> 0,
    j.value ->> 1,
    j.value ->> 2,
    j.value ->> 3,
    j.value ->> 4
FROM json_each(CAST(sqlc.arg(awards) AS TEXT)) AS j;

-- name: PutFreezes :exec
-- PutFreezes stores freezes as they are, replacing rows with the same keys. It takes
-- a JSON array of [user_id, grant_id, granted_day, granted_at, spent_day], no key
-- twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO streak_freezes (user_id, grant_id, granted_day, granted_at, spent_day)
SELECT
    j.value ->> 0,
    j.value ->> 1,
    j.value ->> 2,
    j.value ->> 3,
    j.value ->> 4
FROM json_each(CAST(sqlc.arg(freezes) AS TEXT)) AS j;

-- name: PutMetrics :exec
-- PutMetrics stores metrics as they are, replacing rows with the same keys. It takes
-- a JSON array of [name, definition, updated_at], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO custom_metrics (name, definition, updated_at)
SELECT
    j.value ->> 0,
    j.value ->> 1,
    j.value ->> 2
FROM json_each(CAST(sqlc.arg(metrics) AS TEXT)) AS j;

-- name: RestartFireIDs :one
-- RestartFireIDs makes new ids of fires follow the highest that is stored, and
-- returns the next one.
-- Not portable: SQLite goes on there by itself, PostgreSQL has to be told.
SELECT CAST(COALESCE(MAX(id), 0) + 1 AS BIGINT) AS next_id FROM signal_fires;

-- name: RestartTradeIDs :one
-- RestartTradeIDs makes new ids of trades follow the highest that is stored, and
-- returns the next one.
-- Not portable: SQLite goes on there by itself, PostgreSQL has to be told.
SELECT CAST(COALESCE(MAX(id), 0) + 1 AS BIGINT) AS next_id FROM trades;

-- name: MissingGrants :many
-- MissingGrants lists nothing.
-- Not portable: SQLite knows no grants.
SELECT CAST(j.value AS TEXT) AS missing
FROM json_each(CAST(sqlc.arg(tables) AS TEXT)) AS j
WHERE j.value IS NULL;

-- name: PutTokens :exec
-- PutTokens stores tokens as they are, replacing rows with the same keys. It takes a
-- JSON array of [id, hash, name, scopes, user_id, created_at, expires_at, last_used],
-- no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO api_tokens (id, hash, name, scopes, user_id, created_at, expires_at, last_used)
SELECT
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4,
    j.value ->> 5, j.value ->> 6, j.value ->> 7
FROM json_each(CAST(sqlc.arg(tokens) AS TEXT)) AS j;

-- name: PutPublicUsers :exec
-- PutPublicUsers stores users whose own figures everybody may see, in place of what
-- has their keys. It takes a JSON array of [user_id, since], no key twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT OR REPLACE INTO public_users (user_id, since)
SELECT j.value ->> 0, j.value ->> 1
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j;
