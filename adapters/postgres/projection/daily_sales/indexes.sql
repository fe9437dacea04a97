-- Made after the tables are filled when the projection is rebuilt; a rebuild that was interrupted has some of them already.

-- The days of all shops.
CREATE INDEX IF NOT EXISTS daily_sales_day ON daily_sales (workspace_id, day);
