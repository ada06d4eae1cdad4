-- Closed trades, one row each, keyed by the caller's trade id. Money is whole
-- millionths (pnl_micros), so that any number of additions stays exact.
-- day is the calendar day in the database's time zone as days since
-- 1970-01-01; -1 means "not counted yet" and is resolved when the library
-- opens the file, because SQL knows no time zones.

-- +goose Up
CREATE TABLE trades (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL,
    trade_id TEXT NOT NULL,
    signal_id TEXT NOT NULL DEFAULT '',
    pnl_micros INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('win', 'loss', 'draw')),
    closed_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    day INTEGER NOT NULL DEFAULT -1,
    UNIQUE(user_id, trade_id)
);

CREATE INDEX idx_trades_user_closed_at ON trades(user_id, closed_at);
CREATE INDEX idx_trades_outcome_closed_at ON trades(outcome, closed_at);
CREATE INDEX idx_trades_closed_at ON trades(closed_at);
CREATE INDEX idx_trades_uncounted ON trades(id) WHERE day < 0;

-- The predecessor kept a P&L but not the trades behind it. Each such sum is
-- carried as one opening trade, so that the sums still hold. One that is no
-- number, or beyond what a trade can make, is kept in signal_id as it was
-- written, and set aside when the library opens the file.
INSERT INTO trades (user_id, trade_id, pnl_micros, outcome, closed_at)
SELECT
    user_id, 'opening-balance',
    CAST(ROUND(pnl * 1000000) AS INTEGER), 'draw', COALESCE(last_updated, '1970-01-01 00:00:00.000000')
FROM user_stats
WHERE typeof(pnl) IN ('integer', 'real') AND pnl BETWEEN -9e12 AND 9e12 AND ROUND(pnl * 1000000) <> 0;

INSERT INTO trades (user_id, trade_id, signal_id, pnl_micros, outcome, closed_at)
SELECT
    user_id, 'opening-balance',
    'P&L ' || CASE typeof(pnl) WHEN 'real' THEN printf('%!.17g', pnl) ELSE CAST(pnl AS TEXT) END,
    0, 'draw', COALESCE(last_updated, '1970-01-01 00:00:00.000000')
FROM user_stats
WHERE pnl IS NOT NULL AND NOT (typeof(pnl) IN ('integer', 'real') AND pnl BETWEEN -9e12 AND 9e12);

-- +goose Down
DROP TABLE trades;
