-- Folds the events in ($1, $2] into the read table. Each statement ends with a line that holds only a semicolon.
-- Rows that are changed are looked up by their key first, and then known by where they are (ctid): joined by the key, a table that was
-- nearly empty when it was counted would be read whole for each of the slice's deliveries.
-- Texts are taken apart to be searched as contact.WordsOf does it, and without an extension.

-- Deliveries, as the slice leaves them: those that arrived in it are written once, with what became of them by its end, and others
-- are changed. The last event that decides what became of one wins. Its order is that of the last event of an order. Of what was
-- refused at the door, shop and code of its order are known only then. A delivery that said nothing new is found by the buyer
-- whom its order had, as one of the order's last events tells. The first that says how its customer was found stays. What is counted
-- by the minute is what was written for the first time: what is folded again adds nothing.
WITH told AS MATERIALIZED (
    SELECT k.workspace_id, k.correlation_id AS id, k.arrived_position, (a.payload ->> 'received_at')::timestamptz AS received_at,
        coalesce(a.payload ->> 'shop_id', a.payload #>> '{shop_ids,0}') AS sent_shop_id, a.payload ->> 'order_code' AS sent_code,
        CASE WHEN a.type = 'DeliveryRejected' THEN a.payload ->> 'reason' END AS refusal,
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
        CASE WHEN l.type NOT IN ('IngestionRetried', 'IngestionHeld') THEN l.recorded_at END AS decided_at,
        CASE k.customer_event WHEN 'CustomerCreated' THEN 'created' WHEN 'CustomerMatched' THEN 'matched' END AS customer,
        split_part(c.stream, '/', 2) AS shop_id, c.order_code,
        CASE WHEN c.order_code IS NOT NULL OR a.type = 'OrderReceived' THEN array_to_tsvector(ARRAY(
            SELECT t.mark || left(w.word, 100)
            FROM (VALUES ('#', coalesce(c.order_code, a.payload ->> 'order_code')), ('', b.buyer ->> 'name')) AS t (mark, text),
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
            min(e.position) FILTER (WHERE e.type IN ('OrderReceived', 'DeliveryRejected')) AS arrived_position,
            max(e.position) FILTER (WHERE e.type NOT IN ('OrderReceived', 'DeliveryRejected', 'CustomerCreated', 'CustomerMatched'))
                AS last_position,
            max(e.position) FILTER (WHERE e.type IN ('OrderCreated', 'OrderUpdated', 'OrderUnchanged', 'OrderSkipped')) AS order_position,
            (array_agg(e.type ORDER BY e.position) FILTER (WHERE e.type IN ('CustomerCreated', 'CustomerMatched')))[1] AS customer_event
        FROM events e
        WHERE e.position > $1 AND e.position <= $2
            AND e.type IN ('OrderReceived', 'DeliveryRejected', 'OrderCreated', 'OrderUpdated', 'OrderUnchanged', 'OrderSkipped',
                'IngestionHeld', 'IngestionRetried', 'IngestionFailed', 'CustomerCreated', 'CustomerMatched')
        GROUP BY e.workspace_id, e.correlation_id
    ) k
    LEFT JOIN LATERAL (
        SELECT e.type, e.payload FROM events e WHERE e.position = k.arrived_position AND e.position > $1 AND e.position <= $2 LIMIT 1
    ) a ON true
    LEFT JOIN LATERAL (
        SELECT e.type, e.payload, e.recorded_at FROM events e
        WHERE e.position = k.last_position AND e.position > $1 AND e.position <= $2
        LIMIT 1
    ) l ON true
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
), arrived AS (
    INSERT INTO deliveries (workspace_id, id, received_position, received_at, shop_id, order_code, outcome, reason, decided_at, customer,
        search)
    SELECT t.workspace_id, t.id, t.arrived_position, t.received_at,
        CASE WHEN t.sent_code IS NULL THEN coalesce(t.shop_id, t.sent_shop_id) ELSE t.sent_shop_id END,
        coalesce(t.order_code, t.sent_code),
        coalesce(t.outcome, CASE WHEN t.refusal IS NULL THEN 'pending' ELSE 'rejected' END),
        CASE WHEN t.outcome IS NULL THEN t.refusal ELSE t.reason END, t.decided_at, t.customer, coalesce(t.search, '')
    FROM told t
    WHERE t.arrived_position IS NOT NULL
    ON CONFLICT (workspace_id, id) DO NOTHING
    RETURNING workspace_id, received_at, customer
), known AS MATERIALIZED (
    SELECT t.*, k.at, k.received_at AS arrived_at, k.customer AS had_customer
    FROM told t
    CROSS JOIN LATERAL (
        SELECT e.ctid AS at, e.received_at, e.customer FROM deliveries e WHERE e.workspace_id = t.workspace_id AND e.id = t.id LIMIT 1
    ) k
    WHERE t.arrived_position IS NULL
), changed AS (
    UPDATE deliveries d
    SET outcome = coalesce(t.outcome, d.outcome),
        reason = CASE WHEN t.outcome IS NULL THEN d.reason ELSE t.reason END,
        decided_at = CASE WHEN t.outcome IS NULL THEN d.decided_at ELSE t.decided_at END,
        customer = coalesce(d.customer, t.customer),
        shop_id = CASE WHEN d.order_code IS NULL THEN coalesce(t.shop_id, d.shop_id) ELSE d.shop_id END,
        order_code = coalesce(t.order_code, d.order_code), search = coalesce(t.search, d.search)
    FROM known t
    WHERE d.ctid = t.at
)
INSERT INTO deliveries_minutes AS m (workspace_id, minute, received, customers_created, customers_matched)
SELECT c.workspace_id, date_bin('1 minute', c.received_at, 'epoch'), sum(c.received), count(*) FILTER (WHERE c.customer = 'created'),
    count(*) FILTER (WHERE c.customer = 'matched')
FROM (
    SELECT a.workspace_id, a.received_at, 1 AS received, a.customer FROM arrived a
    UNION ALL
    SELECT k.workspace_id, k.arrived_at, 0, k.customer FROM known k WHERE k.had_customer IS NULL AND k.customer IS NOT NULL
) c
GROUP BY 1, 2
ON CONFLICT (workspace_id, minute) DO UPDATE SET
    received = m.received + excluded.received, customers_created = m.customers_created + excluded.customers_created,
    customers_matched = m.customers_matched + excluded.customers_matched
;
