-- name: GetSetting :one
-- GetSetting returns a setting's value.
SELECT value FROM settings WHERE name = @name;

-- name: SetSettingOnce :exec
-- SetSettingOnce stores a setting unless it has a value already.
INSERT INTO settings (name, value) VALUES (@name, @value)
ON CONFLICT (name) DO NOTHING;

-- name: SetSetting :exec
-- SetSetting stores a setting.
INSERT INTO settings (name, value) VALUES (@name, @value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
