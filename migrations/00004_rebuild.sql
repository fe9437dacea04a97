-- Versions of a projection are built while another one is shown: how far each is, who builds it, and which events it passes over.
-- Locks: each ALTER TABLE takes its table for an instant; every default is a constant, so no table is rewritten.

-- +goose Up
ALTER TABLE projections
    -- Which release's tables and folds made the version.
    ADD COLUMN definition       integer,
    -- Up to where in the log the tables are folded. Of the version that is shown the cursor tells it.
    ADD COLUMN position         bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),
    -- When the tables were complete for the first time; null while they are built.
    ADD COLUMN finished_at      timestamptz,
    -- Who asked for it, and in which workspace; null for the service itself.
    ADD COLUMN asked_by         text        NOT NULL DEFAULT 'system',
    ADD COLUMN asked_in         uuid,
    -- Goes on in whichever service runs, because nobody sits in front of it.
    ADD COLUMN unattended       boolean     NOT NULL DEFAULT false,
    ADD COLUMN cancelled        boolean     NOT NULL DEFAULT false,
    -- The run that builds it, or did last: where, in which phase, since when, from which position.
    ADD COLUMN runner           text,
    ADD COLUMN phase            text        CHECK (phase IN ('filling', 'indexing', 'switching')),
    ADD COLUMN run_started_at   timestamptz,
    ADD COLUMN run_started_from bigint,
    ADD COLUMN touched_at       timestamptz,
    -- How long all runs took together, and for how long the switch kept readers waiting at most.
    ADD COLUMN took             interval    NOT NULL DEFAULT '0',
    ADD COLUMN readers_waited   interval,
    -- Why the last run ended before its time, and at which event if it was one.
    ADD COLUMN failure          text,
    ADD COLUMN failed_position  bigint;
UPDATE projections SET definition = version, finished_at = created_at;
ALTER TABLE projections ALTER COLUMN definition SET NOT NULL;

-- The version that is shown is folded under its projection's name, whichever it is.
UPDATE projections p SET position = c.position
FROM cursors c WHERE c.consumer = format('projection:%s:v%s', p.name, p.version) AND NOT p.active;
UPDATE cursors c SET consumer = 'projection:' || p.name
FROM projections p WHERE c.consumer = format('projection:%s:v%s', p.name, p.version) AND p.active;
DELETE FROM consumer_stops WHERE consumer LIKE 'projection:%:v%';

-- Events that a projection passes over, because they cannot be folded and somebody decided so.
CREATE TABLE projection_skips (
    name       text        NOT NULL,
    position   bigint      NOT NULL CHECK (position > 0),
    skipped_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, position)
);

-- +goose Down
DROP TABLE projection_skips;
UPDATE cursors c SET consumer = format('projection:%s:v%s', p.name, p.version)
FROM projections p WHERE c.consumer = 'projection:' || p.name AND p.active;
ALTER TABLE projections DROP COLUMN definition, DROP COLUMN position, DROP COLUMN finished_at, DROP COLUMN asked_by, DROP COLUMN asked_in,
    DROP COLUMN unattended, DROP COLUMN cancelled, DROP COLUMN runner, DROP COLUMN phase, DROP COLUMN run_started_at,
    DROP COLUMN run_started_from, DROP COLUMN touched_at, DROP COLUMN took, DROP COLUMN readers_waited, DROP COLUMN failure,
    DROP COLUMN failed_position;
