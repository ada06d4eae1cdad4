-- name: UserTotalMismatches :many
-- UserTotalMismatches lists users whose totals are not the sums of their days, and
-- those who have totals without any fact (known is 0) or only one of the two parts of
-- their totals (parts is 1). P&L is summed in whole units and millionths, because a
-- sum of millionths may not fit into 64 bits; missing_units and missing_micros
-- together are how much less is stored than should be.
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
    CAST(SUM(missing_micros) AS BIGINT) AS missing_micros,
    CAST(SUM(known) AS BIGINT) AS known,
    CAST(SUM(part) AS BIGINT) AS parts
FROM (
    SELECT
        user_id,
        1 AS part, 0 AS known,
        0 AS stored_fires, 0 AS fires,
        0 AS stored_executed, 0 AS executed,
        wins AS stored_wins, 0 AS wins,
        losses AS stored_losses, 0 AS losses,
        draws AS stored_draws, 0 AS draws,
        pnl_micros AS stored_pnl_micros,
        -(pnl_micros / 1000000) AS missing_units, -(pnl_micros % 1000000) AS missing_micros
    FROM user_states
    UNION ALL
    SELECT user_id, 1, 0, total_fires, 0, executed, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM fire_totals
    UNION ALL
    SELECT
        user_id, 0, 1, 0, fires, 0, executed, 0, wins, 0, losses, 0, draws,
        0, pnl_micros / 1000000, pnl_micros % 1000000
    FROM user_days
    UNION ALL
    SELECT user_id, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM signal_fires
    WHERE day < 0 AND day = -1
    UNION ALL
    SELECT user_id, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM trades
    WHERE day < 0 AND day = -1
) AS totals
GROUP BY user_id
HAVING SUM(stored_fires) <> SUM(fires)
    OR SUM(stored_executed) <> SUM(executed)
    OR SUM(stored_wins) <> SUM(wins)
    OR SUM(stored_losses) <> SUM(losses)
    OR SUM(stored_draws) <> SUM(draws)
    OR SUM(missing_units) * 1000000 + SUM(missing_micros) <> 0
    OR SUM(part) = 1
    OR (SUM(part) > 0 AND SUM(known) = 0)
ORDER BY user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: UserDerivedMismatches :many
-- UserDerivedMismatches lists users whose P&L or win rate does not follow from
-- their own totals.
SELECT user_id, pnl, pnl_micros, win_rate, wins, losses FROM user_states
WHERE pnl <> CAST(pnl_micros AS DOUBLE PRECISION) / 1000000
    OR win_rate <> CASE
        WHEN wins + losses = 0 THEN 0
        ELSE CAST(wins AS DOUBLE PRECISION) / (wins + losses)
    END
ORDER BY user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: SignalTotalMismatches :many
-- SignalTotalMismatches lists signals whose totals are not the sums of their
-- days, and those that have totals without any fire (known is 0).
SELECT
    signal_id,
    CAST(SUM(stored_fires) AS BIGINT) AS stored_fires,
    CAST(SUM(stored_users) AS BIGINT) AS stored_users,
    CAST(SUM(fires) AS BIGINT) AS fires,
    CAST(SUM(known) AS BIGINT) AS known
FROM (
    SELECT
        signal_id,
        1 AS has_row, 0 AS known,
        total_fires AS stored_fires, active_users AS stored_users, 0 AS fires
    FROM signal_metrics
    UNION ALL
    SELECT signal_id, 0, 1, 0, 0, fires
    FROM signal_days
    UNION ALL
    SELECT signal_id, 0, 1, 0, 0, 0
    FROM signal_fires
    WHERE day < 0 AND day = -1
) AS totals
GROUP BY signal_id
HAVING SUM(stored_fires) <> SUM(fires) OR SUM(stored_users) <> SUM(fires) OR (SUM(has_row) > 0 AND SUM(known) = 0)
ORDER BY signal_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: DayMismatches :many
-- DayMismatches lists days whose counts are not the sums of their users' days,
-- or whose new users are not those whose first day it is, and those that have a
-- row without any fire or decided trade.
SELECT
    day,
    CAST(SUM(stored_fires) AS BIGINT) AS stored_fires,
    CAST(SUM(fires) AS BIGINT) AS fires,
    CAST(SUM(stored_executed) AS BIGINT) AS stored_executed,
    CAST(SUM(executed) AS BIGINT) AS executed,
    CAST(SUM(stored_users) AS BIGINT) AS stored_users,
    CAST(SUM(users) AS BIGINT) AS users,
    CAST(SUM(stored_new) AS BIGINT) AS stored_new,
    CAST(SUM(new) AS BIGINT) AS new,
    CAST(SUM(stored_wins) AS BIGINT) AS stored_wins,
    CAST(SUM(wins) AS BIGINT) AS wins,
    CAST(SUM(stored_losses) AS BIGINT) AS stored_losses,
    CAST(SUM(losses) AS BIGINT) AS losses
