-- Metrics that the community has defined, as JSON.

-- +goose Up
CREATE TABLE custom_metrics (
    name TEXT COLLATE "C" PRIMARY KEY,
    definition TEXT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- +goose Down
DROP TABLE custom_metrics;
