-- name: UserTotalMismatches :many
-- UserTotalMismatches lists users whose totals are not the sums of their days.
-- P&L is summed in whole units and millionths, because a sum of millionths may
-- leave the integers; missing_units and missing_micros together are what is stored
-- too little.
SELECT
    user_id,
    CAST(SUM(stored_fires) AS BIGINT) AS stored_fires,
    CAST(SUM(fires) AS BIGINT) AS fires,
    CAST(SUM(stored_executed) AS BIGINT) AS stored_executed,
    CAST(SUM(executed) AS BIGINT) AS executed,
    CAST(SUM(stored_wins) AS BIGINT) AS stored_wins,
    CAST(SUM(wins) AS BIGINT) AS wins,
    CAST(SUM(stored_losses) AS BIGINT) AS stored_losses,
    CAST(SUM(losses) AS BIGINT) AS losses,
    CAST(SUM(stored_draws) AS BIGINT) AS stored_draws,
    CAST(SUM(draws) AS BIGINT) AS draws,
    CAST(SUM(stored_pnl_micros) AS BIGINT) AS stored_pnl_micros,
    CAST(SUM(missing_units) AS BIGINT) AS missing_units,
    CAST(SUM(missing_micros) AS BIGINT) AS missing_micros
FROM (
    SELECT
        user_id,
        total_fires AS stored_fires, 0 AS fires,
        executed AS stored_executed, 0 AS executed,
        wins AS stored_wins, 0 AS wins,
        losses AS stored_losses, 0 AS losses,
        draws AS stored_draws, 0 AS draws,
        pnl_micros AS stored_pnl_micros,
        -(pnl_micros / 1000000) AS missing_units, -(pnl_micros % 1000000) AS missing_micros
    FROM user_stats
    UNION ALL
    SELECT
        user_id, 0, fires, 0, executed, 0, wins, 0, losses, 0, draws,
        0, pnl_micros / 1000000, pnl_micros % 1000000
    FROM user_days
) AS totals
GROUP BY user_id
HAVING SUM(stored_fires) <> SUM(fires)
    OR SUM(stored_executed) <> SUM(executed)
    OR SUM(stored_wins) <> SUM(wins)
    OR SUM(stored_losses) <> SUM(losses)
    OR SUM(stored_draws) <> SUM(draws)
    OR SUM(missing_units) * 1000000 + SUM(missing_micros) <> 0
ORDER BY user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: UserDerivedMismatches :many
-- UserDerivedMismatches lists users whose P&L or win rate does not follow from
-- their own totals.
SELECT user_id, pnl, pnl_micros, win_rate, wins, losses FROM user_stats
WHERE pnl <> CAST(pnl_micros AS DOUBLE PRECISION) / 1000000
    OR win_rate <> CASE
        WHEN wins + losses = 0 THEN 0
        ELSE CAST(wins AS DOUBLE PRECISION) / (wins + losses)
    END
ORDER BY user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalTotalMismatches :many
-- SignalTotalMismatches lists signals whose totals are not the sums of their
-- days.
SELECT
    signal_id,
    CAST(SUM(stored_fires) AS BIGINT) AS stored_fires,
    CAST(SUM(stored_users) AS BIGINT) AS stored_users,
    CAST(SUM(fires) AS BIGINT) AS fires
FROM (
    SELECT signal_id, total_fires AS stored_fires, active_users AS stored_users, 0 AS fires
    FROM signal_metrics
    UNION ALL
    SELECT signal_id, 0, 0, fires
    FROM signal_days
) AS totals
GROUP BY signal_id
HAVING SUM(stored_fires) <> SUM(fires) OR SUM(stored_users) <> SUM(fires)
ORDER BY signal_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: DayMismatches :many
-- DayMismatches lists days whose counts are not the sums of their users' days,
-- or whose new users are not those whose first day it is.
SELECT
    day,
    CAST(SUM(stored_fires) AS BIGINT) AS stored_fires,
    CAST(SUM(fires) AS BIGINT) AS fires,
    CAST(SUM(stored_executed) AS BIGINT) AS stored_executed,
    CAST(SUM(executed) AS BIGINT) AS executed,
    CAST(SUM(stored_users) AS BIGINT) AS stored_users,
    CAST(SUM(users) AS BIGINT) AS users,
    CAST(SUM(stored_new) AS BIGINT) AS stored_new,
    CAST(SUM(new) AS BIGINT) AS new
