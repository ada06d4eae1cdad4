-- name: UnreadableCounters :many
-- UnreadableCounters lists rows of tables other than facts with a value that cannot
-- be read (an infinite time, or an empty name), each with its table, its key and the
-- column.
-- Not portable: SQLite may keep anything in any column, but no such time.
SELECT CAST(v.place AS TEXT) AS place, CAST(v.row_key AS TEXT) AS row_key, CAST(v.field AS TEXT) AS field
FROM (
    SELECT 'user_stats' AS place, 'user ' || user_id AS row_key, 'last_updated' AS field
    FROM fire_totals WHERE NOT isfinite(last_updated)
    UNION ALL
    SELECT 'signal_metrics', 'signal ' || signal_id, 'created_at'
    FROM signal_metrics WHERE NOT isfinite(created_at)
    UNION ALL
    SELECT 'streak_awards', 'user ' || user_id || ', streak of day ' || streak_start, 'awarded_at'
    FROM streak_awards WHERE NOT isfinite(awarded_at)
    UNION ALL
    SELECT 'streak_freezes', 'user ' || user_id || ', freeze ' || grant_id, 'granted_at'
    FROM streak_freezes WHERE NOT isfinite(granted_at)
    UNION ALL
    SELECT 'custom_metrics', 'metric ' || name, 'updated_at'
    FROM custom_metrics WHERE NOT isfinite(updated_at)
    UNION ALL
    SELECT 'custom_metrics', 'metric', 'name' FROM custom_metrics WHERE name = ''
    UNION ALL
    SELECT 'api_tokens', 'token ' || id, CASE
        WHEN id = '' THEN 'id'
        WHEN NOT isfinite(created_at) THEN 'created_at'
        WHEN NOT isfinite(expires_at) THEN 'expires_at'
        ELSE 'last_used'
    END
    FROM api_tokens
    WHERE id = '' OR NOT isfinite(created_at) OR NOT isfinite(expires_at) OR NOT isfinite(last_used)
    UNION ALL
    SELECT 'public_users', 'user ' || user_id, 'since'
    FROM public_users WHERE NOT isfinite(since)
    UNION ALL
    SELECT 'settings', 'setting', 'name' FROM settings WHERE name = ''
) AS v
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalsSince :many
-- SignalsSince returns the stored created_at of some signals, in no order, as text.
-- It takes a JSON array of [signal_id].
-- Not portable: SQLite's times are text.
SELECT m.signal_id, CAST(to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS TEXT) AS created_at
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(signals) AS TEXT) AS JSONB)) AS j(value)
JOIN signal_metrics AS m ON m.signal_id = (j.value ->> 0) COLLATE "C";

-- name: SignalOrigins :many
-- SignalOrigins returns, for some signals, in no order, the first day with counted
-- fires (-1 without one) and the time of the first counted fire that is kept, as text
-- ('' without one). It takes a JSON array of [signal_id].
-- Not portable: SQLite's times are text, and Citus wants joins in place of looking
-- up one signal after the other.
SELECT
    m.signal_id,
    CAST(COALESCE(d.first_day, -1) AS BIGINT) AS first_day,
    CAST(COALESCE(to_char(f.first_fire AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), '') AS TEXT) AS first_fire
FROM signal_metrics AS m
LEFT JOIN (
    SELECT signal_id, MIN(day) AS first_day FROM signal_days
    WHERE fires > 0 AND signal_id = ANY(ARRAY(
        SELECT (j.value ->> 0) COLLATE "C" FROM jsonb_array_elements(CAST(CAST(sqlc.arg(signals) AS TEXT) AS JSONB)) AS j(value)
    ))
    GROUP BY signal_id
) AS d ON d.signal_id = m.signal_id
LEFT JOIN (
    SELECT signal_id, MIN(timestamp) AS first_fire FROM signal_fires
    WHERE day > 0 AND signal_id = ANY(ARRAY(
        SELECT (j.value ->> 0) COLLATE "C" FROM jsonb_array_elements(CAST(CAST(sqlc.arg(signals) AS TEXT) AS JSONB)) AS j(value)
    ))
    GROUP BY signal_id
) AS f ON f.signal_id = m.signal_id
WHERE m.signal_id = ANY(ARRAY(
        SELECT (j.value ->> 0) COLLATE "C" FROM jsonb_array_elements(CAST(CAST(sqlc.arg(signals) AS TEXT) AS JSONB)) AS j(value)
    ));

