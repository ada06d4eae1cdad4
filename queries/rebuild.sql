-- name: ClearUserDayFires :exec
-- ClearUserDayFires sets the counts of fires from the horizon on to zero. The
-- days before it are their own only record and stay.
UPDATE user_days SET fires = 0, executed = 0 WHERE day >= @horizon;

-- name: ClearUserDayTrades :exec
-- ClearUserDayTrades sets the counts of trades of all days to zero.
UPDATE user_days SET wins = 0, losses = 0, draws = 0, pnl_micros = 0 WHERE day >= 0;

-- name: RebuildUserDayFires :exec
-- RebuildUserDayFires counts the fires from the horizon on into their users'
-- days.
INSERT INTO user_days (user_id, day, fires, executed)
SELECT user_id, day, COUNT(*), SUM(CASE WHEN executed THEN 1 ELSE 0 END)
FROM signal_fires
WHERE day >= CAST(@horizon AS BIGINT)
GROUP BY user_id, day
ON CONFLICT (user_id, day) DO UPDATE SET
    fires = excluded.fires,
    executed = excluded.executed;

-- name: RebuildUserDayTrades :exec
-- RebuildUserDayTrades counts the trades into their users' days.
INSERT INTO user_days (user_id, day, wins, losses, draws, pnl_micros)
SELECT
    user_id,
    day,
    SUM(CASE WHEN outcome = 'win' THEN 1 ELSE 0 END),
    SUM(CASE WHEN outcome = 'loss' THEN 1 ELSE 0 END),
    SUM(CASE WHEN outcome = 'draw' THEN 1 ELSE 0 END),
    SUM(pnl_micros)
FROM trades
WHERE day >= 0
GROUP BY user_id, day
ON CONFLICT (user_id, day) DO UPDATE SET
    wins = excluded.wins,
    losses = excluded.losses,
    draws = excluded.draws,
    pnl_micros = excluded.pnl_micros;

-- name: ClearSignalDays :exec
-- ClearSignalDays sets the counts of fires from the horizon on to zero.
UPDATE signal_days SET fires = 0, executed = 0 WHERE day >= @horizon;

-- name: RebuildSignalDays :exec
-- RebuildSignalDays counts the fires from the horizon on into their signals'
-- days.
INSERT INTO signal_days (signal_id, day, fires, executed)
SELECT signal_id, day, COUNT(*), SUM(CASE WHEN executed THEN 1 ELSE 0 END)
FROM signal_fires
WHERE day >= CAST(@horizon AS BIGINT)
GROUP BY signal_id, day
ON CONFLICT (signal_id, day) DO UPDATE SET
    fires = excluded.fires,
    executed = excluded.executed;

-- name: ClearDays :exec
-- ClearDays deletes all days.
DELETE FROM days;

-- name: RebuildDays :exec
-- RebuildDays sums the users' days into days.
INSERT INTO days (day, fires, executed, active_users)
SELECT day, SUM(fires), SUM(executed), SUM(CASE WHEN fires > 0 THEN 1 ELSE 0 END)
FROM user_days
GROUP BY day;

-- name: ClearUserTotals :exec
-- ClearUserTotals sets all users' totals to zero.
UPDATE user_stats SET
    total_fires = 0, wins = 0, losses = 0, draws = 0, pnl_micros = 0,
    win_rate = 0, pnl = 0,
    streak_start = -1, streak_end = -1, streak_longest = 0
WHERE user_id IS NOT NULL;

-- name: RebuildUserTotals :exec
-- RebuildUserTotals sums the users' days into their totals.
INSERT INTO user_stats (
    user_id, total_fires, wins, losses, draws, pnl_micros, pnl, win_rate, last_updated
)
SELECT
    user_id, SUM(fires), SUM(wins), SUM(losses), SUM(draws), SUM(pnl_micros),
    SUM(pnl_micros) / 1000000.0,
    CASE
        WHEN SUM(wins) + SUM(losses) = 0 THEN 0
        ELSE 1.0 * SUM(wins) / (SUM(wins) + SUM(losses))
    END,
    @now
FROM user_days
WHERE day >= 0
GROUP BY user_id
ON CONFLICT (user_id) DO UPDATE SET
    total_fires = excluded.total_fires,
    wins = excluded.wins,
    losses = excluded.losses,
    draws = excluded.draws,
    pnl_micros = excluded.pnl_micros,
    pnl = excluded.pnl,
    win_rate = excluded.win_rate;

-- name: RebuildStreaks :exec
-- RebuildStreaks stores every user's streak from the runs of their days. Runs
-- are found as in UserRuns.
INSERT INTO user_stats (user_id, streak_start, streak_end, streak_longest)
SELECT user_id, MAX(run_start), MAX(run_end), MAX(run_end - run_start + 1)
FROM (
    SELECT user_id, MIN(day) AS run_start, MAX(day) AS run_end
    FROM (
        SELECT user_id, day, day - ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY day) AS run
        FROM user_days
        WHERE fires > 0 AND day > 0
    ) AS numbered
    GROUP BY user_id, run
) AS runs
WHERE run_end > 0
GROUP BY user_id
ON CONFLICT (user_id) DO UPDATE SET
    streak_start = excluded.streak_start,
    streak_end = excluded.streak_end,
    streak_longest = excluded.streak_longest;

-- name: ClearSignalTotals :exec
-- ClearSignalTotals sets all signals' totals to zero.
UPDATE signal_metrics SET total_fires = 0, active_users = 0 WHERE signal_id IS NOT NULL;

-- name: RebuildSignalTotals :exec
-- RebuildSignalTotals sums the signals' days into their totals. A signal that
-- had no row gets the given time as its first.
INSERT INTO signal_metrics (signal_id, total_fires, active_users, created_at)
SELECT signal_id, SUM(fires), SUM(fires), @now
FROM signal_days
WHERE day >= 0
GROUP BY signal_id
ON CONFLICT (signal_id) DO UPDATE SET
    total_fires = excluded.total_fires,
    active_users = excluded.active_users;
