-- Imports of customers: what a file says, row by row, until it is in the CRM.
-- Locks: creates new tables only.

-- +goose Up
CREATE TABLE imports (
    id              uuid        PRIMARY KEY,
    workspace_id    uuid        NOT NULL REFERENCES workspaces,
    file_name       text        NOT NULL,
    state           text        NOT NULL CHECK (state IN ('reading', 'checked', 'importing', 'done', 'cancelled')),
    unknown_columns text[]      NOT NULL,
    -- How many rows there are of each outcome. Those that are new become imported, or existing when somebody else was first.
    new             integer     NOT NULL DEFAULT 0,
    existing        integer     NOT NULL DEFAULT 0,
    repeated        integer     NOT NULL DEFAULT 0,
    invalid         integer     NOT NULL DEFAULT 0,
    imported        integer     NOT NULL DEFAULT 0,
    asked_by        text        NOT NULL,
    confirmed_by    text,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    confirmed_at    timestamptz,
    finished_at     timestamptz
);
CREATE INDEX imports_workspace ON imports (workspace_id, id);
CREATE INDEX imports_unfinished ON imports (id) WHERE state = 'importing';

CREATE TABLE import_rows (
    import_id   uuid    NOT NULL REFERENCES imports ON DELETE CASCADE,
    line        integer NOT NULL,
    outcome     text    NOT NULL CHECK (outcome IN ('new', 'existing', 'repeated', 'invalid', 'imported')),
    -- Who the row speaks of, until a customer was made of it.
    customer    jsonb,
    digest      bytea,
    reasons     jsonb   NOT NULL DEFAULT '[]',
    same_as     integer,
    customer_id uuid,
    PRIMARY KEY (import_id, line)
);
CREATE INDEX import_rows_outcome ON import_rows (import_id, outcome, line);

-- What new rows can be found by, so that a later row of the file that says the same is told.
CREATE TABLE import_keys (
    import_id uuid    NOT NULL REFERENCES imports ON DELETE CASCADE,
    kind      text    NOT NULL,
    value     text    NOT NULL,
    line      integer NOT NULL,
    PRIMARY KEY (import_id, kind, value)
);
COMMENT ON COLUMN import_keys.kind IS 'phone, email, or row: of one with neither, the digest in hexadecimal digits.';

-- Rows without a phone or email that were imported, so that importing them again does not make a second customer.
CREATE TABLE imported_digests (
    workspace_id uuid  NOT NULL REFERENCES workspaces,
    digest       bytea NOT NULL CHECK (length(digest) = 32),
    customer_id  uuid  NOT NULL,
    PRIMARY KEY (workspace_id, digest)
);

-- +goose Down
DROP TABLE imported_digests, import_keys, import_rows, imports;
