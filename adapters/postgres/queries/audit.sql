-- What timelines and records as they were ask. Each part of a timeline is read from @from_position on, the oldest first, so
-- that what was read is merged from as many entries of each source as the part has. Bodies stay out, as no step shows them.
-- OFFSET 0 keeps the planner, which knows nothing of a table that was never analysed, from reading all of a workspace, or all
-- that follows a position, beside the few events of a delivery.

-- name: StreamFrom :many
-- Index: events_stream_version.
SELECT position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, causation_id, actor,
    payload::text AS payload, NULL::bytea AS body
FROM events
WHERE workspace_id = @workspace_id AND stream = @stream AND position >= @from_position
ORDER BY version
LIMIT @at_most;

-- name: OrderTimeline :many
-- What happened to an order: its own stream, all that came of the deliveries that brought it, of which the newest are looked at, and
-- the merges by which others came to stand for its customer. Index: events_stream_version, deliveries_code, then events_correlation
-- and events_pkey; crm_orders_pkey, crm_customers_pkey.
WITH RECURSIVE owners AS (
    SELECT o.own_customer_id AS id, o.created_position AS since
    FROM unnest(@order_codes::text[]) k
    CROSS JOIN LATERAL (
        SELECT * FROM crm_orders c WHERE c.workspace_id = @workspace_id AND c.code = k LIMIT 1
    ) o
    UNION
    SELECT c.merged_into, w.since
    FROM owners w
    CROSS JOIN LATERAL (
        SELECT m.merged_into FROM crm_customers m
        WHERE m.workspace_id = @workspace_id AND m.id = w.id AND m.merged_into IS NOT NULL LIMIT 1
    ) c
)
SELECT e.position, e.workspace_id, e.stream, e.version, e.id, e.type, e.schema_version, e.recorded_at, e.correlation_id,
    e.causation_id, e.actor, e.payload::text AS payload, NULL::bytea AS body
FROM (
    (SELECT o.position FROM events o
     WHERE o.workspace_id = @workspace_id AND o.stream = @stream AND o.position >= @from_position
     ORDER BY o.version LIMIT @at_most)
    UNION
    (SELECT c.position
     FROM unnest(@order_codes::text[]) k
     CROSS JOIN LATERAL (
         SELECT r.id FROM deliveries r
         WHERE r.workspace_id = @workspace_id AND r.order_code = k
         ORDER BY r.received_at DESC, r.received_position DESC LIMIT @deliveries
     ) d
     CROSS JOIN LATERAL (
         SELECT x.position, x.workspace_id FROM events x
         WHERE x.correlation_id = d.id AND x.position >= @from_position
         OFFSET 0
     ) c
     WHERE c.workspace_id = @workspace_id
     ORDER BY c.position LIMIT @at_most)
    UNION
    (SELECT m.position
     FROM owners w
     CROSS JOIN LATERAL (
         SELECT x.position FROM events x
         WHERE x.workspace_id = @workspace_id AND x.stream = 'customer/' || w.id
             AND x.type IN ('CustomerMergedInto', 'CustomerUnmerged') AND x.position > w.since AND x.position >= @from_position
         ORDER BY x.version LIMIT @at_most
     ) m
     ORDER BY m.position LIMIT @at_most)
    ORDER BY position LIMIT @at_most
) p
CROSS JOIN LATERAL (SELECT * FROM events y WHERE y.position = p.position LIMIT 1) e
ORDER BY e.position;

-- name: CustomerTimeline :many
-- What happened to a customer and to those who were merged into them: their streams, who saw their phones, and how the newest of their
-- orders found them. Index: crm_customers_merged, events_stream_version, crm_orders_customer, then events_pkey.
WITH RECURSIVE family AS (
    SELECT @customer_id::uuid AS id
    UNION
    SELECT c.id
    FROM family f
    CROSS JOIN LATERAL (
        SELECT m.id FROM crm_customers m WHERE m.workspace_id = @workspace_id AND m.merged_into = f.id OFFSET 0
    ) c
), theirs AS MATERIALIZED (SELECT f.id FROM family f LIMIT @sources)
SELECT e.position, e.workspace_id, e.stream, e.version, e.id, e.type, e.schema_version, e.recorded_at, e.correlation_id,
    e.causation_id, e.actor, e.payload::text AS payload, NULL::bytea AS body
FROM (
    (SELECT s.position
     FROM theirs t
     CROSS JOIN LATERAL unnest(ARRAY['customer/' || t.id, 'contact/' || t.id]) AS n (stream)
     CROSS JOIN LATERAL (
         SELECT x.position FROM events x
         WHERE x.workspace_id = @workspace_id AND x.stream = n.stream AND x.position >= @from_position
         ORDER BY x.version LIMIT @at_most
     ) s
     ORDER BY s.position LIMIT @at_most)
    UNION ALL
    (SELECT m.position
     FROM (
         SELECT o.shop_id, o.external_id FROM crm_orders o
         WHERE o.workspace_id = @workspace_id AND o.customer_id = @customer_id
         ORDER BY o.created_position DESC LIMIT @sources
     ) o
     CROSS JOIN LATERAL (
         SELECT x.position FROM events x
         WHERE x.workspace_id = @workspace_id AND x.stream = 'order/' || o.shop_id || '/' || o.external_id
             AND x.type = 'CustomerMatched' AND x.position >= @from_position
             AND (x.payload ->> 'customer_id')::uuid IN (SELECT t.id FROM theirs t)
         ORDER BY x.version LIMIT @at_most
     ) m
     ORDER BY m.position LIMIT @at_most)
    ORDER BY position LIMIT @at_most
) p
CROSS JOIN LATERAL (SELECT * FROM events y WHERE y.position = p.position LIMIT 1) e
ORDER BY e.position;

