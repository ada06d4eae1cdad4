-- name: GetDay :one
-- GetDay returns the counts of one day.
SELECT * FROM days WHERE day = @day;

-- name: DaysBetween :many
-- DaysBetween lists the days from first to last on which anybody fired, in order.
SELECT * FROM days WHERE day >= @first_day AND day <= @last_day AND fires > 0 ORDER BY day;
