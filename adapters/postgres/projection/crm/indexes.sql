-- Made after the tables are filled when the projection is rebuilt; a rebuild that was interrupted has some of them already.

CREATE UNIQUE INDEX IF NOT EXISTS crm_customers_list ON crm_customers (workspace_id, created_position);
-- One index for all that customers are found by, which costs a new one a single entry in the list of what is not sorted in yet. That
-- list (in kB) is short: whoever fills it sorts it in, and orders wait to be readable meanwhile.
CREATE INDEX IF NOT EXISTS crm_customers_found ON crm_customers USING gin (phones, emails, tags, search)
    WITH (gin_pending_list_limit = 64);
CREATE INDEX IF NOT EXISTS crm_customers_merged ON crm_customers (workspace_id, merged_into) WHERE merged_into IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS crm_orders_list ON crm_orders (workspace_id, created_position);
CREATE INDEX IF NOT EXISTS crm_orders_customer ON crm_orders (workspace_id, customer_id, created_position);
CREATE INDEX IF NOT EXISTS crm_orders_shop ON crm_orders (workspace_id, shop_id, created_position);
CREATE INDEX IF NOT EXISTS crm_orders_status ON crm_orders (workspace_id, status_name, created_position);
CREATE INDEX IF NOT EXISTS crm_orders_assignee ON crm_orders (workspace_id, assignee_id, created_position);
CREATE INDEX IF NOT EXISTS crm_orders_ordered ON crm_orders (workspace_id, ordered_at);
-- Orders whose maker is nobody's user, by who that is.
CREATE INDEX IF NOT EXISTS crm_orders_unmapped ON crm_orders (workspace_id, staff_key, created_position)
    WHERE assignee_reason IN ('shop_default', 'none') AND staff_key IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS crm_sources_list ON crm_sources (workspace_id, created_position);
CREATE UNIQUE INDEX IF NOT EXISTS crm_users_list ON crm_users (workspace_id, created_position);
CREATE INDEX IF NOT EXISTS crm_staff_user ON crm_staff (workspace_id, user_id);
