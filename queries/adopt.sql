-- name: CountUncountedFires :one
-- CountUncountedFires counts the fires that are in no counter yet.
SELECT COUNT(*) FROM signal_fires WHERE day < 0;

-- name: UncountedFires :many
-- UncountedFires lists fires that are in no counter yet, by id.
SELECT * FROM signal_fires WHERE day < 0
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: PlaceFire :one
-- PlaceFire moves a fire from the day seen_day (-1: it is in no counter yet) to
-- another and stores its time in the library's own form, so that times compare
-- as text. It returns whether the fire is executed, or no row if the fire is no
-- longer on that day: then somebody else was first.
UPDATE signal_fires SET day = @day, timestamp = @timestamp
WHERE user_id = @user_id AND signal_id = @signal_id AND day = @seen_day
RETURNING executed;

-- name: CountUsersWithoutBound :one
-- CountUsersWithoutBound counts the users whose win rate has no bound yet.
SELECT COUNT(*) FROM user_stats WHERE win_bound < 0;

-- name: UsersWithoutBound :many
-- UsersWithoutBound lists users whose win rate has no bound yet.
SELECT user_id FROM user_stats WHERE win_bound < 0
ORDER BY win_bound DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountUncountedTrades :one
-- CountUncountedTrades counts the trades that are in no counter yet.
SELECT COUNT(*) FROM trades WHERE day < 0;

-- name: UncountedTrades :many
-- UncountedTrades lists trades that are in no counter yet, by id.
SELECT * FROM trades WHERE day < 0
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: PlaceTrade :execrows
-- PlaceTrade moves a trade from the day seen_day to another and stores its time
-- in the library's own form. It returns 0 if somebody else was first.
UPDATE trades SET day = @day, closed_at = @closed_at
WHERE user_id = @user_id AND trade_id = @trade_id AND day = @seen_day;
