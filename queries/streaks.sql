-- name: UserRuns :one
-- UserRuns returns the first and last day of a user's latest run and the
-- length of the longest, or -1, -1 and 0 for a user without fires. A run is a
-- set of consecutive days on which the user fired; the latest is the one that
-- starts last, because runs do not overlap. Day 0 holds fires whose time could
-- not be read, so it belongs to no run.
SELECT
    CAST(COALESCE(MAX(run_start), -1) AS BIGINT) AS streak_start,
    CAST(COALESCE(MAX(run_end), -1) AS BIGINT) AS streak_end,
    CAST(COALESCE(MAX(run_end - run_start + 1), 0) AS BIGINT) AS streak_longest
FROM (
    SELECT MIN(day) AS run_start, MAX(day) AS run_end
    FROM (
        SELECT day, day - ROW_NUMBER() OVER (ORDER BY day) AS run
        FROM user_days
        WHERE user_id = @user_id AND fires > 0 AND day > 0
    ) AS numbered
    GROUP BY run
) AS runs;

-- name: SetStreak :exec
-- SetStreak stores a user's streak.
UPDATE user_stats SET
    streak_start = @streak_start,
    streak_end = @streak_end,
    streak_longest = @streak_longest
WHERE user_id = @user_id;

-- name: StreaksEndingOn :many
-- StreaksEndingOn lists the users whose latest streak ends on a day, longest
-- first, ties by user id.
SELECT user_id, streak_start, streak_end, streak_longest FROM user_stats
WHERE streak_end = @streak_end
ORDER BY streak_start, user_id
LIMIT CAST(@max_rows AS BIGINT);
