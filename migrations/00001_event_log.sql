-- The event log: append only, one gapless position.
-- Locks: creates new tables only.

-- +goose Up
CREATE TABLE events (
    position       bigint      NOT NULL PRIMARY KEY CHECK (position > 0),
    workspace_id   uuid        NOT NULL,
    stream         text        NOT NULL CHECK (length(stream) BETWEEN 1 AND 200),
    version        integer     NOT NULL CHECK (version > 0),
    id             uuid        NOT NULL,
    type           text        NOT NULL,
    schema_version smallint    NOT NULL CHECK (schema_version > 0),
    recorded_at    timestamptz NOT NULL,
    correlation_id uuid        NOT NULL,
    causation_id   uuid,
    actor          text        NOT NULL,
    payload        jsonb       NOT NULL,
    body           bytea,
    salt           bytea,
    digest         bytea       NOT NULL CHECK (length(digest) = 32),
    CONSTRAINT events_stream_version UNIQUE (workspace_id, stream, version)
);

COMMENT ON TABLE events IS 'What happened, in the order of commits. Rows are never changed or deleted.';
COMMENT ON COLUMN events.body IS 'Bytes exactly as they were received, valid JSON or not.';
COMMENT ON COLUMN events.digest IS 'SHA-256(salt || canonical payload || body).';

-- All that came of one delivery, in order.
CREATE INDEX events_correlation ON events (correlation_id, position);

-- What the policy that turns deliveries into orders has to react to.
CREATE INDEX events_ingestion ON events (position) WHERE type IN ('OrderReceived', 'IngestionRetried');

-- lz4 is faster than pglz and just as small on order bodies, but some builds lack it.
-- +goose StatementBegin
DO $$
BEGIN
    ALTER TABLE events ALTER COLUMN payload SET COMPRESSION lz4, ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'Append a new event that corrects the old one.';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER events_never_truncated BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change();

-- Where each consumer of the log stands. A row is locked while its consumer handles a slice.
CREATE TABLE cursors (
    consumer   text        NOT NULL PRIMARY KEY,
    position   bigint      NOT NULL CHECK (position >= 0),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE cursors SET (fillfactor = 50);

-- Why a consumer does not move on, when it does not.
CREATE TABLE consumer_stops (
    consumer   text        NOT NULL PRIMARY KEY,
    category   text        NOT NULL CHECK (category IN ('retrying', 'stopped')),
    position   bigint,
    event_type text,
    reason     text        NOT NULL,
    since      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The versions of each projection, and which one its views show.
CREATE TABLE projections (
    name       text        NOT NULL,
    version    integer     NOT NULL CHECK (version > 0),
    active     boolean     NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, version)
);
CREATE UNIQUE INDEX projections_active ON projections (name) WHERE active;

-- +goose Down
DROP TABLE projections, consumer_stops, cursors, events;
DROP FUNCTION refuse_event_change();
