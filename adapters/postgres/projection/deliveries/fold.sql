-- Folds the events in ($1, $2] into the read table. Each statement ends with a line that holds only a semicolon.

-- Deliveries that arrived.
INSERT INTO deliveries (workspace_id, id, received_position, received_at, shop_id, order_code, outcome, reason)
SELECT e.workspace_id, e.correlation_id, e.position, (e.payload ->> 'received_at')::timestamptz,
    e.payload ->> 'shop_id', e.payload ->> 'order_code', 'pending', NULL
FROM events e
WHERE e.position > $1 AND e.position <= $2 AND e.type = 'OrderReceived'
ON CONFLICT (workspace_id, id) DO NOTHING
;

-- Deliveries that were refused.
INSERT INTO deliveries (workspace_id, id, received_position, received_at, shop_id, order_code, outcome, reason)
SELECT e.workspace_id, e.correlation_id, e.position, (e.payload ->> 'received_at')::timestamptz,
    e.payload #>> '{shop_ids,0}', NULL, 'rejected', e.payload ->> 'reason'
FROM events e
WHERE e.position > $1 AND e.position <= $2 AND e.type = 'DeliveryRejected'
ON CONFLICT (workspace_id, id) DO NOTHING
;

-- What became of deliveries: the last event that decides it wins.
UPDATE deliveries d
SET outcome = o.outcome, reason = o.reason, order_code = coalesce(o.order_code, d.order_code)
FROM (
    SELECT DISTINCT ON (e.workspace_id, e.correlation_id)
        e.workspace_id, e.correlation_id, e.payload ->> 'code' AS order_code,
        CASE WHEN e.type <> 'IngestionRetried' THEN e.payload ->> 'reason' END AS reason,
        CASE e.type
            WHEN 'OrderCreated' THEN 'created'
            WHEN 'OrderUpdated' THEN 'updated'
            WHEN 'OrderUnchanged' THEN 'unchanged'
            WHEN 'OrderSkipped' THEN 'skipped'
            WHEN 'IngestionHeld' THEN 'held'
            WHEN 'IngestionRetried' THEN 'pending'
            WHEN 'IngestionFailed' THEN 'failed'
        END AS outcome
    FROM events e
    WHERE e.position > $1 AND e.position <= $2
        AND e.type IN ('OrderCreated', 'OrderUpdated', 'OrderUnchanged', 'OrderSkipped', 'IngestionHeld',
            'IngestionRetried', 'IngestionFailed')
    ORDER BY e.workspace_id, e.correlation_id, e.position DESC
) o
WHERE d.workspace_id = o.workspace_id AND d.id = o.correlation_id
;
