-- name: InsertToken :exec
-- InsertToken stores a token.
INSERT INTO api_tokens (id, hash, name, scopes, user_id, created_at, expires_at, last_used)
VALUES (@id, @hash, @name, @scopes, @user_id, @created_at, @expires_at, @last_used);

-- name: GetToken :one
-- GetToken returns a token.
SELECT * FROM api_tokens WHERE id = @id;

-- name: TokensAfter :many
-- TokensAfter lists tokens by id, after the given id.
SELECT * FROM api_tokens WHERE id > @after_id
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: UseToken :exec
-- UseToken stores when a token was used, unless a later use is stored, or the token
-- was created later, by a clock that is ahead.
UPDATE api_tokens SET last_used = @last_used
WHERE id = @id AND last_used < @last_used AND created_at <= @last_used;

-- name: DeleteToken :execrows
-- DeleteToken deletes a token and returns 1 if there was one.
DELETE FROM api_tokens WHERE id = @id;

-- name: UserTokens :many
-- UserTokens lists a user's own tokens by id.
SELECT * FROM api_tokens WHERE user_id = @user_id
ORDER BY id;

-- name: DeleteUserTokens :exec
-- DeleteUserTokens deletes a user's own tokens.
DELETE FROM api_tokens WHERE user_id = @user_id;

-- name: SetPublicUser :exec
-- SetPublicUser stores that everybody may see a user's own figures.
INSERT INTO public_users (user_id, since) VALUES (@user_id, @since)
ON CONFLICT (user_id) DO NOTHING;

-- name: GetPublicUser :one
-- GetPublicUser returns a user whose own figures everybody may see.
SELECT * FROM public_users WHERE user_id = @user_id;

-- name: PublicUsersFrom :many
-- PublicUsersFrom lists the users whose own figures everybody may see by id, from
-- the given id on.
SELECT * FROM public_users WHERE user_id >= @from_user
ORDER BY user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: DeletePublicUser :exec
-- DeletePublicUser stores that not everybody may see a user's own figures.
DELETE FROM public_users WHERE user_id = @user_id;