FROM (
    SELECT
        day,
        fires AS stored_fires, 0 AS fires,
        executed AS stored_executed, 0 AS executed,
        active_users AS stored_users, 0 AS users,
        new_users AS stored_new, 0 AS new
    FROM days
    UNION ALL
    SELECT day, 0, fires, 0, executed, 0, CASE WHEN fires > 0 THEN 1 ELSE 0 END, 0, 0
    FROM user_days
    UNION ALL
    SELECT first_day, 0, 0, 0, 0, 0, 0, 0, 1
    FROM user_stats
    WHERE first_day > 0
) AS totals
GROUP BY day
HAVING SUM(stored_fires) <> SUM(fires)
    OR SUM(stored_executed) <> SUM(executed)
    OR SUM(stored_users) <> SUM(users)
    OR SUM(stored_new) <> SUM(new)
ORDER BY day
LIMIT CAST(@max_rows AS BIGINT);

-- name: UserDayFireMismatches :many
-- UserDayFireMismatches lists a user's days, from the horizon on, whose counts
-- are not those of the fires. Before the first day there are none.
SELECT
    user_id,
    day,
    CAST(SUM(stored_fires) AS BIGINT) AS stored_fires,
    CAST(SUM(fires) AS BIGINT) AS fires,
    CAST(SUM(stored_executed) AS BIGINT) AS stored_executed,
    CAST(SUM(executed) AS BIGINT) AS executed
FROM (
    SELECT
        d.user_id, d.day,
        d.fires AS stored_fires, 0 AS fires,
        d.executed AS stored_executed, 0 AS executed
    FROM user_days AS d
    WHERE d.day >= @horizon OR d.day < 1
    UNION ALL
    SELECT f.user_id, f.day, 0, 1, 0, CASE WHEN f.executed THEN 1 ELSE 0 END
    FROM readable_fires AS f
    WHERE f.day >= @horizon
) AS counts
GROUP BY user_id, day
HAVING SUM(stored_fires) <> SUM(fires) OR SUM(stored_executed) <> SUM(executed)
ORDER BY user_id, day
LIMIT CAST(@max_rows AS BIGINT);

-- name: UserDayTradeMismatches :many
-- UserDayTradeMismatches lists a user's days whose counts are not those of the
-- trades. Trades are never cleaned up, so all days are compared. P&L is summed
-- as in UserTotalMismatches.
SELECT
    user_id,
    day,
    CAST(SUM(stored_wins) AS BIGINT) AS stored_wins,
    CAST(SUM(wins) AS BIGINT) AS wins,
    CAST(SUM(stored_losses) AS BIGINT) AS stored_losses,
    CAST(SUM(losses) AS BIGINT) AS losses,
    CAST(SUM(stored_draws) AS BIGINT) AS stored_draws,
    CAST(SUM(draws) AS BIGINT) AS draws,
    CAST(SUM(stored_pnl_micros) AS BIGINT) AS stored_pnl_micros,
    CAST(SUM(missing_units) AS BIGINT) AS missing_units,
    CAST(SUM(missing_micros) AS BIGINT) AS missing_micros
FROM (
    SELECT
        user_id, day,
        wins AS stored_wins, 0 AS wins,
        losses AS stored_losses, 0 AS losses,
        draws AS stored_draws, 0 AS draws,
        pnl_micros AS stored_pnl_micros,
        -(pnl_micros / 1000000) AS missing_units, -(pnl_micros % 1000000) AS missing_micros
    FROM user_days
    UNION ALL
    SELECT
        user_id, day,
        0, CASE WHEN outcome = 'win' THEN 1 ELSE 0 END,
        0, CASE WHEN outcome = 'loss' THEN 1 ELSE 0 END,
        0, CASE WHEN outcome = 'draw' THEN 1 ELSE 0 END,
        0, pnl_micros / 1000000, pnl_micros % 1000000
    FROM readable_trades
    WHERE day >= 0
) AS counts
GROUP BY user_id, day
HAVING SUM(stored_wins) <> SUM(wins)
    OR SUM(stored_losses) <> SUM(losses)
    OR SUM(stored_draws) <> SUM(draws)
    OR SUM(missing_units) * 1000000 + SUM(missing_micros) <> 0
