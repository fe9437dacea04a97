-- Lists are read newest first by (workspace, position) with a row more than the page, to know whether more follows.

-- name: Order :one
-- Index: crm_orders_pkey.
SELECT * FROM crm_orders WHERE workspace_id = $1 AND code = $2;

-- name: OrdersPage :many
-- Index: crm_orders_list, or crm_orders_shop / crm_orders_customer with a filter.
SELECT * FROM crm_orders
WHERE workspace_id = @workspace_id
    AND created_position < @before
    AND (@shop_id::text = '' OR shop_id = @shop_id)
    AND (sqlc.narg(customer_id)::uuid IS NULL OR customer_id = sqlc.narg(customer_id))
ORDER BY created_position DESC
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

-- name: UsersPage :many
-- Index: crm_users_list.
SELECT * FROM crm_users
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
