-- Folds the events in ($1, $2] into the read tables. Each statement ends with a line that holds only a semicolon.
-- Events that change a record carry its new state whole, so the last event of a record decides. Payloads are taken apart once and
-- not field by field, which takes little more than half the time. Streams are told apart by their bytes (COLLATE "C"), in which no
-- order of a language has a say. Rows that are changed or go are looked up by their key first, and then known by where they are (ctid):
-- joined by the key, a table that was nearly empty when it was counted would be read whole for each event of the slice.

-- Customers. Names are taken apart to be searched as contact.WordsOf does it, and without an extension.
INSERT INTO crm_customers (workspace_id, id, created_position, name, phones, emails, address, gender, birthday, tags, note,
    status, merged_into, created_at, version, search)
SELECT e.workspace_id, c.id, e.first_position, c.name, coalesce(c.phones, '{}'), coalesce(c.emails, '{}'), c.address, c.gender,
    c.birthday, coalesce(c.tags, '{}'), c.note, c.status, (e.payload ->> 'into')::uuid, c.created_at, e.version,
    array_to_tsvector(ARRAY(
        SELECT left(w.word, 100)
        FROM regexp_split_to_table(
            lower(translate(regexp_replace(normalize(c.name, NFKD), '[\u0300-\u036f]', '', 'g'), 'đĐ', 'dd')),
            '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u303f\ufeff\ufffd]+') AS w (word)
        WHERE w.word <> ''))
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.stream COLLATE "C") e.workspace_id, e.version, e.payload,
        min(e.position) OVER (PARTITION BY e.workspace_id, e.stream COLLATE "C") AS first_position
    FROM events e
    WHERE e.position > $1 AND e.position <= $2
        AND e.type IN ('CustomerCreated', 'CustomerImported', 'CustomerUpdated', 'CustomerArchived', 'CustomerRestored',
            'CustomersMerged', 'CustomerMergedInto', 'CustomersUnmerged', 'CustomerUnmerged')
    ORDER BY e.workspace_id, e.stream COLLATE "C", e.position DESC
) e,
    jsonb_to_record(e.payload -> 'customer') AS c (id uuid, name text, phones text[], emails text[], address text, gender text,
        birthday text, tags text[], note text, status text, created_at timestamptz)
ON CONFLICT (workspace_id, id) DO UPDATE SET
    name = excluded.name, phones = excluded.phones, emails = excluded.emails, address = excluded.address,
    gender = excluded.gender, birthday = excluded.birthday, tags = excluded.tags, note = excluded.note,
    status = excluded.status, merged_into = excluded.merged_into, version = excluded.version, search = excluded.search
;

-- Orders. Nested fields that an event does not have are empty there, never null.
INSERT INTO crm_orders (workspace_id, code, created_position, shop_id, external_id, customer_id, own_customer_id, source_id, assignee_id,
    assignee_name, assignee_reason, status_code, status_name, currency, totals, ordered_at, updated_at, channel, tags, note,
    buyer, shipping, payments, creator, first_editor, status_history, staff_key, staff_name)
SELECT e.workspace_id, p.code, e.first_position, o.shop_id, o.external_id,
    coalesce((SELECT m.survivor_id FROM crm_merged m WHERE m.workspace_id = e.workspace_id AND m.id = p.customer_id), p.customer_id),
    p.customer_id, p.source_id,
    (p.assignee ->> 'user_id')::uuid, p.assignee ->> 'name', p.assignee ->> 'reason', (o.status ->> 'code')::integer,
    o.status ->> 'name', o.currency, o.totals, o.ordered_at, coalesce(o.updated_at, o.ordered_at), o.channel,
    coalesce(o.tags, '{}'), o.note, o.buyer, coalesce(o.shipping, '{}'), coalesce(o.payments, '{}'), o.creator, o.first_editor,
    coalesce(o.status_history, '[]'),
    coalesce(maker.staff ->> 'external_id', maker.staff ->> 'email', maker.staff ->> 'phone',
        'name:' || o.shop_id || ':' || (maker.staff ->> 'name')),
    maker.staff ->> 'name'
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.stream COLLATE "C") e.workspace_id, e.payload,
        min(e.position) OVER (PARTITION BY e.workspace_id, e.stream COLLATE "C") AS first_position
    FROM events e
    WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('OrderCreated', 'OrderUpdated', 'OrderReassigned')
    ORDER BY e.workspace_id, e.stream COLLATE "C", e.position DESC
) e,
    jsonb_to_record(e.payload) AS p (code text, customer_id uuid, source_id uuid, assignee jsonb, "order" jsonb),
    jsonb_to_record(p."order") AS o (shop_id text, external_id text, status jsonb, currency text, totals jsonb,
        ordered_at timestamptz, updated_at timestamptz, channel text, tags text[], note text, buyer jsonb, shipping jsonb,
        payments jsonb, creator jsonb, first_editor jsonb, status_history jsonb),
    LATERAL (SELECT coalesce(o.creator, o.first_editor) AS staff) maker
