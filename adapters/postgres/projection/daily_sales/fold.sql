-- Folds the events in ($1, $2] into the read tables. Each statement ends with a line that holds only a semicolon.
-- A time zone that changed comes first and moves the orders there are; then come the slice's orders, in the zone at its end.

-- Time zones. The default is that of workspace.DefaultSettings; a zone that this server does not know counts as that one, rather
-- than holding up the figures of all workspaces.
INSERT INTO daily_sales_zones (workspace_id, time_zone)
SELECT l.workspace_id,
    coalesce((SELECT n.name FROM pg_timezone_names n WHERE n.name = l.time_zone), 'Asia/Ho_Chi_Minh')
FROM (
    SELECT DISTINCT ON (e.workspace_id) e.workspace_id, e.payload #>> '{settings,time_zone}' AS time_zone
    FROM events e
    WHERE e.position > $1 AND e.position <= $2
        AND e.type = 'SettingsChanged' AND e.payload -> 'changes' @> '[{"field": "time_zone"}]'
    ORDER BY e.workspace_id, e.position DESC
) l
ON CONFLICT (workspace_id) DO UPDATE SET time_zone = excluded.time_zone
;

-- In another time zone all days of the workspace are other days: its figures are made anew.
DELETE FROM daily_sales_customers c
USING (
    SELECT DISTINCT e.workspace_id
    FROM events e
    WHERE e.position > $1 AND e.position <= $2
        AND e.type = 'SettingsChanged' AND e.payload -> 'changes' @> '[{"field": "time_zone"}]'
) w
WHERE c.workspace_id = w.workspace_id
;

INSERT INTO daily_sales_customers (workspace_id, customer_id, day, shop_id, currency, orders)
SELECT o.workspace_id, o.customer_id, (o.ordered_at AT TIME ZONE z.time_zone)::date, o.shop_id, o.currency, count(*)
FROM (
    SELECT DISTINCT e.workspace_id
    FROM events e
    WHERE e.position > $1 AND e.position <= $2
        AND e.type = 'SettingsChanged' AND e.payload -> 'changes' @> '[{"field": "time_zone"}]'
) w
JOIN daily_sales_zones z ON z.workspace_id = w.workspace_id
JOIN daily_sales_orders o ON o.workspace_id = w.workspace_id AND NOT o.cancelled
GROUP BY 1, 2, 3, 4, 5
;

DELETE FROM daily_sales s
USING (
    SELECT DISTINCT e.workspace_id
    FROM events e
    WHERE e.position > $1 AND e.position <= $2
        AND e.type = 'SettingsChanged' AND e.payload -> 'changes' @> '[{"field": "time_zone"}]'
) w
WHERE s.workspace_id = w.workspace_id
;

INSERT INTO daily_sales (workspace_id, shop_id, day, currency, orders, customers_new, customers_returning, goods_value, cancelled)
SELECT f.workspace_id, f.shop_id, f.day, f.currency, sum(f.orders), sum(f.customers_new), sum(f.customers_returning),
    sum(f.goods_value), sum(f.cancelled)
FROM (
    SELECT DISTINCT e.workspace_id
    FROM events e
    WHERE e.position > $1 AND e.position <= $2
        AND e.type = 'SettingsChanged' AND e.payload -> 'changes' @> '[{"field": "time_zone"}]'
) w
JOIN daily_sales_zones z ON z.workspace_id = w.workspace_id,
LATERAL (
    SELECT o.workspace_id, o.shop_id, (o.ordered_at AT TIME ZONE z.time_zone)::date AS day, o.currency,
        (NOT o.cancelled)::integer AS orders, 0 AS customers_new, 0 AS customers_returning,
        CASE WHEN o.cancelled THEN 0 ELSE o.goods END AS goods_value, o.cancelled::integer AS cancelled
    FROM daily_sales_orders o
    WHERE o.workspace_id = w.workspace_id
    UNION ALL
    SELECT c.workspace_id, c.shop_id, c.day, c.currency, 0, c.is_new::integer, (NOT c.is_new)::integer, 0, 0
    FROM (
        SELECT c.*, c.day = min(c.day) OVER (PARTITION BY c.customer_id) AS is_new
        FROM daily_sales_customers c
        WHERE c.workspace_id = w.workspace_id
    ) c
) f
GROUP BY 1, 2, 3, 4
;

