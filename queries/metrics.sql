-- name: SetMetric :exec
-- SetMetric stores a metric's definition in place of an earlier one.
INSERT INTO custom_metrics (name, definition, updated_at) VALUES (@name, @definition, @updated_at)
ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, updated_at = excluded.updated_at;

-- name: GetMetric :one
-- GetMetric returns a metric.
SELECT * FROM custom_metrics WHERE name = @name;

-- name: DeleteMetric :execrows
-- DeleteMetric deletes a metric and returns 1 if there was one.
DELETE FROM custom_metrics WHERE name = @name;

-- name: FiresByUser :many
-- FiresByUser counts each user's fires, by user. Here and below, weekdays is
-- seven characters, Monday first, 1 for those that count: 1970-01-01, day 0, was
-- a Thursday.
SELECT
    user_id,
    CAST(SUM(fires) AS BIGINT) AS fires,
    CAST(SUM(executed) AS BIGINT) AS executed
FROM user_days
WHERE day >= @first_day AND day <= @last_day AND fires > 0
    AND SUBSTR(CAST(@weekdays AS TEXT), CAST((day + 3) % 7 + 1 AS INTEGER), 1) = '1'
GROUP BY user_id
ORDER BY user_id;

-- name: FiresByUserEver :many
-- FiresByUserEver counts each user's fires since the beginning, by user.
SELECT user_id, total_fires AS fires, executed FROM fire_totals
WHERE total_fires > 0
ORDER BY user_id;

-- name: FiresBySignal :many
-- FiresBySignal counts each signal's fires, by signal. Here and below, signals are
-- those from first_signal on and before end_signal; an empty end_signal means no end.
SELECT
    signal_id,
    CAST(SUM(fires) AS BIGINT) AS fires,
    CAST(SUM(executed) AS BIGINT) AS executed
FROM signal_days
WHERE signal_id >= @first_signal AND (signal_id < @end_signal OR @end_signal = '')
    AND day >= @first_day AND day <= @last_day AND fires > 0
    AND SUBSTR(CAST(@weekdays AS TEXT), CAST((day + 3) % 7 + 1 AS INTEGER), 1) = '1'
GROUP BY signal_id
ORDER BY signal_id;

-- name: FiresByDay :many
-- FiresByDay counts each day's fires and its users with a fire, with one that
-- executed and with one that did not, by day.
SELECT
    day,
    CAST(SUM(fires) AS BIGINT) AS fires,
    CAST(SUM(executed) AS BIGINT) AS executed,
    CAST(COUNT(*) AS BIGINT) AS users,
    CAST(SUM(CASE WHEN executed > 0 THEN 1 ELSE 0 END) AS BIGINT) AS users_executed,
    CAST(SUM(CASE WHEN fires > executed THEN 1 ELSE 0 END) AS BIGINT) AS users_not_executed
FROM user_days
WHERE day >= @first_day AND day <= @last_day AND fires > 0
    AND SUBSTR(CAST(@weekdays AS TEXT), CAST((day + 3) % 7 + 1 AS INTEGER), 1) = '1'
GROUP BY day
ORDER BY day;

-- name: KeptFiresByUser :many
-- KeptFiresByUser counts each user's fires of some signals, by user, as far as
-- they are kept one by one. Here end_signal is not empty.
SELECT
    user_id,
    COUNT(*) AS fires,
    CAST(SUM(CASE WHEN executed THEN 1 ELSE 0 END) AS BIGINT) AS executed
FROM signal_fires
WHERE signal_id >= @first_signal AND signal_id < @end_signal
    AND day >= @first_day AND day <= @last_day
    AND SUBSTR(CAST(@weekdays AS TEXT), CAST((day + 3) % 7 + 1 AS INTEGER), 1) = '1'
GROUP BY user_id
ORDER BY user_id;

-- name: KeptFiresByDay :many
-- KeptFiresByDay is FiresByDay for some signals, as far as their fires are kept
-- one by one.
SELECT
    day,
    COUNT(*) AS fires,
    CAST(SUM(CASE WHEN executed THEN 1 ELSE 0 END) AS BIGINT) AS executed,
    COUNT(DISTINCT user_id) AS users,
    COUNT(DISTINCT CASE WHEN executed THEN user_id END) AS users_executed,
    COUNT(DISTINCT CASE WHEN executed THEN NULL ELSE user_id END) AS users_not_executed
FROM signal_fires
WHERE signal_id >= @first_signal AND signal_id < @end_signal
    AND day >= @first_day AND day <= @last_day
    AND SUBSTR(CAST(@weekdays AS TEXT), CAST((day + 3) % 7 + 1 AS INTEGER), 1) = '1'
GROUP BY day
ORDER BY day;

-- name: TradesByUser :many
-- TradesByUser counts each user's trades of three outcomes, which may be the same, by
-- user. P&L is summed in whole units and millionths, because a sum of millionths may
-- not fit into 64 bits.
SELECT
    user_id,
    COUNT(*) AS trades,
    COUNT(DISTINCT user_id) AS users,
    CAST(SUM(pnl_micros / 1000000) AS BIGINT) AS units,
    CAST(SUM(pnl_micros % 1000000) AS BIGINT) AS micros
FROM trades
WHERE signal_id >= @first_signal AND (signal_id < @end_signal OR @end_signal = '')
    AND closed_at >= @start_of_days AND closed_at < @end_of_days
    AND day >= @first_day AND day <= @last_day
    AND (outcome = @outcome_a OR outcome = @outcome_b OR outcome = @outcome_c)
    AND SUBSTR(CAST(@weekdays AS TEXT), CAST((day + 3) % 7 + 1 AS INTEGER), 1) = '1'
GROUP BY user_id
ORDER BY user_id;

-- name: TradesBySignal :many
-- TradesBySignal is TradesByUser for each signal.
SELECT
    signal_id,
    COUNT(*) AS trades,
    COUNT(DISTINCT user_id) AS users,
    CAST(SUM(pnl_micros / 1000000) AS BIGINT) AS units,
    CAST(SUM(pnl_micros % 1000000) AS BIGINT) AS micros
FROM trades
WHERE signal_id > '' AND signal_id >= @first_signal AND (signal_id < @end_signal OR @end_signal = '')
    AND closed_at >= @start_of_days AND closed_at < @end_of_days
    AND day >= @first_day AND day <= @last_day
    AND (outcome = @outcome_a OR outcome = @outcome_b OR outcome = @outcome_c)
    AND SUBSTR(CAST(@weekdays AS TEXT), CAST((day + 3) % 7 + 1 AS INTEGER), 1) = '1'
GROUP BY signal_id
ORDER BY signal_id;

-- name: TradesByDay :many
-- TradesByDay is TradesByUser for each day.
SELECT
    day,
    COUNT(*) AS trades,
    COUNT(DISTINCT user_id) AS users,
    CAST(SUM(pnl_micros / 1000000) AS BIGINT) AS units,
    CAST(SUM(pnl_micros % 1000000) AS BIGINT) AS micros
FROM trades
WHERE signal_id >= @first_signal AND (signal_id < @end_signal OR @end_signal = '')
    AND closed_at >= @start_of_days AND closed_at < @end_of_days
    AND day >= @first_day AND day <= @last_day
    AND (outcome = @outcome_a OR outcome = @outcome_b OR outcome = @outcome_c)
    AND SUBSTR(CAST(@weekdays AS TEXT), CAST((day + 3) % 7 + 1 AS INTEGER), 1) = '1'
GROUP BY day
ORDER BY day;
