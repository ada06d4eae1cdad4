-- name: GetSetting :one
-- GetSetting returns a setting's value.
SELECT value FROM settings WHERE name = @name;

-- name: WriterSettings :many
-- WriterSettings returns the settings that every writer must know.
SELECT * FROM settings WHERE name IN ('horizon', 'streak_rules');

-- name: SetSettingOnce :exec
-- SetSettingOnce stores a setting unless it has a value already.
INSERT INTO settings (name, value) VALUES (@name, @value)
ON CONFLICT (name) DO NOTHING;

-- name: CountSetting :one
-- CountSetting adds one to a setting that is a number, 0 at first, and returns the
-- new number.
INSERT INTO settings (name, value) VALUES (@name, '1')
ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT)
RETURNING value;

-- name: SetSetting :exec
-- SetSetting stores a setting.
INSERT INTO settings (name, value) VALUES (@name, @value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: HoldSetting :one
-- HoldSetting holds a setting, until the transaction ends, and returns its value.
UPDATE settings SET value = value WHERE name = @name
RETURNING value;

-- name: DeleteSetting :exec
-- DeleteSetting deletes a setting.
DELETE FROM settings WHERE name = @name;
