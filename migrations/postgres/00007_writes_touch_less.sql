-- A fire changes what boards of fires order by, and so an indexed column of its
-- user's totals: PostgreSQL then writes to every index of the row, which took most of
-- a server's time. So these few columns get a narrow table of their own, and
-- user_stats stays as a view of all, to be read.

-- +goose Up
-- Whoever writes waits while the rows are copied; whoever reads does not.
LOCK TABLE user_stats IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE fire_totals (
    user_id BIGINT NOT NULL,
    total_fires BIGINT NOT NULL DEFAULT 0,
    executed BIGINT NOT NULL DEFAULT 0,
    last_updated TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);

INSERT INTO fire_totals (user_id, total_fires, executed, last_updated)
SELECT user_id, total_fires, executed, last_updated FROM user_stats;

ALTER TABLE fire_totals ADD PRIMARY KEY (user_id);
CREATE INDEX idx_fire_totals_total_fires ON fire_totals(total_fires DESC, user_id);
CREATE INDEX idx_fire_totals_executed ON fire_totals(executed DESC, user_id);

-- From here on nobody reads it either, for the moment until this is committed.
DROP INDEX idx_user_stats_total_fires;
DROP INDEX idx_user_stats_executed;
ALTER TABLE user_stats DROP COLUMN total_fires;
ALTER TABLE user_stats DROP COLUMN executed;
ALTER TABLE user_stats DROP COLUMN last_updated;
ALTER TABLE user_stats RENAME TO user_states;

-- Who has a row in one of the two has one in the other.
CREATE VIEW user_stats AS
SELECT
    s.user_id, f.total_fires, s.win_rate, s.pnl, f.last_updated, s.wins, s.losses, s.draws, s.pnl_micros,
    s.streak_start, s.streak_end, s.streak_longest, f.executed, s.first_day, s.win_bound, s.streak_length,
    s.streak_until, s.freezes
FROM user_states AS s
JOIN fire_totals AS f ON f.user_id = s.user_id;

-- Whoever might use user_stats goes on with what it is made of now.
-- +goose StatementBegin
DO $$
DECLARE
    granted RECORD;
BEGIN
    FOR granted IN
        SELECT
            a.privilege_type,
            CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = CAST('user_states' AS REGCLASS) AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT %s ON fire_totals, user_stats TO %s', granted.privilege_type, granted.grantee);
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP VIEW user_stats;
ALTER TABLE user_states RENAME TO user_stats;
ALTER TABLE user_stats ADD COLUMN total_fires BIGINT NOT NULL DEFAULT 0;
ALTER TABLE user_stats ADD COLUMN executed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE user_stats ADD COLUMN last_updated TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP;
UPDATE user_stats SET total_fires = f.total_fires, executed = f.executed, last_updated = f.last_updated
FROM fire_totals AS f
WHERE f.user_id = user_stats.user_id;
DROP TABLE fire_totals;
CREATE INDEX idx_user_stats_total_fires ON user_stats(total_fires DESC, user_id);
CREATE INDEX idx_user_stats_executed ON user_stats(executed DESC, user_id);
