-- name: EnsureCursor :exec
INSERT INTO cursors (consumer, position) VALUES ($1, 0) ON CONFLICT DO NOTHING;

-- name: Cursor :one
SELECT position FROM cursors WHERE consumer = $1;

-- name: MoveCursor :exec
UPDATE cursors SET position = $2, updated_at = clock_timestamp() WHERE consumer = $1;

-- name: Cursors :many
SELECT c.consumer, c.position, c.updated_at, coalesce(s.category, '')::text AS category, coalesce(s.reason, '')::text AS reason
FROM cursors c
LEFT JOIN consumer_stops s ON s.consumer = c.consumer
ORDER BY c.consumer;

-- name: NoteStop :exec
INSERT INTO consumer_stops (consumer, category, position, event_type, reason)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (consumer) DO UPDATE SET category = excluded.category, position = excluded.position,
    event_type = excluded.event_type, reason = excluded.reason,
    since = CASE WHEN consumer_stops.category = excluded.category AND consumer_stops.position IS NOT DISTINCT FROM excluded.position
        THEN consumer_stops.since ELSE excluded.since END;

-- name: ClearStop :exec
DELETE FROM consumer_stops WHERE consumer = $1;

-- name: EventTypeAt :one
SELECT type FROM events WHERE position = $1;

-- name: ProjectionExists :one
SELECT EXISTS (SELECT FROM projections WHERE name = $1 AND version = $2);
