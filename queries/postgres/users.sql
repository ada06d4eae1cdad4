-- name: RederiveUser :exec
-- RederiveUser sets a user's P&L and win rate to what follows from the user's
-- own totals.
-- Not portable: on SQLite user_states is a view.
UPDATE user_states SET
    pnl = CAST(pnl_micros AS DOUBLE PRECISION) / 1000000,
    win_rate = CASE
        WHEN wins + losses = 0 THEN 0
        ELSE CAST(wins AS DOUBLE PRECISION) / (wins + losses)
    END
WHERE user_id = @user_id;

-- name: DeleteUserTotals :many
-- DeleteUserTotals deletes a user's totals and returns the user's first day, if there
-- were any.
-- Not portable: on SQLite they are one row.
WITH fires AS (DELETE FROM fire_totals AS f WHERE f.user_id = @user_id)
DELETE FROM user_states AS s WHERE s.user_id = @user_id
RETURNING s.first_day;

-- name: DeleteGhost :exec
-- DeleteGhost deletes the totals of a user without counted facts.
-- Not portable: on SQLite they are one row.
WITH ghost AS (
    SELECT CAST(@user_id AS BIGINT) AS user_id
    WHERE NOT EXISTS (SELECT 1 FROM user_days AS d WHERE d.user_id = @user_id)
        AND NOT EXISTS (
            SELECT 1 FROM fire_totals AS t WHERE t.user_id = @user_id AND (t.total_fires <> 0 OR t.executed <> 0)
        )
        AND NOT EXISTS (
            SELECT 1 FROM user_states AS u
            WHERE u.user_id = @user_id AND (u.wins <> 0 OR u.losses <> 0 OR u.draws <> 0 OR u.pnl_micros <> 0)
        )
), fires AS (
    DELETE FROM fire_totals AS f WHERE f.user_id IN (SELECT g.user_id FROM ghost AS g)
)
DELETE FROM user_states AS s WHERE s.user_id IN (SELECT g.user_id FROM ghost AS g);
