-- name: FireRows :many
-- FireRows lists rows of fires whose day is -1 (not counted yet) or -2 (set aside),
-- by id, after the given row, as text with the types of the columns.
-- Not portable: PostgreSQL keeps to its types.
SELECT
    id,
    CAST(typeof(user_id) AS TEXT) AS user_type, CAST(COALESCE(user_id, '') AS TEXT) AS user_id,
    CAST(typeof(signal_id) AS TEXT) AS signal_type, CAST(COALESCE(signal_id, '') AS TEXT) AS signal_id,
    CAST(typeof(timestamp) AS TEXT) AS time_type,
    CAST(COALESCE(CASE WHEN typeof(timestamp) = 'real' THEN strftime('%Y-%m-%d %H:%M:%f', timestamp, 'unixepoch') END, timestamp, '') AS TEXT) AS time_text,
    CAST(typeof(executed) AS TEXT) AS executed_type, CAST(COALESCE(executed, '') AS TEXT) AS executed,
    CAST(COALESCE(day, '') AS TEXT) AS day
FROM signal_fires
WHERE day < 0 AND day = @of_day
    AND id >= @after_id AND (id > @after_id OR CAST(COALESCE(user_id, '') AS TEXT) || ' ' || CAST(COALESCE(signal_id, '') AS TEXT) > CAST(@after_key AS TEXT))
ORDER BY id, CAST(COALESCE(user_id, '') AS TEXT) || ' ' || CAST(COALESCE(signal_id, '') AS TEXT)
LIMIT CAST(@max_rows AS BIGINT);

-- name: UnreadableFires :many
-- UnreadableFires lists rows of fires that cannot be read and should be counted,
-- by id, as FireRows does.
-- Not portable: PostgreSQL keeps to its types.
SELECT
    id,
    CAST(typeof(user_id) AS TEXT) AS user_type, CAST(COALESCE(user_id, '') AS TEXT) AS user_id,
    CAST(typeof(signal_id) AS TEXT) AS signal_type, CAST(COALESCE(signal_id, '') AS TEXT) AS signal_id,
    CAST(typeof(timestamp) AS TEXT) AS time_type,
    CAST(COALESCE(CASE WHEN typeof(timestamp) = 'real' THEN strftime('%Y-%m-%d %H:%M:%f', timestamp, 'unixepoch') END, timestamp, '') AS TEXT) AS time_text,
    CAST(typeof(executed) AS TEXT) AS executed_type, CAST(COALESCE(executed, '') AS TEXT) AS executed,
    CAST(COALESCE(day, '') AS TEXT) AS day
FROM signal_fires
WHERE (day <> -1 AND day <> -2 OR day IS NULL) AND NOT EXISTS (SELECT 1 FROM readable_fires AS r WHERE r.id = signal_fires.id)
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: SetFireDay :execrows
-- SetFireDay gives a row of fires another day, unless it has changed since it was
-- read.
-- Not portable: PostgreSQL keeps to its types.
UPDATE signal_fires SET day = @day
WHERE id = @id
    AND CAST(COALESCE(user_id, '') AS TEXT) = CAST(@user_text AS TEXT)
    AND CAST(COALESCE(signal_id, '') AS TEXT) = CAST(@key_text AS TEXT)
    AND CAST(COALESCE(day, '') AS TEXT) = CAST(@seen_day AS TEXT);

-- name: PlaceFire :one
-- PlaceFire gives a fire a day and stores its time, and whether it is executed, in
-- the library's own form, so that times compare as text. It returns whether the fire
-- is executed, or no row if the row has changed since it was read.
-- Not portable: PostgreSQL keeps to its types.
UPDATE signal_fires SET
    day = @day,
    timestamp = @timestamp,
    executed = @executed
WHERE id = @id
    AND CAST(COALESCE(user_id, '') AS TEXT) = CAST(@user_text AS TEXT)
    AND CAST(COALESCE(signal_id, '') AS TEXT) = CAST(@key_text AS TEXT)
    AND CAST(COALESCE(day, '') AS TEXT) = CAST(@seen_day AS TEXT)
RETURNING executed;

-- name: DeleteFireRow :execrows
-- DeleteFireRow deletes a row of fires, unless it has changed since it was read.
-- Not portable: PostgreSQL keeps to its types.
DELETE FROM signal_fires
WHERE id = @id
    AND CAST(COALESCE(user_id, '') AS TEXT) = CAST(@user_text AS TEXT)
    AND CAST(COALESCE(signal_id, '') AS TEXT) = CAST(@key_text AS TEXT)
    AND CAST(COALESCE(day, '') AS TEXT) = CAST(@seen_day AS TEXT);

