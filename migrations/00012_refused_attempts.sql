-- Calls of the webhook that were not taken and that the log holds nothing of, for those who connect a shop.
-- Locks: none that anybody waits for: it only makes a new table.

-- +goose Up
-- One row for each way of going wrong, however often somebody does: all of its columns are words of ours, or of the workspace's settings.
CREATE TABLE refused_attempts (
    workspace_id uuid        NOT NULL REFERENCES workspaces,
    reason       text        NOT NULL CHECK (reason IN ('header-missing', 'header-wrong', 'other-data')),
    header_key   text        NOT NULL,
    shop_id      text        NOT NULL,
    attempts     bigint      NOT NULL CHECK (attempts > 0),
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, reason, header_key, shop_id)
);

-- +goose Down
DROP TABLE refused_attempts;
