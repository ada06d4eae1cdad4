-- name: GetUserStats :one
-- GetUserStats returns a user's totals.
SELECT * FROM user_stats WHERE user_id = @user_id;

-- name: UserRecentFires :one
-- UserRecentFires counts a user's fires from one day to another, both included.
SELECT CAST(COALESCE(SUM(fires), 0) AS BIGINT) AS fires FROM user_days
WHERE user_id = @user_id AND day >= @first_day AND day <= @last_day;

-- name: RederiveUser :exec
-- RederiveUser sets a user's P&L and win rate to what follows from the user's
-- own totals.
UPDATE user_stats SET
    pnl = CAST(pnl_micros AS DOUBLE PRECISION) / 1000000,
    win_rate = CASE
        WHEN wins + losses = 0 THEN 0
        ELSE CAST(wins AS DOUBLE PRECISION) / (wins + losses)
    END
WHERE user_id = @user_id;
