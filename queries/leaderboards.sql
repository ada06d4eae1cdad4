-- name: TopByFires :many
-- TopByFires lists users by total fires from behind a position on, ties by user
-- id. There is one query a metric, because an ORDER BY chosen at run time could
-- use no index.
SELECT * FROM user_stats
WHERE total_fires <= @after_value
    AND (total_fires < @after_value OR user_id > @after_user)
ORDER BY total_fires DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TopByWinBound :many
-- TopByWinBound lists the users with a minimum of decided trades by the lower
-- bound of their win rate from behind a position on, ties by user id.
SELECT * FROM user_stats
WHERE win_bound <= @after_value
    AND (win_bound < @after_value OR user_id > @after_user)
    AND wins + losses >= CAST(@min_decided AS BIGINT)
ORDER BY win_bound DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TopByExecuted :many
-- TopByExecuted lists users by executed fires from behind a position on, ties by
-- user id.
SELECT * FROM user_stats
WHERE executed <= @after_value
    AND (executed < @after_value OR user_id > @after_user)
ORDER BY executed DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TopByLongestStreak :many
-- TopByLongestStreak lists users by their longest streak from behind a position
-- on, ties by user id.
SELECT * FROM user_stats
WHERE streak_longest <= @after_value
    AND (streak_longest < @after_value OR user_id > @after_user)
ORDER BY streak_longest DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TopByPnL :many
-- TopByPnL lists users by P&L from behind a position on, ties by user id.
SELECT * FROM user_stats
WHERE pnl <= @after_value
    AND (pnl < @after_value OR user_id > @after_user)
ORDER BY pnl DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountWithMoreFires :one
-- CountWithMoreFires counts the users with more fires than a value.
SELECT COUNT(*) FROM user_stats WHERE total_fires > @value;

-- name: CountWithHigherWinBound :one
-- CountWithHigherWinBound counts the users with a minimum of decided trades and
-- a higher bound of their win rate than a value.
SELECT COUNT(*) FROM user_stats
WHERE win_bound > @value AND wins + losses >= CAST(@min_decided AS BIGINT);

-- name: CountWithMoreExecuted :one
-- CountWithMoreExecuted counts the users with more executed fires than a value.
SELECT COUNT(*) FROM user_stats WHERE executed > @value;

-- name: CountWithLongerStreak :one
-- CountWithLongerStreak counts the users with a longer longest streak than a
-- value.
SELECT COUNT(*) FROM user_stats WHERE streak_longest > @value;

-- name: CountWithMorePnL :one
-- CountWithMorePnL counts the users with a higher P&L than a value.
SELECT COUNT(*) FROM user_stats WHERE pnl > @value;
