-- name: StreaksEndingOn :many
-- StreaksEndingOn lists the users whose latest streak ends on a day, longest
-- first, ties by user id.
SELECT user_id, streak_start, streak_end, streak_longest FROM user_stats
WHERE streak_end = @streak_end
ORDER BY streak_start, user_id
LIMIT CAST(@max_rows AS BIGINT);
