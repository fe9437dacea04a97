-- Lists are read newest first by (workspace, position) with a row more than the page, to know whether more follows.

-- name: Order :one
-- Index: crm_orders_pkey.
SELECT * FROM crm_orders WHERE workspace_id = $1 AND code = $2;

-- name: OrdersPage :many
-- A merged customer's id leads to the orders of who stands for them.
-- Index: crm_orders_list, or crm_orders_shop / _customer / _status / _assignee / _ordered with a filter; crm_merged_pkey.
SELECT o.code, o.created_position, o.shop_id, o.external_id, o.customer_id, o.source_id, o.assignee_id, o.assignee_name, o.assignee_reason,
    o.status_code, o.currency, o.totals, o.ordered_at
FROM crm_orders o
WHERE o.workspace_id = @workspace_id
    AND o.created_position < @before
    AND (@shop_id::text = '' OR o.shop_id = @shop_id)
    AND (sqlc.narg(customer_id)::uuid IS NULL OR o.customer_id = coalesce(
        (SELECT m.survivor_id FROM crm_merged m WHERE m.workspace_id = @workspace_id AND m.id = sqlc.narg(customer_id)),
        sqlc.narg(customer_id)))
    AND (@status_name::text = '' OR o.status_name = @status_name)
    AND (@status_code::integer = 0 OR o.status_code = @status_code)
    AND (sqlc.narg(assignee_id)::uuid IS NULL OR o.assignee_id = sqlc.narg(assignee_id))
    AND (sqlc.narg(ordered_from)::timestamptz IS NULL OR o.ordered_at >= sqlc.narg(ordered_from))
    AND (sqlc.narg(ordered_to)::timestamptz IS NULL OR o.ordered_at < sqlc.narg(ordered_to))
ORDER BY o.created_position DESC
LIMIT @at_most;

-- name: OrderHistory :many
-- The newest part of it. Index: crm_order_history_pkey, backward.
SELECT position, at, event, delivery_id, actor, reason, status_code, customer_id, changes
FROM crm_order_history
WHERE workspace_id = $1 AND code = $2
ORDER BY position DESC
LIMIT @at_most;

-- name: OrderLines :many
-- Each order's are looked up (OFFSET), or all of the workspace would be read in the order that is asked for.
-- Index: crm_order_lines_pkey.
SELECT l.code, l.line, l.product_code, l.product_name, l.variant, l.quantity::text AS quantity, l.unit_price, l.discount, l.amount,
    l.gift
FROM unnest(@codes::text[]) q (code)
CROSS JOIN LATERAL (
    SELECT * FROM crm_order_lines o WHERE o.workspace_id = @workspace_id AND o.code = q.code OFFSET 0
) l
ORDER BY l.code, l.line;

-- name: CustomersNamed :many
-- Each is looked up (LIMIT), whatever is thought of the table's size. Index: crm_customers_pkey.
SELECT c.id, c.name, c.phones, c.emails
FROM unnest(@ids::uuid[]) q (id)
CROSS JOIN LATERAL (SELECT * FROM crm_customers k WHERE k.workspace_id = @workspace_id AND k.id = q.id LIMIT 1) c;

-- name: SourcesWithID :many
-- Index: crm_sources_pkey.
SELECT s.id, s.name
FROM unnest(@ids::uuid[]) q (id)
CROSS JOIN LATERAL (SELECT * FROM crm_sources k WHERE k.workspace_id = @workspace_id AND k.id = q.id LIMIT 1) s;

-- name: SourcesPage :many
-- Index: crm_sources_list.
SELECT * FROM crm_sources
WHERE workspace_id = @workspace_id AND created_position < @before
ORDER BY created_position DESC
LIMIT @at_most;

-- name: Delivery :one
-- Index: deliveries_pkey.
SELECT id, received_position, received_at, shop_id, order_code, outcome, reason FROM deliveries WHERE workspace_id = $1 AND id = $2;

