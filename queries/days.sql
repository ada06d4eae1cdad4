-- name: GetDay :one
-- GetDay returns the counts of one day.
SELECT * FROM days WHERE day = @day;

-- name: DaysBetween :many
-- DaysBetween lists the days from first to last that have a row, in order.
SELECT * FROM days WHERE day >= @first_day AND day <= @last_day ORDER BY day;

-- name: AddDay :exec
-- AddDay adds to the counts of one day.
INSERT INTO days (day, fires, executed, active_users)
VALUES (@day, @fires, @executed, @active_users)
ON CONFLICT (day) DO UPDATE SET
    fires = days.fires + excluded.fires,
    executed = days.executed + excluded.executed,
    active_users = days.active_users + excluded.active_users;
