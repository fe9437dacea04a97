-- Orders that are read from Pancake's own API.
-- Locks: the ALTER TABLE takes its table for an instant.

-- +goose Up
ALTER TABLE shops
    ADD COLUMN api_key_sealed bytea,
    -- When somebody began to reconcile the shop last.
    ADD COLUMN reconciled_at  timestamptz;
COMMENT ON COLUMN shops.api_key_sealed IS 'The key of Pancake''s API, sealed with a key from outside the database; null where none was given.';

-- Versions of orders that were brought in from there, so that none is twice.
CREATE TABLE backfilled_versions (
    workspace_id uuid        NOT NULL,
    shop_id      text        NOT NULL,
    order_id     text        NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, shop_id, order_id, updated_at)
);

-- What scheduled reconciliations found.
CREATE TABLE reconciliations (
    id             uuid        PRIMARY KEY,
    workspace_id   uuid        NOT NULL REFERENCES workspaces,
    shop_id        text        NOT NULL,
    since          timestamptz NOT NULL,
    upto           timestamptz NOT NULL,
    seen           integer     NOT NULL,
    missing        integer     NOT NULL,
    brought_in     integer     NOT NULL,
    left_out       integer     NOT NULL,
    -- Why it did not come to its end; null when it did.
    trouble        text,
    began_at       timestamptz NOT NULL,
    finished_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX reconciliations_shop ON reconciliations (workspace_id, shop_id, id);
CREATE INDEX reconciliations_list ON reconciliations (workspace_id, id);

-- +goose Down
DROP TABLE reconciliations, backfilled_versions;
ALTER TABLE shops DROP COLUMN api_key_sealed, DROP COLUMN reconciled_at;
