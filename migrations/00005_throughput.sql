-- What the log's size and its tables' traffic ask for.
-- Locks: each ALTER TABLE takes its table for an instant, and rewrites nothing: it is about rows that come.

-- +goose Up
-- Bodies of orders stay in their rows: compressed they are a little larger than what PostgreSQL would keep there, and each one
-- that it puts elsewhere costs two more rows and two more index entries to write, and as much to read.
ALTER TABLE events SET (toast_tuple_target = 4080);

-- +goose Down
ALTER TABLE events RESET (toast_tuple_target);
