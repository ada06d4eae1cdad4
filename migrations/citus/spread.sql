-- Spreads the tables that grow with the community over the nodes of a Citus
-- cluster; it may be run again after a migration that adds one. What belongs to a
-- user lies on one node. What most batches write, such as today's row and that of a
-- live signal, stays whole on the coordinator, and with it all that is small.
--
-- There are as many shards as nodes that take any, unless citus.shard_count is set:
-- a batch writes to most shards, and each of them costs it a round trip.

SELECT create_distributed_table(
    t.name, 'user_id',
    colocate_with => CASE t.place WHEN 1 THEN 'none' ELSE 'signal_fires' END,
    shard_count => CASE t.place WHEN 1 THEN s.shards END
)
FROM (VALUES
    (1, 'signal_fires'),
    (2, 'trades'),
    (3, 'user_states'),
    (4, 'fire_totals'),
    (5, 'user_days'),
    (6, 'streak_awards'),
    (7, 'streak_freezes'),
    (8, 'public_users')
) AS t(place, name)
CROSS JOIN (
    SELECT CASE WHEN g.source = 'default' THEN CAST(n.nodes AS INTEGER) ELSE CAST(g.setting AS INTEGER) END AS shards
    FROM pg_settings AS g
    CROSS JOIN (
        SELECT GREATEST(COUNT(*), 1) AS nodes FROM pg_dist_node
        WHERE shouldhaveshards AND isactive AND noderole = 'primary'
    ) AS n
    WHERE g.name = 'citus.shard_count'
) AS s
WHERE NOT EXISTS (SELECT 1 FROM pg_dist_partition AS d WHERE d.logicalrelid = CAST(t.name AS REGCLASS))
ORDER BY t.place;

-- The coordinator's own copies of the rows.
SELECT truncate_local_data_after_distributing_table(CAST(t.name AS REGCLASS))
FROM (VALUES
    ('signal_fires'), ('trades'), ('user_states'), ('fire_totals'), ('user_days'), ('streak_awards'),
    ('streak_freezes'), ('public_users')
) AS t(name);
