-- name: GetSignalMetrics :one
-- GetSignalMetrics returns a signal's totals.
SELECT * FROM signal_metrics WHERE signal_id = @signal_id;

-- name: TopSignalOfDay :many
-- TopSignalOfDay returns the signal most fired on a day, the first by id among
-- equals, and nothing for a day without fires.
SELECT signal_id, fires FROM signal_days
WHERE day = @day AND fires > 0
ORDER BY fires DESC, signal_id
LIMIT 1;

-- name: PopularSignals :many
-- PopularSignals lists the signals most fired in a range of days.
SELECT
    signal_id,
    CAST(SUM(fires) AS BIGINT) AS fires,
    CAST(SUM(executed) AS BIGINT) AS executed
FROM signal_days
WHERE day >= @first_day AND day <= @last_day AND fires > 0
GROUP BY signal_id
ORDER BY fires DESC, signal_id
LIMIT CAST(@max_rows AS BIGINT);
