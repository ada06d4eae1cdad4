-- name: RederiveUser :exec
-- RederiveUser sets a user's P&L and win rate to what follows from the user's
-- own totals.
-- Not portable: on PostgreSQL user_stats is a view.
UPDATE user_stats SET
    pnl = CAST(pnl_micros AS DOUBLE PRECISION) / 1000000,
    win_rate = CASE
        WHEN wins + losses = 0 THEN 0
        ELSE CAST(wins AS DOUBLE PRECISION) / (wins + losses)
    END
WHERE user_id = @user_id;

-- name: DeleteUserTotals :many
-- DeleteUserTotals deletes a user's totals and returns the user's first day, if there
-- were any.
-- Not portable: on PostgreSQL user_stats is a view.
DELETE FROM user_stats WHERE user_id = @user_id
RETURNING first_day;

-- name: DeleteGhost :exec
-- DeleteGhost deletes the totals of a user without counted facts.
-- Not portable: on PostgreSQL user_stats is a view.
DELETE FROM user_stats
WHERE user_stats.user_id = @user_id
    AND total_fires = 0 AND executed = 0 AND wins = 0 AND losses = 0 AND draws = 0 AND pnl_micros = 0
    AND NOT EXISTS (SELECT 1 FROM user_days AS d WHERE d.user_id = user_stats.user_id);
