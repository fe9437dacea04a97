-- Definition: 2
-- One row a webhook call that was authenticated, and what became of it.

CREATE TABLE deliveries (
    workspace_id      uuid        NOT NULL,
    id                uuid        NOT NULL,
    received_position bigint      NOT NULL,
    received_at       timestamptz NOT NULL,
    shop_id           text,
    order_code        text,
    outcome           text        NOT NULL,
    reason            text,
    PRIMARY KEY (workspace_id, id)
);
