-- name: DatabaseSize :one
-- DatabaseSize returns how many bytes the whole database takes on disk.
-- Not portable: SQLite has PRAGMAs for it.
SELECT CAST(pg_database_size(current_database()) AS BIGINT);
