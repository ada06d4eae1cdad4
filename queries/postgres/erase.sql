-- name: DeleteEmptySignalDays :exec
-- DeleteEmptySignalDays deletes, of some signals' days, those without fires. It takes
-- a JSON array of [signal_id, day].
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
DELETE FROM signal_days WHERE fires = 0 AND (signal_id, day) IN (
    SELECT j.value ->> 0, CAST(j.value ->> 1 AS BIGINT)
    FROM jsonb_array_elements(CAST(CAST(sqlc.arg(signal_days) AS TEXT) AS JSONB)) AS j(value)
);

-- name: DeleteEmptySignals :exec
-- DeleteEmptySignals deletes, of some signals, the totals of those without fires. It
-- takes a JSON array of [signal_id].
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
DELETE FROM signal_metrics WHERE total_fires = 0 AND signal_id IN (
    SELECT j.value ->> 0
    FROM jsonb_array_elements(CAST(CAST(sqlc.arg(signals) AS TEXT) AS JSONB)) AS j(value)
);
