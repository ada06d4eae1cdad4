-- name: CountUncountedFires :one
-- CountUncountedFires counts the fires that are in no counter yet.
SELECT COUNT(*) FROM signal_fires WHERE day < 0;

-- name: UncountedFires :many
-- UncountedFires lists fires that are in no counter yet, by id.
SELECT * FROM signal_fires WHERE day < 0
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: SetFireDay :exec
-- SetFireDay marks a fire as counted on a day and stores its time in the
-- library's own form, so that times compare as text.
UPDATE signal_fires SET day = @day, timestamp = @timestamp WHERE id = @id;

-- name: CountUncountedTrades :one
-- CountUncountedTrades counts the trades that are in no counter yet.
SELECT COUNT(*) FROM trades WHERE day < 0;

-- name: UncountedTrades :many
-- UncountedTrades lists trades that are in no counter yet, by id.
SELECT * FROM trades WHERE day < 0
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: SetTradeDay :exec
-- SetTradeDay marks a trade as counted on a day and stores its time in the
-- library's own form.
UPDATE trades SET day = @day, closed_at = @closed_at WHERE id = @id;
