-- Made after the table is filled when the projection is rebuilt; a rebuild that was interrupted has some of them already.

CREATE UNIQUE INDEX IF NOT EXISTS deliveries_list ON deliveries (workspace_id, received_position);
CREATE INDEX IF NOT EXISTS deliveries_outcome ON deliveries (workspace_id, outcome, received_position);
CREATE INDEX IF NOT EXISTS deliveries_shop ON deliveries (workspace_id, shop_id, received_position);
CREATE INDEX IF NOT EXISTS deliveries_code ON deliveries (workspace_id, order_code text_pattern_ops, received_at, received_position);
