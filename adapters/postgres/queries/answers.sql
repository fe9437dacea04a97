-- A request is remembered for 24 hours under its name. Those that are older are forgotten as new ones come.

-- name: AnswerOf :one
-- Index: idempotency_keys_pkey.
SELECT fingerprint, status, header, body FROM idempotency_keys
WHERE workspace_id = $1 AND caller = $2 AND key = $3 AND created_at >= clock_timestamp() - interval '24 hours';

-- name: ForgetAnswer :exec
-- Index: idempotency_keys_pkey.
DELETE FROM idempotency_keys
WHERE workspace_id = $1 AND caller = $2 AND key = $3 AND created_at < clock_timestamp() - interval '24 hours';

-- name: ForgetAnswers :exec
-- Some at a time, oldest first, passing over those that another request forgets at the moment. Index: idempotency_keys_age.
DELETE FROM idempotency_keys WHERE (workspace_id, caller, key) IN (
    SELECT k.workspace_id, k.caller, k.key FROM idempotency_keys k
    WHERE k.created_at < clock_timestamp() - interval '24 hours'
    ORDER BY k.created_at LIMIT 10 FOR UPDATE SKIP LOCKED
);

-- name: ClaimOnce :exec
INSERT INTO idempotency_keys (workspace_id, caller, key, fingerprint) VALUES ($1, $2, $3, $4);

-- name: KeepAnswer :exec
-- That of a request which claimed its name, or which may be done twice and claimed none. Index: idempotency_keys_pkey.
INSERT INTO idempotency_keys (workspace_id, caller, key, fingerprint, status, header, body)
VALUES (@workspace_id, @caller, @key, @fingerprint, @status, @header, @body)
ON CONFLICT (workspace_id, caller, key) DO UPDATE SET status = excluded.status, header = excluded.header, body = excluded.body
WHERE idempotency_keys.fingerprint = excluded.fingerprint AND idempotency_keys.status IS NULL;
