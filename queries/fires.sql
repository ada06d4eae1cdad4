-- name: InsertFire :execrows
-- InsertFire stores a fire unless the user has fired that signal already, and
-- returns 1 if it was stored.
INSERT INTO signal_fires (user_id, signal_id, timestamp, executed, day)
VALUES (@user_id, @signal_id, @timestamp, @executed, @day)
ON CONFLICT (user_id, signal_id) DO NOTHING;

-- name: MarkFireExecuted :many
-- MarkFireExecuted turns a fire that was stored as not executed into an
-- executed one. It returns the fire's day, or nothing if it was executed
-- already.
UPDATE signal_fires SET executed = TRUE
WHERE user_id = @user_id AND signal_id = @signal_id AND executed = FALSE
RETURNING day;

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
-- without any. A family is a signal id without its trailing number.
SELECT
    CAST(rtrim(rtrim(signal_id, '0123456789'), '_') AS TEXT) AS family,
    COUNT(*) AS fires
FROM signal_fires
WHERE user_id = @user_id
GROUP BY CAST(rtrim(rtrim(signal_id, '0123456789'), '_') AS TEXT)
ORDER BY fires DESC, family
LIMIT 1;
