-- What a change by an operator writes. A change of a customer writes their head first, so that two changes of one
-- customer wait for each other; keys are sorted by the caller, so that two writers wait instead of deadlocking.

-- name: LockCustomer :exec
-- Who changes a customer waits for whoever is at it. Index: customer_heads_pkey.
SELECT FROM customer_heads WHERE workspace_id = $1 AND id = $2 FOR UPDATE;

-- name: AddCustomerHead :exec
INSERT INTO customer_heads (workspace_id, id, active) VALUES ($1, $2, $3);

-- name: AddCustomerKeys :exec
-- An operator's customer claims a key only if nobody active holds it, so that an order that arrives at the same moment
-- cannot make another customer for it. Index: customer_keys_pkey.
INSERT INTO customer_keys (workspace_id, kind, value, customer_id, active, claimed)
SELECT @workspace_id, k.kind, k.value, @customer_id, @active::boolean, @active::boolean AND NOT EXISTS (
    SELECT FROM customer_keys o
    WHERE o.workspace_id = @workspace_id AND o.kind = k.kind AND o.value = k.value AND o.active)
FROM (SELECT unnest(@kinds::text[]) AS kind, unnest(@values::text[]) AS value) k;

-- name: SetCustomerHead :exec
UPDATE customer_heads SET active = @active, merged_into = sqlc.narg(merged_into)::uuid WHERE workspace_id = @workspace_id AND id = @id;

-- name: SurvivingCustomers :many
-- Index: customer_heads_pkey.
SELECT q.id::uuid AS id, (CASE WHEN h.merged_into IS NULL THEN q.id ELSE surviving_customer(@workspace_id, q.id) END)::uuid AS surviving_id
FROM (SELECT DISTINCT unnest(@ids::uuid[]) AS id) q
CROSS JOIN LATERAL (SELECT m.merged_into FROM customer_heads m WHERE m.workspace_id = @workspace_id AND m.id = q.id LIMIT 1) h;

-- name: SharedKeys :many
-- Keys that several customers have who are in use, and who they are, the oldest first: among the next so many, in the order of keys, so
-- that it takes no longer the more customers there are. Each row says how far that is, and whether there is more behind it; if
-- there are no such keys, one row says that alone. Index: customer_keys_pkey.
WITH looked_at AS MATERIALIZED (
    SELECT k.kind, k.value FROM customer_keys k
    WHERE k.workspace_id = @workspace_id AND k.active AND (k.kind, k.value) > (@after_kind::text, @after_value::text)
    ORDER BY k.kind, k.value
    LIMIT @at_most_looked_at
), furthest AS (
    SELECT l.kind, l.value, (SELECT count(*) FROM looked_at) = @at_most_looked_at AS more
    FROM looked_at l ORDER BY l.kind DESC, l.value DESC LIMIT 1
), shared AS (
    SELECT g.kind, g.value, h.holders, h.customer_ids
    FROM (
        -- Of the furthest key some holders may lie behind the end.
        SELECT l.kind, l.value FROM looked_at l CROSS JOIN furthest f
        GROUP BY l.kind, l.value, f.kind, f.value
        HAVING count(*) > 1 OR (l.kind, l.value) = (f.kind, f.value)
    ) g
    CROSS JOIN LATERAL (
        SELECT count(*) AS holders, array_agg(x.customer_id ORDER BY x.customer_id) AS customer_ids FROM customer_keys x
        WHERE x.workspace_id = @workspace_id AND x.active AND x.kind = g.kind AND x.value = g.value
    ) h
    WHERE h.holders > 1
    ORDER BY g.kind, g.value
    LIMIT @at_most
)
SELECT f.kind AS furthest_kind, f.value AS furthest_value, f.more::boolean AS more, coalesce(s.kind, '')::text AS kind,
    coalesce(s.value, '')::text AS value, coalesce(s.holders, 0)::bigint AS holders, s.customer_ids::uuid[] AS customer_ids
FROM furthest f LEFT JOIN shared s ON true
ORDER BY s.kind, s.value;

-- name: SetCustomerKeysActive :exec
-- Whoever comes back claims nothing: another may have been made for the key meanwhile. Index: customer_keys_customer.
UPDATE customer_keys SET active = $3, claimed = false WHERE workspace_id = $1 AND customer_id = $2;

-- name: RemoveCustomerKeys :exec
-- Index: customer_keys_customer, or customer_keys_pkey.
DELETE FROM customer_keys
WHERE workspace_id = @workspace_id AND customer_id = @customer_id
    AND (kind, value) IN (SELECT unnest(@kinds::text[]), unnest(@values::text[]));

-- What is asked of the read table.

-- name: Customer :one
-- A merged customer's id leads to who stands for them. Index: crm_customers_pkey, crm_merged_pkey.
SELECT id, created_position, name, phones, emails, address, gender, birthday, tags, note, status, merged_into, created_at, version
FROM crm_customers c
WHERE c.workspace_id = @workspace_id AND c.id = coalesce(
    (SELECT m.survivor_id FROM crm_merged m WHERE m.workspace_id = @workspace_id AND m.id = @id), @id);

-- name: CustomersPage :many
-- Planned afresh each time, so that what is not asked for falls away. A phone or email is looked up first, since few have
-- it, and then narrowed to the workspace: OFFSET keeps the planner, which knows nothing of a table that was never analysed,
-- from reading all of the workspace instead. Whether many have a tag or a word, and the list is better read until there are
-- enough, it knows best.
-- Index: crm_customers_list, or crm_customers_found with a filter.
SELECT c.id, c.created_position, c.name, c.phones, c.emails, c.address, c.gender, c.birthday, c.tags, c.note, c.status,
    c.merged_into, c.created_at, c.version
FROM crm_customers c
WHERE c.workspace_id = @workspace_id
    AND c.created_position < @before
    AND (cardinality(@phones::text[]) = 0 OR c.id = ANY (ARRAY(
        SELECT p.id FROM (SELECT h.id, h.workspace_id FROM crm_customers h WHERE h.phones @> @phones OFFSET 0) p
        WHERE p.workspace_id = @workspace_id)))
    AND (cardinality(@emails::text[]) = 0 OR c.id = ANY (ARRAY(
        SELECT m.id FROM (SELECT h.id, h.workspace_id FROM crm_customers h WHERE h.emails @> @emails OFFSET 0) m
        WHERE m.workspace_id = @workspace_id)))
    AND (@tag::text = '' OR c.tags @> ARRAY[@tag::text])
    AND (@status::text = '' AND c.status <> 'merged' OR c.status = @status)
    AND (@words::text = '' OR c.search @@ sqlc.arg(words)::tsquery)
ORDER BY c.created_position DESC
LIMIT @at_most;
