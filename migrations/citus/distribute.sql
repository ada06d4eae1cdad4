-- Spreads the tables over the nodes of a Citus cluster. Run it once on the
-- coordinator, with the search path of the database, after the migrations:
--
--     psql "$DSN" -f migrations/citus/distribute.sql
--
-- What belongs to a user lies together, and so does what belongs to a signal;
-- small tables that all of them touch are copied to every node.

SELECT create_distributed_table('signal_fires', 'user_id');
SELECT create_distributed_table('trades', 'user_id', colocate_with => 'signal_fires');
SELECT create_distributed_table('user_states', 'user_id', colocate_with => 'signal_fires');
SELECT create_distributed_table('fire_totals', 'user_id', colocate_with => 'signal_fires');
SELECT create_distributed_table('user_days', 'user_id', colocate_with => 'signal_fires');
SELECT create_distributed_table('streak_awards', 'user_id', colocate_with => 'signal_fires');
SELECT create_distributed_table('streak_freezes', 'user_id', colocate_with => 'signal_fires');
SELECT create_distributed_table('signal_metrics', 'signal_id', colocate_with => 'none');
SELECT create_distributed_table('signal_days', 'signal_id', colocate_with => 'signal_metrics');
SELECT create_reference_table('days');
SELECT create_reference_table('settings');
SELECT create_reference_table('custom_metrics');
SELECT create_distributed_table('public_users', 'user_id', colocate_with => 'signal_fires');
SELECT create_reference_table('api_tokens');
