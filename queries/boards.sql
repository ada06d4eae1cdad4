-- name: TopByFires :many
-- TopByFires lists users by total fires, ties by user id, after the given position.
-- Each ranking has its own query, because an ORDER BY chosen at run time could use no
-- index. Here and below, who is tied with the position and who is behind it are found
-- apart: one condition for both would read a whole tie to leave out its beginning. A
-- value stands twice where "=" would let PostgreSQL walk by user id, past everybody who
-- is not tied.
SELECT * FROM user_stats WHERE user_id IN (
    SELECT user_id FROM (
        SELECT u.user_id FROM fire_totals AS u
        WHERE u.total_fires IN (@after_value, @after_value) AND u.user_id > @after_user
        ORDER BY u.total_fires DESC, u.user_id
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS tied
    UNION ALL
    SELECT user_id FROM (
        SELECT u.user_id FROM fire_totals AS u
        WHERE u.total_fires < @after_value
        ORDER BY u.total_fires DESC, u.user_id
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS worse
)
ORDER BY total_fires DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TopByWinBound :many
-- TopByWinBound lists the users with a minimum of decided trades by the lower bound
-- of their win rate, ties by user id, after the given position.
SELECT * FROM user_stats WHERE user_id IN (
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.win_bound IN (@after_value, @after_value) AND u.user_id > @after_user
            AND u.wins + u.losses >= CAST(@min_decided AS BIGINT)
        ORDER BY u.win_bound DESC, u.user_id
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS tied
    UNION ALL
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.win_bound < @after_value
            AND u.wins + u.losses >= CAST(@min_decided AS BIGINT)
        ORDER BY u.win_bound DESC, u.user_id
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS worse
)
ORDER BY win_bound DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TopByExecuted :many
-- TopByExecuted lists users by executed fires, ties by user id, after the given
-- position.
SELECT * FROM user_stats WHERE user_id IN (
    SELECT user_id FROM (
        SELECT u.user_id FROM fire_totals AS u
        WHERE u.executed IN (@after_value, @after_value) AND u.user_id > @after_user
        ORDER BY u.executed DESC, u.user_id
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS tied
    UNION ALL
    SELECT user_id FROM (
        SELECT u.user_id FROM fire_totals AS u
        WHERE u.executed < @after_value
        ORDER BY u.executed DESC, u.user_id
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS worse
)
ORDER BY executed DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TopByLongestStreak :many
-- TopByLongestStreak lists users by their longest streak, ties by user id, after the
-- given position.
SELECT * FROM user_stats WHERE user_id IN (
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.streak_longest IN (@after_value, @after_value) AND u.user_id > @after_user
        ORDER BY u.streak_longest DESC, u.user_id
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS tied
    UNION ALL
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.streak_longest < @after_value
        ORDER BY u.streak_longest DESC, u.user_id
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS worse
)
ORDER BY streak_longest DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TopByPnL :many
-- TopByPnL lists users by P&L, ties by user id, after the given position.
SELECT * FROM user_stats WHERE user_id IN (
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.pnl IN (@after_value, @after_value) AND u.user_id > @after_user
        ORDER BY u.pnl DESC, u.user_id
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS tied
    UNION ALL
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.pnl < @after_value
        ORDER BY u.pnl DESC, u.user_id
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS worse
)
ORDER BY pnl DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: AboveByFires :many
-- AboveByFires lists the users before a position on the board of total fires,
-- nearest first.
SELECT * FROM user_stats WHERE user_id IN (
    SELECT user_id FROM (
        SELECT u.user_id FROM fire_totals AS u
        WHERE u.total_fires IN (@before_value, @before_value) AND u.user_id < @before_user
        ORDER BY u.total_fires, u.user_id DESC
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS tied
    UNION ALL
    SELECT user_id FROM (
        SELECT u.user_id FROM fire_totals AS u
        WHERE u.total_fires > @before_value
        ORDER BY u.total_fires, u.user_id DESC
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS better
)
ORDER BY total_fires, user_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AboveByWinBound :many
-- AboveByWinBound lists the users before a position on the board of win rates,
-- nearest first.
SELECT * FROM user_stats WHERE user_id IN (
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.win_bound IN (@before_value, @before_value) AND u.user_id < @before_user
            AND u.wins + u.losses >= CAST(@min_decided AS BIGINT)
        ORDER BY u.win_bound, u.user_id DESC
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS tied
    UNION ALL
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.win_bound > @before_value
            AND u.wins + u.losses >= CAST(@min_decided AS BIGINT)
        ORDER BY u.win_bound, u.user_id DESC
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS better
)
ORDER BY win_bound, user_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AboveByExecuted :many
-- AboveByExecuted lists the users before a position on the board of executed
-- fires, nearest first.
SELECT * FROM user_stats WHERE user_id IN (
    SELECT user_id FROM (
        SELECT u.user_id FROM fire_totals AS u
        WHERE u.executed IN (@before_value, @before_value) AND u.user_id < @before_user
        ORDER BY u.executed, u.user_id DESC
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS tied
    UNION ALL
    SELECT user_id FROM (
        SELECT u.user_id FROM fire_totals AS u
        WHERE u.executed > @before_value
        ORDER BY u.executed, u.user_id DESC
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS better
)
ORDER BY executed, user_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AboveByLongestStreak :many
-- AboveByLongestStreak lists the users before a position on the board of longest
-- streaks, nearest first.
SELECT * FROM user_stats WHERE user_id IN (
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.streak_longest IN (@before_value, @before_value) AND u.user_id < @before_user
        ORDER BY u.streak_longest, u.user_id DESC
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS tied
    UNION ALL
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.streak_longest > @before_value
        ORDER BY u.streak_longest, u.user_id DESC
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS better
)
ORDER BY streak_longest, user_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: AboveByPnL :many
-- AboveByPnL lists the users before a position on the board of P&L, nearest
-- first.
SELECT * FROM user_stats WHERE user_id IN (
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.pnl IN (@before_value, @before_value) AND u.user_id < @before_user
        ORDER BY u.pnl, u.user_id DESC
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS tied
    UNION ALL
    SELECT user_id FROM (
        SELECT u.user_id FROM user_states AS u
        WHERE u.pnl > @before_value
        ORDER BY u.pnl, u.user_id DESC
        LIMIT CAST(@max_rows AS BIGINT)
    ) AS better
)
ORDER BY pnl, user_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountWithMoreFires :one
-- CountWithMoreFires counts the users with more fires than a value.
SELECT COUNT(*) FROM fire_totals WHERE total_fires > @value;

-- name: CountWithHigherWinBound :one
-- CountWithHigherWinBound counts the users with a minimum of decided trades and
-- a higher bound of their win rate than a value.
SELECT COUNT(*) FROM user_states
WHERE win_bound > @value AND wins + losses >= CAST(@min_decided AS BIGINT);

-- name: CountWithMoreExecuted :one
-- CountWithMoreExecuted counts the users with more executed fires than a value.
SELECT COUNT(*) FROM fire_totals WHERE executed > @value;

-- name: CountWithLongerStreak :one
-- CountWithLongerStreak counts the users with a longer longest streak than a
-- value.
SELECT COUNT(*) FROM user_states WHERE streak_longest > @value;

-- name: CountWithMorePnL :one
-- CountWithMorePnL counts the users with a higher P&L than a value.
SELECT COUNT(*) FROM user_states WHERE pnl > @value;

-- name: TopByFiresBetween :many
-- TopByFiresBetween lists the users who fired in a range of days by their fires
-- in it, ties by user id.
SELECT user_id, CAST(SUM(fires) AS BIGINT) AS value
FROM user_days
WHERE day >= @first_day AND day <= @last_day AND fires > 0
GROUP BY user_id
ORDER BY value DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TopByExecutedBetween :many
-- TopByExecutedBetween lists the users who fired in a range of days by their
-- executed fires in it, ties by user id.
SELECT user_id, CAST(SUM(executed) AS BIGINT) AS value
FROM user_days
WHERE day >= @first_day AND day <= @last_day AND fires > 0
GROUP BY user_id
ORDER BY value DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TopByPnLBetween :many
-- TopByPnLBetween lists the users who traded in a range of days by their P&L in it,
-- ties by user id. A user's days may add up to more than fits into 64 bits, so units
-- and millionths are summed separately; to be compared, the units are rounded down,
-- which leaves millionths that are never below 0.
SELECT user_id, units, micros
FROM (
    SELECT
        user_id,
        CAST(SUM(pnl_micros / 1000000) AS BIGINT) AS units,
        CAST(SUM(pnl_micros % 1000000) AS BIGINT) AS micros
    FROM user_days
    WHERE day >= @first_day AND day <= @last_day AND wins + losses + draws > 0
    GROUP BY user_id
) AS sums
ORDER BY
    units + micros / 1000000 - CASE WHEN micros % 1000000 < 0 THEN 1 ELSE 0 END DESC,
    (micros % 1000000 + 1000000) % 1000000 DESC,
    user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: DecidedBetween :many
-- DecidedBetween lists the users with a minimum of decided trades in a range of
-- days, with their wins and losses in it, by user id.
SELECT user_id, CAST(wins AS BIGINT) AS wins, CAST(losses AS BIGINT) AS losses
FROM (
    SELECT user_id, SUM(wins) AS wins, SUM(losses) AS losses
    FROM user_days
    WHERE day >= @first_day AND day <= @last_day AND wins + losses > 0
    GROUP BY user_id
) AS decided
WHERE wins + losses >= CAST(@min_decided AS BIGINT)
ORDER BY user_id;

-- name: FiringDaysBetween :many
-- FiringDaysBetween lists the days of a range on which users fired, by user and
-- day.
SELECT user_id, day FROM user_days
WHERE day >= @first_day AND day <= @last_day AND fires > 0
ORDER BY user_id, day;

-- name: CountCommonSignals :one
-- CountCommonSignals counts the signals that two users both fired in a range of
-- days, among the fires that are kept.
SELECT COUNT(*) FROM signal_fires AS a
WHERE a.user_id = @user_a AND a.day >= @first_day AND a.day <= @last_day
    AND a.signal_id IN (
        SELECT b.signal_id FROM signal_fires AS b
        WHERE b.user_id = @user_b AND b.day >= @first_day AND b.day <= @last_day
    );