ON CONFLICT (workspace_id, code) DO UPDATE SET
    customer_id = excluded.customer_id, own_customer_id = excluded.own_customer_id, source_id = excluded.source_id, assignee_id = excluded.assignee_id,
    assignee_name = excluded.assignee_name, assignee_reason = excluded.assignee_reason,
    status_code = excluded.status_code, status_name = excluded.status_name, currency = excluded.currency,
    totals = excluded.totals, ordered_at = excluded.ordered_at,
    updated_at = greatest(crm_orders.updated_at, excluded.updated_at), channel = excluded.channel, tags = excluded.tags,
    note = excluded.note, buyer = excluded.buyer, shipping = excluded.shipping, payments = excluded.payments,
    creator = excluded.creator, first_editor = excluded.first_editor, status_history = excluded.status_history,
    staff_key = excluded.staff_key, staff_name = excluded.staff_name
;

-- Newer versions of orders that said nothing new.
UPDATE crm_orders o SET updated_at = u.updated_at
FROM (
    SELECT u.updated_at, k.at
    FROM (
        SELECT e.workspace_id, e.payload ->> 'code' AS code, max((e.payload ->> 'updated_at')::timestamptz) AS updated_at
        FROM events e
        WHERE e.position > $1 AND e.position <= $2 AND e.type = 'OrderUnchanged'
        GROUP BY 1, 2
    ) u
    CROSS JOIN LATERAL (
        SELECT c.ctid AS at FROM crm_orders c
        WHERE c.workspace_id = u.workspace_id AND c.code = u.code AND c.updated_at < u.updated_at
        LIMIT 1
    ) k
) u
WHERE o.ctid = u.at
;

-- Who stands for customers that were merged or unmerged, and for those who were merged into them: their orders are shown with that one.
WITH RECURSIVE family AS (
    SELECT DISTINCT e.workspace_id, (e.payload #>> '{customer,id}')::uuid AS id
    FROM events e
    WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('CustomerMergedInto', 'CustomerUnmerged')
    UNION
    SELECT f.workspace_id, c.id
    FROM family f CROSS JOIN LATERAL (
        SELECT m.id FROM crm_customers m WHERE m.workspace_id = f.workspace_id AND m.merged_into = f.id OFFSET 0
    ) c
), up AS (
    SELECT f.workspace_id, f.id, f.id AS at FROM family f
    UNION ALL
    SELECT u.workspace_id, u.id, c.merged_into
    FROM up u CROSS JOIN LATERAL (
        SELECT m.merged_into FROM crm_customers m
        WHERE m.workspace_id = u.workspace_id AND m.id = u.at AND m.merged_into IS NOT NULL LIMIT 1
    ) c
), survivors AS MATERIALIZED (
    SELECT u.workspace_id, u.id, u.at AS survivor_id
    FROM up u CROSS JOIN LATERAL (
        SELECT FROM crm_customers m WHERE m.workspace_id = u.workspace_id AND m.id = u.at AND m.merged_into IS NULL LIMIT 1
    ) c
), shown AS MATERIALIZED (
    SELECT s.workspace_id, s.id, s.survivor_id, coalesce(
        (SELECT m.survivor_id FROM crm_merged m WHERE m.workspace_id = s.workspace_id AND m.id = s.id), s.id) AS shown_with
    FROM survivors s
), moved AS (
    UPDATE crm_orders o SET customer_id = g.survivor_id
    FROM (
        SELECT k.at, s.survivor_id
        FROM shown s CROSS JOIN LATERAL (
            SELECT c.ctid AS at FROM crm_orders c
            WHERE c.workspace_id = s.workspace_id AND c.customer_id = s.shown_with AND c.own_customer_id = s.id OFFSET 0
        ) k
        WHERE s.shown_with <> s.survivor_id
    ) g
    WHERE o.ctid = g.at
), gone AS (
    DELETE FROM crm_merged m
    USING (
        SELECT k.at FROM survivors s CROSS JOIN LATERAL (
            SELECT x.ctid AS at FROM crm_merged x WHERE x.workspace_id = s.workspace_id AND x.id = s.id LIMIT 1
        ) k
        WHERE s.survivor_id = s.id
    ) g
    WHERE m.ctid = g.at
)
INSERT INTO crm_merged (workspace_id, id, survivor_id)
SELECT s.workspace_id, s.id, s.survivor_id FROM survivors s WHERE s.survivor_id <> s.id
ON CONFLICT (workspace_id, id) DO UPDATE SET survivor_id = excluded.survivor_id
;

-- What was done to orders.
INSERT INTO crm_order_history (workspace_id, code, position, at, event, delivery_id, actor, reason, status_code,
    status_name, customer_id, changes)
SELECT e.workspace_id, p.code, e.position, e.recorded_at, e.type,
    CASE WHEN e.type <> 'OrderReassigned' AND p.reason IS DISTINCT FROM 'relinked' THEN e.correlation_id END, e.actor, p.reason,
    (p."order" #>> '{status,code}')::integer, p."order" #>> '{status,name}', p.customer_id,
    coalesce(nullif(p.changes, 'null'), '[]')
FROM events e, jsonb_to_record(e.payload) AS p (code text, reason text, customer_id uuid, changes jsonb, "order" jsonb)
WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('OrderCreated', 'OrderUpdated', 'OrderReassigned')
ON CONFLICT (workspace_id, code, position) DO NOTHING
;

-- Lines of orders that changed: all of them go, and those of the last state come.
DELETE FROM crm_order_lines l
USING (
    SELECT k.at
    FROM (
        SELECT DISTINCT e.workspace_id, e.payload ->> 'code' AS code
        FROM events e
        WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('OrderUpdated', 'OrderReassigned')
    ) u
    CROSS JOIN LATERAL (
        SELECT o.ctid AS at FROM crm_order_lines o WHERE o.workspace_id = u.workspace_id AND o.code = u.code OFFSET 0
    ) k
) g
WHERE l.ctid = g.at
;

INSERT INTO crm_order_lines (workspace_id, code, line, product_code, product_name, variant, quantity, unit_price,
    discount, amount, gift)
SELECT e.workspace_id, e.payload ->> 'code', i.line, i.product_code, i.product_name, i.variant, i.quantity, i.unit_price,
    i.discount, i.amount, coalesce(i.gift, false)
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.stream COLLATE "C") e.workspace_id, e.payload
    FROM events e
    WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('OrderCreated', 'OrderUpdated', 'OrderReassigned')
    ORDER BY e.workspace_id, e.stream COLLATE "C", e.position DESC
) e,
    ROWS FROM (
        jsonb_to_recordset(e.payload #> '{order,lines}') AS (product_code text, product_name text, variant text,
            quantity numeric, unit_price bigint, discount bigint, amount bigint, gift boolean)
    ) WITH ORDINALITY AS i (product_code, product_name, variant, quantity, unit_price, discount, amount, gift, line)
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

