-- The write side's directories: small tables that decisions are made on, changed in the same transaction as the
-- events that they follow from.
-- Locks: creates new tables only.

-- +goose Up
CREATE TABLE workspaces (
    id         uuid    NOT NULL PRIMARY KEY,
    name       text    NOT NULL UNIQUE,
    is_default boolean NOT NULL DEFAULT false,
    match_rule text    NOT NULL CHECK (match_rule IN ('phone', 'email', 'phone_or_email'))
);
CREATE UNIQUE INDEX workspaces_default ON workspaces (is_default) WHERE is_default;

-- Which workspace a request's Host belongs to; a Host that is not here goes to the default workspace.
CREATE TABLE workspace_hosts (
    host         text NOT NULL PRIMARY KEY CHECK (host = lower(host)),
    workspace_id uuid NOT NULL REFERENCES workspaces
);

CREATE TABLE shops (
    workspace_id        uuid NOT NULL REFERENCES workspaces,
    shop_id             text NOT NULL CHECK (shop_id ~ '^[0-9]{1,20}$'),
    name                text NOT NULL,
    header_key          text NOT NULL,
    header_hash         bytea NOT NULL CHECK (length(header_hash) = 32),
    default_assignee_id uuid,
    connected_at        timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, shop_id)
);
COMMENT ON COLUMN shops.header_hash IS 'HMAC-SHA256 of the header value, under the key that is kept outside the database.';

CREATE TABLE users (
    workspace_id uuid    NOT NULL REFERENCES workspaces,
    id           uuid    NOT NULL,
    name         text    NOT NULL,
    phone        text,
    email        text,
    active       boolean NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX users_phone ON users (workspace_id, phone, id) WHERE active;
CREATE INDEX users_email ON users (workspace_id, email, id) WHERE active;

CREATE TABLE sources (
    workspace_id uuid NOT NULL REFERENCES workspaces,
    name         text NOT NULL,
    id           uuid NOT NULL,
    PRIMARY KEY (workspace_id, name)
);

CREATE TABLE customer_heads (
    workspace_id uuid    NOT NULL,
    id           uuid    NOT NULL,
    active       boolean NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

-- Who can be found by what. Ids are UUIDv7, so the smallest id is the oldest customer.
CREATE TABLE customer_keys (
    workspace_id uuid    NOT NULL,
    kind         text    NOT NULL CHECK (kind IN ('phone', 'email')),
    value        text    NOT NULL,
    customer_id  uuid    NOT NULL,
    active       boolean NOT NULL,
    claimed      boolean NOT NULL,
    PRIMARY KEY (workspace_id, kind, value, customer_id)
);
CREATE INDEX customer_keys_customer ON customer_keys (workspace_id, customer_id);
-- Whoever makes a customer because nobody holds a key claims that key: of two who do so at once, one fails here, looks
-- again, and finds the other's customer.
CREATE UNIQUE INDEX customer_keys_claim ON customer_keys (workspace_id, kind, value) WHERE active AND claimed;
COMMENT ON COLUMN customer_keys.claimed IS 'The customer was made because nobody active held this key.';

-- Which customer a shop's own customer was bound to, for orders that carry no usable key.
CREATE TABLE buyer_bindings (
    workspace_id uuid NOT NULL,
    shop_id      text NOT NULL,
    buyer_id     text NOT NULL,
    customer_id  uuid NOT NULL,
    PRIMARY KEY (workspace_id, shop_id, buyer_id)
);

-- Where each order's stream stands. The events of versions stream_version and state_version hold the rest.
CREATE TABLE order_heads (
    workspace_id   uuid        NOT NULL,
    shop_id        text        NOT NULL,
    order_id       text        NOT NULL,
    stream_version integer     NOT NULL CHECK (stream_version > 0),
    -- The version of the event that holds the order's current state; null while the order was only skipped.
    state_version  integer,
    -- The newest version of the order that was delivered.
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, shop_id, order_id)
);
ALTER TABLE order_heads SET (fillfactor = 80);

CREATE TABLE api_tokens (
    id           uuid        NOT NULL PRIMARY KEY,
    workspace_id uuid        NOT NULL REFERENCES workspaces,
    name         text        NOT NULL,
    token_hash   bytea       NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at   timestamptz NOT NULL
);
COMMENT ON COLUMN api_tokens.token_hash IS 'SHA-256 of the token, which has 256 random bits.';

-- Proof of which secret key the hashes in this database were made with.
CREATE TABLE secret_key_check (
    only_row boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    digest   bytea   NOT NULL CHECK (length(digest) = 32)
);

-- +goose Down
DROP TABLE secret_key_check, api_tokens, order_heads, buyer_bindings, customer_keys, customer_heads, sources, users,
    shops, workspace_hosts, workspaces;
