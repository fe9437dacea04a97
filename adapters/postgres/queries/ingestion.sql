-- Look-ups for a slice of orders. Each key is looked up by a lateral query over its full index key with a limit: on
-- tables that were never analysed, a join or = ANY becomes a scan. Answers name their question by its place, from 1.

-- name: IngestionSettings :many
SELECT id, settings_version, match_rule, order_code_template, skip_cancelled FROM workspaces WHERE id = ANY (@ids::uuid[]);

-- name: SourcesNamed :many
SELECT workspace_id, id FROM sources WHERE workspace_id = ANY (@workspace_ids::uuid[]) AND name = @name;

-- name: PausedShops :many
-- Paused shops are locked: whoever resumes one (UPDATE shops, and only then reads held_deliveries) waits until the
-- deliveries that are held here are committed, so it finds them; and if the shop was resumed first, this waits for that, looks
-- again, and holds nothing. A delivery that nobody would bring in is thus impossible. Index: shops_pkey.
SELECT q.ordinal::integer AS ordinal
FROM (
    SELECT generate_subscripts(@workspace_ids::uuid[], 1) AS ordinal, unnest(@workspace_ids::uuid[]) AS workspace_id,
        unnest(@shop_ids::text[]) AS shop_id
) q
CROSS JOIN LATERAL (
    SELECT FROM shops s WHERE s.workspace_id = q.workspace_id AND s.shop_id = q.shop_id AND s.paused LIMIT 1 FOR SHARE
) s;

-- name: ConnectedShops :many
-- Index: shops_pkey.
SELECT q.ordinal::integer AS ordinal
FROM (
    SELECT generate_subscripts(@workspace_ids::uuid[], 1) AS ordinal, unnest(@workspace_ids::uuid[]) AS workspace_id,
        unnest(@shop_ids::text[]) AS shop_id
) q
CROSS JOIN LATERAL (
    SELECT FROM shops s WHERE s.workspace_id = q.workspace_id AND s.shop_id = q.shop_id LIMIT 1
) s;

-- name: DefaultAssignees :many
-- Index: shops_pkey, users_pkey.
SELECT q.ordinal::integer AS ordinal, f.id, f.name
FROM (SELECT generate_subscripts(@workspace_ids::uuid[], 1) AS ordinal, unnest(@workspace_ids::uuid[]) AS workspace_id, unnest(@shop_ids::text[]) AS shop_id) q
CROSS JOIN LATERAL (
    SELECT u.id, u.name
    FROM shops s
    JOIN users u ON u.workspace_id = s.workspace_id AND u.id = s.default_assignee_id AND u.active
    WHERE s.workspace_id = q.workspace_id AND s.shop_id = q.shop_id
    LIMIT 1
) f;

-- name: OrderHeads :many
-- Index: order_heads_pkey, then events_stream_version.
SELECT q.ordinal::integer AS ordinal, h.stream_version, coalesce(h.state_version, 0)::integer AS state_version,
    h.updated_at, h.buyer_updated_at, coalesce(s.type, '')::text AS state_type, coalesce(s.payload, '')::text AS state
FROM (
    SELECT generate_subscripts(@workspace_ids::uuid[], 1) AS ordinal, unnest(@workspace_ids::uuid[]) AS workspace_id,
        unnest(@shop_ids::text[]) AS shop_id,
        unnest(@order_ids::text[]) AS order_id
) q
CROSS JOIN LATERAL (
    SELECT o.stream_version, o.state_version, o.updated_at, coalesce(o.buyer_updated_at, o.updated_at)::timestamptz AS buyer_updated_at
    FROM order_heads o
    WHERE o.workspace_id = q.workspace_id AND o.shop_id = q.shop_id AND o.order_id = q.order_id
    LIMIT 1
) h
LEFT JOIN LATERAL (
    SELECT e.type, e.payload::text AS payload
    FROM events e
    WHERE e.workspace_id = q.workspace_id AND e.stream = 'order/' || q.shop_id || '/' || q.order_id
        AND e.version = h.state_version
    LIMIT 1
) s ON true;

-- name: KeyHolders :many
-- Active customers with a key, the oldest first. Index: customer_keys_pkey.
SELECT q.ordinal::integer AS ordinal, h.oldest, h.count
FROM (
    SELECT generate_subscripts(@workspace_ids::uuid[], 1) AS ordinal, unnest(@workspace_ids::uuid[]) AS workspace_id,
        unnest(@kinds::text[]) AS kind, unnest(@values::text[]) AS value
) q
CROSS JOIN LATERAL (
    SELECT (array_agg(k.customer_id ORDER BY k.customer_id))[1:@at_most::integer]::uuid[] AS oldest, count(*) AS count
    FROM customer_keys k
    WHERE k.workspace_id = q.workspace_id AND k.kind = q.kind AND k.value = q.value AND k.active
) h
WHERE h.count > 0;

