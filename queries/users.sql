-- name: GetUserStats :one
-- GetUserStats returns a user's totals.
SELECT * FROM user_stats WHERE user_id = @user_id;

-- name: AddUserDay :one
-- AddUserDay adds to a user's counts of one day and returns the fires counted
-- on it since.
INSERT INTO user_days (user_id, day, fires, executed, wins, losses, draws, pnl_micros)
VALUES (@user_id, @day, @fires, @executed, @wins, @losses, @draws, @pnl_micros)
ON CONFLICT (user_id, day) DO UPDATE SET
    fires = user_days.fires + excluded.fires,
    executed = user_days.executed + excluded.executed,
    wins = user_days.wins + excluded.wins,
    losses = user_days.losses + excluded.losses,
    draws = user_days.draws + excluded.draws,
    pnl_micros = user_days.pnl_micros + excluded.pnl_micros
RETURNING fires;

-- name: AddUserTotals :one
-- AddUserTotals adds to a user's totals, creating the user, and returns the
-- last day of the streak. win_rate and pnl follow in the same statement.
-- streak_day is the day that became active by these fires, or -1: it extends
-- the streak, starts a new one after a gap, and leaves alone a streak that
-- already ends later, which SetStreak must then correct.
INSERT INTO user_stats (
    user_id, total_fires, wins, losses, draws, pnl_micros, win_rate, pnl, last_updated,
    streak_start, streak_end, streak_longest
) VALUES (
    @user_id, @total_fires, @wins, @losses, @draws, @pnl_micros,
    CASE
        WHEN CAST(@wins AS BIGINT) + CAST(@losses AS BIGINT) = 0 THEN 0
        ELSE 1.0 * CAST(@wins AS BIGINT) / (CAST(@wins AS BIGINT) + CAST(@losses AS BIGINT))
    END,
    CAST(@pnl_micros AS BIGINT) / 1000000.0,
    @last_updated,
    @streak_day, @streak_day, CASE WHEN CAST(@streak_day AS BIGINT) < 0 THEN 0 ELSE 1 END
)
ON CONFLICT (user_id) DO UPDATE SET
    total_fires = user_stats.total_fires + excluded.total_fires,
    wins = user_stats.wins + excluded.wins,
    losses = user_stats.losses + excluded.losses,
    draws = user_stats.draws + excluded.draws,
    pnl_micros = user_stats.pnl_micros + excluded.pnl_micros,
    pnl = (user_stats.pnl_micros + excluded.pnl_micros) / 1000000.0,
    win_rate = CASE
        WHEN user_stats.wins + excluded.wins + user_stats.losses + excluded.losses = 0 THEN 0
        ELSE 1.0 * (user_stats.wins + excluded.wins)
            / (user_stats.wins + excluded.wins + user_stats.losses + excluded.losses)
    END,
    last_updated = CASE
        WHEN excluded.last_updated > user_stats.last_updated THEN excluded.last_updated
        ELSE user_stats.last_updated
    END,
    streak_start = CASE
        WHEN excluded.streak_end > user_stats.streak_end + 1 THEN excluded.streak_end
        ELSE user_stats.streak_start
    END,
    streak_end = CASE
        WHEN excluded.streak_end > user_stats.streak_end THEN excluded.streak_end
        ELSE user_stats.streak_end
    END,
    streak_longest = CASE
        WHEN excluded.streak_end < 0 THEN user_stats.streak_longest
        WHEN excluded.streak_end = user_stats.streak_end + 1
            AND excluded.streak_end - user_stats.streak_start + 1 > user_stats.streak_longest
            THEN excluded.streak_end - user_stats.streak_start + 1
        WHEN user_stats.streak_longest < 1 THEN 1
        ELSE user_stats.streak_longest
    END
RETURNING streak_end;

-- name: UserRecentFires :one
-- UserRecentFires counts a user's fires from one day to another, both included.
SELECT CAST(COALESCE(SUM(fires), 0) AS BIGINT) AS fires FROM user_days
WHERE user_id = @user_id AND day >= @first_day AND day <= @last_day;

-- name: UserExecuted :one
-- UserExecuted counts a user's executed fires.
SELECT CAST(COALESCE(SUM(executed), 0) AS BIGINT) AS executed FROM user_days
WHERE user_id = @user_id;
