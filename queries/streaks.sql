-- name: StreaksUntil :many
-- StreaksUntil lists the users whose latest streak breaks unless they fire by the end
-- of a day, longest first, ties by user id, after the given position.
SELECT * FROM user_stats
WHERE streak_until = @streak_until
    AND streak_length <= @after_length
    AND (streak_length < @after_length OR user_id > @after_user)
ORDER BY streak_length DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountLongerStreaksUntil :one
-- CountLongerStreaksUntil counts the users with such a streak that is longer than
-- a length.
SELECT COUNT(*) FROM user_states WHERE streak_until = @streak_until AND streak_length > @length;

-- name: NextStreakEnd :one
-- NextStreakEnd returns the first day, from the given day on, that is the last on
-- which a fire prolongs somebody's streak; -1 without one.
SELECT CAST(COALESCE(MIN(streak_until), -1) AS BIGINT) AS day FROM user_states
WHERE streak_until >= @from_day;

-- name: UserActiveDays :many
-- UserActiveDays lists the days on which a user fired, in order, from the given day
-- on.
SELECT day FROM user_days
WHERE user_id = @user_id AND day >= @from_day AND fires > 0 AND day > 0
ORDER BY day;
