-- The schema of the Python module that this product succeeds, as it stands.
-- IF NOT EXISTS adopts its files in place; its names and columns are kept for
-- good, so that whatever reads such a file today goes on reading it.

-- +goose Up
CREATE TABLE IF NOT EXISTS signal_fires (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL,
    signal_id TEXT NOT NULL,
    timestamp DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    executed BOOLEAN NOT NULL DEFAULT 0,
    UNIQUE(user_id, signal_id)
);

CREATE TABLE IF NOT EXISTS user_stats (
    user_id INTEGER PRIMARY KEY,
    total_fires INTEGER NOT NULL DEFAULT 0,
    win_rate REAL NOT NULL DEFAULT 0.0,
    pnl REAL NOT NULL DEFAULT 0.0,
    last_updated DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE IF NOT EXISTS signal_metrics (
    signal_id TEXT PRIMARY KEY,
    total_fires INTEGER NOT NULL DEFAULT 0,
    active_users INTEGER NOT NULL DEFAULT 0,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX IF NOT EXISTS idx_signal_fires_user_id ON signal_fires(user_id);
CREATE INDEX IF NOT EXISTS idx_signal_fires_signal_id ON signal_fires(signal_id);
CREATE INDEX IF NOT EXISTS idx_signal_fires_timestamp ON signal_fires(timestamp);
CREATE INDEX IF NOT EXISTS idx_user_stats_last_updated ON user_stats(last_updated);

-- +goose Down
-- Nothing to undo: these tables hold the facts, and a file must survive
-- down and up again without losing one.
SELECT 1;
