-- The CRM's read tables. Names are without a schema: each version of the projection is built in a schema of its own,
-- and views of the same names show the version in force.

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
    created_at       timestamptz NOT NULL,
    -- That of the last event of the customer's stream.
    version          integer     NOT NULL,
    -- The words of the name, without case and diacritics.
    search           tsvector    NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_orders (
    workspace_id     uuid        NOT NULL,
    code             text        NOT NULL,
    created_position bigint      NOT NULL,
    shop_id          text        NOT NULL,
    external_id      text        NOT NULL,
    customer_id      uuid        NOT NULL,
    source_id        uuid        NOT NULL,
    assignee_id      uuid,
    assignee_name    text,
    assignee_reason  text        NOT NULL,
    status_code      integer     NOT NULL,
    status_name      text        NOT NULL,
    currency         text        NOT NULL,
    totals           jsonb       NOT NULL,
    ordered_at       timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, code)
);

CREATE TABLE crm_order_lines (
    workspace_id uuid    NOT NULL,
    code         text    NOT NULL,
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
    PRIMARY KEY (workspace_id, id)
);
