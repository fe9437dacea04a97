-- Files of customers, row by row, until they are in the CRM.

-- name: BeginImport :exec
INSERT INTO imports (id, workspace_id, file_name, state, unknown_columns, asked_by)
SELECT @id, @workspace_id, @file_name, 'reading', @unknown_columns::text[], @asked_by;

-- name: KnownKeys :many
-- Who has a key, those in use first, and which row of the import. Index: customer_keys_pkey, import_keys_pkey.
SELECT q.ordinal::integer AS ordinal, coalesce(h.customer_id, '00000000-0000-0000-0000-000000000000')::uuid AS customer_id,
    coalesce(i.line, 0)::integer AS line
FROM (
    SELECT generate_subscripts(@kinds::text[], 1) AS ordinal, unnest(@kinds::text[]) AS kind, unnest(@values::text[]) AS value
) q
LEFT JOIN LATERAL (
    SELECT k.customer_id FROM customer_keys k
    WHERE k.workspace_id = @workspace_id AND k.kind = q.kind AND k.value = q.value
    ORDER BY k.active DESC, k.customer_id
    LIMIT 1
) h ON true
LEFT JOIN LATERAL (
    SELECT r.line FROM import_keys r WHERE r.import_id = @import_id AND r.kind = q.kind AND r.value = q.value LIMIT 1
) i ON true
WHERE h.customer_id IS NOT NULL OR i.line IS NOT NULL;

-- name: ImportedDigests :many
-- Index: imported_digests_pkey.
SELECT q.ordinal::integer AS ordinal, d.customer_id
FROM (SELECT generate_subscripts(@digests::bytea[], 1) AS ordinal, unnest(@digests::bytea[]) AS digest) q
CROSS JOIN LATERAL (
    SELECT i.customer_id FROM imported_digests i WHERE i.workspace_id = @workspace_id AND i.digest = q.digest LIMIT 1
) d;

-- name: KeepImportRows :exec
INSERT INTO import_rows (import_id, line, outcome, customer, digest, reasons, same_as, customer_id)
SELECT @import_id, unnest(@lines::integer[]), unnest(@outcomes::text[]), unnest(@customers::jsonb[]), unnest(@digests::bytea[]),
    unnest(@reasons::jsonb[]), nullif(unnest(@same_as::integer[]), 0), nullif(unnest(@customer_ids::uuid[]), '00000000-0000-0000-0000-000000000000');

-- name: KeepImportKeys :exec
INSERT INTO import_keys (import_id, kind, value, line)
SELECT @import_id, unnest(@kinds::text[]), unnest(@values::text[]), unnest(@lines::integer[])
ON CONFLICT DO NOTHING;

-- name: CountImportRows :exec
UPDATE imports SET new = new + @new_rows, existing = existing + @existing_rows, repeated = repeated + @repeated_rows, invalid = invalid + @invalid_rows
WHERE id = @id;

-- name: SetImportState :one
-- From one of some states to another. Index: imports_pkey.
UPDATE imports SET state = @state,
    confirmed_by = CASE WHEN @state = 'importing' THEN @actor::text ELSE confirmed_by END,
    confirmed_at = CASE WHEN @state = 'importing' THEN clock_timestamp() ELSE confirmed_at END,
    finished_at = CASE WHEN @state IN ('done', 'cancelled') THEN clock_timestamp() ELSE finished_at END
WHERE id = @id AND workspace_id = @workspace_id AND state = ANY (@from_states::text[])
RETURNING state;

-- name: ImportState :one
SELECT state FROM imports WHERE id = $1 AND workspace_id = $2;

-- name: ImportToRun :one
SELECT workspace_id, coalesce(confirmed_by, asked_by)::text AS actor, state FROM imports WHERE id = $1;

-- name: LockImport :one
-- Nothing when somebody else is at it.
SELECT id FROM imports WHERE id = $1 AND state = 'importing' FOR UPDATE SKIP LOCKED;

-- name: NewImportRows :many
-- The next behind a line. Of a table that was just filled the server thinks that an import has some rows, which it would collect and
-- sort; from a row on, it thinks there are many, and takes them in their order. Index: import_rows_outcome.
SELECT next.line, next.customer::text AS customer, next.digest FROM (
    SELECT r.import_id, r.outcome, r.line, r.customer, r.digest FROM import_rows r
    WHERE (r.import_id, r.outcome, r.line) > (@import_id::uuid, 'new'::text, @after::integer)
    ORDER BY r.import_id, r.outcome, r.line LIMIT @at_most
) next
WHERE next.import_id = @import_id AND next.outcome = 'new'
ORDER BY next.import_id, next.outcome, next.line;

-- name: SettleImportRows :exec
-- What a customer was made of is theirs by now, and is kept once.
UPDATE import_rows r SET outcome = s.outcome, customer_id = s.customer_id, reasons = s.reasons,
    customer = CASE WHEN s.outcome = 'imported' THEN NULL ELSE r.customer END
FROM (
    SELECT unnest(@lines::integer[]) AS line, unnest(@outcomes::text[]) AS outcome, unnest(@customer_ids::uuid[]) AS customer_id,
        unnest(@reasons::jsonb[]) AS reasons
) s
WHERE r.import_id = @import_id AND r.line = s.line;

-- name: CountImported :exec
UPDATE imports SET new = new - c.done - c.known, imported = imported + c.done, existing = existing + c.known
FROM (SELECT sqlc.arg(imported_rows)::integer AS done, sqlc.arg(existing_rows)::integer AS known) c
WHERE id = @id;

-- name: KeepImportedDigests :exec
INSERT INTO imported_digests (workspace_id, digest, customer_id)
SELECT @workspace_id, unnest(@digests::bytea[]), unnest(@customer_ids::uuid[]);

-- name: ForgetImportKeys :exec
DELETE FROM import_keys WHERE import_id = $1;

-- name: ForgetImportRows :exec
-- Those that were brought in say no more than of which line who was made.
DELETE FROM import_rows WHERE import_id = $1 AND outcome <> 'imported';

-- name: DiscardImport :one
-- Index: imports_pkey; its rows go with it.
DELETE FROM imports WHERE id = $1 AND workspace_id = $2 AND state IN ('checked', 'cancelled') AND imported = 0
RETURNING id;

-- name: UnfinishedImports :many
-- Index: imports_unfinished.
SELECT id FROM imports WHERE state = 'importing' ORDER BY id;

-- name: GiveUpAbandonedImports :many
-- Whoever was reading the file is gone. Those that were given up while their file was read may have got rows since.
UPDATE imports SET state = 'cancelled', finished_at = coalesce(finished_at, clock_timestamp())
WHERE state IN ('reading', 'cancelled') AND created_at < @before::timestamptz
RETURNING id;

-- name: ForgetImports :exec
DELETE FROM imports WHERE state <> 'importing' AND coalesce(finished_at, created_at) < @before::timestamptz;

-- name: CustomerImport :one
SELECT * FROM imports WHERE workspace_id = $1 AND id = $2;

-- name: CustomerImportsPage :many
-- Index: imports_workspace.
SELECT * FROM imports WHERE workspace_id = @workspace_id AND id < @before ORDER BY id DESC LIMIT @at_most;

-- name: ImportRowsPage :many
-- Index: import_rows_pkey, or import_rows_outcome where an outcome is asked for.
SELECT line, outcome, coalesce(customer::text, '')::text AS customer, reasons::text AS reasons, same_as, customer_id FROM import_rows
WHERE import_id = @import_id AND line > @after AND (@outcome::text = '' OR outcome = @outcome)
ORDER BY line LIMIT @at_most;
