-- name: UnreadableCounters :many
-- UnreadableCounters lists rows of tables other than facts with a value of another
-- type than its column's, or an empty name, each with its table, its key and the
-- first such column.
-- Not portable: PostgreSQL keeps to its types.
SELECT
    CAST(place AS TEXT) AS place,
    CAST(row_key AS TEXT) AS row_key,
    CAST(COALESCE(field, '') AS TEXT) AS field
FROM (
    SELECT 'user_stats' AS place, 'user ' || user_id AS row_key, CASE
        WHEN typeof(total_fires) <> 'integer' THEN 'total_fires'
        WHEN typeof(executed) <> 'integer' THEN 'executed'
        WHEN typeof(wins) <> 'integer' THEN 'wins'
        WHEN typeof(losses) <> 'integer' THEN 'losses'
        WHEN typeof(draws) <> 'integer' THEN 'draws'
        WHEN typeof(pnl_micros) <> 'integer' THEN 'pnl_micros'
        WHEN typeof(pnl) <> 'real' THEN 'pnl'
        WHEN typeof(win_rate) <> 'real' THEN 'win_rate'
        WHEN typeof(win_bound) <> 'integer' THEN 'win_bound'
        WHEN typeof(first_day) <> 'integer' THEN 'first_day'
        WHEN typeof(streak_start) <> 'integer' THEN 'streak_start'
        WHEN typeof(streak_end) <> 'integer' THEN 'streak_end'
        WHEN typeof(streak_length) <> 'integer' THEN 'streak_length'
        WHEN typeof(streak_longest) <> 'integer' THEN 'streak_longest'
        WHEN typeof(streak_until) <> 'integer' THEN 'streak_until'
        WHEN typeof(freezes) <> 'integer' THEN 'freezes'
        WHEN typeof(last_updated) <> 'text' OR last_updated NOT LIKE '____-__-__%' OR julianday(last_updated) IS NULL THEN 'last_updated'
    END AS field FROM user_stats
    UNION ALL
    SELECT 'user_days', 'user ' || quote(user_id) || ' on day ' || quote(day), CASE
        WHEN typeof(user_id) <> 'integer' THEN 'user_id'
        WHEN typeof(day) <> 'integer' THEN 'day'
        WHEN typeof(fires) <> 'integer' THEN 'fires'
        WHEN typeof(executed) <> 'integer' THEN 'executed'
        WHEN typeof(wins) <> 'integer' THEN 'wins'
        WHEN typeof(losses) <> 'integer' THEN 'losses'
        WHEN typeof(draws) <> 'integer' THEN 'draws'
        WHEN typeof(pnl_micros) <> 'integer' THEN 'pnl_micros'
    END FROM user_days
    UNION ALL
    SELECT 'signal_metrics', 'signal ' || quote(signal_id), CASE
        WHEN typeof(signal_id) <> 'text' THEN 'signal_id'
        WHEN typeof(total_fires) <> 'integer' THEN 'total_fires'
        WHEN typeof(active_users) <> 'integer' THEN 'active_users'
        WHEN typeof(created_at) <> 'text' OR created_at NOT LIKE '____-__-__%' OR julianday(created_at) IS NULL THEN 'created_at'
    END FROM signal_metrics
    UNION ALL
    SELECT 'signal_days', 'signal ' || quote(signal_id) || ' on day ' || quote(day), CASE
        WHEN typeof(signal_id) <> 'text' THEN 'signal_id'
        WHEN typeof(day) <> 'integer' THEN 'day'
        WHEN typeof(fires) <> 'integer' THEN 'fires'
        WHEN typeof(executed) <> 'integer' THEN 'executed'
    END FROM signal_days
    UNION ALL
    SELECT 'days', 'day ' || day, CASE
        WHEN typeof(fires) <> 'integer' THEN 'fires'
        WHEN typeof(executed) <> 'integer' THEN 'executed'
        WHEN typeof(active_users) <> 'integer' THEN 'active_users'
        WHEN typeof(new_users) <> 'integer' THEN 'new_users'
        WHEN typeof(wins) <> 'integer' THEN 'wins'
        WHEN typeof(losses) <> 'integer' THEN 'losses'
    END FROM days
    UNION ALL
    SELECT 'streak_awards', 'user ' || quote(user_id) || ', streak of day ' || quote(streak_start), CASE
        WHEN typeof(user_id) <> 'integer' THEN 'user_id'
        WHEN typeof(streak_start) <> 'integer' THEN 'streak_start'
        WHEN typeof(milestone) <> 'integer' THEN 'milestone'
        WHEN typeof(day) <> 'integer' THEN 'day'
        WHEN typeof(awarded_at) <> 'text' OR awarded_at NOT LIKE '____-__-__%' OR julianday(awarded_at) IS NULL THEN 'awarded_at'
    END FROM streak_awards
    UNION ALL
    SELECT 'streak_freezes', 'user ' || quote(user_id) || ', freeze ' || quote(grant_id), CASE
        WHEN typeof(user_id) <> 'integer' THEN 'user_id'
        WHEN typeof(grant_id) <> 'text' THEN 'grant_id'
        WHEN typeof(granted_day) <> 'integer' THEN 'granted_day'
        WHEN typeof(spent_day) <> 'integer' THEN 'spent_day'
        WHEN typeof(granted_at) <> 'text' OR granted_at NOT LIKE '____-__-__%' OR julianday(granted_at) IS NULL THEN 'granted_at'
    END FROM streak_freezes
    UNION ALL
    SELECT 'custom_metrics', 'metric ' || quote(name), CASE
        WHEN typeof(name) <> 'text' OR name = '' THEN 'name'
        WHEN typeof(definition) <> 'text' THEN 'definition'
        WHEN typeof(updated_at) <> 'text' OR updated_at NOT LIKE '____-__-__%' OR julianday(updated_at) IS NULL THEN 'updated_at'
    END FROM custom_metrics
    UNION ALL
    SELECT 'api_tokens', 'token ' || quote(id), CASE
        WHEN typeof(id) <> 'text' OR id = '' THEN 'id'
        WHEN typeof(hash) <> 'text' THEN 'hash'
        WHEN typeof(name) <> 'text' THEN 'name'
        WHEN typeof(scopes) <> 'text' THEN 'scopes'
        WHEN typeof(user_id) <> 'integer' THEN 'user_id'
        WHEN typeof(created_at) <> 'text' OR created_at NOT LIKE '____-__-__%' OR julianday(created_at) IS NULL THEN 'created_at'
        -- Without the fraction: SQLite rounds the end of time up, to where it knows none.
        WHEN typeof(expires_at) <> 'text' OR expires_at NOT LIKE '____-__-__%' OR julianday(substr(expires_at, 1, 19)) IS NULL THEN 'expires_at'
        WHEN typeof(last_used) <> 'text' OR last_used NOT LIKE '____-__-__%' OR julianday(last_used) IS NULL THEN 'last_used'
    END FROM api_tokens
    UNION ALL
    SELECT 'public_users', 'user ' || user_id, CASE
        WHEN typeof(since) <> 'text' OR since NOT LIKE '____-__-__%' OR julianday(since) IS NULL THEN 'since'
    END FROM public_users
    UNION ALL
    SELECT 'settings', 'setting ' || quote(name), CASE
        WHEN typeof(name) <> 'text' OR name = '' THEN 'name'
        WHEN typeof(value) <> 'text' THEN 'value'
    END FROM settings
) AS v
WHERE field IS NOT NULL
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalsSince :many
-- SignalsSince returns the stored created_at of some signals, in no order, as text.
-- It takes a JSON array of [signal_id].
-- Not portable: SQLite's times are text already.
SELECT m.signal_id, CAST(m.created_at AS TEXT) AS created_at
FROM json_each(CAST(sqlc.arg(signals) AS TEXT)) AS j
CROSS JOIN signal_metrics AS m -- CROSS: one search a signal
WHERE m.signal_id = CAST(j.value ->> 0 AS TEXT);

