-- Who may use the database over HTTP: tokens, and the users whose own figures
-- everybody may see.

-- +goose Up
-- Of a token only the SHA-256 is kept, in hexadecimal. expires_at is the end of
-- time for one that does not expire, last_used 1970-01-01 for one that was never
-- used.
CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY NOT NULL,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL, -- separated by blanks
    user_id INTEGER NOT NULL, -- whose own token it is; 0: nobody's
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    last_used DATETIME NOT NULL
);

CREATE TABLE public_users (
    user_id INTEGER PRIMARY KEY NOT NULL,
    since DATETIME NOT NULL
);

-- +goose Down
DROP TABLE public_users;
DROP TABLE api_tokens;
