-- name: TopByFires :many
-- TopByFires lists users by total fires from behind a position on, ties by user
-- id. There is one query a metric, because an ORDER BY chosen at run time could
-- use no index.
SELECT * FROM user_stats
WHERE total_fires <= @after_value
    AND (total_fires < @after_value OR user_id > @after_user)
ORDER BY total_fires DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TopByWinRate :many
-- TopByWinRate lists users by win rate from behind a position on, ties by user
-- id.
SELECT * FROM user_stats
WHERE win_rate <= @after_value
    AND (win_rate < @after_value OR user_id > @after_user)
ORDER BY win_rate DESC, user_id
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

-- name: CountWithHigherWinRate :one
-- CountWithHigherWinRate counts the users with a higher win rate than a value.
SELECT COUNT(*) FROM user_stats WHERE win_rate > @value;

-- name: CountWithMorePnL :one
-- CountWithMorePnL counts the users with a higher P&L than a value.
SELECT COUNT(*) FROM user_stats WHERE pnl > @value;
