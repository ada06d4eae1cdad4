-- name: FiresInSpans :many
-- FiresInSpans counts the fires kept one by one in spans of time, added up for each
-- cell; several spans may belong to a cell. It takes a JSON array of [cell, from,
-- until], until not included.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
SELECT
    CAST(j.value ->> 0 AS BIGINT) AS cell,
    CAST(SUM((
        SELECT COUNT(*) FROM signal_fires AS f
        WHERE f.timestamp >= (j.value ->> 1) AND f.timestamp < (j.value ->> 2) AND f.day > 0
    )) AS BIGINT) AS fires
FROM json_each(CAST(sqlc.arg(spans) AS TEXT)) AS j
GROUP BY cell;
