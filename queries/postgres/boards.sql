-- name: StatsOfUsers :many
-- StatsOfUsers returns the totals of some users, by user id, without those who are
-- not known. It takes a JSON array of user ids, none twice.
-- Not portable: SQLite spells jsonb_array_elements json_each.
SELECT u.*
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
JOIN user_stats AS u ON u.user_id = CAST(CAST(j.value AS TEXT) AS BIGINT)
ORDER BY u.user_id;

-- name: DaysOfUsers :many
-- DaysOfUsers returns the days of some users in a range of days, by user and day.
-- It takes a JSON array of user ids, none twice.
-- Not portable: SQLite spells jsonb_array_elements json_each.
SELECT d.*
FROM jsonb_array_elements(CAST(CAST(sqlc.arg(users) AS TEXT) AS JSONB)) AS j(value)
JOIN user_days AS d ON d.user_id = CAST(CAST(j.value AS TEXT) AS BIGINT)
WHERE d.day >= @first_day AND d.day <= @last_day
ORDER BY d.user_id, d.day;
