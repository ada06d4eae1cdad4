-- name: EnterGate :exec
-- EnterGate waits for whoever has closed the gate, and keeps it open until the
-- transaction ends. Every transaction that writes begins with it.
-- Not portable: on SQLite the write lock is the gate.
SELECT pg_advisory_xact_lock_shared(hashtextextended('engagementdb gate ' || current_schema(), 0));

-- name: CloseGate :exec
-- CloseGate waits until all have left the gate, and lets nobody enter before the
-- transaction ends. Who changes what every writer must agree on begins with it.
-- Not portable: on SQLite the write lock is the gate.
SELECT pg_advisory_xact_lock(hashtextextended('engagementdb gate ' || current_schema(), 0));
