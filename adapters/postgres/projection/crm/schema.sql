-- Definition: 4
-- The CRM's read tables. Names are without a schema: each version of the projection is built in a schema of its own,
-- and views of the same names show the version in force. Codes are compared by their bytes: nobody asks for a language's order of
-- them, and it would cost time with every row.

CREATE TABLE crm_customers (
    workspace_id     uuid        NOT NULL,
    id               uuid        NOT NULL,
    -- Where the customer first stands in the log: lists are in this order.
    created_position bigint      NOT NULL,
    name             text        NOT NULL,
    phones           text[]      NOT NULL,
    emails           text[]      NOT NULL,
    address          text,
    gender           text,
    birthday         text,
    tags             text[]      NOT NULL,
    note             text,
    status           text        NOT NULL,
    -- Whom the customer was merged into, when their status is merged; that one may have been merged too.
    merged_into      uuid,
    created_at       timestamptz NOT NULL,
    -- That of the last event of the customer's stream.
    version          integer     NOT NULL,
    -- The words of the name, without case and diacritics.
    search           tsvector    NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

-- Who stands for each customer that is merged: one who is not.
CREATE TABLE crm_merged (
    workspace_id uuid NOT NULL,
    id           uuid NOT NULL,
    survivor_id  uuid NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_orders (
    workspace_id     uuid        NOT NULL,
    code             text COLLATE "C" NOT NULL,
    created_position bigint      NOT NULL,
    shop_id          text        NOT NULL,
    external_id      text        NOT NULL,
    -- Who stands for the order's customer, and who that is by its own events. They differ when the latter was merged.
    customer_id      uuid        NOT NULL,
    own_customer_id  uuid        NOT NULL,
    source_id        uuid        NOT NULL,
    assignee_id      uuid,
    assignee_name    text,
    assignee_reason  text        NOT NULL,
    status_code      integer     NOT NULL,
    status_name      text        NOT NULL,
    currency         text        NOT NULL,
    totals           jsonb       NOT NULL,
    ordered_at       timestamptz NOT NULL,
    -- The newest version that the shop delivered.
    updated_at       timestamptz NOT NULL,
    channel          text,
    tags             text[]      NOT NULL,
    note             text,
    buyer            jsonb       NOT NULL,
    shipping         jsonb       NOT NULL,
    payments         jsonb       NOT NULL,
    creator          jsonb,
    first_editor     jsonb,
    status_history   jsonb       NOT NULL,
    -- Whom the shop has for the order's maker: its creator, else its first editor. The key is that of order.Person.
    staff_key        text,
    staff_name       text,
    PRIMARY KEY (workspace_id, code)
);

-- What the CRM did to each order, one row an event.
CREATE TABLE crm_order_history (
    workspace_id uuid        NOT NULL,
    code         text COLLATE "C" NOT NULL,
    position     bigint      NOT NULL,
    at           timestamptz NOT NULL,
    event        text        NOT NULL,
    -- The delivery that it came of; null when it came of none.
    delivery_id  uuid,
    actor        text        NOT NULL,
    reason       text,
    status_code  integer     NOT NULL,
    status_name  text        NOT NULL,
    customer_id  uuid        NOT NULL,
    changes      jsonb       NOT NULL,
    PRIMARY KEY (workspace_id, code, position)
);

CREATE TABLE crm_order_lines (
    workspace_id uuid    NOT NULL,
    code         text COLLATE "C" NOT NULL,
    line         integer NOT NULL,
    product_code text    NOT NULL,
    product_name text    NOT NULL,
    variant      text,
    quantity     numeric NOT NULL,
    unit_price   bigint  NOT NULL,
    discount     bigint  NOT NULL,
    amount       bigint  NOT NULL,
    gift         boolean NOT NULL,
    PRIMARY KEY (workspace_id, code, line)
);

CREATE TABLE crm_sources (
    workspace_id     uuid        NOT NULL,
    id               uuid        NOT NULL,
    created_position bigint      NOT NULL,
    name             text        NOT NULL,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_users (
    workspace_id     uuid    NOT NULL,
    id               uuid    NOT NULL,
    created_position bigint  NOT NULL,
    name             text    NOT NULL,
    phone            text,
    email            text,
    active           boolean NOT NULL,
    -- That of the last event of the user's stream.
    version          integer NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

-- Which user a member of a shop's staff is.
CREATE TABLE crm_staff (
    workspace_id uuid NOT NULL,
    staff_key    text NOT NULL,
    user_id      uuid NOT NULL,
    name         text,
    PRIMARY KEY (workspace_id, staff_key)
);