-- name: TradeRows :many
-- TradeRows is FireRows for trades.
-- Not portable: PostgreSQL keeps to its types.
SELECT
    id,
    CAST(typeof(user_id) AS TEXT) AS user_type, CAST(COALESCE(user_id, '') AS TEXT) AS user_id,
    CAST(typeof(trade_id) AS TEXT) AS trade_type, CAST(COALESCE(trade_id, '') AS TEXT) AS trade_id,
    CAST(typeof(signal_id) AS TEXT) AS signal_type, CAST(COALESCE(signal_id, '') AS TEXT) AS signal_id,
    CAST(typeof(pnl_micros) AS TEXT) AS pnl_type, CAST(COALESCE(pnl_micros, '') AS TEXT) AS pnl_micros,
    CAST(typeof(outcome) AS TEXT) AS outcome_type, CAST(COALESCE(outcome, '') AS TEXT) AS outcome,
    CAST(typeof(closed_at) AS TEXT) AS time_type,
    CAST(COALESCE(CASE WHEN typeof(closed_at) = 'real' THEN strftime('%Y-%m-%d %H:%M:%f', closed_at, 'unixepoch') END, closed_at, '') AS TEXT) AS time_text,
    CAST(COALESCE(day, '') AS TEXT) AS day
FROM trades
WHERE day < 0 AND day = @of_day
    AND id >= @after_id AND (id > @after_id OR CAST(COALESCE(user_id, '') AS TEXT) || ' ' || CAST(COALESCE(trade_id, '') AS TEXT) > CAST(@after_key AS TEXT))
ORDER BY id, CAST(COALESCE(user_id, '') AS TEXT) || ' ' || CAST(COALESCE(trade_id, '') AS TEXT)
LIMIT CAST(@max_rows AS BIGINT);

-- name: UnreadableTrades :many
-- UnreadableTrades is UnreadableFires for trades.
-- Not portable: PostgreSQL keeps to its types.
SELECT
    id,
    CAST(typeof(user_id) AS TEXT) AS user_type, CAST(COALESCE(user_id, '') AS TEXT) AS user_id,
    CAST(typeof(trade_id) AS TEXT) AS trade_type, CAST(COALESCE(trade_id, '') AS TEXT) AS trade_id,
    CAST(typeof(signal_id) AS TEXT) AS signal_type, CAST(COALESCE(signal_id, '') AS TEXT) AS signal_id,
    CAST(typeof(pnl_micros) AS TEXT) AS pnl_type, CAST(COALESCE(pnl_micros, '') AS TEXT) AS pnl_micros,
    CAST(typeof(outcome) AS TEXT) AS outcome_type, CAST(COALESCE(outcome, '') AS TEXT) AS outcome,
    CAST(typeof(closed_at) AS TEXT) AS time_type,
    CAST(COALESCE(CASE WHEN typeof(closed_at) = 'real' THEN strftime('%Y-%m-%d %H:%M:%f', closed_at, 'unixepoch') END, closed_at, '') AS TEXT) AS time_text,
    CAST(COALESCE(day, '') AS TEXT) AS day
FROM trades
WHERE (day <> -1 AND day <> -2 OR day IS NULL) AND NOT EXISTS (SELECT 1 FROM readable_trades AS r WHERE r.id = trades.id)
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: SetTradeDay :execrows
-- SetTradeDay is SetFireDay for trades.
-- Not portable: PostgreSQL keeps to its types.
UPDATE trades SET day = @day
WHERE id = @id
    AND CAST(COALESCE(user_id, '') AS TEXT) = CAST(@user_text AS TEXT)
    AND CAST(COALESCE(trade_id, '') AS TEXT) = CAST(@key_text AS TEXT)
    AND CAST(COALESCE(day, '') AS TEXT) = CAST(@seen_day AS TEXT);

-- name: PlaceTrade :execrows
-- PlaceTrade gives a trade a day and stores its time in the library's own form. It
-- returns 0 if the row has changed since it was read.
-- Not portable: PostgreSQL keeps to its types.
UPDATE trades SET day = @day, closed_at = @closed_at
WHERE id = @id
    AND CAST(COALESCE(user_id, '') AS TEXT) = CAST(@user_text AS TEXT)
    AND CAST(COALESCE(trade_id, '') AS TEXT) = CAST(@key_text AS TEXT)
    AND CAST(COALESCE(day, '') AS TEXT) = CAST(@seen_day AS TEXT);

-- name: DeleteTradeRow :execrows
-- DeleteTradeRow is DeleteFireRow for trades.
-- Not portable: PostgreSQL keeps to its types.
DELETE FROM trades
WHERE id = @id
    AND CAST(COALESCE(user_id, '') AS TEXT) = CAST(@user_text AS TEXT)
    AND CAST(COALESCE(trade_id, '') AS TEXT) = CAST(@key_text AS TEXT)
    AND CAST(COALESCE(day, '') AS TEXT) = CAST(@seen_day AS TEXT);
