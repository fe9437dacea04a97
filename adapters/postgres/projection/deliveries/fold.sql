-- Folds the events in ($1, $2] into the read table. Each statement ends with a line that holds only a semicolon.
-- Texts are taken apart to be searched as contact.WordsOf does it, and without an extension.

-- Deliveries that arrived.
INSERT INTO deliveries (workspace_id, id, received_position, received_at, shop_id, order_code, outcome, reason, search)
SELECT e.workspace_id, e.correlation_id, e.position, (e.payload ->> 'received_at')::timestamptz,
    e.payload ->> 'shop_id', e.payload ->> 'order_code', 'pending', NULL,
    array_to_tsvector(ARRAY(
        SELECT '#' || left(w.word, 100)
        FROM regexp_split_to_table(
            lower(translate(regexp_replace(normalize(e.payload ->> 'order_code', NFKD), '[\u0300-\u036f]', '', 'g'), 'đĐ', 'dd')),
            '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u303f\ufeff\ufffd]+') AS w (word)
        WHERE w.word <> ''))
FROM events e
WHERE e.position > $1 AND e.position <= $2 AND e.type = 'OrderReceived'
ON CONFLICT (workspace_id, id) DO NOTHING
;

-- Deliveries that were refused.
INSERT INTO deliveries (workspace_id, id, received_position, received_at, shop_id, order_code, outcome, reason, search)
SELECT e.workspace_id, e.correlation_id, e.position, (e.payload ->> 'received_at')::timestamptz,
    e.payload #>> '{shop_ids,0}', NULL, 'rejected', e.payload ->> 'reason', ''
FROM events e
WHERE e.position > $1 AND e.position <= $2 AND e.type = 'DeliveryRejected'
ON CONFLICT (workspace_id, id) DO NOTHING
;

-- What became of deliveries: the last event that decides it wins. Its order is that of the last event of an order. Of what was
-- refused at the door, shop and code of its order are known only then. A delivery that said nothing new is found by the buyer
-- whom its order had, as one of the order's last events tells.
UPDATE deliveries d
SET outcome = o.outcome, reason = o.reason,
    shop_id = CASE WHEN d.order_code IS NULL THEN coalesce(o.shop_id, d.shop_id) ELSE d.shop_id END,
    order_code = coalesce(o.order_code, d.order_code), search = coalesce(o.search, d.search)
FROM (
    SELECT l.workspace_id, l.correlation_id, c.order_code,
        CASE l.type
            WHEN 'OrderCreated' THEN 'created'
            WHEN 'OrderUpdated' THEN 'updated'
            WHEN 'OrderUnchanged' THEN 'unchanged'
            WHEN 'OrderSkipped' THEN 'skipped'
            WHEN 'IngestionHeld' THEN 'held'
            WHEN 'IngestionRetried' THEN 'pending'
            WHEN 'IngestionFailed' THEN 'failed'
        END AS outcome,
        CASE WHEN l.type <> 'IngestionRetried' THEN l.payload ->> 'reason' END AS reason,
        split_part(c.stream, '/', 2) AS shop_id,
        CASE WHEN c.order_code IS NOT NULL THEN array_to_tsvector(ARRAY(
            SELECT t.mark || left(w.word, 100)
            FROM (VALUES ('#', c.order_code), ('', b.buyer ->> 'name')) AS t (mark, text),
                regexp_split_to_table(
                    lower(translate(regexp_replace(normalize(t.text, NFKD), '[\u0300-\u036f]', '', 'g'), 'đĐ', 'dd')),
                    '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u303f\ufeff\ufffd]+') AS w (word)
            WHERE w.word <> ''
            UNION ALL
            SELECT jsonb_array_elements_text(coalesce(nullif(b.buyer -> 'phones', 'null'), '[]'))
            UNION ALL
            SELECT '@' || jsonb_array_elements_text(coalesce(nullif(b.buyer -> 'emails', 'null'), '[]'))))
        END AS search
    FROM (
        SELECT max(e.position) AS last_position,
            max(e.position) FILTER (WHERE e.type IN ('OrderCreated', 'OrderUpdated', 'OrderUnchanged', 'OrderSkipped')) AS order_position
        FROM events e
        WHERE e.position > $1 AND e.position <= $2
            AND e.type IN ('OrderCreated', 'OrderUpdated', 'OrderUnchanged', 'OrderSkipped', 'IngestionHeld',
                'IngestionRetried', 'IngestionFailed')
        GROUP BY e.workspace_id, e.correlation_id
    ) k
    CROSS JOIN LATERAL (
        SELECT e.* FROM events e WHERE e.position = k.last_position AND e.position > $1 AND e.position <= $2 LIMIT 1
    ) l
    LEFT JOIN LATERAL (
        SELECT e.workspace_id, e.stream, e.version, e.type, e.payload ->> 'code' AS order_code, e.payload #> '{order,buyer}' AS buyer
        FROM events e
        WHERE e.position = k.order_position AND e.position > $1 AND e.position <= $2
        LIMIT 1
    ) c ON true
    LEFT JOIN LATERAL (
        SELECT p.payload #> '{order,buyer}' AS buyer
        FROM events p
        WHERE c.type = 'OrderUnchanged' AND p.workspace_id = c.workspace_id AND p.stream = c.stream
            AND p.version < c.version AND p.version >= c.version - 50
            AND p.type IN ('OrderCreated', 'OrderUpdated', 'OrderReassigned')
        ORDER BY p.version DESC
        LIMIT 1
    ) known ON true
    CROSS JOIN LATERAL (SELECT coalesce(c.buyer, known.buyer) AS buyer) b
) o
WHERE d.workspace_id = o.workspace_id AND d.id = o.correlation_id
;
