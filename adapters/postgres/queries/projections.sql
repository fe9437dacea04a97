-- name: EnterSchema :one
-- Lets names mean the tables of a schema, until the transaction ends. Tells what types of events are in a slice, and which of them are
-- passed over. Index: events_pkey.
SELECT set_config('search_path', @schema::text || ', public', true)::text AS search_path,
    ARRAY(SELECT s.position FROM projection_skips s
        WHERE s.name = @name AND s.position > @after AND s.position <= @upto)::bigint[] AS skipped,
    ARRAY(SELECT DISTINCT e.type FROM events e WHERE e.position > @after AND e.position <= @upto)::text[] AS types;

-- name: ShownVersion :one
SELECT version, definition FROM projections WHERE name = $1 AND active;

-- name: UnfinishedVersion :one
SELECT version, definition, position, cancelled FROM projections WHERE name = $1 AND NOT active AND finished_at IS NULL
ORDER BY version DESC LIMIT 1;

-- name: PreviousVersion :one
-- The complete version that was shown before.
SELECT version, definition, position FROM projections WHERE name = $1 AND NOT active AND finished_at IS NOT NULL
ORDER BY touched_at DESC NULLS LAST, version DESC LIMIT 1;

-- name: VersionsOf :many
SELECT version FROM projections WHERE name = $1 ORDER BY version;

-- name: AddVersion :exec
INSERT INTO projections (name, version, active, definition, asked_by, finished_at)
VALUES (@name, @version, @active, @definition, @asked_by, CASE WHEN @active THEN clock_timestamp() END);

-- name: DropVersion :exec
DELETE FROM projections WHERE name = $1 AND version = $2;

-- name: StartRun :exec
UPDATE projections
SET asked_by = @asked_by, asked_in = sqlc.narg(asked_in), unattended = @unattended, cancelled = false, runner = @runner, phase = 'filling',
    run_started_at = clock_timestamp(), run_started_from = position, touched_at = clock_timestamp(), failure = NULL,
    failed_position = NULL, readers_waited = NULL, longest_lock = NULL
WHERE name = @name AND version = @version;

-- name: MoveVersion :exec
UPDATE projections SET position = @position, touched_at = clock_timestamp() WHERE name = @name AND version = @version;

-- name: EnterPhase :exec
UPDATE projections SET phase = @phase::text, touched_at = clock_timestamp() WHERE name = @name AND version = @version;

-- name: RunCancelled :one
SELECT cancelled FROM projections WHERE name = $1 AND version = $2;

-- name: EndRun :exec
-- The run ended, for what reason or none.
UPDATE projections
SET runner = NULL, phase = NULL, took = took + (clock_timestamp() - run_started_at), failure = sqlc.narg(failure),
    failed_position = sqlc.narg(failed_position), run_started_at = NULL, touched_at = clock_timestamp()
WHERE name = @name AND version = @version AND run_started_at IS NOT NULL;

-- name: CancelRun :one
-- Whoever builds the version, or finds it later, gives it up.
UPDATE projections SET cancelled = true
WHERE name = $1 AND NOT active AND NOT cancelled AND (run_started_at IS NOT NULL OR finished_at IS NULL OR unattended)
RETURNING version, position;

-- name: HideShown :exec
UPDATE projections SET active = false, touched_at = clock_timestamp() WHERE name = @name AND active;

-- name: ShowVersion :one
-- The run is at its end with it, unless it was cancelled.
UPDATE projections
SET active = true, finished_at = clock_timestamp(), touched_at = clock_timestamp(), runner = NULL, phase = NULL,
    unattended = false, took = took + coalesce(clock_timestamp() - run_started_at, '0'), run_started_at = NULL, untold = @untold::text
WHERE name = @name AND version = @version AND NOT cancelled
RETURNING version;

-- name: NoteLocks :exec
-- For how long an attempt to switch kept readers waiting at most, and how long it held a lock.
UPDATE projections
SET readers_waited = greatest(readers_waited, make_interval(secs => @readers_waited::float8)),
    longest_lock = greatest(longest_lock, make_interval(secs => @longest_lock::float8))
WHERE name = @name AND version = @version;

-- name: UntoldSwitches :many
SELECT name FROM projections WHERE untold IS NOT NULL;

-- name: UntoldSwitch :one
SELECT version, untold::text AS event_type, position, asked_by, asked_in, date_part('epoch', took)::float8 AS took_seconds,
    coalesce(date_part('epoch', readers_waited), 0)::float8 AS readers_waited_seconds,
    coalesce(date_part('epoch', longest_lock), 0)::float8 AS longest_lock_seconds
FROM projections WHERE name = $1 AND untold IS NOT NULL ORDER BY touched_at LIMIT 1 FOR UPDATE;

-- name: ToldSwitch :exec
UPDATE projections SET untold = NULL WHERE name = $1 AND version = $2;

-- name: LockCursor :one
SELECT position FROM cursors WHERE consumer = $1 FOR UPDATE;

-- name: UnattendedRuns :many
-- What nobody sits in front of and is not shown yet: versions that are not complete, and such as are gone back to.
SELECT name, definition, asked_by, asked_in, (finished_at IS NOT NULL)::boolean AS rollback
FROM projections WHERE unattended AND NOT active AND NOT cancelled ORDER BY name;

-- name: ForgetRuns :exec
UPDATE projections SET runner = NULL, phase = NULL, run_started_at = NULL, took = took + (touched_at - run_started_at)
WHERE name = $1 AND run_started_at IS NOT NULL;

-- name: FailureAt :one
-- Why a version that is being built could not fold an event.
SELECT coalesce(failure, '')::text FROM projections WHERE name = @name AND NOT active AND failed_position = @position::bigint;

-- name: IsSkipped :one
SELECT EXISTS (SELECT FROM projection_skips WHERE name = $1 AND position = $2);

-- name: SkipEvent :exec
INSERT INTO projection_skips (name, position) VALUES ($1, $2);

-- name: StopOf :one
SELECT category, coalesce(position, 0)::bigint AS position, coalesce(event_type, '')::text AS event_type, reason, since
FROM consumer_stops WHERE consumer = $1;

-- name: WorkspaceAt :one
SELECT workspace_id, type FROM events WHERE position = $1;

-- name: ProjectionVersions :many
-- Where every version of every projection stands.
SELECT p.name, p.version, p.active, p.definition, p.position, p.created_at, p.finished_at, p.asked_by, p.asked_in,
    p.runner, p.phase, p.run_started_at, p.run_started_from, p.touched_at, date_part('epoch', p.took)::float8 AS took_seconds,
    coalesce(date_part('epoch', p.readers_waited), 0)::float8 AS readers_waited_seconds,
    coalesce(date_part('epoch', p.longest_lock), 0)::float8 AS longest_lock_seconds, p.failure, p.failed_position,
    c.position AS cursor_position, s.category, s.position AS stop_position, s.event_type, s.reason, s.since
FROM projections p
LEFT JOIN cursors c ON c.consumer = 'projection:' || p.name
LEFT JOIN consumer_stops s ON s.consumer = 'projection:' || p.name;

-- name: RecordedAt :one
-- When the first event behind a position was appended. Index: events_pkey.
SELECT recorded_at FROM events WHERE position > $1 ORDER BY position LIMIT 1;
