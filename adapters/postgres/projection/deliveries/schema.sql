-- Definition: 5
-- One row a webhook call that was authenticated, and what became of it.

CREATE TABLE deliveries (
    workspace_id      uuid        NOT NULL,
    id                uuid        NOT NULL,
    received_position bigint      NOT NULL,
    -- Lists are in this order, so that a range of time is a range of the list; the position parts those of one instant.
    received_at       timestamptz NOT NULL,
    shop_id           text,
    -- Compared by its bytes, as in crm_orders, so that the beginning of one is a range of an index.
    order_code        text COLLATE "C",
    outcome           text        NOT NULL,
    reason            text,
    -- When the last event that says what became of it was recorded; null while it waits, and when it was refused at the door.
    decided_at        timestamptz,
    -- How the customer of its order was found: created or matched; null when none was looked for.
    customer          text,
    -- What a delivery is found by: words of the order's code with # in front, and, once the order was looked at, words of
    -- the buyer's name, their phones (which begin with +), and their emails with @ in front. No word begins with these.
    search            tsvector    NOT NULL,
    PRIMARY KEY (workspace_id, id)
-- A delivery that has to wait is written twice, and every index with it. What that leaves behind is cleared before it is much.
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- What arrived in each minute, by received_at, and how many customers came of that. It says what deliveries holds, so that a day is
-- counted without reading its deliveries.
CREATE TABLE deliveries_minutes (
    workspace_id      uuid        NOT NULL,
    minute            timestamptz NOT NULL,
    received          bigint      NOT NULL,
    customers_created bigint      NOT NULL,
    customers_matched bigint      NOT NULL,
    PRIMARY KEY (workspace_id, minute)
-- The last row changes with every slice, and no index does: room in its page keeps it there.
) WITH (fillfactor = 50);
