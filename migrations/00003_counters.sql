-- The counters behind every figure. All are derived from facts and can be
-- recomputed: user_stats and days from user_days, signal_metrics from
-- signal_days, and these from signal_fires and trades.

-- +goose Up
ALTER TABLE signal_fires ADD COLUMN day INTEGER NOT NULL DEFAULT -1;
CREATE INDEX idx_signal_fires_uncounted ON signal_fires(id) WHERE day < 0;

-- Re-made under their own names, so that "the latest N" reads N rows.
DROP INDEX idx_signal_fires_user_id;
DROP INDEX idx_signal_fires_signal_id;
CREATE INDEX idx_signal_fires_user_id ON signal_fires(user_id, timestamp);
CREATE INDEX idx_signal_fires_signal_id ON signal_fires(signal_id, timestamp);

CREATE TABLE user_days (
    user_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    fires INTEGER NOT NULL DEFAULT 0,
    executed INTEGER NOT NULL DEFAULT 0,
    wins INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    draws INTEGER NOT NULL DEFAULT 0,
    -- A sum beyond nine quintillion millionths would not fit into 64 bits.
    pnl_micros INTEGER NOT NULL DEFAULT 0
        CHECK (pnl_micros BETWEEN -9000000000000000000 AND 9000000000000000000),
    PRIMARY KEY (user_id, day)
) WITHOUT ROWID;

CREATE TABLE signal_days (
    signal_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    fires INTEGER NOT NULL DEFAULT 0,
    executed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (signal_id, day)
) WITHOUT ROWID;

CREATE INDEX idx_signal_days_day_fires ON signal_days(day, fires DESC, signal_id);

CREATE TABLE days (
    day INTEGER PRIMARY KEY,
    fires INTEGER NOT NULL DEFAULT 0,
    executed INTEGER NOT NULL DEFAULT 0,
    active_users INTEGER NOT NULL DEFAULT 0
);

ALTER TABLE user_stats ADD COLUMN wins INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user_stats ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user_stats ADD COLUMN draws INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user_stats ADD COLUMN pnl_micros INTEGER NOT NULL DEFAULT 0
    CHECK (pnl_micros BETWEEN -9000000000000000000 AND 9000000000000000000);
-- The run of consecutive days with a fire that ends last, and the longest run
-- ever; -1 and 0 while there is none.
ALTER TABLE user_stats ADD COLUMN streak_start INTEGER NOT NULL DEFAULT -1;
ALTER TABLE user_stats ADD COLUMN streak_end INTEGER NOT NULL DEFAULT -1;
ALTER TABLE user_stats ADD COLUMN streak_longest INTEGER NOT NULL DEFAULT 0;

CREATE INDEX idx_user_stats_total_fires ON user_stats(total_fires DESC, user_id);
CREATE INDEX idx_user_stats_win_rate ON user_stats(win_rate DESC, user_id);
CREATE INDEX idx_user_stats_pnl ON user_stats(pnl DESC, user_id);
CREATE INDEX idx_user_stats_streak ON user_stats(streak_end, streak_start, user_id);

-- What belongs to the database itself: its time zone and its horizon (the
-- first day whose fires are still kept one by one).
CREATE TABLE settings (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

-- Counting starts from the facts: what was stored before is dropped here and
-- comes back as each fact is counted.
UPDATE trades SET day = -1;
UPDATE user_stats SET total_fires = 0, win_rate = 0, pnl = 0;
UPDATE signal_metrics SET total_fires = 0, active_users = 0;

-- +goose Down
-- user_stats and signal_metrics keep the figures that the predecessor's schema
-- has columns for. The horizon goes too: the days before it exist only in the
-- counters, so taking this migration down forgets them.
DROP TABLE settings;
DROP INDEX idx_user_stats_streak;
DROP INDEX idx_user_stats_pnl;
DROP INDEX idx_user_stats_win_rate;
DROP INDEX idx_user_stats_total_fires;
ALTER TABLE user_stats DROP COLUMN streak_longest;
ALTER TABLE user_stats DROP COLUMN streak_end;
ALTER TABLE user_stats DROP COLUMN streak_start;
ALTER TABLE user_stats DROP COLUMN pnl_micros;
ALTER TABLE user_stats DROP COLUMN draws;
ALTER TABLE user_stats DROP COLUMN losses;
ALTER TABLE user_stats DROP COLUMN wins;
DROP TABLE days;
DROP TABLE signal_days;
DROP TABLE user_days;
DROP INDEX idx_signal_fires_signal_id;
DROP INDEX idx_signal_fires_user_id;
CREATE INDEX idx_signal_fires_user_id ON signal_fires(user_id);
CREATE INDEX idx_signal_fires_signal_id ON signal_fires(signal_id);
DROP INDEX idx_signal_fires_uncounted;
ALTER TABLE signal_fires DROP COLUMN day;
