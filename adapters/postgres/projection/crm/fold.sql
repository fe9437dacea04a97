-- Folds the events in ($1, $2] into the read tables. Each statement ends with a line that holds only a semicolon.
-- Events that change a record carry its new state whole, so the last event of a record decides.

-- Customers. Names are taken apart to be searched as contact.WordsOf does it, and without an extension.
INSERT INTO crm_customers (workspace_id, id, created_position, name, phones, emails, address, gender, birthday, tags, note,
    status, created_at, version, search)
SELECT l.workspace_id, (l.c ->> 'id')::uuid, l.first_position, l.c ->> 'name',
    ARRAY(SELECT jsonb_array_elements_text(l.c -> 'phones')), ARRAY(SELECT jsonb_array_elements_text(l.c -> 'emails')),
    l.c ->> 'address', l.c ->> 'gender', l.c ->> 'birthday',
    ARRAY(SELECT jsonb_array_elements_text(coalesce(l.c -> 'tags', '[]'))), l.c ->> 'note', l.c ->> 'status',
    (l.c ->> 'created_at')::timestamptz, l.version,
    array_to_tsvector(ARRAY(
        SELECT left(w.word, 100)
        FROM regexp_split_to_table(
            lower(translate(regexp_replace(normalize(l.c ->> 'name', NFKD), '[\u0300-\u036f]', '', 'g'), 'đĐ', 'dd')),
            '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u303f\ufeff\ufffd]+') AS w (word)
        WHERE w.word <> ''))
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.stream)
        e.workspace_id, e.payload -> 'customer' AS c, e.version,
        min(e.position) OVER (PARTITION BY e.workspace_id, e.stream) AS first_position
    FROM events e
    WHERE e.position > $1 AND e.position <= $2
        AND e.type IN ('CustomerCreated', 'CustomerImported', 'CustomerUpdated', 'CustomerArchived', 'CustomerRestored')
    ORDER BY e.workspace_id, e.stream, e.position DESC
) l
ON CONFLICT (workspace_id, id) DO UPDATE SET
    name = excluded.name, phones = excluded.phones, emails = excluded.emails, address = excluded.address,
    gender = excluded.gender, birthday = excluded.birthday, tags = excluded.tags, note = excluded.note,
    status = excluded.status, version = excluded.version, search = excluded.search
;

-- Orders.
INSERT INTO crm_orders (workspace_id, code, created_position, shop_id, external_id, customer_id, source_id, assignee_id,
    assignee_name, assignee_reason, status_code, status_name, currency, totals, ordered_at)
SELECT l.workspace_id, l.p ->> 'code', l.first_position, l.p #>> '{order,shop_id}', l.p #>> '{order,external_id}',
    (l.p ->> 'customer_id')::uuid, (l.p ->> 'source_id')::uuid, (l.p #>> '{assignee,user_id}')::uuid,
    l.p #>> '{assignee,name}', l.p #>> '{assignee,reason}', (l.p #>> '{order,status,code}')::integer,
    l.p #>> '{order,status,name}', l.p #>> '{order,currency}', l.p #> '{order,totals}',
    (l.p #>> '{order,ordered_at}')::timestamptz
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.stream)
        e.workspace_id, e.payload AS p,
        min(e.position) OVER (PARTITION BY e.workspace_id, e.stream) AS first_position
    FROM events e
    WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('OrderCreated', 'OrderUpdated')
    ORDER BY e.workspace_id, e.stream, e.position DESC
) l
ON CONFLICT (workspace_id, code) DO UPDATE SET
    customer_id = excluded.customer_id, source_id = excluded.source_id, assignee_id = excluded.assignee_id,
    assignee_name = excluded.assignee_name, assignee_reason = excluded.assignee_reason,
    status_code = excluded.status_code, status_name = excluded.status_name, currency = excluded.currency,
    totals = excluded.totals, ordered_at = excluded.ordered_at
;

-- Lines of orders that changed: all of them go, and those of the last state come.
DELETE FROM crm_order_lines l
USING (
    SELECT DISTINCT e.workspace_id, e.payload ->> 'code' AS code
    FROM events e
    WHERE e.position > $1 AND e.position <= $2 AND e.type = 'OrderUpdated'
) u
WHERE l.workspace_id = u.workspace_id AND l.code = u.code
;

INSERT INTO crm_order_lines (workspace_id, code, line, product_code, product_name, variant, quantity, unit_price,
    discount, amount, gift)
SELECT o.workspace_id, o.code, i.line, i.data ->> 'product_code', i.data ->> 'product_name', i.data ->> 'variant',
    (i.data ->> 'quantity')::numeric, (i.data ->> 'unit_price')::bigint, (i.data ->> 'discount')::bigint,
    (i.data ->> 'amount')::bigint, coalesce((i.data ->> 'gift')::boolean, false)
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.stream)
        e.workspace_id, e.payload ->> 'code' AS code, e.payload #> '{order,lines}' AS lines
    FROM events e
    WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('OrderCreated', 'OrderUpdated')
    ORDER BY e.workspace_id, e.stream, e.position DESC
) o, jsonb_array_elements(o.lines) WITH ORDINALITY AS i (data, line)
ON CONFLICT (workspace_id, code, line) DO UPDATE SET
    product_code = excluded.product_code, product_name = excluded.product_name, variant = excluded.variant,
    quantity = excluded.quantity, unit_price = excluded.unit_price, discount = excluded.discount,
    amount = excluded.amount, gift = excluded.gift
;

-- Sources.
INSERT INTO crm_sources (workspace_id, id, created_position, name, created_at)
SELECT e.workspace_id, (e.payload ->> 'source_id')::uuid, e.position, e.payload ->> 'name', e.recorded_at
FROM events e
WHERE e.position > $1 AND e.position <= $2 AND e.type = 'SourceEnsured' AND (e.payload ->> 'created')::boolean
ON CONFLICT (workspace_id, id) DO NOTHING
;

-- Staff.
INSERT INTO crm_users (workspace_id, id, created_position, name, phone, email, active)
SELECT l.workspace_id, (l.u ->> 'id')::uuid, l.first_position, l.u ->> 'name', l.u ->> 'phone', l.u ->> 'email',
    (l.u ->> 'active')::boolean
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.stream)
        e.workspace_id, e.payload -> 'user' AS u,
        min(e.position) OVER (PARTITION BY e.workspace_id, e.stream) AS first_position
    FROM events e
    WHERE e.position > $1 AND e.position <= $2 AND e.type = 'UserAdded'
    ORDER BY e.workspace_id, e.stream, e.position DESC
) l
ON CONFLICT (workspace_id, id) DO UPDATE SET
    name = excluded.name, phone = excluded.phone, email = excluded.email, active = excluded.active
;
