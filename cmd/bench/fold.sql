INSERT INTO crm_customers (workspace_id, id, created_position, name, phones, emails, address, gender, birthday, tags, note,
    status, merged_into, created_at, version, search)
SELECT e.workspace_id, c.id, l.first_position, c.name, coalesce(c.phones, '{}'), coalesce(c.emails, '{}'), c.address, c.gender,
    c.birthday, coalesce(c.tags, '{}'), c.note, c.status, (e.payload ->> 'into')::uuid, c.created_at, e.version,
    array_to_tsvector(ARRAY(
        SELECT left(w.word, 100)
        FROM regexp_split_to_table(
            lower(translate(regexp_replace(normalize(c.name, NFKD), '[\u0300-\u036f]', '', 'g'), 'đĐ', 'dd')),
            '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u303f\ufeff\ufffd]+') AS w (word)
        WHERE w.word <> ''))
FROM (
    SELECT max(e.position) AS last_position, min(e.position) AS first_position
    FROM events e
    WHERE e.type IN ('CustomerCreated', 'CustomerImported', 'CustomerUpdated', 'CustomerArchived', 'CustomerRestored')
    GROUP BY e.workspace_id, e.stream
) l
JOIN events e ON e.position = l.last_position
    AND e.type IN ('CustomerCreated', 'CustomerImported', 'CustomerUpdated', 'CustomerArchived', 'CustomerRestored'),
    jsonb_to_record(e.payload -> 'customer') AS c (id uuid, name text, phones text[], emails text[], address text, gender text,
        birthday text, tags text[], note text, status text, created_at timestamptz);

INSERT INTO crm_orders (workspace_id, code, created_position, shop_id, external_id, customer_id, own_customer_id, source_id, assignee_id,
    assignee_name, assignee_reason, status_code, status_name, currency, totals, ordered_at, updated_at, channel, tags, note,
    buyer, shipping, payments, creator, first_editor, status_history, staff_key, staff_name)
SELECT e.workspace_id, p.code, l.first_position, o.shop_id, o.external_id, p.customer_id, p.customer_id, p.source_id,
    (p.assignee ->> 'user_id')::uuid, p.assignee ->> 'name', p.assignee ->> 'reason', (o.status ->> 'code')::integer,
    o.status ->> 'name', o.currency, o.totals, o.ordered_at, coalesce(o.updated_at, o.ordered_at), o.channel,
    coalesce(o.tags, '{}'), o.note, o.buyer, coalesce(o.shipping, '{}'), coalesce(o.payments, '{}'), o.creator, o.first_editor,
    coalesce(o.status_history, '[]'),
    coalesce(maker.staff ->> 'external_id', maker.staff ->> 'email', maker.staff ->> 'phone',
        'name:' || o.shop_id || ':' || (maker.staff ->> 'name')),
    maker.staff ->> 'name'
FROM (
    SELECT max(e.position) AS last_position, min(e.position) AS first_position
    FROM events e
    WHERE e.type IN ('OrderCreated', 'OrderUpdated', 'OrderReassigned')
    GROUP BY e.workspace_id, e.stream
) l
JOIN events e ON e.position = l.last_position
    AND e.type IN ('OrderCreated', 'OrderUpdated', 'OrderReassigned'),
    jsonb_to_record(e.payload) AS p (code text, customer_id uuid, source_id uuid, assignee jsonb, "order" jsonb),
    jsonb_to_record(p."order") AS o (shop_id text, external_id text, status jsonb, currency text, totals jsonb,
        ordered_at timestamptz, updated_at timestamptz, channel text, tags text[], note text, buyer jsonb, shipping jsonb,
        payments jsonb, creator jsonb, first_editor jsonb, status_history jsonb),
    LATERAL (SELECT coalesce(o.creator, o.first_editor) AS staff) maker;

INSERT INTO crm_order_history (workspace_id, code, position, at, event, delivery_id, actor, reason, status_code,
    status_name, customer_id, changes)
SELECT e.workspace_id, p.code, e.position, e.recorded_at, e.type,
    CASE WHEN e.type <> 'OrderReassigned' THEN e.correlation_id END, e.actor, p.reason,
    (p."order" #>> '{status,code}')::integer, p."order" #>> '{status,name}', p.customer_id,
    coalesce(nullif(p.changes, 'null'), '[]')
FROM events e, jsonb_to_record(e.payload) AS p (code text, reason text, customer_id uuid, changes jsonb, "order" jsonb)
WHERE e.type IN ('OrderCreated', 'OrderUpdated', 'OrderReassigned');

INSERT INTO crm_order_lines (workspace_id, code, line, product_code, product_name, variant, quantity, unit_price,
    discount, amount, gift)
SELECT e.workspace_id, e.payload ->> 'code', i.line, i.product_code, i.product_name, i.variant, i.quantity, i.unit_price,
    i.discount, i.amount, coalesce(i.gift, false)
FROM (
    SELECT max(e.position) AS last_position
    FROM events e
    WHERE e.type IN ('OrderCreated', 'OrderUpdated', 'OrderReassigned')
    GROUP BY e.workspace_id, e.stream
) l
JOIN events e ON e.position = l.last_position
    AND e.type IN ('OrderCreated', 'OrderUpdated', 'OrderReassigned'),
    ROWS FROM (
        jsonb_to_recordset(e.payload #> '{order,lines}') AS (product_code text, product_name text, variant text,
            quantity numeric, unit_price bigint, discount bigint, amount bigint, gift boolean)
    ) WITH ORDINALITY AS i (product_code, product_name, variant, quantity, unit_price, discount, amount, gift, line);

INSERT INTO crm_sources (workspace_id, id, created_position, name, created_at)
SELECT e.workspace_id, (e.payload ->> 'source_id')::uuid, e.position, e.payload ->> 'name', e.recorded_at
FROM events e
WHERE e.type = 'SourceEnsured' AND (e.payload ->> 'created')::boolean;

INSERT INTO crm_users (workspace_id, id, created_position, name, phone, email, active, version)
SELECT l.workspace_id, (l.u ->> 'id')::uuid, l.first_position, l.u ->> 'name', l.u ->> 'phone', l.u ->> 'email',
    (l.u ->> 'active')::boolean, l.version
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.stream)
        e.workspace_id, e.payload -> 'user' AS u, e.version,
        min(e.position) OVER (PARTITION BY e.workspace_id, e.stream) AS first_position
    FROM events e
    WHERE e.type IN ('UserAdded', 'UserUpdated', 'UserDeactivated', 'UserReactivated', 'StaffMapped', 'StaffUnmapped')
    ORDER BY e.workspace_id, e.stream, e.position DESC
) l;

INSERT INTO crm_staff (workspace_id, staff_key, user_id, name)
SELECT l.workspace_id, l.staff_key, l.user_id, l.name
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.payload #>> '{staff,key}')
        e.workspace_id, e.payload #>> '{staff,key}' AS staff_key, (e.payload #>> '{user,id}')::uuid AS user_id,
        e.payload #>> '{staff,name}' AS name, e.type
    FROM events e
    WHERE e.type IN ('StaffMapped', 'StaffUnmapped')
    ORDER BY e.workspace_id, e.payload #>> '{staff,key}', e.position DESC
) l
WHERE l.type = 'StaffMapped';