-- name: BoundBuyers :many
-- Index: buyer_bindings_pkey, customer_heads_pkey.
SELECT q.ordinal::integer AS ordinal, b.customer_id
FROM (
    SELECT generate_subscripts(@workspace_ids::uuid[], 1) AS ordinal, unnest(@workspace_ids::uuid[]) AS workspace_id,
        unnest(@shop_ids::text[]) AS shop_id,
        unnest(@buyer_ids::text[]) AS buyer_id
) q
CROSS JOIN LATERAL (
    SELECT (CASE WHEN h.merged_into IS NULL THEN b.customer_id ELSE surviving_customer(q.workspace_id, b.customer_id) END)::uuid AS customer_id
    FROM buyer_bindings b
    CROSS JOIN LATERAL (SELECT m.merged_into FROM customer_heads m WHERE m.workspace_id = q.workspace_id AND m.id = b.customer_id LIMIT 1) h
    WHERE b.workspace_id = q.workspace_id AND b.shop_id = q.shop_id AND b.buyer_id = q.buyer_id
    LIMIT 1
) b
CROSS JOIN LATERAL (
    SELECT FROM customer_heads c WHERE c.workspace_id = q.workspace_id AND c.id = b.customer_id AND c.active LIMIT 1
) c;

-- name: ActiveStaff :many
-- Of several users with one phone or email, the one who was added first. Index: users_phone, users_email.
SELECT q.ordinal::integer AS ordinal, u.id, u.name
FROM (
    SELECT generate_subscripts(@workspace_ids::uuid[], 1) AS ordinal, unnest(@workspace_ids::uuid[]) AS workspace_id,
        unnest(@kinds::text[]) AS kind, unnest(@values::text[]) AS value
) q
CROSS JOIN LATERAL (
    (SELECT p.id, p.name FROM users p
     WHERE q.kind = 'phone' AND p.workspace_id = q.workspace_id AND p.phone = q.value AND p.active ORDER BY p.id LIMIT 1)
    UNION ALL
    (SELECT m.id, m.name FROM users m
     WHERE q.kind = 'email' AND m.workspace_id = q.workspace_id AND m.email = q.value AND m.active ORDER BY m.id LIMIT 1)
) u;

-- name: MappedStaff :many
-- Index: staff_mappings_pkey, users_pkey.
SELECT q.ordinal::integer AS ordinal, f.id, f.name
FROM (
    SELECT generate_subscripts(@workspace_ids::uuid[], 1) AS ordinal, unnest(@workspace_ids::uuid[]) AS workspace_id,
        unnest(@staff_keys::text[]) AS staff_key
) q
CROSS JOIN LATERAL (
    SELECT u.id, u.name
    FROM staff_mappings m
    JOIN users u ON u.workspace_id = m.workspace_id AND u.id = m.user_id AND u.active
    WHERE m.workspace_id = q.workspace_id AND m.staff_key = q.staff_key
    LIMIT 1
) f;

-- What was decided on a slice. Rows are sorted by the caller, so that two writers wait instead of deadlocking.

-- name: RecordCustomerHeads :exec
INSERT INTO customer_heads (workspace_id, id, active)
SELECT unnest(@workspace_ids::uuid[]), unnest(@ids::uuid[]), true;

-- name: RecordCustomerKeys :exec
INSERT INTO customer_keys (workspace_id, kind, value, customer_id, active, claimed)
SELECT unnest(@workspace_ids::uuid[]), unnest(@kinds::text[]), unnest(@values::text[]), unnest(@customer_ids::uuid[]),
    true, unnest(@claimed::boolean[]);

-- name: RecordBindings :exec
INSERT INTO buyer_bindings (workspace_id, shop_id, buyer_id, customer_id)
SELECT unnest(@workspace_ids::uuid[]), unnest(@shop_ids::text[]), unnest(@buyer_ids::text[]), unnest(@customer_ids::uuid[])
ON CONFLICT (workspace_id, shop_id, buyer_id) DO UPDATE SET customer_id = excluded.customer_id;

-- name: RecordSources :exec
INSERT INTO sources (workspace_id, name, id)
SELECT unnest(@workspace_ids::uuid[]), @name::text, unnest(@ids::uuid[]);

-- name: RecordHeldDeliveries :exec
INSERT INTO held_deliveries (workspace_id, shop_id, position, delivery_id)
SELECT unnest(@workspace_ids::uuid[]), unnest(@shop_ids::text[]), unnest(@positions::bigint[]), unnest(@delivery_ids::uuid[]);

-- name: RecordOrderHeads :exec
-- A version that was taken meanwhile is refused by the log, so the last writer is always right here.
INSERT INTO order_heads (workspace_id, shop_id, order_id, stream_version, state_version, updated_at, buyer_updated_at)
SELECT h.workspace_id, h.shop_id, h.order_id, h.stream_version, nullif(h.state_version, 0), h.updated_at,
    nullif(h.buyer_updated_at, h.updated_at)
FROM (
    SELECT unnest(@workspace_ids::uuid[]) AS workspace_id, unnest(@shop_ids::text[]) AS shop_id,
        unnest(@order_ids::text[]) AS order_id, unnest(@stream_versions::integer[]) AS stream_version,
        unnest(@state_versions::integer[]) AS state_version, unnest(@updated_ats::timestamptz[]) AS updated_at,
        unnest(@buyer_updated_ats::timestamptz[]) AS buyer_updated_at
) h
ON CONFLICT (workspace_id, shop_id, order_id) DO UPDATE SET
    stream_version = excluded.stream_version, state_version = excluded.state_version, updated_at = excluded.updated_at,
    buyer_updated_at = excluded.buyer_updated_at;
