-- Nothing without a day is counted. The day of a fact is, from here on:
--   from 1 on: the day on which it is counted;
--    0: an opening balance, which is counted and belongs to no day;
--   -1: it is not counted yet;
--   -2: it is set aside, because it cannot be a fact: it is left as it is and is
--       in no figure, until it is mended or deleted.
-- What was counted on day 0 before, because its time could not be read, and the
-- opening balances, which were counted on the day of their time, are taken out of
-- the counters and counted again when the library opens the database.

-- +goose Up
UPDATE user_days SET
    draws = draws - 1,
    pnl_micros = pnl_micros - (
        SELECT t.pnl_micros FROM trades AS t
        WHERE t.user_id = user_days.user_id AND t.trade_id = 'opening-balance'
    )
WHERE EXISTS (
    SELECT 1 FROM trades AS t
    WHERE t.user_id = user_days.user_id AND t.trade_id = 'opening-balance'
        AND t.outcome = 'draw' AND t.day = user_days.day AND t.day > 0
);

UPDATE user_stats SET
    total_fires = (SELECT CAST(COALESCE(SUM(d.fires), 0) AS BIGINT) FROM user_days AS d WHERE d.user_id = user_stats.user_id AND d.day > 0),
    executed = (SELECT CAST(COALESCE(SUM(d.executed), 0) AS BIGINT) FROM user_days AS d WHERE d.user_id = user_stats.user_id AND d.day > 0),
    wins = (SELECT CAST(COALESCE(SUM(d.wins), 0) AS BIGINT) FROM user_days AS d WHERE d.user_id = user_stats.user_id AND d.day > 0),
    losses = (SELECT CAST(COALESCE(SUM(d.losses), 0) AS BIGINT) FROM user_days AS d WHERE d.user_id = user_stats.user_id AND d.day > 0),
    draws = (SELECT CAST(COALESCE(SUM(d.draws), 0) AS BIGINT) FROM user_days AS d WHERE d.user_id = user_stats.user_id AND d.day > 0),
    pnl_micros = (SELECT CAST(COALESCE(SUM(d.pnl_micros), 0) AS BIGINT) FROM user_days AS d WHERE d.user_id = user_stats.user_id AND d.day > 0)
WHERE user_id IN (
    SELECT d.user_id FROM user_days AS d WHERE d.day < 1
    UNION
    SELECT t.user_id FROM trades AS t WHERE t.trade_id = 'opening-balance'
);

UPDATE user_stats SET
    pnl = CAST(pnl_micros AS DOUBLE PRECISION) / 1000000,
    win_rate = CASE WHEN wins + losses = 0 THEN 0 ELSE CAST(wins AS DOUBLE PRECISION) / (wins + losses) END,
    win_bound = CASE WHEN wins + losses = 0 THEN 0 ELSE -1 END
WHERE user_id IN (
    SELECT d.user_id FROM user_days AS d WHERE d.day < 1
    UNION
    SELECT t.user_id FROM trades AS t WHERE t.trade_id = 'opening-balance'
);

UPDATE signal_metrics SET
    total_fires = (SELECT CAST(COALESCE(SUM(d.fires), 0) AS BIGINT) FROM signal_days AS d WHERE d.signal_id = signal_metrics.signal_id AND d.day > 0),
    active_users = (SELECT CAST(COALESCE(SUM(d.fires), 0) AS BIGINT) FROM signal_days AS d WHERE d.signal_id = signal_metrics.signal_id AND d.day > 0)
WHERE signal_id IN (SELECT d.signal_id FROM signal_days AS d WHERE d.day < 1);

DELETE FROM signal_metrics
WHERE total_fires = 0 AND signal_id IN (SELECT d.signal_id FROM signal_days AS d WHERE d.day < 1);

DELETE FROM user_stats
WHERE total_fires = 0 AND wins + losses + draws = 0
    AND user_id IN (
        SELECT d.user_id FROM user_days AS d WHERE d.day < 1
        UNION
        SELECT t.user_id FROM trades AS t WHERE t.trade_id = 'opening-balance' AND t.day >= 0
    )
    AND user_id NOT IN (SELECT f.user_id FROM streak_freezes AS f);

DELETE FROM user_days
WHERE day < 1 OR (fires = 0 AND wins = 0 AND losses = 0 AND draws = 0 AND pnl_micros = 0);
DELETE FROM signal_days WHERE day < 1;
DELETE FROM days WHERE day < 1;
UPDATE signal_fires SET day = -1 WHERE day = 0;
UPDATE trades SET day = -1 WHERE day = 0 OR (trade_id = 'opening-balance' AND day > 0);

DROP INDEX idx_signal_fires_uncounted;
DROP INDEX idx_trades_uncounted;
CREATE INDEX idx_signal_fires_uncounted ON signal_fires(day, id) WHERE day < 0;
CREATE INDEX idx_trades_uncounted ON trades(day, id) WHERE day < 0;

-- The rows that can be read into the library's own types: there is no time for
-- infinity.
CREATE VIEW readable_fires AS
SELECT id, user_id, signal_id, timestamp, executed, day FROM signal_fires
WHERE isfinite(timestamp);

CREATE VIEW readable_trades AS
SELECT id, user_id, trade_id, signal_id, pnl_micros, outcome, closed_at, day FROM trades
WHERE isfinite(closed_at);

-- +goose Down
DROP VIEW readable_trades;
DROP VIEW readable_fires;
DROP INDEX idx_trades_uncounted;
DROP INDEX idx_signal_fires_uncounted;
CREATE INDEX idx_signal_fires_uncounted ON signal_fires(id) WHERE day < 0;
CREATE INDEX idx_trades_uncounted ON trades(id) WHERE day < 0;
