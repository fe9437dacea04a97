-- name: AppendEvents :exec
-- Takes the append lock, under which positions follow the head without a gap. It is held to the end of the transaction, so this comes
-- last; it is taken when the events have arrived, and not while they are read. Index: events_pkey, backward, for the head.
INSERT INTO events (position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id,
    causation_id, actor, payload, body, salt, digest)
SELECT log.head + e.ordinal, e.workspace_id, e.stream, e.version, e.id, e.type,
    e.schema_version, clock_timestamp(), e.correlation_id, e.causation_id, e.actor, e.payload, e.body, e.salt, e.digest
FROM (SELECT lock_log(@lock::bigint) AS head OFFSET 0) log, (
    SELECT generate_subscripts(@ids::uuid[], 1) AS ordinal,
        unnest(@workspace_ids::uuid[]) AS workspace_id, unnest(@streams::text[]) AS stream,
        unnest(@versions::integer[]) AS version, unnest(@ids::uuid[]) AS id, unnest(@types::text[]) AS type,
        unnest(@schema_versions::smallint[]) AS schema_version, unnest(@correlation_ids::uuid[]) AS correlation_id,
        nullif(unnest(@causation_ids::uuid[]), '00000000-0000-0000-0000-000000000000') AS causation_id,
        unnest(@actors::text[]) AS actor, unnest(@payloads::jsonb[]) AS payload, unnest(@bodies::bytea[]) AS body,
        unnest(@salts::bytea[]) AS salt, unnest(@digests::bytea[]) AS digest
) e;

-- name: NotifyAppended :exec
SELECT pg_notify(@channel::text, @event_types::text);

-- name: Head :one
-- Index: events_pkey, backward.
SELECT coalesce(max(position), 0)::bigint FROM events;

-- name: PositionOf :one
-- Index: events_stream_version.
SELECT position FROM events WHERE workspace_id = $1 AND stream = $2 AND version = $3;

-- name: Stream :many
-- Index: events_stream_version.
SELECT position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, causation_id, actor,
    payload::text AS payload, body
FROM events
WHERE workspace_id = $1 AND stream = $2
ORDER BY version;

-- name: Correlated :many
-- Index: events_correlation. OFFSET 0 keeps the planner, which knows nothing of a table that was never analysed, from reading
-- all of the workspace beside it. Bodies stay out: they are large, and a step does not show them.
SELECT position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, causation_id, actor,
    payload::text AS payload, NULL::bytea AS body
FROM (SELECT * FROM events x WHERE x.correlation_id = @correlation_id OFFSET 0) e
WHERE workspace_id = @workspace_id::uuid
ORDER BY position;

-- name: ReceivedOrders :many
-- What the ingestion policy reacts to within a slice. A delivery that is to be tried again is in the first event of its
-- stream, which has a handful of events; what is empty there is in the event itself. Index: events_ingestion, then
-- events_stream_version.
SELECT e.position, e.workspace_id, e.stream, e.version, e.id, e.type, e.schema_version, e.recorded_at, e.correlation_id,
    e.causation_id, e.actor, e.payload::text AS payload, coalesce(r.type, '')::text AS first_type, coalesce(r.payload::text, '')::text AS first_payload,
    coalesce(r.body, e.body) AS body, coalesce(r.correlation_id, e.correlation_id)::uuid AS delivery_id,
    coalesce(s.version, e.version)::integer AS stream_version, coalesce(s.failures, 0)::integer AS failures
FROM events e
LEFT JOIN LATERAL (
    SELECT o.type, o.payload, o.body, o.correlation_id FROM events o
    WHERE e.type = 'IngestionRetried' AND o.workspace_id = e.workspace_id AND o.stream = e.stream AND o.version = 1
    LIMIT 1
) r ON true
LEFT JOIN LATERAL (
    SELECT max(o.version) AS version, count(*) FILTER (WHERE o.type IN ('IngestionFailed', 'DeliveryRejected')) AS failures
    FROM events o
    WHERE e.type = 'IngestionRetried' AND o.workspace_id = e.workspace_id AND o.stream = e.stream
) s ON true
WHERE e.position > @after AND e.position <= @upto AND e.type IN ('OrderReceived', 'IngestionRetried')
ORDER BY e.position;

-- name: EventsOf :many
-- A workspace's events in a range of the log, without bodies. The range bounds what is read, however few of them are the
-- workspace's. Index: events_pkey.
SELECT position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, causation_id, actor,
    payload::text AS payload, NULL::bytea AS body
FROM events
WHERE position > @after AND position <= @upto AND workspace_id = @workspace_id
    AND (cardinality(@types::text[]) = 0 OR type = ANY (@types))
    AND (@actor::text = '' OR actor = @actor)
ORDER BY position
LIMIT @at_most;

-- name: EventsBy :many
-- Those of them that a person caused, or a program of theirs: these are few, so all of the log is looked at. Index: events_actor.
SELECT position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, causation_id, actor,
    payload::text AS payload, NULL::bytea AS body
FROM events
WHERE workspace_id = @workspace_id AND actor = @actor AND actor NOT IN ('webhook', 'policy', 'system')
    AND position > @after AND position <= @upto
    AND (cardinality(@types::text[]) = 0 OR type = ANY (@types))
ORDER BY position
LIMIT @at_most;

-- name: LatestEventsBy :many
-- What a person did, the latest first. Index: events_actor, backward.
SELECT position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, causation_id, actor,
    payload::text AS payload, NULL::bytea AS body
FROM events
WHERE workspace_id = @workspace_id AND actor = @actor AND actor NOT IN ('webhook', 'policy', 'system') AND position < @before
ORDER BY position DESC
LIMIT @at_most;

-- name: DeliveredBody :one
-- What a delivery brought, exactly. Index: events_stream_version.
SELECT body FROM events
WHERE workspace_id = $1 AND stream = $2 AND version = 1 AND type IN ('OrderReceived', 'DeliveryRejected');

-- name: DeliveryHeads :many
-- Where deliveries stand: in their own streams, which are the workspace's, and by what came of them. No other workspace has
-- events that came of them. Index: events_stream_version, events_correlation.
SELECT q.ordinal::integer AS ordinal, s.version, s.attempts, o.type AS last_event
FROM (SELECT generate_subscripts(@ids::uuid[], 1) AS ordinal, unnest(@ids::uuid[]) AS id) q
CROSS JOIN LATERAL (
    SELECT coalesce(max(e.version), 0)::integer AS version,
        (count(*) FILTER (WHERE e.type IN ('IngestionFailed', 'DeliveryRejected')))::integer AS attempts
    FROM events e
    WHERE e.workspace_id = @workspace_id AND e.stream = 'delivery/' || q.id
) s
CROSS JOIN LATERAL (
    SELECT e.type FROM events e
    WHERE e.correlation_id = q.id AND e.type = ANY (@outcome_types::text[])
    ORDER BY e.position DESC
    LIMIT 1
) o
WHERE s.version > 0;

-- name: StreamVersion :one
-- Where a stream stands. Index: events_stream_version, backward.
SELECT coalesce(max(version), 0)::integer FROM events WHERE workspace_id = $1 AND stream = $2;
