-- name: UserAwards :many
-- UserAwards lists what a user's streaks were awarded, the earliest streak first
-- and its milestones upwards.
SELECT * FROM streak_awards WHERE user_id = @user_id
ORDER BY streak_start, milestone;
