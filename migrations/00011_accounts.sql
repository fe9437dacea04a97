-- Accounts of people who sign in to the console, and an index of what operators did.
-- Locks: building events_actor keeps appends out of events while it reads that table once, which takes some seconds for a million events. On a
-- large log build it beforehand, with the statement below and CREATE INDEX CONCURRENTLY; it is not built again then.

-- +goose Up
CREATE TABLE accounts (
    workspace_id    uuid        NOT NULL REFERENCES workspaces,
    id              uuid        NOT NULL,
    name            text        NOT NULL CHECK (length(name) BETWEEN 2 AND 64),
    role            text        NOT NULL CHECK (role IN ('owner', 'operator', 'viewer')),
    password_hash   text,
    last_sign_in_at timestamptz,
    -- Another value ends all sessions from before.
    sessions_since  timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at      timestamptz,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX accounts_name ON accounts (workspace_id, lower(name)) WHERE removed_at IS NULL;
COMMENT ON COLUMN accounts.password_hash IS 'Argon2id with its parameters and salt; null until an invitation is used.';

-- Links that can be used once.
CREATE TABLE invitations (
    token_hash   bytea       NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    workspace_id uuid        NOT NULL REFERENCES workspaces,
    account_id   uuid,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX invitations_account ON invitations (workspace_id, account_id);
COMMENT ON COLUMN invitations.account_id IS 'Whose password it sets; null for the link that makes the first owner.';

-- Attempts to sign in that were not successful, in a row, by the keyed hash of the name that was typed: also of names that nobody has, so
-- that a lock-out tells nobody which there are. A name is locked while failures says so, until forgotten_at.
CREATE TABLE sign_in_failures (
    workspace_id uuid        NOT NULL REFERENCES workspaces,
    name_hash    bytea       NOT NULL CHECK (length(name_hash) = 32),
    account_id   uuid,
    failures     integer     NOT NULL CHECK (failures > 0),
    forgotten_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, name_hash)
);
CREATE INDEX sign_in_failures_account ON sign_in_failures (workspace_id, account_id) WHERE account_id IS NOT NULL;
CREATE INDEX sign_in_failures_age ON sign_in_failures (forgotten_at);

-- Sessions of the console, by the hash of what the browser sends.
CREATE TABLE sessions (
    token_hash bytea       NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    data       bytea       NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_age ON sessions (expires_at);

-- What one operator did. Events of shops and of Orderbridge itself, which are nearly all, are not in it.
CREATE INDEX IF NOT EXISTS events_actor ON events (workspace_id, actor, position) WHERE actor NOT IN ('webhook', 'policy', 'system');

-- +goose Down
DROP INDEX events_actor;
DROP TABLE sessions, sign_in_failures, invitations, accounts;
