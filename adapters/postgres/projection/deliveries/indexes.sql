-- Made after the table is filled when the projection is rebuilt; a rebuild that was interrupted has some of them already. Each has the list's order behind what it narrows by. Those
-- with an outcome serve lists of any outcome too, which are put together from one piece of each.

CREATE INDEX IF NOT EXISTS deliveries_list ON deliveries (workspace_id, received_at, received_position);
CREATE INDEX IF NOT EXISTS deliveries_outcome ON deliveries (workspace_id, outcome, received_at, received_position);
CREATE INDEX IF NOT EXISTS deliveries_reason ON deliveries (workspace_id, outcome, reason, received_at, received_position)
    WHERE reason IS NOT NULL;
CREATE INDEX IF NOT EXISTS deliveries_shop ON deliveries (workspace_id, shop_id, outcome, received_at, received_position);
CREATE INDEX IF NOT EXISTS deliveries_shop_reason ON deliveries (workspace_id, shop_id, outcome, reason, received_at, received_position)
    WHERE reason IS NOT NULL;
-- For beginnings of codes too.
CREATE INDEX IF NOT EXISTS deliveries_code ON deliveries (workspace_id, order_code, received_at, received_position);
-- What was added last is kept in a list that every search reads whole, so it is a short one (in kB).
CREATE INDEX IF NOT EXISTS deliveries_search ON deliveries USING gin (search) WITH (gin_pending_list_limit = 64);
