-- name: DeleteUncountedFires :execrows
-- DeleteUncountedFires deletes a user's fires that are not counted, and those that
-- cannot be read, and returns how many.
DELETE FROM signal_fires
WHERE signal_fires.user_id = @user_id AND signal_fires.id NOT IN (
    SELECT r.id FROM readable_fires AS r WHERE r.user_id = @user_id AND r.day >= 0
);

-- name: IsKept :one
-- IsKept returns 1 if anything but totals is kept about a user, and 0 if not.
SELECT COUNT(*) AS kept FROM (
    SELECT d.user_id FROM user_days AS d WHERE d.user_id = @user_id
    UNION SELECT f.user_id FROM signal_fires AS f WHERE f.user_id = @user_id
    UNION SELECT t.user_id FROM trades AS t WHERE t.user_id = @user_id
    UNION SELECT a.user_id FROM streak_awards AS a WHERE a.user_id = @user_id
    UNION SELECT g.user_id FROM streak_freezes AS g WHERE g.user_id = @user_id
    UNION SELECT p.user_id FROM public_users AS p WHERE p.user_id = @user_id
    UNION SELECT k.user_id FROM api_tokens AS k WHERE k.user_id = @user_id
) AS found;

-- name: DeleteUserFires :many
-- DeleteUserFires deletes at most max_rows of a user's readable fires and returns
-- them, in no order.
DELETE FROM signal_fires WHERE (user_id, signal_id) IN (
    SELECT f.user_id, f.signal_id FROM signal_fires AS f
    WHERE f.user_id = @user_id
    LIMIT CAST(@max_rows AS BIGINT)
)
RETURNING *;

-- name: DeleteUserTrades :execrows
-- DeleteUserTrades deletes a user's trades and returns how many.
DELETE FROM trades WHERE user_id = @user_id;

-- name: DeleteUserDays :many
-- DeleteUserDays deletes a user's days and returns them, in no order.
DELETE FROM user_days WHERE user_id = @user_id
RETURNING *;

-- name: DeleteUserAwards :exec
-- DeleteUserAwards deletes a user's streak awards.
DELETE FROM streak_awards WHERE user_id = @user_id;

-- name: DeleteUserFreezes :exec
-- DeleteUserFreezes deletes a user's streak freezes.
DELETE FROM streak_freezes WHERE user_id = @user_id;
