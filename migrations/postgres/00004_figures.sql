-- What the community's figures need: boards of executed fires, of fair win
-- rates and of longest streaks, new users, windows of days, awards for streaks,
-- and metrics that a community defines itself.

-- +goose Up
ALTER TABLE user_stats ADD COLUMN executed BIGINT NOT NULL DEFAULT 0;
-- The first day with a fire; -1 while there is none.
ALTER TABLE user_stats ADD COLUMN first_day BIGINT NOT NULL DEFAULT -1;
-- The lower bound of the 95 % Wilson interval of the win rate, in billionths;
-- -1: not computed yet, because SQL has no square roots. The library does so
-- when it opens the database.
ALTER TABLE user_stats ADD COLUMN win_bound BIGINT NOT NULL DEFAULT 0;
-- The days of the latest streak, and the last day on which a fire prolongs it.
ALTER TABLE user_stats ADD COLUMN streak_length BIGINT NOT NULL DEFAULT 0;
ALTER TABLE user_stats ADD COLUMN streak_until BIGINT NOT NULL DEFAULT -1;
-- Streak freezes that are granted and not spent.
ALTER TABLE user_stats ADD COLUMN freezes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE days ADD COLUMN new_users BIGINT NOT NULL DEFAULT 0;

UPDATE user_stats SET
    executed = (SELECT COALESCE(SUM(d.executed), 0) FROM user_days AS d WHERE d.user_id = user_stats.user_id),
    first_day = (SELECT COALESCE(MIN(d.day), -1) FROM user_days AS d
        WHERE d.user_id = user_stats.user_id AND d.fires > 0 AND d.day > 0),
    win_bound = CASE WHEN wins + losses > 0 THEN -1 ELSE 0 END,
    streak_length = CASE WHEN streak_end < 0 THEN 0 ELSE streak_end - streak_start + 1 END,
    streak_until = CASE WHEN streak_end < 0 THEN -1 ELSE streak_end + 1 END;

-- A win rate alone puts three wins of three before ninety of a hundred.
DROP INDEX idx_user_stats_win_rate;
DROP INDEX idx_user_stats_streak;
-- A change of a row that touches one of its indexes writes to all of them, and
-- no query asks for this one.
DROP INDEX idx_user_stats_last_updated;
CREATE INDEX idx_user_stats_executed ON user_stats(executed DESC, user_id);
CREATE INDEX idx_user_stats_win_bound ON user_stats(win_bound DESC, user_id, wins, losses);
CREATE INDEX idx_user_stats_streak ON user_stats(streak_until, streak_length DESC, user_id);
CREATE INDEX idx_user_stats_longest ON user_stats(streak_longest DESC, user_id);
CREATE INDEX idx_user_stats_first_day ON user_stats(first_day, user_id);
-- Without the counts, unlike SQLite's: an index that contains no changing column
-- lets PostgreSQL change a row in its place.
CREATE INDEX idx_user_days_day ON user_days(day, user_id);
CREATE INDEX idx_trades_signal_closed_at ON trades(signal_id, closed_at);

UPDATE days SET new_users = (SELECT COUNT(*) FROM user_stats AS u WHERE u.first_day = days.day);

-- Milestones that a streak has reached, each once.
CREATE TABLE streak_awards (
    user_id BIGINT NOT NULL,
    streak_start BIGINT NOT NULL,
    milestone BIGINT NOT NULL,
    day BIGINT NOT NULL,
    awarded_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, streak_start, milestone)
);

-- Freezes, each of which covers one missed day of a streak. spent_day is -1
-- while it is not spent.
CREATE TABLE streak_freezes (
    user_id BIGINT NOT NULL,
    grant_id TEXT COLLATE "C" NOT NULL,
    granted_day BIGINT NOT NULL,
    granted_at TIMESTAMPTZ NOT NULL,
    spent_day BIGINT NOT NULL DEFAULT -1,
    PRIMARY KEY (user_id, grant_id)
);

-- The library counts streaks again from the first user on when it opens the
-- database, so that those of the past are awarded what they have reached.
INSERT INTO settings (name, value)
SELECT 'streak_recount', '-9223372036854775808' WHERE EXISTS (SELECT 1 FROM user_stats);

-- Metrics that the community has defined, as JSON.
CREATE TABLE custom_metrics (
    name TEXT COLLATE "C" PRIMARY KEY,
    definition TEXT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- +goose Down
DELETE FROM settings WHERE name IN ('streak_rules', 'streak_recount');
DROP TABLE custom_metrics;
DROP TABLE streak_freezes;
DROP TABLE streak_awards;
DROP INDEX idx_trades_signal_closed_at;
DROP INDEX idx_user_days_day;
DROP INDEX idx_user_stats_first_day;
DROP INDEX idx_user_stats_longest;
DROP INDEX idx_user_stats_streak;
DROP INDEX idx_user_stats_win_bound;
DROP INDEX idx_user_stats_executed;
ALTER TABLE days DROP COLUMN new_users;
ALTER TABLE user_stats DROP COLUMN freezes;
ALTER TABLE user_stats DROP COLUMN streak_until;
ALTER TABLE user_stats DROP COLUMN streak_length;
ALTER TABLE user_stats DROP COLUMN win_bound;
ALTER TABLE user_stats DROP COLUMN first_day;
ALTER TABLE user_stats DROP COLUMN executed;
CREATE INDEX idx_user_stats_win_rate ON user_stats(win_rate DESC, user_id);
CREATE INDEX idx_user_stats_last_updated ON user_stats(last_updated);
CREATE INDEX idx_user_stats_streak ON user_stats(streak_end, streak_start, user_id);