-- name: SignalOrigins :many
-- SignalOrigins returns, for some signals, in no order, the first day with counted
-- fires (-1 without one) and the time of the first counted fire that is kept, as text
-- ('' without one). It takes a JSON array of [signal_id].
-- Not portable: SQLite's times are text already, and it looks up one signal after
-- the other.
SELECT
    m.signal_id,
    CAST(COALESCE((
        SELECT d.day FROM signal_days AS d
        WHERE d.signal_id = m.signal_id AND d.fires > 0
        ORDER BY d.day LIMIT 1
    ), -1) AS BIGINT) AS first_day,
    CAST(COALESCE((
        SELECT f.timestamp FROM readable_fires AS f
        WHERE f.signal_id = m.signal_id AND f.day > 0
        ORDER BY f.timestamp LIMIT 1
    ), '') AS TEXT) AS first_fire
FROM json_each(CAST(sqlc.arg(signals) AS TEXT)) AS j
CROSS JOIN signal_metrics AS m -- CROSS: one search a signal
WHERE m.signal_id = CAST(j.value ->> 0 AS TEXT);

-- name: SetSignalOrigins :exec
-- SetSignalOrigins stores the created_at of signals. It takes a JSON array of
-- [signal_id, created_at].
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO signal_metrics (signal_id, total_fires, active_users, created_at)
SELECT m.signal_id, m.total_fires, m.active_users, j.value ->> 1
FROM json_each(CAST(sqlc.arg(signals) AS TEXT)) AS j
CROSS JOIN signal_metrics AS m -- CROSS: one search a signal
WHERE m.signal_id = CAST(j.value ->> 0 AS TEXT)
ON CONFLICT (signal_id) DO UPDATE SET created_at = excluded.created_at;

