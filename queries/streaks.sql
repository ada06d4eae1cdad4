-- name: StreaksUntil :many
-- StreaksUntil lists the users whose latest streak breaks unless they fire by
-- the end of a day, longest first, ties by user id.
SELECT * FROM user_stats
WHERE streak_until = @streak_until
ORDER BY streak_length DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: NextStreakEnd :one
-- NextStreakEnd returns the first day, from one on, that is the last on which a
-- fire prolongs somebody's streak; -1 without one.
SELECT CAST(COALESCE(MIN(streak_until), -1) AS BIGINT) AS day FROM user_stats
WHERE streak_until >= @from_day;

-- name: UserActiveDays :many
-- UserActiveDays lists the days on which a user fired, from one on. Day 0 holds
-- fires whose time could not be read.
SELECT day FROM user_days
WHERE user_id = @user_id AND day >= @from_day AND fires > 0 AND day > 0
ORDER BY day;
