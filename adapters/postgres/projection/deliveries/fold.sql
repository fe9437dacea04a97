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

-- What became of deliveries: the last event that decides it wins. The last event of an order tells what was delivered: its
-- code, and of what was refused at the door also its shop, which are known only then; and by what it is found.
-- A delivery that said nothing new is found by the buyer whom its order had, as one of the order's last events tells.
UPDATE deliveries d
SET outcome = o.outcome, reason = o.reason,
    shop_id = CASE WHEN d.order_code IS NULL THEN coalesce(o.shop_id, d.shop_id) ELSE d.shop_id END,
    order_code = coalesce(o.order_code, d.order_code), search = coalesce(o.search, d.search)
FROM (
    SELECT l.workspace_id, l.correlation_id, l.reason,
        CASE l.type
            WHEN 'OrderCreated' THEN 'created'
            WHEN 'OrderUpdated' THEN 'updated'
            WHEN 'OrderUnchanged' THEN 'unchanged'
            WHEN 'OrderSkipped' THEN 'skipped'
            WHEN 'IngestionHeld' THEN 'held'
            WHEN 'IngestionRetried' THEN 'pending'
            WHEN 'IngestionFailed' THEN 'failed'
        END AS outcome,
        split_part(l.order_stream, '/', 2) AS shop_id, l.told ->> 'code' AS order_code,
        CASE WHEN l.told IS NOT NULL THEN array_to_tsvector(ARRAY(
            SELECT t.mark || left(w.word, 100)
            FROM (VALUES ('#', l.told ->> 'code'), ('', b.buyer ->> 'name')) AS t (mark, text),
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
        SELECT e.workspace_id, e.correlation_id,
            (array_agg(e.type ORDER BY e.position DESC))[1] AS type,
            (array_agg(CASE WHEN e.type <> 'IngestionRetried' THEN e.payload ->> 'reason' END ORDER BY e.position DESC))[1] AS reason,
            (array_agg(e.payload ORDER BY e.position DESC) FILTER (WHERE e.payload ? 'code'))[1] AS told,
            (array_agg(e.stream ORDER BY e.position DESC) FILTER (WHERE e.payload ? 'code'))[1] AS order_stream,
            (array_agg(e.version ORDER BY e.position DESC) FILTER (WHERE e.payload ? 'code'))[1] AS order_version
        FROM events e
        WHERE e.position > $1 AND e.position <= $2
            AND e.type IN ('OrderCreated', 'OrderUpdated', 'OrderUnchanged', 'OrderSkipped', 'IngestionHeld',
                'IngestionRetried', 'IngestionFailed')
        GROUP BY e.workspace_id, e.correlation_id
    ) l
    LEFT JOIN LATERAL (
        SELECT p.payload #> '{order,buyer}' AS buyer
        FROM events p
        WHERE l.told -> 'order' IS NULL AND p.workspace_id = l.workspace_id AND p.stream = l.order_stream
            AND p.version < l.order_version AND p.version >= l.order_version - 50
            AND p.type IN ('OrderCreated', 'OrderUpdated', 'OrderReassigned')
        ORDER BY p.version DESC
        LIMIT 1
    ) known ON true
    CROSS JOIN LATERAL (SELECT coalesce(l.told #> '{order,buyer}', known.buyer) AS buyer) b
) o
WHERE d.workspace_id = o.workspace_id AND d.id = o.correlation_id
;
