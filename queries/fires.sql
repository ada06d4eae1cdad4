-- name: GetFire :one
-- GetFire returns a user's counted fire for a signal.
SELECT * FROM signal_fires WHERE user_id = @user_id AND signal_id = @signal_id AND day >= 0;

-- name: UserFires :many
-- UserFires lists a user's fires of a range of days before a position, newest
-- first: all of them, or with least_executed = 1 those executed. Here and below,
-- such days lie behind a time; no day is below 0, where those are that are not
-- counted yet, whose times may be of another form, which does not compare.
SELECT * FROM signal_fires
WHERE user_id = @user_id
    AND timestamp >= @since AND timestamp <= @before
    AND (timestamp < @before OR id < @before_id OR (id = @before_id AND signal_id < @before_signal))
    AND day >= @first_day AND day <= @last_day
    AND CASE WHEN executed THEN 1 ELSE 0 END >= CAST(@least_executed AS BIGINT)
ORDER BY timestamp DESC, id DESC, signal_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalFires :many
-- SignalFires is UserFires for a signal.
SELECT * FROM signal_fires
WHERE signal_id = @signal_id
    AND timestamp >= @since AND timestamp <= @before
    AND (timestamp < @before OR id < @before_id OR (id = @before_id AND user_id < @before_user))
    AND day >= @first_day AND day <= @last_day
    AND CASE WHEN executed THEN 1 ELSE 0 END >= CAST(@least_executed AS BIGINT)
ORDER BY timestamp DESC, id DESC, user_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: Fires :many
-- Fires is UserFires for all users, executed or not.
SELECT * FROM signal_fires
WHERE timestamp >= @since AND timestamp <= @before
    AND (timestamp < @before OR id < @before_id OR (id = @before_id AND (
        user_id < @before_user OR (user_id = @before_user AND signal_id < @before_signal))))
    AND day >= @first_day AND day <= @last_day
ORDER BY timestamp DESC, id DESC, user_id DESC, signal_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: FavoriteFamily :many
-- FavoriteFamily returns the signal family that a user fired most among the
-- fires still kept, the first by name among equals, and nothing for a user
-- without any. A family is a signal id without its trailing number, or the id
-- itself if it is nothing but a number.
SELECT family, COUNT(*) AS fires
FROM (
    SELECT CAST(
        COALESCE(NULLIF(rtrim(rtrim(signal_id, '0123456789'), '_'), ''), signal_id)
    AS TEXT) AS family
    FROM signal_fires
    WHERE user_id = @user_id
) AS fired
GROUP BY family
ORDER BY fires DESC, family
LIMIT 1;
