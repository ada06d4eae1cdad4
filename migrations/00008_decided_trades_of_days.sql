-- The base rate of forecasts is everybody's wins and losses. Adding them up over all
-- users takes the longer the more of them there are; over the community's days it is
-- one row a day, so these count them too. A day on which trades were decided and
-- nobody fired has a row from here on.

-- +goose Up
ALTER TABLE days ADD COLUMN wins INTEGER NOT NULL DEFAULT 0;
ALTER TABLE days ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;

-- Damage may leave a day that is no number. It keeps no file from being opened.
INSERT INTO days (day, wins, losses)
SELECT day, CAST(SUM(wins) AS INTEGER), CAST(SUM(losses) AS INTEGER)
FROM user_days
WHERE typeof(day) = 'integer'
GROUP BY day
HAVING SUM(wins) <> 0 OR SUM(losses) <> 0
ON CONFLICT (day) DO UPDATE SET wins = excluded.wins, losses = excluded.losses;

-- +goose Down
DELETE FROM days WHERE fires = 0 AND executed = 0 AND active_users = 0 AND new_users = 0;
ALTER TABLE days DROP COLUMN losses;
ALTER TABLE days DROP COLUMN wins;
