-- Metrics that the community has defined, as JSON.

-- +goose Up
CREATE TABLE custom_metrics (
    name TEXT PRIMARY KEY NOT NULL,
    definition TEXT NOT NULL,
    updated_at DATETIME NOT NULL
);

-- +goose Down
DROP TABLE custom_metrics;
