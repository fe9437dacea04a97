-- Lists are read newest first by (workspace, position) with a row more than the page, to know whether more follows.

-- name: Order :one
-- Index: crm_orders_pkey.
SELECT * FROM crm_orders WHERE workspace_id = $1 AND code = $2;

-- name: OrdersPage :many
-- Index: crm_orders_list, or crm_orders_shop / _customer / _status / _assignee / _ordered with a filter.
SELECT code, created_position, shop_id, external_id, customer_id, source_id, assignee_id, assignee_name, assignee_reason,
    status_code, currency, totals, ordered_at
FROM crm_orders
WHERE workspace_id = @workspace_id
    AND created_position < @before
    AND (@shop_id::text = '' OR shop_id = @shop_id)
    AND (sqlc.narg(customer_id)::uuid IS NULL OR customer_id = sqlc.narg(customer_id))
    AND (@status_name::text = '' OR status_name = @status_name)
    AND (@status_code::integer = 0 OR status_code = @status_code)
    AND (sqlc.narg(assignee_id)::uuid IS NULL OR assignee_id = sqlc.narg(assignee_id))
    AND (sqlc.narg(ordered_from)::timestamptz IS NULL OR ordered_at >= sqlc.narg(ordered_from))
    AND (sqlc.narg(ordered_to)::timestamptz IS NULL OR ordered_at < sqlc.narg(ordered_to))
ORDER BY created_position DESC
LIMIT @at_most;

-- name: OrderHistory :many
-- The newest part of it. Index: crm_order_history_pkey, backward.
SELECT position, at, event, delivery_id, actor, reason, status_code, customer_id, changes
FROM crm_order_history
WHERE workspace_id = $1 AND code = $2
ORDER BY position DESC
LIMIT @at_most;

-- name: OrderLines :many
-- Index: crm_order_lines_pkey.
SELECT code, line, product_code, product_name, variant, quantity::text AS quantity, unit_price, discount, amount, gift
FROM crm_order_lines
WHERE workspace_id = $1 AND code = ANY (@codes::text[])
ORDER BY code, line;

-- name: CustomersNamed :many
-- Index: crm_customers_pkey.
SELECT id, name, phones, emails FROM crm_customers WHERE workspace_id = $1 AND id = ANY (@ids::uuid[]);

-- name: SourcesWithID :many
SELECT id, name FROM crm_sources WHERE workspace_id = $1 AND id = ANY (@ids::uuid[]);

-- name: SourcesPage :many
-- Index: crm_sources_list.
SELECT * FROM crm_sources
WHERE workspace_id = @workspace_id AND created_position < @before
ORDER BY created_position DESC
LIMIT @at_most;

-- name: Delivery :one
-- Index: deliveries_pkey.
SELECT * FROM deliveries WHERE workspace_id = $1 AND id = $2;

-- name: DeliveriesPage :many
-- Index: deliveries_list, or deliveries_outcome / deliveries_shop with a filter.
SELECT * FROM deliveries
WHERE workspace_id = @workspace_id
    AND received_position < @before
    AND (@shop_id::text = '' OR shop_id = @shop_id)
    AND (@outcome::text = '' OR outcome = @outcome)
ORDER BY received_position DESC
LIMIT @at_most;
