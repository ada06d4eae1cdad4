-- name: SignalsAfter :many
-- SignalsAfter lists all signals' totals by signal, after the given one; from it on
-- if inclusive is 1, since the first signal may have an empty id.
SELECT * FROM signal_metrics
WHERE signal_id >= @after_signal AND (signal_id > @after_signal OR CAST(@inclusive AS BIGINT) = 1)
ORDER BY signal_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: UserDaysAfter :many
-- UserDaysAfter lists all users' days by user and day, after the given key.
SELECT * FROM user_days
WHERE user_id >= @after_user AND (user_id > @after_user OR day > @after_day)
ORDER BY user_id, day
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalDaysAfter :many
-- SignalDaysAfter lists all signals' days by signal and day, after the given key.
SELECT * FROM signal_days
WHERE signal_id >= @after_signal AND (signal_id > @after_signal OR day > @after_day)
ORDER BY signal_id, day
LIMIT CAST(@max_rows AS BIGINT);

-- name: DaysAfter :many
-- DaysAfter lists all days in order, after the given day.
SELECT * FROM days WHERE day > @after_day
ORDER BY day
LIMIT CAST(@max_rows AS BIGINT);

-- name: SettingsAfter :many
-- SettingsAfter lists all settings but one by name, after the given name.
SELECT * FROM settings WHERE name > @after_name AND name <> @except_name
ORDER BY name
LIMIT CAST(@max_rows AS BIGINT);

-- name: AwardsAfter :many
-- AwardsAfter lists all streak awards by user, streak and milestone, after the given
-- key.
SELECT * FROM streak_awards
WHERE user_id >= @after_user AND (
    user_id > @after_user
    OR streak_start > @after_start
    OR (streak_start = @after_start AND milestone > @after_milestone)
)
ORDER BY user_id, streak_start, milestone
LIMIT CAST(@max_rows AS BIGINT);

-- name: MetricsAfter :many
-- MetricsAfter lists all custom metrics by name, after the given name.
SELECT * FROM custom_metrics WHERE name > @after_name
ORDER BY name
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountAwards :one
-- CountAwards counts the streak awards.
SELECT COUNT(*) FROM streak_awards;

-- name: CountFreezes :one
-- CountFreezes counts the streak freezes.
SELECT COUNT(*) FROM streak_freezes;

-- name: CountMetrics :one
-- CountMetrics counts the custom metrics.
SELECT COUNT(*) FROM custom_metrics;

-- name: CountTokens :one
-- CountTokens counts the tokens.
SELECT COUNT(*) FROM api_tokens;

-- name: CountPublicUsers :one
-- CountPublicUsers counts the users whose own figures everybody may see.
SELECT COUNT(*) FROM public_users;

-- name: CountUserDays :one
-- CountUserDays counts the rows of users' days.
SELECT COUNT(*) FROM user_days;

-- name: CountSignalDays :one
-- CountSignalDays counts the rows of signals' days.
SELECT COUNT(*) FROM signal_days;

-- name: CountSettings :one
-- CountSettings counts the settings.
SELECT COUNT(*) FROM settings;

-- name: DeleteFire :exec
-- DeleteFire deletes one fire and moves no counter.
DELETE FROM signal_fires WHERE user_id = @user_id AND signal_id = @signal_id;

-- name: DeleteTrade :exec
-- DeleteTrade deletes one trade and moves no counter.
DELETE FROM trades WHERE user_id = @user_id AND trade_id = @trade_id;

-- name: DeleteAward :exec
-- DeleteAward deletes one streak award.
DELETE FROM streak_awards
WHERE user_id = @user_id AND streak_start = @streak_start AND milestone = @milestone;

-- name: DeleteFreeze :exec
-- DeleteFreeze deletes one streak freeze.
DELETE FROM streak_freezes WHERE user_id = @user_id AND grant_id = @grant_id;

-- name: DeleteUserDay :exec
-- DeleteUserDay deletes a user's day.
DELETE FROM user_days WHERE user_id = @user_id AND day = @day;

-- name: DeleteSignal :exec
-- DeleteSignal deletes a signal's totals.
DELETE FROM signal_metrics WHERE signal_id = @signal_id;

-- name: DeleteSignalDay :exec
-- DeleteSignalDay deletes a signal's day.
DELETE FROM signal_days WHERE signal_id = @signal_id AND day = @day;

-- name: DeleteDay :exec
-- DeleteDay deletes a day of the community.
DELETE FROM days WHERE day = @day;


-- name: CountCopiedFires :one
-- CountCopiedFires counts the fires that FiresAfter lists.
SELECT COUNT(*) FROM readable_fires WHERE day <> -2;

-- name: CountCopiedTrades :one
-- CountCopiedTrades counts the trades that TradesAfter lists.
SELECT COUNT(*) FROM readable_trades WHERE day <> -2;
