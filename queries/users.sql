-- name: GetUserStats :one
-- GetUserStats returns a user's totals.
SELECT * FROM user_stats WHERE user_id = @user_id;

-- name: UserRecentFires :one
-- UserRecentFires counts a user's fires from one day to another, both included.
SELECT CAST(COALESCE(SUM(fires), 0) AS BIGINT) AS fires FROM user_days
WHERE user_id = @user_id AND day >= @first_day AND day <= @last_day;

-- name: CommunityDecided :one
-- CommunityDecided counts all users' wins and losses.
SELECT
    CAST(COALESCE(SUM(wins), 0) AS BIGINT) AS wins,
    CAST(COALESCE(SUM(losses), 0) AS BIGINT) AS losses
FROM days;

-- name: UserIDsFrom :many
-- UserIDsFrom lists users by id, from the given id on.
SELECT user_id FROM user_states WHERE user_id >= @from_user
ORDER BY user_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: NewUsersFrom :many
-- NewUsersFrom lists the users whose first day with a fire is a day, by user id, from
-- the given user on.
SELECT * FROM user_stats WHERE first_day IN (@day, @day) AND user_id >= @from_user -- twice, as in boards.sql
ORDER BY first_day, user_id LIMIT CAST(@max_rows AS BIGINT);
