-- name: FireRows :many
-- FireRows lists rows of fires whose day is -1 (not counted yet) or -2 (set aside),
-- by id, after the given row, as text with the types of the columns.
-- Not portable: SQLite does not keep to its types.
SELECT
    id,
    CAST('integer' AS TEXT) AS user_type, CAST(user_id AS TEXT) AS user_id,
    CAST('text' AS TEXT) AS signal_type, CAST(signal_id AS TEXT) AS signal_id,
    CAST('text' AS TEXT) AS time_type,
    CAST(CASE WHEN isfinite(timestamp) THEN replace(to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US BC'), ' AD', '') ELSE CAST(timestamp AS TEXT) END AS TEXT) AS time_text,
    CAST('integer' AS TEXT) AS executed_type, CAST(CASE WHEN executed THEN '1' ELSE '0' END AS TEXT) AS executed,
    CAST(day AS TEXT) AS day
FROM signal_fires
WHERE day < 0 AND day = @of_day
    AND id >= @after_id AND (id > @after_id OR CAST(user_id AS TEXT) || ' ' || signal_id > CAST(@after_key AS TEXT) COLLATE "C")
ORDER BY id, CAST(user_id AS TEXT) || ' ' || signal_id COLLATE "C"
LIMIT CAST(@max_rows AS BIGINT);

-- name: UnreadableFires :many
-- UnreadableFires lists rows of fires that cannot be read and should be counted,
-- by id, as FireRows does.
-- Not portable: SQLite does not keep to its types.
SELECT
    id,
    CAST('integer' AS TEXT) AS user_type, CAST(user_id AS TEXT) AS user_id,
    CAST('text' AS TEXT) AS signal_type, CAST(signal_id AS TEXT) AS signal_id,
    CAST('text' AS TEXT) AS time_type,
    CAST(CASE WHEN isfinite(timestamp) THEN replace(to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US BC'), ' AD', '') ELSE CAST(timestamp AS TEXT) END AS TEXT) AS time_text,
    CAST('integer' AS TEXT) AS executed_type, CAST(CASE WHEN executed THEN '1' ELSE '0' END AS TEXT) AS executed,
    CAST(day AS TEXT) AS day
FROM signal_fires
WHERE NOT isfinite(timestamp) AND day <> -1 AND day <> -2
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: SetFireDay :execrows
-- SetFireDay gives a row of fires another day, unless it has changed since it was
-- read.
-- Not portable: SQLite does not keep to its types.
UPDATE signal_fires SET day = @day
WHERE id = @id
    AND user_id = CAST(CAST(@user_text AS TEXT) AS BIGINT)
    AND signal_id = CAST(@key_text AS TEXT) COLLATE "C"
    AND day = CAST(CAST(@seen_day AS TEXT) AS BIGINT);

-- name: PlaceFire :one
-- PlaceFire gives a fire a day and stores its time, and whether it is executed, in
-- the library's own form, so that times compare as text. It returns whether the fire
-- is executed, or no row if the row has changed since it was read.
-- Not portable: SQLite does not keep to its types.
UPDATE signal_fires SET
    day = @day,
    timestamp = @timestamp,
    executed = executed OR @executed
WHERE id = @id
    AND user_id = CAST(CAST(@user_text AS TEXT) AS BIGINT)
    AND signal_id = CAST(@key_text AS TEXT) COLLATE "C"
    AND day = CAST(CAST(@seen_day AS TEXT) AS BIGINT)
RETURNING executed;

-- name: DeleteFireRow :execrows
-- DeleteFireRow deletes a row of fires, unless it has changed since it was read.
-- Not portable: SQLite does not keep to its types.
DELETE FROM signal_fires
WHERE id = @id
    AND user_id = CAST(CAST(@user_text AS TEXT) AS BIGINT)
    AND signal_id = CAST(@key_text AS TEXT) COLLATE "C"
    AND day = CAST(CAST(@seen_day AS TEXT) AS BIGINT);

-- name: TradeRows :many
-- TradeRows is FireRows for trades.
-- Not portable: SQLite does not keep to its types.
SELECT
    id,
    CAST('integer' AS TEXT) AS user_type, CAST(user_id AS TEXT) AS user_id,
    CAST('text' AS TEXT) AS trade_type, CAST(trade_id AS TEXT) AS trade_id,
    CAST('text' AS TEXT) AS signal_type, CAST(signal_id AS TEXT) AS signal_id,
    CAST('integer' AS TEXT) AS pnl_type, CAST(pnl_micros AS TEXT) AS pnl_micros,
    CAST('text' AS TEXT) AS outcome_type, CAST(outcome AS TEXT) AS outcome,
    CAST('text' AS TEXT) AS time_type,
    CAST(CASE WHEN isfinite(closed_at) THEN replace(to_char(closed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US BC'), ' AD', '') ELSE CAST(closed_at AS TEXT) END AS TEXT) AS time_text,
    CAST(day AS TEXT) AS day
FROM trades
WHERE day < 0 AND day = @of_day
    AND id >= @after_id AND (id > @after_id OR CAST(user_id AS TEXT) || ' ' || trade_id > CAST(@after_key AS TEXT) COLLATE "C")
ORDER BY id, CAST(user_id AS TEXT) || ' ' || trade_id COLLATE "C"
LIMIT CAST(@max_rows AS BIGINT);

-- name: UnreadableTrades :many
-- UnreadableTrades is UnreadableFires for trades.
-- Not portable: SQLite does not keep to its types.
SELECT
    id,
    CAST('integer' AS TEXT) AS user_type, CAST(user_id AS TEXT) AS user_id,
    CAST('text' AS TEXT) AS trade_type, CAST(trade_id AS TEXT) AS trade_id,
    CAST('text' AS TEXT) AS signal_type, CAST(signal_id AS TEXT) AS signal_id,
    CAST('integer' AS TEXT) AS pnl_type, CAST(pnl_micros AS TEXT) AS pnl_micros,
    CAST('text' AS TEXT) AS outcome_type, CAST(outcome AS TEXT) AS outcome,
    CAST('text' AS TEXT) AS time_type,
    CAST(CASE WHEN isfinite(closed_at) THEN replace(to_char(closed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US BC'), ' AD', '') ELSE CAST(closed_at AS TEXT) END AS TEXT) AS time_text,
    CAST(day AS TEXT) AS day
FROM trades
WHERE NOT isfinite(closed_at) AND day <> -1 AND day <> -2
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: SetTradeDay :execrows
-- SetTradeDay is SetFireDay for trades.
-- Not portable: SQLite does not keep to its types.
UPDATE trades SET day = @day
WHERE id = @id
    AND user_id = CAST(CAST(@user_text AS TEXT) AS BIGINT)
    AND trade_id = CAST(@key_text AS TEXT) COLLATE "C"
    AND day = CAST(CAST(@seen_day AS TEXT) AS BIGINT);

-- name: PlaceTrade :execrows
-- PlaceTrade gives a trade a day and stores its time in the library's own form. It
-- returns 0 if the row has changed since it was read.
-- Not portable: SQLite does not keep to its types.
UPDATE trades SET day = @day, closed_at = @closed_at
WHERE id = @id
    AND user_id = CAST(CAST(@user_text AS TEXT) AS BIGINT)
    AND trade_id = CAST(@key_text AS TEXT) COLLATE "C"
    AND day = CAST(CAST(@seen_day AS TEXT) AS BIGINT);

-- name: DeleteTradeRow :execrows
-- DeleteTradeRow is DeleteFireRow for trades.
-- Not portable: SQLite does not keep to its types.
DELETE FROM trades
WHERE id = @id
    AND user_id = CAST(CAST(@user_text AS TEXT) AS BIGINT)
    AND trade_id = CAST(@key_text AS TEXT) COLLATE "C"
    AND day = CAST(CAST(@seen_day AS TEXT) AS BIGINT);
