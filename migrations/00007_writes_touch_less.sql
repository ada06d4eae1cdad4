-- A fire changes as few pages of the file as can be: keys that begin with what is hot
-- (the live signals, today) keep together what is written at a time, those that begin
-- with the user scatter it over the whole file.

-- +goose Up
-- The rows, columns and indexes of signal_fires stay as they are, also those that other
-- programs gave it. Only the order of its key changes, in what the schema says of it,
-- and REINDEX sorts the key's own index anew. A table that spells the key in a way not
-- known here keeps its order, which is as right and slower.
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(replace(replace(sql,
    'UNIQUE (user_id', 'UNIQUE(user_id'),
    'UNIQUE(user_id,signal_id)', 'UNIQUE(signal_id, user_id)'),
    'UNIQUE(user_id, signal_id)', 'UNIQUE(signal_id, user_id)')
WHERE type = 'table' AND name = 'signal_fires';
PRAGMA writable_schema = RESET;
REINDEX signal_fires;

-- Views that other programs have made go on naming user_days.
PRAGMA legacy_alter_table = ON;
ALTER TABLE user_days RENAME TO user_days_by_user;
PRAGMA legacy_alter_table = OFF;
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
    PRIMARY KEY (day, user_id)
) WITHOUT ROWID;
INSERT INTO user_days (user_id, day, fires, executed, wins, losses, draws, pnl_micros)
SELECT user_id, day, fires, executed, wins, losses, draws, pnl_micros
FROM user_days_by_user ORDER BY day, user_id;
DROP TABLE user_days_by_user;
CREATE INDEX idx_user_days_user ON user_days(user_id, day);

-- Every fire moved its entry. It keeps its name and is empty, because the predecessor
-- makes one of that name wherever it is missing.
DROP INDEX idx_user_stats_last_updated;
CREATE INDEX idx_user_stats_last_updated ON user_stats(last_updated) WHERE FALSE;

-- On PostgreSQL user_stats is a view of two tables, because a fire there should change
-- a narrow row. Here it is one table, and those two are views of it, so that what
-- reads one of the two is the same statement on both engines.
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

DROP INDEX idx_user_stats_last_updated;
CREATE INDEX idx_user_stats_last_updated ON user_stats(last_updated);

PRAGMA legacy_alter_table = ON;
ALTER TABLE user_days RENAME TO user_days_by_day;
PRAGMA legacy_alter_table = OFF;
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
INSERT INTO user_days (user_id, day, fires, executed, wins, losses, draws, pnl_micros)
SELECT user_id, day, fires, executed, wins, losses, draws, pnl_micros
FROM user_days_by_day ORDER BY user_id, day;
DROP TABLE user_days_by_day;
CREATE INDEX idx_user_days_day ON user_days(day, user_id, fires, executed, wins, losses, draws, pnl_micros);

PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql, 'UNIQUE(signal_id, user_id)', 'UNIQUE(user_id, signal_id)')
WHERE type = 'table' AND name = 'signal_fires';
PRAGMA writable_schema = RESET;
REINDEX signal_fires;
