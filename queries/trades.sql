-- name: InsertTrade :execrows
-- InsertTrade stores a trade unless the user has one with that trade id, and
-- returns 1 if it was stored.
INSERT INTO trades (user_id, trade_id, signal_id, pnl_micros, outcome, closed_at, day)
VALUES (@user_id, @trade_id, @signal_id, @pnl_micros, @outcome, @closed_at, @day)
ON CONFLICT (user_id, trade_id) DO NOTHING;

-- name: GetTrade :one
-- GetTrade returns one trade by its key.
SELECT * FROM trades WHERE user_id = @user_id AND trade_id = @trade_id;

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
