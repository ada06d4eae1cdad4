-- name: GetDay :one
-- GetDay returns the counts of one day.
SELECT * FROM days WHERE day = @day;

-- name: DaysBetween :many
-- DaysBetween lists the days from first to last that have a row, in order.
SELECT * FROM days WHERE day >= @first_day AND day <= @last_day ORDER BY day;