ORDER BY user_id, day
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalDayMismatches :many
-- SignalDayMismatches lists a signal's days, from the horizon on, whose counts
-- are not those of the fires. Before the first day there are none.
SELECT
    signal_id,
    day,
    CAST(SUM(stored_fires) AS BIGINT) AS stored_fires,
    CAST(SUM(fires) AS BIGINT) AS fires,
    CAST(SUM(stored_executed) AS BIGINT) AS stored_executed,
    CAST(SUM(executed) AS BIGINT) AS executed
FROM (
    SELECT
        d.signal_id, d.day,
        d.fires AS stored_fires, 0 AS fires,
        d.executed AS stored_executed, 0 AS executed
    FROM signal_days AS d
    WHERE d.day >= @horizon OR d.day < 1
    UNION ALL
    SELECT f.signal_id, f.day, 0, 1, 0, CASE WHEN f.executed THEN 1 ELSE 0 END
    FROM readable_fires AS f
    WHERE f.day >= @horizon
) AS counts
GROUP BY signal_id, day
HAVING SUM(stored_fires) <> SUM(fires) OR SUM(stored_executed) <> SUM(executed)
ORDER BY signal_id, day
LIMIT CAST(@max_rows AS BIGINT);

-- name: UsersFrom :many
-- UsersFrom lists all users by id, from one on.
SELECT * FROM user_stats WHERE user_id >= @from_user
ORDER BY user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: ActiveDaysAfter :many
-- ActiveDaysAfter lists the days on which users fired by user and day, from
-- behind one on.
SELECT user_id, day FROM user_days
WHERE user_id >= @after_user AND (user_id > @after_user OR day > @after_day)
    AND fires > 0 AND day > 0
ORDER BY user_id, day
LIMIT CAST(@max_rows AS BIGINT);

-- name: FreezesAfter :many
-- FreezesAfter lists all freezes by their key, from behind one on.
SELECT * FROM streak_freezes
WHERE user_id >= @after_user AND (user_id > @after_user OR grant_id > @after_grant)
ORDER BY user_id, grant_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: FiresAfter :many
-- FiresAfter lists the readable fires by their key, from behind one on, without
-- those set aside.
SELECT * FROM readable_fires
WHERE day <> -2 AND user_id >= @after_user AND (user_id > @after_user OR signal_id > @after_signal)
ORDER BY user_id, signal_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TradesAfter :many
-- TradesAfter lists the readable trades by their key, from behind one on, without
-- those set aside.
SELECT * FROM readable_trades
WHERE day <> -2 AND user_id >= @after_user AND (user_id > @after_user OR trade_id > @after_trade)
ORDER BY user_id, trade_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountUsers :one
-- CountUsers counts the users.
SELECT COUNT(*) FROM user_stats;

-- name: CountSignals :one
-- CountSignals counts the signals.
SELECT COUNT(*) FROM signal_metrics;

-- name: CountDays :one
-- CountDays counts the days that have a row.
SELECT COUNT(*) FROM days;

-- name: CountFires :one
-- CountFires counts the rows of fires, those set aside too.
SELECT COUNT(*) FROM signal_fires;

-- name: CountTrades :one
-- CountTrades counts the rows of trades, those set aside too.
SELECT COUNT(*) FROM trades;

-- name: DeleteEmptyUserDaysOfNoDay :execrows
-- DeleteEmptyUserDaysOfNoDay deletes users' days before the first that count
-- nothing. Day 0 is that of opening balances.
DELETE FROM user_days
WHERE day < 1 AND fires = 0 AND executed = 0 AND wins = 0 AND losses = 0 AND draws = 0 AND pnl_micros = 0;

-- name: DeleteEmptySignalDaysOfNoDay :execrows
-- DeleteEmptySignalDaysOfNoDay deletes signals' days before the first that count
-- nothing.
DELETE FROM signal_days WHERE day < 1 AND fires = 0 AND executed = 0;

-- name: DeleteEmptyDaysOfNoDay :execrows
-- DeleteEmptyDaysOfNoDay deletes days before the first that count nothing.
DELETE FROM days WHERE day < 1 AND fires = 0 AND executed = 0 AND active_users = 0 AND new_users = 0;
