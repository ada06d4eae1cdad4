-- name: UserFires :many
-- UserFires lists a user's fires before a position, newest first.
SELECT * FROM signal_fires
WHERE user_id = @user_id
    AND timestamp <= @before
    AND (timestamp < @before OR id < @before_id)
ORDER BY timestamp DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalFires :many
-- SignalFires lists a signal's fires before a position, newest first.
SELECT * FROM signal_fires
WHERE signal_id = @signal_id
    AND timestamp <= @before
    AND (timestamp < @before OR id < @before_id)
ORDER BY timestamp DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: FavoriteFamily :many
-- FavoriteFamily returns the signal family that a user fired most among the
-- fires still kept, the first by name among equals, and nothing for a user
-- without any. A family is a signal id without its trailing number, or the id
-- itself if it is nothing but a number.
SELECT family, COUNT(*) AS fires
FROM (
    SELECT CAST(CASE
        WHEN rtrim(rtrim(signal_id, '0123456789'), '_') = '' THEN signal_id
        ELSE rtrim(rtrim(signal_id, '0123456789'), '_')
    END AS TEXT) AS family
    FROM signal_fires
    WHERE user_id = @user_id
) AS fired
GROUP BY family
ORDER BY fires DESC, family
LIMIT 1;
