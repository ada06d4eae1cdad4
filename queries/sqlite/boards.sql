-- name: StatsOfUsers :many
-- StatsOfUsers returns the totals of some users, by user id, without those who are
-- not known. It takes a JSON array of user ids, none twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
SELECT u.*
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
CROSS JOIN user_stats AS u -- CROSS: one search a user
WHERE u.user_id = CAST(j.value AS BIGINT)
ORDER BY u.user_id;

-- name: DaysOfUsers :many
-- DaysOfUsers returns the days of some users in a range of days, by user and day.
-- It takes a JSON array of user ids, none twice.
-- Not portable: PostgreSQL spells json_each over an array jsonb_array_elements.
SELECT d.*
FROM json_each(CAST(sqlc.arg(users) AS TEXT)) AS j
CROSS JOIN user_days AS d -- CROSS: one search a user
WHERE d.user_id = CAST(j.value AS BIGINT) AND d.day >= @first_day AND d.day <= @last_day
ORDER BY d.user_id, d.day;
