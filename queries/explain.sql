-- name: UserDays :many
-- UserDays lists a user's days, in order.
SELECT * FROM user_days WHERE user_id = @user_id ORDER BY day;

-- name: SignalDays :many
-- SignalDays lists a signal's days, in order.
SELECT * FROM signal_days WHERE signal_id = @signal_id ORDER BY day;

-- name: CountUserFires :one
-- CountUserFires counts a user's fires of a range of days, those executed and
-- the days with one.
SELECT
    COUNT(*) AS fires,
    CAST(COALESCE(SUM(CASE WHEN executed THEN 1 ELSE 0 END), 0) AS BIGINT) AS executed,
    COUNT(DISTINCT day) AS active_days
FROM signal_fires
WHERE user_id = @user_id AND day >= @first_day AND day <= @last_day;

-- name: SumUserTrades :one
-- SumUserTrades adds up a user's trades.
SELECT
    CAST(COALESCE(SUM(CASE WHEN outcome = 'win' THEN 1 ELSE 0 END), 0) AS BIGINT) AS wins,
    CAST(COALESCE(SUM(CASE WHEN outcome = 'loss' THEN 1 ELSE 0 END), 0) AS BIGINT) AS losses,
    CAST(COALESCE(SUM(CASE WHEN outcome = 'draw' THEN 1 ELSE 0 END), 0) AS BIGINT) AS draws,
    CAST(COALESCE(SUM(pnl_micros / 1000000), 0) AS BIGINT) AS units,
    CAST(COALESCE(SUM(pnl_micros % 1000000), 0) AS BIGINT) AS micros
FROM trades
WHERE user_id = @user_id AND day >= 0;
