-- name: StreaksUntil :many
-- StreaksUntil lists the users whose latest streak breaks unless they fire by
-- the end of a day, longest first, ties by user id.
SELECT * FROM user_stats
WHERE streak_until = @streak_until
ORDER BY streak_length DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);
