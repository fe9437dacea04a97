-- Definition: 2
-- What was sold, by day. All four tables say what the orders' last states and the workspaces' time zones say, and nothing of how
-- these came about: that is why they are the same however the log is sliced. The three others are there so that an order changes
-- the figures by what it adds and takes away, and no day is counted again.

-- One row a workspace, shop, day and currency with an order.
CREATE TABLE daily_sales (
    workspace_id        uuid    NOT NULL,
    shop_id             text    NOT NULL,
    -- That of ordered_at in the workspace's time zone.
    day                 date    NOT NULL,
    currency            text    NOT NULL,
    -- Those that are neither cancelled nor deleted. So are all figures but the last.
    orders              bigint  NOT NULL,
    -- Customers with an order, each counted once: as new on the first day on which the workspace, whatever the shop, has one.
    customers_new       bigint  NOT NULL,
    customers_returning bigint  NOT NULL,
    -- The sum of totals.goods, in whole units of the currency. Numeric: amounts that fit bigint may have a sum that does not.
    goods_value         numeric NOT NULL,
    -- Orders that are cancelled or deleted.
    cancelled           bigint  NOT NULL,
    PRIMARY KEY (workspace_id, shop_id, day, currency)
-- Today's row changes with every slice, and no index does: room in its page keeps it there.
) WITH (fillfactor = 50);

-- What each order adds to the figures. Codes are compared by their bytes, as in crm_orders.
CREATE TABLE daily_sales_orders (
    workspace_id uuid        NOT NULL,
    code         text COLLATE "C" NOT NULL,
    shop_id      text        NOT NULL,
    customer_id  uuid        NOT NULL,
    currency     text        NOT NULL,
    ordered_at   timestamptz NOT NULL,
    goods        bigint      NOT NULL,
    cancelled    boolean     NOT NULL,
    PRIMARY KEY (workspace_id, code)
);

-- How many orders each customer has in a row of daily_sales; none is no row. The key begins as it does so that a customer's first
-- day is looked up in it.
CREATE TABLE daily_sales_customers (
    workspace_id uuid   NOT NULL,
    customer_id  uuid   NOT NULL,
    day          date   NOT NULL,
    shop_id      text   NOT NULL,
    currency     text   NOT NULL,
    orders       bigint NOT NULL,
    PRIMARY KEY (workspace_id, customer_id, day, shop_id, currency)
);

-- The time zones of workspaces that ever changed it.
CREATE TABLE daily_sales_zones (
    workspace_id uuid NOT NULL,
    time_zone    text NOT NULL,
    PRIMARY KEY (workspace_id)
);
