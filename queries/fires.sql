-- name: UserFires :many
-- UserFires lists a user's counted fires before a position, newest first. The
-- times of uncounted ones may be of another form, which does not compare.
SELECT * FROM signal_fires
WHERE user_id = @user_id
    AND timestamp <= @before
    AND (timestamp < @before OR id < @before_id)
    AND day >= 0
ORDER BY timestamp DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalFires :many
-- SignalFires lists a signal's counted fires before a position, newest first.
SELECT * FROM signal_fires
WHERE signal_id = @signal_id
    AND timestamp <= @before
    AND (timestamp < @before OR id < @before_id)
    AND day >= 0
ORDER BY timestamp DESC, id DESC
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
