-- name: NormalizeUncountedFires :execrows
-- NormalizeUncountedFires gives uncounted fires whose values are of another
-- type than their columns say, which SQLite lets every program insert, values
-- of that type: a time with a fraction of seconds becomes text, an id in bytes becomes text,
-- and executed becomes 0 or 1.
-- Not portable: PostgreSQL keeps to its types.
UPDATE signal_fires SET
    signal_id = CAST(signal_id AS TEXT),
    timestamp = CASE
        WHEN typeof(timestamp) = 'real'
            THEN COALESCE(strftime('%Y-%m-%d %H:%M:%f', timestamp, 'unixepoch'), '1970-01-01 00:00:00')
        WHEN typeof(timestamp) = 'blob' THEN '1970-01-01 00:00:00'
        ELSE timestamp
    END,
    executed = CASE WHEN executed IN (0, '', 'false', 'False', 'FALSE', 'no') THEN 0 ELSE 1 END
WHERE day < 0 AND (
    typeof(signal_id) <> 'text'
    OR typeof(timestamp) IN ('real', 'blob')
    OR typeof(executed) <> 'integer'
    OR executed NOT IN (0, 1)
);
