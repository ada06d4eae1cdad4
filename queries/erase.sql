-- name: DaysOfUser :many
-- DaysOfUser lists a user's days in order.
SELECT * FROM user_days WHERE user_id = @user_id ORDER BY day;

-- name: DeleteSignalIfEmpty :exec
-- DeleteSignalIfEmpty deletes a signal's totals if it has no fires any more.
DELETE FROM signal_metrics WHERE signal_id = @signal_id AND total_fires = 0;

-- name: DeleteEmptySignalDays :exec
-- DeleteEmptySignalDays deletes a signal's days that have no fires any more.
DELETE FROM signal_days WHERE signal_id = @signal_id AND fires = 0;

-- name: DeleteUserFires :execrows
-- DeleteUserFires deletes a user's fires and returns how many.
DELETE FROM signal_fires WHERE user_id = @user_id;

-- name: DeleteUserTrades :execrows
-- DeleteUserTrades deletes a user's trades and returns how many.
DELETE FROM trades WHERE user_id = @user_id;

-- name: DeleteUserDays :execrows
-- DeleteUserDays deletes a user's days and returns how many.
DELETE FROM user_days WHERE user_id = @user_id;

-- name: DeleteUserStats :execrows
-- DeleteUserStats deletes a user's totals and returns 1 if there were any.
DELETE FROM user_stats WHERE user_id = @user_id;