-- name: UserOrigins :many
-- UserOrigins returns, for some users, in no order, the last day with counted facts
-- (-1 without one) and the times of the latest fire and trade that are kept, as text
-- ('' without one). It takes a JSON array of user ids.
-- Not portable: SQLite's times are text already, and it looks up one user after
-- the other.
SELECT
    u.user_id,
    CAST(COALESCE((
        SELECT d.day FROM user_days AS d
        WHERE d.user_id = u.user_id
        ORDER BY d.day DESC LIMIT 1
    ), -1) AS BIGINT) AS last_day,
    CAST(COALESCE((
        SELECT f.timestamp FROM readable_fires AS f
        WHERE f.user_id = u.user_id AND f.day > 0
        ORDER BY f.timestamp DESC LIMIT 1
    ), '') AS TEXT) AS last_fire,
    CAST(COALESCE((
        SELECT t.closed_at FROM readable_trades AS t
        WHERE t.user_id = u.user_id AND t.day >= 0
        ORDER BY t.closed_at DESC LIMIT 1
    ), '') AS TEXT) AS last_trade
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
CROSS JOIN user_stats AS u -- CROSS: one search a user
WHERE u.user_id = CAST(j.value AS BIGINT);

-- name: SetUserOrigins :exec
-- SetUserOrigins stores the last_updated of users. It takes a JSON array of [user_id,
-- last_updated].
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
INSERT INTO user_stats (user_id, last_updated)
SELECT u.user_id, j.value ->> 1
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
CROSS JOIN user_stats AS u -- CROSS: one search a user
WHERE u.user_id = CAST(j.value ->> 0 AS BIGINT)
ON CONFLICT (user_id) DO UPDATE SET last_updated = excluded.last_updated;

-- name: UndatedUsers :many
-- UndatedUsers lists users whose last_updated cannot be read.
-- Not portable: SQLite may keep anything in any column.
SELECT user_id FROM user_stats
WHERE typeof(last_updated) <> 'text' OR last_updated NOT LIKE '____-__-__%' OR julianday(last_updated) IS NULL
ORDER BY user_id
LIMIT CAST(@max_rows AS BIGINT);
