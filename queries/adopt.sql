-- name: CountFiresOfNoDay :one
-- CountFiresOfNoDay counts the fires whose day is -1 (not counted yet) or -2 (set
-- aside).
SELECT COUNT(*) FROM signal_fires WHERE day < 0 AND day = @day;

-- name: CountUsersWithoutBound :one
-- CountUsersWithoutBound counts the users whose win rate has no bound yet.
SELECT COUNT(*) FROM user_states WHERE win_bound < 0;

-- name: UsersWithoutBound :many
-- UsersWithoutBound lists users whose win rate has no bound yet.
SELECT user_id FROM user_states WHERE win_bound < 0
ORDER BY win_bound DESC, user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountTradesOfNoDay :one
-- CountTradesOfNoDay is CountFiresOfNoDay for trades.
SELECT COUNT(*) FROM trades WHERE day < 0 AND day = @day;