-- Orders. Each takes away what it added before and adds what it adds now; the rows to which that makes a difference are looked
-- up, changed by it and written, all in one statement since its parts see the tables as they were before. What it costs is bounded
-- by the slice: a look-up with LIMIT or OFFSET stays a look-up whatever the planner thinks of the sizes, and no two parts of the
-- statement are joined, since it knows nothing of theirs. Rows that go are known by where they are (ctid).
WITH told AS MATERIALIZED (
    -- Orders of the slice, as the last event of each leaves them.
    SELECT e.workspace_id, p.code, o.shop_id, p.customer_id, o.currency, o.ordered_at,
        coalesce(z.time_zone, 'Asia/Ho_Chi_Minh') AS time_zone, coalesce((o.totals ->> 'goods')::bigint, 0) AS goods,
        (o.status ->> 'code')::integer IN (6, 7) AS cancelled
    FROM (
        SELECT DISTINCT ON (e.workspace_id, e.stream COLLATE "C") e.workspace_id, e.payload
        FROM events e
        WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('OrderCreated', 'OrderUpdated', 'OrderReassigned')
        ORDER BY e.workspace_id, e.stream COLLATE "C", e.position DESC
    ) e
    LEFT JOIN daily_sales_zones z ON z.workspace_id = e.workspace_id,
        jsonb_to_record(e.payload) AS p (code text, customer_id uuid, "order" jsonb),
        jsonb_to_record(p."order") AS o (shop_id text, currency text, status jsonb, totals jsonb, ordered_at timestamptz)
), moves AS MATERIALIZED (
    -- What they add, and what they added before.
    SELECT t.workspace_id, t.customer_id, (t.ordered_at AT TIME ZONE t.time_zone)::date AS day, t.shop_id, t.currency, t.goods,
        t.cancelled, 1 AS sign
    FROM told t
    UNION ALL
    SELECT t.workspace_id, b.customer_id, (b.ordered_at AT TIME ZONE t.time_zone)::date, b.shop_id, b.currency, b.goods,
        b.cancelled, -1
    FROM told t, LATERAL (
        SELECT o.* FROM daily_sales_orders o WHERE o.workspace_id = t.workspace_id AND o.code = t.code LIMIT 1
    ) b
), counted AS MATERIALIZED (
    -- Rows of daily_sales_customers with another count than before, and where they are.
    SELECT m.workspace_id, m.customer_id, m.day, m.shop_id, m.currency, coalesce(b.orders, 0) AS had,
        coalesce(b.orders, 0) + m.more AS has, b.at
    FROM (
        SELECT m.workspace_id, m.customer_id, m.day, m.shop_id, m.currency, sum(m.sign) AS more
        FROM moves m
        WHERE NOT m.cancelled
        GROUP BY 1, 2, 3, 4, 5
        HAVING sum(m.sign) <> 0
    ) m
    LEFT JOIN LATERAL (
        SELECT c.orders, c.ctid AS at
        FROM daily_sales_customers c
        WHERE c.workspace_id = m.workspace_id AND c.customer_id = m.customer_id AND c.day = m.day AND c.shop_id = m.shop_id
            AND c.currency = m.currency
        LIMIT 1
    ) b ON true
), turned AS MATERIALIZED (
    -- Customers with some of these that come (they had no order) or go (they have none): their first day before and after, and
    -- those rows.
    SELECT t.*, before.day AS first_before, least(t.first_to_come, stays.day) AS first_after
    FROM (
        SELECT c.workspace_id, c.customer_id, min(c.day) FILTER (WHERE c.had = 0) AS first_to_come,
            coalesce(array_agg(c.at) FILTER (WHERE c.has = 0), '{}') AS going, array_agg(c.shop_id) AS shop_ids,
            array_agg(c.day) AS days, array_agg(c.currency) AS currencies,
            array_agg(CASE c.had WHEN 0 THEN 1 ELSE -1 END) AS signs
        FROM counted c
        WHERE c.had = 0 OR c.has = 0
        GROUP BY c.workspace_id, c.customer_id
    ) t
    LEFT JOIN LATERAL (
        SELECT c.day
        FROM daily_sales_customers c
        WHERE c.workspace_id = t.workspace_id AND c.customer_id = t.customer_id
        ORDER BY c.day
        LIMIT 1
    ) before ON true
    LEFT JOIN LATERAL (
        SELECT c.day
        FROM daily_sales_customers c
        WHERE c.workspace_id = t.workspace_id AND c.customer_id = t.customer_id AND c.ctid <> ALL (t.going)
        ORDER BY c.day
        LIMIT 1
    ) stays ON true
), standing AS (
    -- What becomes of customers as new and returning ones: in rows that come or go, and in those that stay where the first day
    -- was or is.
    SELECT s.workspace_id, s.shop_id, s.day, s.currency, s.sign,
        s.day = CASE s.sign WHEN 1 THEN s.first_after ELSE s.first_before END AS is_new
    FROM (
        SELECT t.workspace_id, r.shop_id, r.day, r.currency, r.sign, t.first_before, t.first_after
        FROM turned t, unnest(t.shop_ids, t.days, t.currencies, t.signs) AS r (shop_id, day, currency, sign)
        UNION ALL
        SELECT t.workspace_id, c.shop_id, f.day, c.currency, v.sign, t.first_before, t.first_after
        FROM turned t, LATERAL (VALUES (t.first_before), (t.first_after)) AS f (day), LATERAL (
            SELECT c.shop_id, c.currency
            FROM daily_sales_customers c
            WHERE c.workspace_id = t.workspace_id AND c.customer_id = t.customer_id AND c.day = f.day
                AND c.ctid <> ALL (t.going)
            OFFSET 0
        ) c, (VALUES (-1), (1)) AS v (sign)
        WHERE t.first_before <> t.first_after
    ) s
), changed AS MATERIALIZED (
    -- Rows of daily_sales with other figures than before, and where they are.
    SELECT f.workspace_id, f.shop_id, f.day, f.currency, coalesce(b.orders, 0) + f.orders AS orders,
        coalesce(b.customers_new, 0) + f.customers_new AS customers_new,
        coalesce(b.customers_returning, 0) + f.customers_returning AS customers_returning,
        coalesce(b.goods_value, 0) + f.goods_value AS goods_value, coalesce(b.cancelled, 0) + f.cancelled AS cancelled, b.at
    FROM (
        SELECT f.workspace_id, f.shop_id, f.day, f.currency, sum(f.orders) AS orders, sum(f.customers_new) AS customers_new,
            sum(f.customers_returning) AS customers_returning, sum(f.goods_value) AS goods_value, sum(f.cancelled) AS cancelled
        FROM (
            SELECT m.workspace_id, m.shop_id, m.day, m.currency, CASE WHEN m.cancelled THEN 0 ELSE m.sign END AS orders,
                0 AS customers_new, 0 AS customers_returning,
                CASE WHEN m.cancelled THEN 0 ELSE m.sign * m.goods::numeric END AS goods_value,
                CASE WHEN m.cancelled THEN m.sign ELSE 0 END AS cancelled
            FROM moves m
            UNION ALL
            SELECT s.workspace_id, s.shop_id, s.day, s.currency, 0, CASE WHEN s.is_new THEN s.sign ELSE 0 END,
                CASE WHEN s.is_new THEN 0 ELSE s.sign END, 0, 0
            FROM standing s
        ) f
        GROUP BY 1, 2, 3, 4
    ) f
    LEFT JOIN LATERAL (
        SELECT s.*, s.ctid AS at
        FROM daily_sales s
        WHERE s.workspace_id = f.workspace_id AND s.shop_id = f.shop_id AND s.day = f.day AND s.currency = f.currency
        LIMIT 1
    ) b ON true
    WHERE (f.orders, f.customers_new, f.customers_returning, f.goods_value, f.cancelled) <> (0, 0, 0, 0, 0)
), days_that_go AS (
    DELETE FROM daily_sales s USING changed c WHERE c.orders = 0 AND c.cancelled = 0 AND s.ctid = c.at
), days_that_stay AS (
    INSERT INTO daily_sales (workspace_id, shop_id, day, currency, orders, customers_new, customers_returning, goods_value,
        cancelled)
    SELECT c.workspace_id, c.shop_id, c.day, c.currency, c.orders, c.customers_new, c.customers_returning, c.goods_value,
        c.cancelled
    FROM changed c
    WHERE c.orders <> 0 OR c.cancelled <> 0
    ON CONFLICT (workspace_id, shop_id, day, currency) DO UPDATE SET
        orders = excluded.orders, customers_new = excluded.customers_new, customers_returning = excluded.customers_returning,
        goods_value = excluded.goods_value, cancelled = excluded.cancelled
), customers_that_go AS (
    DELETE FROM daily_sales_customers s USING counted c WHERE c.has = 0 AND s.ctid = c.at
), customers_that_stay AS (
    INSERT INTO daily_sales_customers (workspace_id, customer_id, day, shop_id, currency, orders)
    SELECT c.workspace_id, c.customer_id, c.day, c.shop_id, c.currency, c.has
    FROM counted c
    WHERE c.has <> 0
    ON CONFLICT (workspace_id, customer_id, day, shop_id, currency) DO UPDATE SET orders = excluded.orders
)
INSERT INTO daily_sales_orders AS o (workspace_id, code, shop_id, customer_id, currency, ordered_at, goods, cancelled)
SELECT t.workspace_id, t.code, t.shop_id, t.customer_id, t.currency, t.ordered_at, t.goods, t.cancelled
FROM told t
ON CONFLICT (workspace_id, code) DO UPDATE SET
    customer_id = excluded.customer_id, currency = excluded.currency, ordered_at = excluded.ordered_at, goods = excluded.goods,
    cancelled = excluded.cancelled
WHERE (o.customer_id, o.currency, o.ordered_at, o.goods, o.cancelled)
    <> (excluded.customer_id, excluded.currency, excluded.ordered_at, excluded.goods, excluded.cancelled)
;