FROM (
    SELECT
        day,
        1 AS has_row,
        fires AS stored_fires, 0 AS fires,
        executed AS stored_executed, 0 AS executed,
        active_users AS stored_users, 0 AS users,
        new_users AS stored_new, 0 AS new,
        wins AS stored_wins, 0 AS wins,
        losses AS stored_losses, 0 AS losses
    FROM days
    UNION ALL
    SELECT day, 0, 0, fires, 0, executed, 0, CASE WHEN fires > 0 THEN 1 ELSE 0 END, 0, 0, 0, wins, 0, losses
    FROM user_days
    UNION ALL
    SELECT first_day, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0
    FROM user_states
    WHERE first_day > 0
) AS totals
GROUP BY day
HAVING SUM(stored_fires) <> SUM(fires)
    OR SUM(stored_executed) <> SUM(executed)
    OR SUM(stored_users) <> SUM(users)
    OR SUM(stored_new) <> SUM(new)
    OR SUM(stored_wins) <> SUM(wins)
    OR SUM(stored_losses) <> SUM(losses)
    OR (
        SUM(has_row) > 0 AND SUM(fires) = 0 AND SUM(executed) = 0 AND SUM(users) = 0 AND SUM(new) = 0
        AND SUM(wins) = 0 AND SUM(losses) = 0
    )
ORDER BY day
LIMIT CAST(@max_rows AS BIGINT);

-- name: UserDayFireMismatches :many
-- UserDayFireMismatches lists a user's days, from the horizon on, whose counts are
-- not those of the fires. Days before 1970-01-02 must have none.
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
-- SignalDayMismatches lists a signal's days, from the horizon on, whose counts are
-- not those of the fires. Days before 1970-01-02 must have none.
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
-- UsersFrom lists all users by id, from the given id on.
SELECT * FROM user_stats WHERE user_id >= @from_user
ORDER BY user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: FactDaysAfter :many
-- FactDaysAfter lists the days on which users fired or traded by user and day, and
-- how often they fired, after the given key.
SELECT user_id, day, fires FROM user_days
WHERE user_id >= @after_user AND (user_id > @after_user OR day > @after_day)
    AND day > 0
ORDER BY user_id, day
LIMIT CAST(@max_rows AS BIGINT);

-- name: FreezesAfter :many
-- FreezesAfter lists all freezes by their key, after the given key.
SELECT * FROM streak_freezes
WHERE user_id >= @after_user AND (user_id > @after_user OR grant_id > @after_grant)
ORDER BY user_id, grant_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: FiresAfter :many
-- FiresAfter lists the readable fires by their key, after the given key, without
-- those set aside.
SELECT * FROM readable_fires
WHERE day <> -2 AND user_id >= @after_user AND (user_id > @after_user OR signal_id > @after_signal)
ORDER BY user_id, signal_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: TradesAfter :many
-- TradesAfter lists the readable trades by their key, after the given key, without
-- those set aside.
SELECT * FROM readable_trades
WHERE day <> -2 AND user_id >= @after_user AND (user_id > @after_user OR trade_id > @after_trade)
ORDER BY user_id, trade_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountUsers :one
-- CountUsers counts the users.
SELECT COUNT(*) FROM user_states;

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

-- name: SenselessUserDays :many
-- SenselessUserDays lists users' days whose counts make no sense by themselves:
-- nothing happened on them, more fires executed than there were, or counts are
-- below 0.
SELECT * FROM user_days
WHERE fires < 0 OR executed < 0 OR executed > fires OR wins < 0 OR losses < 0 OR draws < 0
    OR (fires = 0 AND wins = 0 AND losses = 0 AND draws = 0 AND pnl_micros = 0)
ORDER BY user_id, day
LIMIT CAST(@max_rows AS BIGINT);

-- name: SenselessSignalDays :many
-- SenselessSignalDays is SenselessUserDays for signals.
SELECT * FROM signal_days
WHERE fires < 1 OR executed < 0 OR executed > fires
ORDER BY signal_id, day
LIMIT CAST(@max_rows AS BIGINT);

