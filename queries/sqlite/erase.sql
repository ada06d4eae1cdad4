-- name: DeleteEmptySignalDays :exec
-- DeleteEmptySignalDays deletes, of some signals' days, those without fires. It takes
-- a JSON array of [signal_id, day].
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
DELETE FROM signal_days WHERE fires = 0 AND (signal_id, day) IN (
    SELECT j.value ->> 0, j.value ->> 1
    FROM json_each(CAST(sqlc.arg(signal_days) AS TEXT)) AS j
);

-- name: DeleteEmptySignals :exec
-- DeleteEmptySignals deletes, of some signals, the totals of those without fires. It
-- takes a JSON array of [signal_id].
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
DELETE FROM signal_metrics WHERE total_fires = 0 AND signal_id IN (
    SELECT j.value ->> 0
    FROM json_each(CAST(sqlc.arg(signals) AS TEXT)) AS j
);
