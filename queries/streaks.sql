-- name: StreaksUntil :many
-- StreaksUntil lists the users whose latest streak breaks unless they fire by
-- the end of a day, longest first, ties by user id, from behind a position on.
SELECT * FROM user_stats
WHERE streak_until = @streak_until
    AND streak_length <= @after_length
    AND (streak_length < @after_length OR user_id > @after_user)
ORDER BY streak_length DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountLongerStreaksUntil :one
-- CountLongerStreaksUntil counts the users with such a streak that is longer than
-- a length.
SELECT COUNT(*) FROM user_stats WHERE streak_until = @streak_until AND streak_length > @length;

-- name: StreakEnds :many
-- StreakEnds lists the last days, from one on, on which a fire prolongs
-- somebody's streak. It jumps from day to day along the index.
WITH RECURSIVE ends(day) AS (
    SELECT CAST(MIN(u.streak_until) AS BIGINT) FROM user_stats AS u WHERE u.streak_until >= CAST(@from_day AS BIGINT)
    UNION ALL
    SELECT (SELECT CAST(MIN(u.streak_until) AS BIGINT) FROM user_stats AS u WHERE u.streak_until > ends.day)
    FROM ends WHERE ends.day IS NOT NULL
)
SELECT CAST(day AS BIGINT) AS day FROM ends WHERE day IS NOT NULL
ORDER BY day;

-- name: UserActiveDays :many
-- UserActiveDays lists the days on which a user fired, from one on. Day 0 holds
-- fires whose time could not be read.
SELECT day FROM user_days
WHERE user_id = @user_id AND day >= @from_day AND fires > 0 AND day > 0
ORDER BY day;
