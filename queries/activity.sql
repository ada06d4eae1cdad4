-- name: FirstActiveDay :one
-- FirstActiveDay returns the first day on which anybody fired, or -1.
SELECT CAST(COALESCE(MIN(day), -1) AS BIGINT) AS day FROM days
WHERE day > 0 AND active_users > 0;

-- name: ActiveUsers :many
-- ActiveUsers lists the users with a fire on a day, in no order.
SELECT user_id FROM user_days WHERE day = @day AND fires > 0;

-- name: UsersActiveSince :one
-- UsersActiveSince counts the users with a fire in a range of days, and those of them
-- with one since a later day.
SELECT
    COUNT(*) AS users,
    CAST(COALESCE(SUM(CASE WHEN latest >= CAST(@since AS BIGINT) THEN 1 ELSE 0 END), 0) AS BIGINT) AS since
FROM (
    SELECT MAX(day) AS latest FROM user_days
    WHERE day >= @first_day AND day <= @last_day AND day > 0 AND fires > 0
    GROUP BY user_id
) AS active;

-- name: ReturningUsers :one
-- ReturningUsers counts the users with a fire on a day and on another.
SELECT COUNT(*) FROM (
    SELECT a.user_id FROM user_days AS a WHERE a.day = @day AND a.fires > 0
    INTERSECT
    SELECT b.user_id FROM user_days AS b WHERE b.day = @day_before AND b.fires > 0
) AS returning_users;

-- name: CohortActivity :many
-- CohortActivity counts, for each period in which users fired first, how many of them
-- fired in each later period. Periods have a length in days and a number: a day is in
-- period (day + shift) / length. Only days up to follow_days after a user's first are
-- read.
SELECT
    CAST((u.first_day + CAST(@shift AS BIGINT)) / CAST(@length AS BIGINT) AS BIGINT) AS cohort,
    CAST((d.day + CAST(@shift AS BIGINT)) / CAST(@length AS BIGINT) AS BIGINT) AS period,
    COUNT(DISTINCT u.user_id) AS users
FROM user_states AS u
JOIN user_days AS d ON d.user_id = u.user_id
WHERE u.first_day >= @first_day AND u.first_day <= @last_day
    AND d.day > u.first_day AND d.day <= u.first_day + CAST(@follow_days AS BIGINT)
    AND d.fires > 0
GROUP BY cohort, period;

-- name: CohortLastActivity :many
-- CohortLastActivity counts, for each period in which users fired first, how many of
-- them fired last in each period. Periods are those of CohortActivity.
SELECT
    CAST((first_day + CAST(@shift AS BIGINT)) / CAST(@length AS BIGINT) AS BIGINT) AS cohort,
    CAST((streak_end + CAST(@shift AS BIGINT)) / CAST(@length AS BIGINT) AS BIGINT) AS period,
    COUNT(*) AS users
FROM user_states
WHERE first_day >= @first_day AND first_day <= @last_day
GROUP BY cohort, period;
