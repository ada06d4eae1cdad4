-- name: InsertFires :many
-- InsertFires stores fires and returns the keys of those that were not stored
-- before. It takes a JSON array of [user_id, signal_id, timestamp, executed,
-- day], no key twice.
-- Not portable: PostgreSQL spells json_each over an array json_array_elements.
INSERT INTO signal_fires (user_id, signal_id, timestamp, executed, day)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4
FROM json_each(CAST(sqlc.arg(fires) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id, signal_id) DO NOTHING
RETURNING user_id, signal_id;

-- name: MarkFiresExecuted :many
-- MarkFiresExecuted turns fires that are stored as not executed into executed
-- ones and returns the keys and days of those it changed. It takes a JSON array
-- of [user_id, signal_id], no key twice.
-- Not portable: PostgreSQL spells json_each over an array json_array_elements.
UPDATE signal_fires SET executed = TRUE
WHERE id IN (
    SELECT f.id
    FROM json_each(CAST(sqlc.arg(keys) AS TEXT)) AS j
    CROSS JOIN signal_fires AS f -- CROSS: one search a key, in this order
    WHERE f.user_id = CAST(j.value ->> 0 AS BIGINT)
        AND f.signal_id = CAST(j.value ->> 1 AS TEXT)
        AND f.executed = FALSE
)
RETURNING user_id, signal_id, day;

-- name: AddUserDayFires :many
-- AddUserDayFires adds to users' fires of a day and returns the fires counted
-- there since. It takes a JSON array of [user_id, day, fires, executed], no
-- (user_id, day) twice.
-- Not portable: PostgreSQL spells json_each over an array json_array_elements.
INSERT INTO user_days (user_id, day, fires, executed)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3
FROM json_each(CAST(sqlc.arg(user_days) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id, day) DO UPDATE SET
    fires = user_days.fires + excluded.fires,
    executed = user_days.executed + excluded.executed
RETURNING user_id, day, fires;

-- name: AddUserDayTrades :exec
-- AddUserDayTrades adds to users' results and P&L of a day. It takes a JSON
-- array of [user_id, day, wins, losses, draws, pnl_micros], no (user_id, day)
-- twice.
-- Not portable: PostgreSQL spells json_each over an array json_array_elements.
INSERT INTO user_days (user_id, day, wins, losses, draws, pnl_micros)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, j.value ->> 5
FROM json_each(CAST(sqlc.arg(user_days) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id, day) DO UPDATE SET
    wins = user_days.wins + excluded.wins,
    losses = user_days.losses + excluded.losses,
    draws = user_days.draws + excluded.draws,
    pnl_micros = user_days.pnl_micros + excluded.pnl_micros;

-- name: AddUserFires :exec
-- AddUserFires adds to users' fires, creating users. It takes a JSON array of
-- [user_id, fires, last_updated], no user twice. What fires do not change is
-- not mentioned, because SQLite rewrites the index entries of every column that
-- an update mentions.
-- Not portable: PostgreSQL spells json_each over an array json_array_elements.
INSERT INTO user_stats (user_id, total_fires, last_updated)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id) DO UPDATE SET
    total_fires = user_stats.total_fires + excluded.total_fires,
    last_updated = CASE
        WHEN excluded.last_updated > user_stats.last_updated THEN excluded.last_updated
        ELSE user_stats.last_updated
    END;

-- name: AddUserTrades :exec
-- AddUserTrades adds to users' results and P&L, creating users. It takes a JSON
-- array of [user_id, wins, losses, draws, pnl_micros, last_updated], no user
-- twice. win_rate and pnl follow in the same statement.
-- Not portable: PostgreSQL spells json_each over an array json_array_elements.
INSERT INTO user_stats (user_id, wins, losses, draws, pnl_micros, pnl, win_rate, last_updated)
SELECT
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3,
    j.value ->> 4, (j.value ->> 4) / 1000000.0,
    CASE
        WHEN (j.value ->> 1) + (j.value ->> 2) = 0 THEN 0
        ELSE 1.0 * (j.value ->> 1) / ((j.value ->> 1) + (j.value ->> 2))
    END,
    j.value ->> 5
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id) DO UPDATE SET
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
    END;

-- name: ExtendStreaks :many
-- ExtendStreaks adds a day that has just become active to users' streaks and
-- returns the last days of their streaks since. It takes a JSON array of
-- [user_id, day], no user twice. A day that follows the streak's end extends
-- it, one after a gap starts a new one, and an earlier one leaves it alone:
-- then the returned day is another, and SetStreak must correct the streak.
-- Not portable: PostgreSQL spells json_each over an array json_array_elements.
INSERT INTO user_stats (user_id, streak_start, streak_end, streak_longest)
SELECT j.value ->> 0, j.value ->> 1, j.value ->> 1, 1
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
WHERE TRUE
ON CONFLICT (user_id) DO UPDATE SET
    streak_start = CASE
        WHEN excluded.streak_end > user_stats.streak_end + 1 THEN excluded.streak_end
        ELSE user_stats.streak_start
    END,
    streak_end = CASE
        WHEN excluded.streak_end > user_stats.streak_end THEN excluded.streak_end
        ELSE user_stats.streak_end
    END,
    streak_longest = CASE
        WHEN excluded.streak_end = user_stats.streak_end + 1
            AND excluded.streak_end - user_stats.streak_start + 1 > user_stats.streak_longest
            THEN excluded.streak_end - user_stats.streak_start + 1
        WHEN user_stats.streak_longest < 1 THEN 1
        ELSE user_stats.streak_longest
    END
RETURNING user_id, streak_end;
