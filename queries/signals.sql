-- name: GetSignalMetrics :one
-- GetSignalMetrics returns a signal's totals.
SELECT * FROM signal_metrics WHERE signal_id = @signal_id;

-- name: AddSignalDay :exec
-- AddSignalDay adds to a signal's counts of one day.
INSERT INTO signal_days (signal_id, day, fires, executed)
VALUES (@signal_id, @day, @fires, @executed)
ON CONFLICT (signal_id, day) DO UPDATE SET
    fires = signal_days.fires + excluded.fires,
    executed = signal_days.executed + excluded.executed;

-- name: AddSignalTotals :exec
-- AddSignalTotals adds to a signal's totals, creating the signal. created_at
-- is the time of the earliest fire seen. A user fires a signal once, so its
-- fires and its active users are the same number.
INSERT INTO signal_metrics (signal_id, total_fires, active_users, created_at)
VALUES (@signal_id, @total_fires, @active_users, @created_at)
ON CONFLICT (signal_id) DO UPDATE SET
    total_fires = signal_metrics.total_fires + excluded.total_fires,
    active_users = signal_metrics.active_users + excluded.active_users,
    created_at = CASE
        WHEN excluded.created_at < signal_metrics.created_at THEN excluded.created_at
        ELSE signal_metrics.created_at
    END;

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
