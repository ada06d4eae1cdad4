-- name: UserTrades :many
-- UserTrades lists a user's counted trades before a position, last closed first.
SELECT * FROM trades
WHERE user_id = @user_id
    AND closed_at <= @before
    AND (closed_at < @before OR id < @before_id)
    AND day >= 0
ORDER BY closed_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: UserOutcomeTrades :many
-- UserOutcomeTrades lists a user's counted trades with an outcome before a position,
-- last closed first.
SELECT * FROM trades
WHERE user_id = @user_id
    AND outcome = @outcome
    AND closed_at <= @before
    AND (closed_at < @before OR id < @before_id)
    AND day >= 0
ORDER BY closed_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: OutcomeTrades :many
-- OutcomeTrades lists all users' counted trades with an outcome before a position,
-- last closed first.
SELECT * FROM trades
WHERE outcome = @outcome
    AND closed_at <= @before
    AND (closed_at < @before OR id < @before_id)
    AND day >= 0
ORDER BY closed_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: Trades :many
-- Trades lists all users' counted trades before a position, last closed first.
SELECT * FROM trades
WHERE closed_at <= @before
    AND (closed_at < @before OR id < @before_id)
    AND day >= 0
ORDER BY closed_at DESC, id DESC
LIMIT CAST(@max_rows AS BIGINT);
