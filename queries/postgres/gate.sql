-- name: EnterGate :exec
-- EnterGate waits while the gate is closed, and then keeps it from being closed until
-- the transaction ends. Every transaction that writes begins with it, and with
-- settings of its own: a client that has vanished with its network must not keep the
-- row of today locked for hours, and rows are looked up by their keys. For tables of
-- some 20,000 rows, or of which the server has no statistics yet, it would rather read
-- all of them to join them with the keys of one batch, or each time all rows of a user,
-- by an index that has fewer pages than the key's: so pages cost nothing. Where a
-- statement has to read a table all the same, that seems so dear then that it would be
-- compiled, which takes a hundred times as long as to run it.
-- Not portable: on SQLite the write lock is the gate.
SELECT
    set_config('lock_timeout', '10s', TRUE),
    set_config('idle_in_transaction_session_timeout', '60s', TRUE),
    set_config('enable_seqscan', 'off', TRUE),
    set_config('enable_hashjoin', 'off', TRUE),
    set_config('enable_mergejoin', 'off', TRUE),
    set_config('random_page_cost', '0', TRUE),
    set_config('seq_page_cost', '0', TRUE),
    set_config('jit', 'off', TRUE),
    pg_advisory_xact_lock_shared(hashtextextended('engagementdb gate ' || current_schema(), 0));

-- name: CloseGate :exec
-- CloseGate waits until all transactions in the gate have ended, and lets nobody
-- enter until this one ends. A transaction that changes what every writer must agree
-- on begins with it, and otherwise as with EnterGate.
-- Not portable: on SQLite the write lock is the gate.
SELECT
    set_config('lock_timeout', '10s', TRUE),
    set_config('idle_in_transaction_session_timeout', '60s', TRUE),
    set_config('enable_seqscan', 'off', TRUE),
    set_config('enable_hashjoin', 'off', TRUE),
    set_config('enable_mergejoin', 'off', TRUE),
    set_config('random_page_cost', '0', TRUE),
    set_config('seq_page_cost', '0', TRUE),
    set_config('jit', 'off', TRUE),
    pg_advisory_xact_lock(hashtextextended('engagementdb gate ' || current_schema(), 0));

-- name: TouchNodes :one
-- TouchNodes reads something of every node of a cluster, which begins a snapshot there.
-- Not portable: SQLite has no nodes.
SELECT CAST(COALESCE(MIN(user_id), 0) AS BIGINT) AS user_id FROM signal_fires;

-- name: TakeTurn :one
-- TakeTurn takes the lock of whoever migrates a schema, until the transaction ends, and
-- reports whether it has it. It does not wait.
-- Not portable: on SQLite a lock on a file is held by whoever migrates.
SELECT pg_try_advisory_xact_lock(CAST(@schema_key AS BIGINT)) AS taken;
