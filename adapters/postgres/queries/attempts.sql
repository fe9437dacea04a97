-- Calls of the webhook that were not taken and that the log holds nothing of. They are told of for an hour.

-- name: NoteRefusedAttempts :exec
-- Index: refused_attempts_pkey.
INSERT INTO refused_attempts AS r (workspace_id, reason, header_key, shop_id, attempts, last_at)
SELECT unnest(@workspace_ids::uuid[]), unnest(@reasons::text[]), unnest(@header_keys::text[]), unnest(@shop_ids::text[]),
    unnest(@attempts::bigint[]), now()
ON CONFLICT (workspace_id, reason, header_key, shop_id) DO UPDATE SET attempts = r.attempts + excluded.attempts, last_at = excluded.last_at;

-- name: ForgetRefusedAttempts :exec
-- Reads the table whole, which has few rows. Those that somebody else is at are not waited for.
DELETE FROM refused_attempts r WHERE r.ctid IN (
    SELECT o.ctid FROM refused_attempts o WHERE o.last_at < clock_timestamp() - interval '1 hour' FOR UPDATE SKIP LOCKED
);

-- name: RefusedAttempts :many
-- Index: refused_attempts_pkey.
SELECT reason, header_key, shop_id, attempts, last_at FROM refused_attempts
WHERE workspace_id = @workspace_id AND last_at >= clock_timestamp() - interval '1 hour'
ORDER BY last_at DESC, reason, header_key, shop_id
LIMIT 20;
