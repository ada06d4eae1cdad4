-- name: GetTrade :one
-- GetTrade returns a user's counted trade.
SELECT * FROM trades WHERE user_id = @user_id AND trade_id = @trade_id AND day >= 0;

-- name: UserTrades :many
-- UserTrades lists a user's counted trades before a position, last closed first.
-- Here and below, two outcomes may be left out; no outcome is an empty text.
SELECT * FROM trades
WHERE user_id = @user_id
    AND closed_at <= @before
    AND (closed_at < @before OR id < @before_id OR (id = @before_id AND trade_id < @before_trade))
    AND day >= 0
    AND outcome <> @but AND outcome <> @nor
ORDER BY closed_at DESC, id DESC, trade_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: UserSignalTrades :many
-- UserSignalTrades is UserTrades for those that followed a signal.
SELECT * FROM trades
WHERE user_id = @user_id AND signal_id = @signal_id
    AND closed_at <= @before
    AND (closed_at < @before OR id < @before_id OR (id = @before_id AND trade_id < @before_trade))
    AND day >= 0
    AND outcome <> @but AND outcome <> @nor
ORDER BY closed_at DESC, id DESC, trade_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalTrades :many
-- SignalTrades is UserTrades for all users' trades that followed a signal.
SELECT * FROM trades
WHERE signal_id = @signal_id
    AND closed_at <= @before
    AND (closed_at < @before OR id < @before_id OR (id = @before_id AND (
        user_id < @before_user OR (user_id = @before_user AND trade_id < @before_trade))))
    AND day >= 0
    AND outcome <> @but AND outcome <> @nor
ORDER BY closed_at DESC, id DESC, user_id DESC, trade_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: OutcomeTrades :many
-- OutcomeTrades lists all users' counted trades with an outcome before a position,
-- last closed first.
SELECT * FROM trades
WHERE outcome = @outcome
    AND closed_at <= @before
    AND (closed_at < @before OR id < @before_id OR (id = @before_id AND (
        user_id < @before_user OR (user_id = @before_user AND trade_id < @before_trade))))
    AND day >= 0
ORDER BY closed_at DESC, id DESC, user_id DESC, trade_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: Trades :many
-- Trades lists all users' counted trades before a position, last closed first.
SELECT * FROM trades
WHERE closed_at <= @before
    AND (closed_at < @before OR id < @before_id OR (id = @before_id AND (
        user_id < @before_user OR (user_id = @before_user AND trade_id < @before_trade))))
    AND day >= 0
ORDER BY closed_at DESC, id DESC, user_id DESC, trade_id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: UserTradesFrom :many
-- UserTradesFrom lists a user's trades of a range of days after the given position,
-- first closed first. The times given are a range in which these days lie.
SELECT * FROM trades
WHERE user_id = @user_id
    AND closed_at >= @after
    AND closed_at <= @until
    AND (closed_at > @after OR id > @after_id OR (id = @after_id AND trade_id > @after_trade))
    AND day >= @first_day AND day <= @last_day
ORDER BY closed_at, id, trade_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalTradesFrom :many
-- SignalTradesFrom lists the trades that followed a signal in a range of days, after
-- the given position, first closed first. The times given are a range in which these
-- days lie.
SELECT * FROM trades
WHERE signal_id = @signal_id
    AND closed_at >= @after
    AND closed_at <= @until
    AND (closed_at > @after OR id > @after_id OR (id = @after_id AND (
        user_id > @after_user OR (user_id = @after_user AND trade_id > @after_trade))))
    AND day >= @first_day AND day <= @last_day
ORDER BY closed_at, id, user_id, trade_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: DecidedTradesFrom :many
-- DecidedTradesFrom lists all users' wins and losses of a range of days after the
-- given position, first closed first. The times given are a range in which these days
-- lie.
SELECT * FROM trades
WHERE closed_at >= @after
    AND closed_at <= @until
    AND (closed_at > @after OR id > @after_id OR (id = @after_id AND (
        user_id > @after_user OR (user_id = @after_user AND trade_id > @after_trade))))
    AND day >= @first_day AND day <= @last_day
    AND outcome <> 'draw'
ORDER BY closed_at, id, user_id, trade_id
LIMIT CAST(@max_rows AS BIGINT);
