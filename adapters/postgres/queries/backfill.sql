-- name: SealedAPIKey :one
SELECT s.api_key_sealed, w.order_code_template FROM shops s JOIN workspaces w ON w.id = s.workspace_id
WHERE s.workspace_id = $1 AND s.shop_id = $2;

-- name: SetSealedAPIKey :exec
UPDATE shops SET api_key_sealed = @sealed, version = @version WHERE workspace_id = @workspace_id AND shop_id = @shop_id;

-- name: ReconciledShops :many
-- Shops with an API key.
SELECT workspace_id, shop_id FROM shops WHERE api_key_sealed IS NOT NULL AND NOT paused ORDER BY workspace_id, shop_id;

-- name: ClaimReconciliation :execrows
-- Of several programs one finds it due.
UPDATE shops SET reconciled_at = clock_timestamp()
WHERE workspace_id = @workspace_id AND shop_id = @shop_id AND (reconciled_at IS NULL OR reconciled_at < @not_since::timestamptz);

-- name: MissingVersions :many
-- Those that the CRM has not got, nor a newer one, and that were not brought in. Index: order_heads_pkey, backfilled_versions_pkey.
SELECT q.ordinal::integer AS ordinal
FROM (
    SELECT generate_subscripts(@order_ids::text[], 1) AS ordinal, unnest(@shop_ids::text[]) AS shop_id, unnest(@order_ids::text[]) AS order_id,
        unnest(@updated_ats::timestamptz[]) AS updated_at
) q
WHERE NOT EXISTS (
    SELECT FROM order_heads h
    WHERE h.workspace_id = @workspace_id AND h.shop_id = q.shop_id AND h.order_id = q.order_id AND h.updated_at >= q.updated_at
) AND NOT EXISTS (
    SELECT FROM backfilled_versions b
    WHERE b.workspace_id = @workspace_id AND b.shop_id = q.shop_id AND b.order_id = q.order_id AND b.updated_at >= q.updated_at
);

-- name: LockBackfill :exec
-- Of several who bring in orders of one shop each waits for the others.
SELECT pg_advisory_xact_lock(hashtextextended('backfill of ' || @workspace_id::uuid || '/' || @shop_id::text, 0));

-- name: NoteVersions :exec
INSERT INTO backfilled_versions (workspace_id, shop_id, order_id, updated_at)
SELECT @workspace_id, unnest(@shop_ids::text[]), unnest(@order_ids::text[]), unnest(@updated_ats::timestamptz[]);

-- name: NoteReconciliation :exec
INSERT INTO reconciliations (id, workspace_id, shop_id, since, upto, seen, missing, brought_in, left_out, trouble, began_at)
VALUES (@id, @workspace_id, @shop_id, @since, @upto, @seen, @missing, @brought_in, @left_out, sqlc.narg(trouble), @began_at);

-- name: Reconciliations :many
-- Index: reconciliations_shop, or reconciliations_list for all shops.
SELECT * FROM reconciliations WHERE workspace_id = @workspace_id AND (@shop_id::text = '' OR shop_id = @shop_id) AND id < @before
ORDER BY id DESC LIMIT @at_most;

-- name: ForgetReconciliations :exec
DELETE FROM reconciliations WHERE workspace_id = @workspace_id AND shop_id = @shop_id AND began_at < @before::timestamptz;
