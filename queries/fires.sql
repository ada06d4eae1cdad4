-- name: GetFire :one
-- GetFire returns a user's counted fire for a signal.
SELECT * FROM signal_fires WHERE user_id = @user_id AND signal_id = @signal_id AND day >= 0;

-- name: UserFires :many
-- UserFires lists a user's counted fires before a position, newest first: all of
-- them, or unless not_executed is 1 those executed. The times of uncounted ones may
-- be of another form, which does not compare. Neither this nor the queries that list
-- trades have an earliest time or day: PostgreSQL assumes that a range of two
-- parameters is small and sorts it, however large it is.
SELECT * FROM signal_fires
WHERE user_id = @user_id
    AND timestamp <= @before
    AND (timestamp < @before OR id < @before_id OR (id = @before_id AND signal_id < @before_signal))
    AND day >= 0
    AND (executed OR CAST(@not_executed AS BIGINT) = 1)
ORDER BY timestamp DESC, id DESC, signal_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalFires :many
-- SignalFires is UserFires for a signal.
SELECT * FROM signal_fires
WHERE signal_id = @signal_id
    AND timestamp <= @before
    AND (timestamp < @before OR id < @before_id OR (id = @before_id AND user_id < @before_user))
    AND day >= 0
    AND (executed OR CAST(@not_executed AS BIGINT) = 1)
ORDER BY timestamp DESC, id DESC, user_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: Fires :many
-- Fires is UserFires for all users.
SELECT * FROM signal_fires
WHERE timestamp <= @before
    AND (timestamp < @before OR id < @before_id OR (id = @before_id AND (
        user_id < @before_user OR (user_id = @before_user AND signal_id < @before_signal))))
    AND day >= 0
    AND (executed OR CAST(@not_executed AS BIGINT) = 1)
ORDER BY timestamp DESC, id DESC, user_id DESC, signal_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: FavoriteFamily :many
-- FavoriteFamily returns the signal family that a user fired most among the
-- counted fires still kept, the first by name among equals, and nothing for a user
-- without any. A family is a signal id without its trailing number and the
-- underscores before that, or the id itself if nothing else is left.
SELECT family, COUNT(*) AS fires
FROM (
    SELECT CAST(
        CASE
            WHEN rtrim(f.signal_id, '0123456789') = f.signal_id THEN f.signal_id
            ELSE COALESCE(NULLIF(rtrim(rtrim(f.signal_id, '0123456789'), '_'), ''), f.signal_id)
        END
    AS TEXT) AS family
    FROM signal_fires AS f
    WHERE f.user_id = @user_id AND f.id NOT IN (SELECT u.id FROM signal_fires AS u WHERE u.day < 0)
) AS fired
GROUP BY family
ORDER BY fires DESC, family
LIMIT 1;