-- name: DeliveredAt :one
-- Where in the list of deliveries a cursor stands. Index: events_pkey.
SELECT (payload ->> 'received_at')::timestamptz AS received_at FROM events
WHERE position = $1 AND workspace_id = $2 AND type IN ('OrderReceived', 'DeliveryRejected');

-- name: DeliveriesPage :many
-- The latest first, of one outcome or of all. Planned afresh each time, so that what is not asked for falls away.
-- Index: deliveries_list, or deliveries_outcome / _reason / _shop / _shop_reason / _code with a filter.
SELECT d.id, d.received_position, d.received_at, d.shop_id, d.order_code, d.outcome, d.reason
FROM deliveries d
WHERE d.workspace_id = @workspace_id
    AND (sqlc.narg(before_at)::timestamptz IS NULL OR (d.received_at, d.received_position) < (sqlc.narg(before_at), @before::bigint))
    AND (@outcome::text = '' OR d.outcome = @outcome)
    AND (@reason::text = '' OR d.reason = @reason)
    AND (@shop_id::text = '' OR d.shop_id = @shop_id)
    AND (@order_code::text = '' OR d.order_code = @order_code)
    AND (@order_code_like::text = '' OR d.order_code LIKE @order_code_like)
    AND (sqlc.narg(received_from)::timestamptz IS NULL OR d.received_at >= sqlc.narg(received_from))
    AND (sqlc.narg(received_to)::timestamptz IS NULL OR d.received_at < sqlc.narg(received_to))
ORDER BY d.received_at DESC, d.received_position DESC
LIMIT @at_most;

-- name: CountDeliveries :one
-- Those of one outcome, up to a number. Planned afresh, by the indexes of DeliveriesPage.
SELECT count(*) FROM (
    SELECT FROM deliveries d
    WHERE d.workspace_id = @workspace_id
        AND d.outcome = @outcome::text
        AND (@reason::text = '' OR d.reason = @reason)
        AND (@shop_id::text = '' OR d.shop_id = @shop_id)
        AND (@order_code::text = '' OR d.order_code = @order_code)
        AND (@order_code_like::text = '' OR d.order_code LIKE @order_code_like)
        AND (sqlc.narg(received_from)::timestamptz IS NULL OR d.received_at >= sqlc.narg(received_from))
        AND (sqlc.narg(received_to)::timestamptz IS NULL OR d.received_at < sqlc.narg(received_to))
    LIMIT @at_most
) counted;

-- Words may be of many deliveries or of few. If many have them, enough of those are among the latest that match all else; if
-- few have them, the text index finds those.

-- name: SearchLatestDeliveries :many
-- Those among the latest, and the last of these whether it has the words or not: it tells that there were as many.
-- Index: as DeliveriesPage.
SELECT f.id, f.received_position, f.received_at, f.shop_id, f.order_code, f.outcome, f.reason, f.matches::boolean AS matches,
    (f.place = @latest::bigint)::boolean AS is_last
FROM (
    SELECT d.id, d.received_position, d.received_at, d.shop_id, d.order_code, d.outcome, d.reason,
        d.search @@ sqlc.arg(terms)::text::tsquery AS matches,
        row_number() OVER (ORDER BY d.received_at DESC, d.received_position DESC) AS place
    FROM deliveries d
    WHERE d.workspace_id = @workspace_id
        AND (sqlc.narg(before_at)::timestamptz IS NULL OR (d.received_at, d.received_position) < (sqlc.narg(before_at), @before::bigint))
        AND (@outcome::text = '' OR d.outcome = @outcome)
        AND (@reason::text = '' OR d.reason = @reason)
        AND (@shop_id::text = '' OR d.shop_id = @shop_id)
        AND (@order_code::text = '' OR d.order_code = @order_code)
        AND (@order_code_like::text = '' OR d.order_code LIKE @order_code_like)
        AND (sqlc.narg(received_from)::timestamptz IS NULL OR d.received_at >= sqlc.narg(received_from))
        AND (sqlc.narg(received_to)::timestamptz IS NULL OR d.received_at < sqlc.narg(received_to))
    ORDER BY d.received_at DESC, d.received_position DESC
    LIMIT @latest::bigint
) f
WHERE f.matches OR f.place = @latest::bigint
ORDER BY f.received_at DESC, f.received_position DESC
LIMIT @at_most;

