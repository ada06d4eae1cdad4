-- name: EnterGate :exec
-- EnterGate waits while the gate is closed, and then keeps it from being closed until
-- the transaction ends. Every transaction that writes begins with it.
-- Not portable: on SQLite the write lock is the gate.
SELECT pg_advisory_xact_lock_shared(hashtextextended('engagementdb gate ' || current_schema(), 0));

-- name: CloseGate :exec
-- CloseGate waits until all transactions in the gate have ended, and lets nobody
-- enter until this one ends. A transaction that changes what every writer must agree
-- on begins with it.
-- Not portable: on SQLite the write lock is the gate.
SELECT pg_advisory_xact_lock(hashtextextended('engagementdb gate ' || current_schema(), 0));

-- name: TouchNodes :one
-- TouchNodes reads something of every node of a cluster, which begins a snapshot there.
-- Not portable: SQLite has no nodes.
SELECT CAST(COALESCE(MIN(user_id), 0) AS BIGINT) AS user_id FROM signal_fires;