-- name: CleanedDayMismatches :many
-- CleanedDayMismatches lists days before the horizon on which the signals have
-- fewer fires than the community. They may have more, of users who were erased
-- since; if exact is 1, no user was.
SELECT day, fires, executed, signal_fires, signal_executed
FROM (
    SELECT
        day,
        CAST(SUM(fires) AS BIGINT) AS fires,
        CAST(SUM(executed) AS BIGINT) AS executed,
        CAST(SUM(signal_fires) AS BIGINT) AS signal_fires,
        CAST(SUM(signal_executed) AS BIGINT) AS signal_executed
    FROM (
        SELECT d.day, d.fires, d.executed, 0 AS signal_fires, 0 AS signal_executed
        FROM days AS d
        WHERE d.day > 0 AND d.day < @horizon
        UNION ALL
        SELECT s.day, 0, 0, s.fires, s.executed
        FROM signal_days AS s
        WHERE s.day > 0 AND s.day < @horizon
    ) AS counts
    GROUP BY day
) AS sums
WHERE signal_fires < fires OR signal_executed < executed
    OR (CAST(@exact AS BIGINT) = 1 AND (signal_fires > fires OR signal_executed > executed))
ORDER BY day
LIMIT CAST(@max_rows AS BIGINT);

-- name: SenselessAwards :many
-- SenselessAwards lists awards whose days are not those of a streak: the user has
-- not fired on the first and the last of them, or on fewer than were awarded.
SELECT
    a.user_id, a.streak_start, a.milestone, a.day, COUNT(d.day) AS active_days
FROM streak_awards AS a
LEFT JOIN user_days AS d
    ON d.user_id = a.user_id AND d.day >= a.streak_start AND d.day <= a.day AND d.fires > 0
GROUP BY a.user_id, a.streak_start, a.milestone, a.day
HAVING a.milestone < 1 OR COUNT(d.day) < a.milestone OR MIN(d.day) <> a.streak_start OR MAX(d.day) <> a.day
ORDER BY a.user_id, a.streak_start, a.milestone
LIMIT CAST(@max_rows AS BIGINT);

