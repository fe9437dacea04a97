-- What the overview asks. Everything is bounded by a day or an hour, and read by the whole of a key.

-- name: SalesOfDay :many
-- By currency. Index: daily_sales_day.
SELECT s.currency, sum(s.orders)::bigint AS orders, sum(s.cancelled)::bigint AS cancelled,
    least(sum(s.goods_value), 9223372036854775807)::bigint AS goods_value
FROM daily_sales s
WHERE s.workspace_id = @workspace_id AND s.day = to_date(@day::text, 'YYYY-MM-DD')
GROUP BY s.currency
ORDER BY sum(s.orders) DESC, s.currency;

-- name: DeliveriesBetween :one
-- Of whole minutes. Index: deliveries_minutes_pkey.
SELECT coalesce(sum(m.received), 0)::bigint AS received, coalesce(sum(m.customers_created), 0)::bigint AS customers_created,
    coalesce(sum(m.customers_matched), 0)::bigint AS customers_matched
FROM deliveries_minutes m
WHERE m.workspace_id = @workspace_id AND m.minute >= @since::timestamptz AND m.minute < @until::timestamptz;

-- name: DeliveriesByMinute :many
-- Index: deliveries_minutes_pkey.
SELECT m.minute, m.received FROM deliveries_minutes m
WHERE m.workspace_id = @workspace_id AND m.minute >= @since::timestamptz
ORDER BY m.minute;

-- name: ProcessingTimes :many
-- Percentiles by minute, and last of all of them, in milliseconds: of the last deliveries of each minute, however many it has.
-- Index: deliveries_minutes_pkey, deliveries_list.
SELECT coalesce(m.minute, @since)::timestamptz AS minute, (GROUPING(m.minute) = 1)::boolean AS of_all,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY p.ms)::float8 AS p50,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY p.ms)::float8 AS p95
FROM deliveries_minutes m
CROSS JOIN LATERAL (
    SELECT greatest(0, 1000 * extract(epoch FROM l.decided_at - l.received_at))::float8 AS ms
    FROM (
        SELECT d.received_at, d.decided_at FROM deliveries d
        WHERE d.workspace_id = @workspace_id AND d.received_at >= m.minute AND d.received_at < m.minute + interval '1 minute'
        ORDER BY d.received_at DESC, d.received_position DESC
        LIMIT @at_most
    ) l
    WHERE l.decided_at IS NOT NULL
) p
WHERE m.workspace_id = @workspace_id AND m.minute >= @since::timestamptz
GROUP BY GROUPING SETS ((m.minute), ())
HAVING count(*) > 0
ORDER BY m.minute NULLS LAST;

-- name: ShopIDs :many
-- Those that are connected. Index: shops_pkey.
SELECT shop_id FROM shops WHERE workspace_id = $1 ORDER BY shop_id;

-- name: CustomersMet :many
-- How deliveries of a time found their customers, the latest first. Index: deliveries_list, crm_orders_pkey, crm_customers_pkey.
SELECT d.id, d.received_position, d.received_at, d.order_code, o.customer_id, c.name, c.phones
FROM (
    SELECT m.id, m.received_position, m.received_at, m.order_code FROM deliveries m
    WHERE m.workspace_id = @workspace_id
        AND (sqlc.narg(before_at)::timestamptz IS NULL OR (m.received_at, m.received_position) < (sqlc.narg(before_at), @before::bigint))
        AND m.received_at >= @since::timestamptz AND m.received_at < @until::timestamptz
        AND m.customer = @found::text
    ORDER BY m.received_at DESC, m.received_position DESC
    LIMIT @at_most
) d
CROSS JOIN LATERAL (
    SELECT x.customer_id FROM crm_orders x WHERE x.workspace_id = @workspace_id AND x.code = d.order_code LIMIT 1
) o
CROSS JOIN LATERAL (
    SELECT y.name, y.phones FROM crm_customers y WHERE y.workspace_id = @workspace_id AND y.id = o.customer_id LIMIT 1
) c
ORDER BY d.received_at DESC, d.received_position DESC;
