-- On PostgreSQL user_stats is a view of two tables, because a fire there should change
-- a narrow row. Here it is one table, and those two are views of it, so that what
-- reads one of the two is the same statement on both engines.

-- +goose Up
CREATE VIEW fire_totals AS
SELECT user_id, total_fires, executed, last_updated FROM user_stats;

CREATE VIEW user_states AS
SELECT
    user_id, win_rate, pnl, wins, losses, draws, pnl_micros, streak_start, streak_end, streak_longest, first_day,
    win_bound, streak_length, streak_until, freezes
FROM user_stats;

-- +goose Down
DROP VIEW user_states;
DROP VIEW fire_totals;