-- name: SetSignalOrigins :exec
-- SetSignalOrigins stores the created_at of signals. It takes a JSON array of
-- [signal_id, created_at].
-- Not portable: SQLite spells jsonb_array_elements json_each, and its times are text.
INSERT INTO signal_metrics (signal_id, total_fires, active_users, created_at)
SELECT m.signal_id, m.total_fires, m.active_users, CAST(j.value ->> 1 || '+00' AS TIMESTAMPTZ)
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(signals) AS TEXT) AS JSONB)) AS j(value)
JOIN signal_metrics AS m ON m.signal_id = j.value ->> 0
ON CONFLICT (signal_id) DO UPDATE SET created_at = excluded.created_at;

-- name: UserOrigins :many
-- UserOrigins returns, for some users, in no order, the last day with counted facts
-- (-1 without one) and the times of the latest fire and trade that are kept, as text
-- ('' without one). It takes a JSON array of user ids.
-- Not portable: SQLite's times are text, and Citus wants joins in place of looking
-- up one user after the other.
SELECT
    u.user_id,
    CAST(COALESCE(d.last_day, -1) AS BIGINT) AS last_day,
    CAST(COALESCE(to_char(f.last_fire AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), '') AS TEXT) AS last_fire,
    CAST(COALESCE(to_char(t.last_trade AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), '') AS TEXT) AS last_trade
FROM user_stats AS u
LEFT JOIN (
    SELECT user_id, MAX(day) AS last_day FROM user_days
    WHERE user_id = ANY(ARRAY(
        SELECT CAST(CAST(j.value AS TEXT) AS BIGINT) FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
    ))
    GROUP BY user_id
) AS d ON d.user_id = u.user_id
LEFT JOIN (
    SELECT user_id, MAX(timestamp) AS last_fire FROM signal_fires
    WHERE day > 0 AND user_id = ANY(ARRAY(
        SELECT CAST(CAST(j.value AS TEXT) AS BIGINT) FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
    ))
    GROUP BY user_id
) AS f ON f.user_id = u.user_id
LEFT JOIN (
    SELECT user_id, MAX(closed_at) AS last_trade FROM trades
    WHERE day >= 0 AND user_id = ANY(ARRAY(
        SELECT CAST(CAST(j.value AS TEXT) AS BIGINT) FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
    ))
    GROUP BY user_id
) AS t ON t.user_id = u.user_id
WHERE u.user_id = ANY(ARRAY(
        SELECT CAST(CAST(j.value AS TEXT) AS BIGINT) FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
    ));

-- name: SetUserOrigins :exec
-- SetUserOrigins stores the last_updated of users. It takes a JSON array of [user_id,
-- last_updated].
-- Not portable: SQLite spells jsonb_array_elements json_each, and its times are text.
WITH k AS MATERIALIZED ( -- before the update, in which Citus takes no time zone into account
    SELECT CAST(j.value ->> 0 AS BIGINT) AS user_id, CAST((j.value ->> 1) || '+00' AS TIMESTAMPTZ) AS last_updated
    FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
)
UPDATE fire_totals AS u SET last_updated = k.last_updated
FROM k
WHERE u.user_id = k.user_id;

-- name: UndatedUsers :many
-- UndatedUsers lists users whose last_updated cannot be read.
-- Not portable: SQLite may keep anything in any column.
SELECT user_id FROM fire_totals WHERE NOT isfinite(last_updated)
ORDER BY user_id
LIMIT CAST(@max_rows AS BIGINT);
