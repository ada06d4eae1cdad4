-- name: FiresInSpans :many
-- FiresInSpans counts the fires kept one by one in spans of time, added up for each
-- cell; several spans may belong to a cell. It takes a JSON array of [cell, from,
-- until], until not included.
-- Not portable: SQLite spells jsonb_array_elements json_each, and needs no casts.
SELECT CAST(j.value ->> 0 AS BIGINT) AS cell, COUNT(*) AS fires
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(spans) AS TEXT) AS JSONB)) AS j(value)
JOIN signal_fires AS f
    ON f.timestamp >= CAST((j.value ->> 1) || '+00' AS TIMESTAMPTZ)
    AND f.timestamp < CAST((j.value ->> 2) || '+00' AS TIMESTAMPTZ)
WHERE f.day > 0
GROUP BY cell;
