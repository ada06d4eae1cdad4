-- name: CountFiresBefore :one
-- CountFiresBefore counts the counted fires of the days before a day, which
-- starts at the instant start_of_day.
SELECT COUNT(*) FROM signal_fires
WHERE timestamp < @start_of_day AND day >= 0 AND day < @day;

-- name: DeleteFiresBefore :execrows
-- DeleteFiresBefore deletes at most max_rows counted fires of the days before
-- a day, which starts at the instant start_of_day, and returns how many.
DELETE FROM signal_fires WHERE (user_id, signal_id) IN (
    SELECT f.user_id, f.signal_id FROM signal_fires AS f
    WHERE f.timestamp < @start_of_day AND f.day >= 0 AND f.day < @day
    ORDER BY f.timestamp
    LIMIT CAST(@max_rows AS BIGINT)
);
