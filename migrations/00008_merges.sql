-- Merged customers lead to the one who survived.
-- Locks: the ALTER TABLE takes its table for an instant.

-- +goose Up
ALTER TABLE customer_heads ADD COLUMN merged_into uuid;
COMMENT ON COLUMN customer_heads.merged_into IS 'The customer that this one was merged into; that one may have been merged too.';

-- +goose StatementBegin
CREATE FUNCTION surviving_customer(workspace uuid, customer uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
    WITH RECURSIVE up AS (
        SELECT h.id, h.merged_into FROM customer_heads h WHERE h.workspace_id = workspace AND h.id = customer
        UNION ALL
        SELECT h.id, h.merged_into FROM up JOIN customer_heads h ON h.workspace_id = workspace AND h.id = up.merged_into
    )
    SELECT up.id FROM up WHERE up.merged_into IS NULL
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION surviving_customer IS 'Who stands for a customer: themselves, or who they were merged into, and so on.';

-- +goose Down
DROP FUNCTION surviving_customer;
ALTER TABLE customer_heads DROP COLUMN merged_into;
