-- What the log's size and its tables' traffic ask for.
-- Locks: each ALTER TABLE takes its table for an instant, and rewrites nothing: it is about rows that come.

-- +goose Up
-- Bodies of orders stay in their rows: compressed they are a little larger than what PostgreSQL would keep there, and each one
-- that it puts elsewhere costs two more rows and two more index entries to write, and as much to read.
ALTER TABLE events SET (toast_tuple_target = 4080);

-- A row of the log never changes again. It is frozen when it is vacuumed for the first time, so that no vacuum has to come back
-- to old ones; and that happens after each twentieth of growth, as does counting what there is, so that neither is ever a large job.
ALTER TABLE events SET (autovacuum_freeze_min_age = 0, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- A head changes with each version of its order, which touches no index: room in its page keeps it there.
ALTER TABLE order_heads SET (autovacuum_vacuum_scale_factor = 0.05);

-- +goose Down
ALTER TABLE order_heads RESET (autovacuum_vacuum_scale_factor);
ALTER TABLE events RESET (toast_tuple_target, autovacuum_freeze_min_age, autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor);
