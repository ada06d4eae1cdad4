-- name: InsertFreeze :exec
-- InsertFreeze stores a freeze that is not spent.
INSERT INTO streak_freezes (user_id, grant_id, granted_day, granted_at)
VALUES (@user_id, @grant_id, @granted_day, @granted_at);

-- name: UserFreezes :many
-- UserFreezes lists a user's freezes in the order in which they are spent.
SELECT * FROM streak_freezes WHERE user_id = @user_id
ORDER BY granted_day, grant_id;