-- name: UserTimeline :many
-- What happened to a user: their own stream, and which of the newest of their orders were given to them later.
-- Index: events_stream_version, crm_orders_assignee, then events_pkey.
SELECT e.position, e.workspace_id, e.stream, e.version, e.id, e.type, e.schema_version, e.recorded_at, e.correlation_id,
    e.causation_id, e.actor, e.payload::text AS payload, NULL::bytea AS body
FROM (
    (SELECT s.position FROM events s
     WHERE s.workspace_id = @workspace_id AND s.stream = @stream AND s.position >= @from_position
     ORDER BY s.version LIMIT @at_most)
    UNION ALL
    (SELECT m.position
     FROM (
         SELECT o.shop_id, o.external_id FROM crm_orders o
         WHERE o.workspace_id = @workspace_id AND o.assignee_id = @user_id::uuid
         ORDER BY o.created_position DESC LIMIT @orders
     ) o
     CROSS JOIN LATERAL (
         SELECT x.position FROM events x
         WHERE x.workspace_id = @workspace_id AND x.stream = 'order/' || o.shop_id || '/' || o.external_id
             AND x.type = 'OrderReassigned' AND x.position >= @from_position
             AND x.payload #>> '{assignee,user_id}' = (@user_id::uuid)::text
         ORDER BY x.version LIMIT @at_most
     ) m
     ORDER BY m.position LIMIT @at_most)
    ORDER BY position LIMIT @at_most
) p
CROSS JOIN LATERAL (SELECT * FROM events y WHERE y.position = p.position LIMIT 1) e
ORDER BY e.position;

-- name: UnsettledDeliveries :many
-- What asks for an order to be brought in and was not answered yet. The read table may be late, so the log decides.
-- Index: deliveries_code, then events_correlation, backward.
SELECT e.position, e.workspace_id, e.stream, e.version, e.id, e.type, e.schema_version, e.recorded_at, e.correlation_id,
    e.causation_id, e.actor, e.payload::text AS payload, NULL::bytea AS body
FROM unnest(@order_codes::text[]) k
CROSS JOIN LATERAL (
    SELECT r.id FROM deliveries r
    WHERE r.workspace_id = @workspace_id AND r.order_code = k AND r.outcome = 'pending'
    ORDER BY r.received_at DESC, r.received_position DESC LIMIT @at_most
) d
CROSS JOIN LATERAL (
    SELECT * FROM (SELECT * FROM events x WHERE x.correlation_id = d.id OFFSET 0) x
    ORDER BY x.position DESC LIMIT 1
) e
WHERE e.workspace_id = @workspace_id AND e.type IN ('OrderReceived', 'IngestionRetried')
ORDER BY e.position;

-- name: OrderOrigin :one
-- Which order a code names, where it stands, when it was delivered first, and when it came into the CRM.
-- Index: crm_orders_pkey, then crm_customers_pkey, events_pkey, deliveries_code.
SELECT o.shop_id, o.external_id, o.status_name, o.customer_id, coalesce(p.name, '')::text AS customer_name, c.recorded_at AS created_at,
    coalesce(r.received_at, c.recorded_at)::timestamptz AS received_at
FROM crm_orders o
CROSS JOIN LATERAL (
    SELECT e.recorded_at FROM events e WHERE e.position = o.created_position LIMIT 1
) c
LEFT JOIN LATERAL (
    SELECT d.received_at FROM deliveries d
    WHERE d.workspace_id = o.workspace_id AND d.order_code = o.code
    ORDER BY d.received_at, d.received_position
    LIMIT 1
) r ON true
LEFT JOIN crm_customers p ON p.workspace_id = o.workspace_id AND p.id = o.customer_id
WHERE o.workspace_id = $1 AND o.code = $2;

-- name: LastDeliveryOf :one
-- What became last of an order that may never have got into the CRM. Index: deliveries_code, backward.
SELECT outcome FROM deliveries
WHERE workspace_id = @workspace_id AND order_code = @order_code::text
ORDER BY received_at DESC, received_position DESC
LIMIT 1;

-- name: PausedShopsNow :many
-- As PausedShops, for who decides nothing and so locks nothing. Index: shops_pkey.
SELECT q.ordinal::integer AS ordinal
FROM (
    SELECT generate_subscripts(@workspace_ids::uuid[], 1) AS ordinal, unnest(@workspace_ids::uuid[]) AS workspace_id,
        unnest(@shop_ids::text[]) AS shop_id
) q
CROSS JOIN LATERAL (
    SELECT FROM shops s WHERE s.workspace_id = q.workspace_id AND s.shop_id = q.shop_id AND s.paused LIMIT 1
) s;

-- name: ProjectionTimeline :many
-- What was decided about a projection, in whichever workspace; that of nobody is the service itself.
-- Index: events_stream_version, once for each workspace.
SELECT e.position, e.workspace_id, e.stream, e.version, e.id, e.type, e.schema_version, e.recorded_at, e.correlation_id,
    e.causation_id, e.actor, e.payload::text AS payload, NULL::bytea AS body
FROM (SELECT id FROM workspaces UNION ALL SELECT '00000000-0000-0000-0000-000000000000'::uuid) w
CROSS JOIN LATERAL (
    SELECT * FROM events x
    WHERE x.workspace_id = w.id AND x.stream = @stream AND x.position >= @from_position
    ORDER BY x.version LIMIT @at_most
) e
ORDER BY e.position LIMIT @at_most;
