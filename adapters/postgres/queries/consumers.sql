-- name: EnsureCursor :exec
-- Looks first: an insert would wait for whoever is moving the cursor.
INSERT INTO cursors (consumer, position)
SELECT @consumer::text, 0 WHERE NOT EXISTS (SELECT FROM cursors WHERE consumer = @consumer) ON CONFLICT DO NOTHING;

-- name: Cursor :one
SELECT position FROM cursors WHERE consumer = $1;

-- name: PassCursor :exec
-- Waits for the slice that the consumer is handling, if it is.
SELECT FROM cursors WHERE consumer = $1 FOR UPDATE;

-- name: MoveCursor :exec
-- A consumer that moves on is not stopped, whichever instance said so.
WITH cleared AS (DELETE FROM consumer_stops WHERE consumer_stops.consumer = $1)
UPDATE cursors SET position = $2, updated_at = clock_timestamp() WHERE cursors.consumer = $1;

-- name: Cursors :many
SELECT c.consumer, c.position, c.updated_at, coalesce(s.category, '')::text AS category, coalesce(s.position, 0)::bigint AS stop_position,
    coalesce(s.event_type, '')::text AS event_type
FROM cursors c
LEFT JOIN consumer_stops s ON s.consumer = c.consumer;

-- name: NoteStop :exec
INSERT INTO consumer_stops (consumer, category, position, event_type, reason)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (consumer) DO UPDATE SET category = excluded.category, position = excluded.position,
    event_type = excluded.event_type, reason = excluded.reason,
    since = CASE WHEN consumer_stops.category = excluded.category AND consumer_stops.position IS NOT DISTINCT FROM excluded.position
        THEN consumer_stops.since ELSE excluded.since END;

-- name: EventTypeAt :one
SELECT type FROM events WHERE position = $1;

-- name: LaggingProjections :one
-- How many of these consumers have not handled the log up to a position.
SELECT count(*) FROM unnest(@consumers::text[]) u (consumer)
WHERE NOT EXISTS (SELECT FROM cursors c WHERE c.consumer = u.consumer AND c.position >= @position);

-- name: PendingOrders :one
-- Index: events_ingestion.
SELECT count(*) FROM (
    SELECT FROM events WHERE position > $1 AND type IN ('OrderReceived', 'IngestionRetried') LIMIT 100000
) pending;
