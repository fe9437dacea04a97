-- Settings, a shop's pause and its key's overlap, staff mappings, roles of tokens, and answers to repeated requests.
-- Locks: each ALTER TABLE takes its table for an instant; every default is a constant, so no table is rewritten.

-- +goose Up
ALTER TABLE workspaces
    ADD COLUMN order_code_template text    NOT NULL DEFAULT 'Pancake_{shop_id}_{order_id}',
    ADD COLUMN time_zone           text    NOT NULL DEFAULT 'Asia/Ho_Chi_Minh',
    ADD COLUMN skip_cancelled      boolean NOT NULL DEFAULT true,
    ADD COLUMN shop_limit          integer NOT NULL DEFAULT 10 CHECK (shop_limit > 0),
    -- The version of the workspace's stream at which a setting changed last.
    ADD COLUMN settings_version    integer NOT NULL DEFAULT 1;
COMMENT ON COLUMN workspaces.skip_cancelled IS 'Orders that are first heard of as cancelled or deleted are not brought over.';

ALTER TABLE shops
    ADD COLUMN paused               boolean NOT NULL DEFAULT false,
    ADD COLUMN previous_header_key  text,
    ADD COLUMN previous_header_hash bytea CHECK (length(previous_header_hash) = 32),
    ADD COLUMN previous_valid_until timestamptz,
    -- The version of the workspace's stream at which the shop changed last.
    ADD COLUMN version              integer NOT NULL DEFAULT 1;
COMMENT ON COLUMN shops.previous_valid_until IS 'Until then the key and value before the last rotation are taken too.';

-- Deliveries of paused shops: kept, and brought in when the shop is resumed.
CREATE TABLE held_deliveries (
    workspace_id uuid   NOT NULL REFERENCES workspaces,
    shop_id      text   NOT NULL,
    position     bigint NOT NULL,
    delivery_id  uuid   NOT NULL,
    PRIMARY KEY (workspace_id, shop_id, position)
);

-- Which user a member of a shop's staff is, where neither phone nor email tells.
CREATE TABLE staff_mappings (
    workspace_id uuid NOT NULL REFERENCES workspaces,
    staff_key    text NOT NULL,
    user_id      uuid NOT NULL,
    PRIMARY KEY (workspace_id, staff_key)
);
CREATE INDEX staff_mappings_user ON staff_mappings (workspace_id, user_id);

-- The version that the order's buyer was taken from; null: the newest version that was delivered.
ALTER TABLE order_heads ADD COLUMN buyer_updated_at timestamptz;

-- A token from before there were roles could read and nothing else.
ALTER TABLE api_tokens
    ADD COLUMN role         text NOT NULL DEFAULT 'viewer' CHECK (role IN ('owner', 'operator', 'viewer')),
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN revoked_at   timestamptz;
CREATE INDEX api_tokens_workspace ON api_tokens (workspace_id, id);

-- Requests that were done under an Idempotency-Key, and what they were answered with. The row is written in the
-- transaction of the command, so that a request is never done twice; its answer follows when it was given.
CREATE TABLE idempotency_keys (
    workspace_id uuid        NOT NULL REFERENCES workspaces,
    caller       text        NOT NULL,
    key          text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint  bytea       NOT NULL CHECK (length(fingerprint) = 32),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    status       integer,
    header       jsonb,
    body         bytea,
    PRIMARY KEY (workspace_id, caller, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
COMMENT ON COLUMN idempotency_keys.fingerprint IS 'SHA-256 of method, path and body.';

-- +goose Down
DROP TABLE idempotency_keys;
DROP INDEX api_tokens_workspace;
ALTER TABLE api_tokens DROP COLUMN role, DROP COLUMN last_used_at, DROP COLUMN revoked_at;
ALTER TABLE order_heads DROP COLUMN buyer_updated_at;
DROP TABLE staff_mappings, held_deliveries;
ALTER TABLE shops DROP COLUMN paused, DROP COLUMN previous_header_key, DROP COLUMN previous_header_hash,
    DROP COLUMN previous_valid_until, DROP COLUMN version;
ALTER TABLE workspaces DROP COLUMN order_code_template, DROP COLUMN time_zone, DROP COLUMN skip_cancelled,
    DROP COLUMN shop_limit, DROP COLUMN settings_version;
