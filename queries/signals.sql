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
-- PopularSignals lists the signals most fired in a range of days,
-- after the given position.
SELECT signal_id, fires, executed
FROM (
    SELECT
        signal_id,
        CAST(SUM(fires) AS BIGINT) AS fires,
        CAST(SUM(executed) AS BIGINT) AS executed
    FROM signal_days
    WHERE day >= @first_day AND day <= @last_day AND fires > 0
    GROUP BY signal_id
) AS fired
WHERE fires <= CAST(@after_fires AS BIGINT) AND (fires < CAST(@after_fires AS BIGINT) OR signal_id > @after_signal)
ORDER BY fires DESC, signal_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: PopularSignalsEver :many
-- PopularSignalsEver lists the signals most fired since the beginning, after
-- the given position. Executed fires are added up only for the signals listed.
SELECT
    m.signal_id,
    m.total_fires AS fires,
    CAST(COALESCE((SELECT SUM(d.executed) FROM signal_days AS d WHERE d.signal_id = m.signal_id), 0) AS BIGINT) AS executed
FROM (
    SELECT s.signal_id, s.total_fires FROM signal_metrics AS s
    WHERE s.total_fires > 0
        AND s.total_fires <= @after_fires AND (s.total_fires < @after_fires OR s.signal_id > @after_signal)
    ORDER BY s.total_fires DESC, s.signal_id
    LIMIT CAST(@max_rows AS BIGINT)
) AS m
ORDER BY m.total_fires DESC, m.signal_id;

-- name: SignalTotals :one
-- SignalTotals adds up a signal's days: its fires, the executed ones, and the fires
-- before a day.
SELECT
    CAST(COALESCE(SUM(fires), 0) AS BIGINT) AS fires,
    CAST(COALESCE(SUM(executed), 0) AS BIGINT) AS executed,
    CAST(COALESCE(SUM(CASE WHEN day < @horizon THEN fires ELSE 0 END), 0) AS BIGINT) AS fires_before
FROM signal_days
WHERE signal_id = @signal_id;

-- name: CountSignalFires :one
-- CountSignalFires counts a signal's fires from a day on, and those executed.
SELECT
    COUNT(*) AS fires,
    CAST(COALESCE(SUM(CASE WHEN executed THEN 1 ELSE 0 END), 0) AS BIGINT) AS executed
FROM signal_fires
WHERE signal_id = @signal_id AND day >= @first_day;

-- name: NthSignalFire :many
-- NthSignalFire returns the fire of a signal, from a day on, before which there are
-- exactly skip others; no row if there is none.
SELECT * FROM signal_fires
WHERE signal_id = @signal_id AND day >= @first_day
ORDER BY timestamp, id
LIMIT 1 OFFSET CAST(@skip AS BIGINT);