-- name: OrphanFreezes :many
-- OrphanFreezes lists the freezes of users who are not known.
SELECT f.* FROM streak_freezes AS f
WHERE NOT EXISTS (SELECT 1 FROM user_stats AS u WHERE u.user_id = f.user_id)
ORDER BY f.user_id, f.grant_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: OrphanPublicUsers :many
-- OrphanPublicUsers lists the users whose own figures everybody may see and who are
-- not known.
SELECT p.* FROM public_users AS p
WHERE NOT EXISTS (SELECT 1 FROM user_stats AS u WHERE u.user_id = p.user_id)
ORDER BY p.user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: LostFireDays :many
-- LostFireDays lists days, from the given day on, of which fewer fires are kept than
-- at least two of the three kinds of days count (users' days, signals' days, the
-- community's), with the least that two of them agree on and how many are kept. A row
-- that can no longer be read counts as kept.
SELECT day, kept, CAST(CASE
    WHEN by_users >= by_signals AND by_users >= by_all
        THEN CASE WHEN by_signals > by_all THEN by_signals ELSE by_all END
    WHEN by_signals >= by_users AND by_signals >= by_all
        THEN CASE WHEN by_users > by_all THEN by_users ELSE by_all END
    ELSE CASE WHEN by_users > by_signals THEN by_users ELSE by_signals END
END AS BIGINT) AS counted
FROM (
    SELECT
        day,
        CAST(SUM(kept) AS BIGINT) AS kept,
        CAST(SUM(by_users) AS BIGINT) AS by_users,
        CAST(SUM(by_signals) AS BIGINT) AS by_signals,
        CAST(SUM(by_all) AS BIGINT) AS by_all
    FROM (
        SELECT f.day, 1 AS kept, 0 AS by_users, 0 AS by_signals, 0 AS by_all
        FROM signal_fires AS f
        WHERE f.day > 0 AND f.day >= @from_day
        UNION ALL
        SELECT u.day, 0, u.fires, 0, 0
        FROM user_days AS u
        WHERE u.day > 0 AND u.day >= @from_day
        UNION ALL
        SELECT s.day, 0, 0, s.fires, 0
        FROM signal_days AS s
        WHERE s.day > 0 AND s.day >= @from_day
        UNION ALL
        SELECT d.day, 0, 0, 0, d.fires
        FROM days AS d
        WHERE d.day > 0 AND d.day >= @from_day
    ) AS counts
    GROUP BY day
) AS sums
WHERE (by_users > kept AND by_signals > kept)
    OR (by_users > kept AND by_all > kept)
    OR (by_signals > kept AND by_all > kept)
ORDER BY day;

-- name: ContradictoryDays :many
-- ContradictoryDays lists days before the horizon on which the users' days count
-- fewer fires, or more, than both the community's day and the signals' days, with
-- what the users' days and the community's day count. Signals may have more, of
-- users who were erased since.
SELECT day, by_users, by_all
FROM (
    SELECT
        day,
        CAST(SUM(by_users) AS BIGINT) AS by_users,
        CAST(SUM(by_signals) AS BIGINT) AS by_signals,
        CAST(SUM(by_all) AS BIGINT) AS by_all
    FROM (
        SELECT u.day, u.fires AS by_users, 0 AS by_signals, 0 AS by_all
        FROM user_days AS u
        WHERE u.day > 0 AND u.day < @horizon
        UNION ALL
        SELECT s.day, 0, s.fires, 0
        FROM signal_days AS s
        WHERE s.day > 0 AND s.day < @horizon
        UNION ALL
        SELECT d.day, 0, 0, d.fires
        FROM days AS d
        WHERE d.day > 0 AND d.day < @horizon
    ) AS counts
    GROUP BY day
) AS sums
WHERE (by_users < by_all AND by_users < by_signals) OR (by_users > by_all AND by_users > by_signals)
ORDER BY day;

-- name: LostTradeDays :many
-- LostTradeDays lists days that have trades in the days of users whose totals agree
-- with them, but no trade that is kept, with how many they count. A row that can no
-- longer be read counts as kept.
SELECT day, CAST(SUM(counted) AS BIGINT) AS counted
FROM (
    SELECT d.day, d.wins + d.losses + d.draws AS counted, 0 AS kept
    FROM user_days AS d
    JOIN (
        SELECT u.user_id FROM user_states AS u
        JOIN user_days AS n ON n.user_id = u.user_id
        GROUP BY u.user_id, u.wins, u.losses, u.draws
        HAVING SUM(n.wins) = u.wins AND SUM(n.losses) = u.losses AND SUM(n.draws) = u.draws
    ) AS agreed ON agreed.user_id = d.user_id
    WHERE d.wins + d.losses + d.draws > 0
    UNION ALL
    SELECT t.day, 0, 1 FROM trades AS t
    WHERE t.day >= 0
) AS counts
GROUP BY day
HAVING SUM(kept) = 0
ORDER BY day;

-- name: LastFireDay :one
-- LastFireDay returns the day of the latest counted fire that is kept, and no row
-- without any.
SELECT day FROM readable_fires
WHERE day > 0
ORDER BY timestamp DESC
LIMIT 1;

-- name: DeleteEmptyUserDay :exec
-- DeleteEmptyUserDay deletes a user's day on which nothing happened.
DELETE FROM user_days
WHERE user_id = @user_id AND day = @day
    AND fires = 0 AND executed = 0 AND wins = 0 AND losses = 0 AND draws = 0 AND pnl_micros = 0;

-- name: DeleteEmptyDay :exec
-- DeleteEmptyDay deletes a day on which nothing happened.
DELETE FROM days
WHERE day = @day
    AND fires = 0 AND executed = 0 AND active_users = 0 AND new_users = 0 AND wins = 0 AND losses = 0;

-- name: GhostUsers :many
-- GhostUsers lists users whose totals are all zero, and who have no counted facts.
SELECT u.user_id FROM user_stats AS u
WHERE u.total_fires = 0 AND u.executed = 0 AND u.wins = 0 AND u.losses = 0 AND u.draws = 0 AND u.pnl_micros = 0
    AND NOT EXISTS (SELECT 1 FROM user_days AS d WHERE d.user_id = u.user_id)
ORDER BY u.user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: GhostSignals :many
-- GhostSignals lists signals whose totals are all zero, and that have no counted
-- fires.
SELECT m.signal_id FROM signal_metrics AS m
WHERE m.total_fires = 0 AND m.active_users = 0
    AND NOT EXISTS (SELECT 1 FROM signal_days AS d WHERE d.signal_id = m.signal_id)
ORDER BY m.signal_id
LIMIT CAST(@max_rows AS BIGINT);