-- name: SearchDeliveries :many
-- OFFSET keeps the words apart from all else, so that they are what is looked up. Index: deliveries_search.
SELECT d.id, d.received_position, d.received_at, d.shop_id, d.order_code, d.outcome, d.reason
FROM (
    SELECT g.workspace_id, g.id, g.received_position, g.received_at, g.shop_id, g.order_code, g.outcome, g.reason
    FROM deliveries g
    WHERE g.search @@ sqlc.arg(terms)::text::tsquery
    OFFSET 0
) d
WHERE d.workspace_id = @workspace_id::uuid
    AND (sqlc.narg(before_at)::timestamptz IS NULL OR (d.received_at, d.received_position) < (sqlc.narg(before_at)::timestamptz, @before::bigint))
    AND (cardinality(@outcomes::text[]) = 0 OR d.outcome = ANY (@outcomes::text[]))
    AND (@reason::text = '' OR d.reason = @reason::text)
    AND (@shop_id::text = '' OR d.shop_id = @shop_id::text)
    AND (@order_code::text = '' OR d.order_code = @order_code::text)
    AND (@order_code_like::text = '' OR d.order_code LIKE @order_code_like::text)
    AND (sqlc.narg(received_from)::timestamptz IS NULL OR d.received_at >= sqlc.narg(received_from)::timestamptz)
    AND (sqlc.narg(received_to)::timestamptz IS NULL OR d.received_at < sqlc.narg(received_to)::timestamptz)
ORDER BY d.received_at DESC, d.received_position DESC
LIMIT @at_most;

-- name: CountSearchedOfOutcome :one
-- How many have the words, of some deliveries of one outcome that match all else, and how many were looked at.
SELECT count(*) AS looked_at, count(*) FILTER (WHERE f.matches) AS matching
FROM (
    SELECT d.search @@ sqlc.arg(terms)::text::tsquery AS matches
    FROM deliveries d
    WHERE d.workspace_id = @workspace_id
        AND d.outcome = @outcome::text
        AND (@reason::text = '' OR d.reason = @reason)
        AND (@shop_id::text = '' OR d.shop_id = @shop_id)
        AND (@order_code::text = '' OR d.order_code = @order_code)
        AND (@order_code_like::text = '' OR d.order_code LIKE @order_code_like)
        AND (sqlc.narg(received_from)::timestamptz IS NULL OR d.received_at >= sqlc.narg(received_from))
        AND (sqlc.narg(received_to)::timestamptz IS NULL OR d.received_at < sqlc.narg(received_to))
    LIMIT @at_most
) f;

-- name: CountSearchedDeliveries :many
-- Of so many that have the words, how many match all else, by outcome; and without an outcome how many were looked at.
-- Index: deliveries_search.
WITH worded AS MATERIALIZED (
    SELECT g.workspace_id, g.received_at, g.shop_id, g.order_code, g.outcome, g.reason
    FROM deliveries g
    WHERE g.search @@ sqlc.arg(terms)::text::tsquery
    LIMIT @at_most
)
SELECT ''::text AS outcome, count(*) AS count FROM worded
UNION ALL
SELECT d.outcome, count(*) FROM worded d
WHERE d.workspace_id = @workspace_id::uuid
    AND d.outcome = ANY (@outcomes::text[])
    AND (@reason::text = '' OR d.reason = @reason::text)
    AND (@shop_id::text = '' OR d.shop_id = @shop_id::text)
    AND (@order_code::text = '' OR d.order_code = @order_code::text)
    AND (@order_code_like::text = '' OR d.order_code LIKE @order_code_like::text)
    AND (sqlc.narg(received_from)::timestamptz IS NULL OR d.received_at >= sqlc.narg(received_from)::timestamptz)
    AND (sqlc.narg(received_to)::timestamptz IS NULL OR d.received_at < sqlc.narg(received_to)::timestamptz)
GROUP BY d.outcome;