-- Users.
INSERT INTO crm_users (workspace_id, id, created_position, name, phone, email, active, version)
SELECT l.workspace_id, (l.u ->> 'id')::uuid, l.first_position, l.u ->> 'name', l.u ->> 'phone', l.u ->> 'email',
    (l.u ->> 'active')::boolean, l.version
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.stream COLLATE "C")
        e.workspace_id, e.payload -> 'user' AS u, e.version,
        min(e.position) OVER (PARTITION BY e.workspace_id, e.stream COLLATE "C") AS first_position
    FROM events e
    WHERE e.position > $1 AND e.position <= $2
        AND e.type IN ('UserAdded', 'UserUpdated', 'UserDeactivated', 'UserReactivated', 'StaffMapped', 'StaffUnmapped')
    ORDER BY e.workspace_id, e.stream COLLATE "C", e.position DESC
) l
ON CONFLICT (workspace_id, id) DO UPDATE SET
    name = excluded.name, phone = excluded.phone, email = excluded.email, active = excluded.active, version = excluded.version
;

-- Mappings that were made or taken back: all of them go, and those that are in force at the end come.
DELETE FROM crm_staff s
USING (
    SELECT DISTINCT e.workspace_id, e.payload #>> '{staff,key}' AS staff_key
    FROM events e
    WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('StaffMapped', 'StaffUnmapped')
) m
WHERE s.workspace_id = m.workspace_id AND s.staff_key = m.staff_key
;

INSERT INTO crm_staff (workspace_id, staff_key, user_id, name)
SELECT l.workspace_id, l.staff_key, l.user_id, l.name
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.payload #>> '{staff,key}')
        e.workspace_id, e.payload #>> '{staff,key}' AS staff_key, (e.payload #>> '{user,id}')::uuid AS user_id,
        e.payload #>> '{staff,name}' AS name, e.type
    FROM events e
    WHERE e.position > $1 AND e.position <= $2 AND e.type IN ('StaffMapped', 'StaffUnmapped')
    ORDER BY e.workspace_id, e.payload #>> '{staff,key}', e.position DESC
) l
WHERE l.type = 'StaffMapped'
;
