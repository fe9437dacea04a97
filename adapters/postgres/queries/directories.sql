-- name: WorkspaceByName :one
SELECT id FROM workspaces WHERE name = @name OR (is_default AND @name = '');

-- name: WorkspaceClaims :one
-- Whether another workspace has a name, and which one has one of the hosts: empty for none.
SELECT EXISTS (SELECT FROM workspaces w WHERE w.name = @name AND w.id <> @workspace_id) AS name_taken,
    coalesce(t.host, '')::text AS taken_host, coalesce(t.name, '')::text AS taken_by
FROM (SELECT) one
LEFT JOIN LATERAL (
    SELECT h.host, w.name FROM workspace_hosts h JOIN workspaces w ON w.id = h.workspace_id
    WHERE h.host = ANY (@hosts::text[]) AND h.workspace_id <> @workspace_id
    LIMIT 1
) t ON true;

-- name: LockWorkspace :exec
-- Who changes a workspace's settings or staff waits for whoever is at it; rows that refer to the workspace do not.
SELECT FROM workspaces WHERE id = @workspace_id FOR NO KEY UPDATE;

-- name: AddWorkspace :exec
INSERT INTO workspaces (id, name, is_default, match_rule) VALUES ($1, $2, $3, $4);

-- name: SetHosts :exec
WITH gone AS (DELETE FROM workspace_hosts WHERE workspace_hosts.workspace_id = @workspace_id AND NOT host = ANY (@hosts::text[]))
INSERT INTO workspace_hosts (host, workspace_id)
SELECT h.host, @workspace_id FROM unnest(@hosts::text[]) h (host)
WHERE NOT EXISTS (SELECT FROM workspace_hosts o WHERE o.host = h.host AND o.workspace_id = @workspace_id);

-- name: DefaultWorkspace :one
SELECT id FROM workspaces WHERE is_default FOR UPDATE;

-- name: SetDefaultWorkspace :exec
UPDATE workspaces SET is_default = $2 WHERE id = $1;

-- name: Workspaces :many
SELECT w.id, w.name, w.is_default, (SELECT count(*) FROM shops s WHERE s.workspace_id = w.id) AS shops,
    ARRAY(SELECT h.host FROM workspace_hosts h WHERE h.workspace_id = w.id ORDER BY h.host)::text[] AS hosts
FROM workspaces w
ORDER BY w.name;

-- name: AnyWorkspace :one
SELECT EXISTS (SELECT FROM workspaces);

-- name: SetSettings :exec
UPDATE workspaces SET match_rule = @match_rule, order_code_template = @order_code_template, time_zone = @time_zone,
    skip_cancelled = @skip_cancelled, shop_limit = @shop_limit, settings_version = @settings_version
WHERE id = @id;

-- name: Settings :one
SELECT w.*, (SELECT count(*) FROM shops s WHERE s.workspace_id = w.id) AS shops
FROM workspaces w
WHERE w.id = $1;

-- name: Connections :many
-- The shops of the workspace that a host belongs to, else of the default one.
SELECT w.id AS workspace_id, w.order_code_template, s.shop_id, s.header_key, s.header_hash,
    s.previous_header_key, s.previous_header_hash, s.previous_valid_until
FROM workspaces w
LEFT JOIN shops s ON s.workspace_id = w.id
WHERE w.id = coalesce(
    (SELECT h.workspace_id FROM workspace_hosts h WHERE h.host = @host),
    (SELECT d.id FROM workspaces d WHERE d.is_default)
)
ORDER BY s.shop_id;

-- name: Shops :many
SELECT s.shop_id, s.name, s.header_key, s.default_assignee_id, u.name AS default_assignee_name, s.connected_at, s.paused,
    s.previous_header_key, s.previous_valid_until, s.version, (s.api_key_sealed IS NOT NULL)::boolean AS has_api_key,
    (SELECT count(*) FROM held_deliveries h WHERE h.workspace_id = s.workspace_id AND h.shop_id = s.shop_id) AS held
FROM shops s
LEFT JOIN users u ON u.workspace_id = s.workspace_id AND u.id = s.default_assignee_id
WHERE s.workspace_id = $1
ORDER BY s.connected_at, s.shop_id;

-- name: AddShop :exec
INSERT INTO shops (workspace_id, shop_id, name, header_key, header_hash, default_assignee_id, version, connected_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp());

-- name: SetShop :exec
UPDATE shops SET name = @name, default_assignee_id = @default_assignee_id, paused = @paused, version = @version
WHERE workspace_id = @workspace_id AND shop_id = @shop_id;

-- name: RotateShopKey :exec
UPDATE shops SET header_key = @header_key, header_hash = @header_hash, version = @version,
    previous_valid_until = sqlc.narg(previous_valid_until)::timestamptz,
    previous_header_key = CASE WHEN sqlc.narg(previous_valid_until)::timestamptz IS NOT NULL THEN header_key END,
    previous_header_hash = CASE WHEN sqlc.narg(previous_valid_until)::timestamptz IS NOT NULL THEN header_hash END
WHERE workspace_id = @workspace_id AND shop_id = @shop_id;

-- name: ShopsToRelease :many
-- Shops with deliveries that wait, and need not any more.
SELECT DISTINCT h.workspace_id, h.shop_id FROM held_deliveries h
JOIN shops s ON s.workspace_id = h.workspace_id AND s.shop_id = h.shop_id
WHERE NOT s.paused;

-- name: LockShop :one
-- Whoever pauses the shop waits.
SELECT paused FROM shops WHERE workspace_id = $1 AND shop_id = $2 FOR SHARE;

-- name: LetInBy :one
-- The event that let a shop's deliveries in last. Index: events_stream_version.
SELECT id, actor FROM events
WHERE workspace_id = $1 AND stream = 'workspace' AND type IN ('ShopResumed', 'ShopConnected') AND payload #>> '{shop,id}' = @shop_id::text
ORDER BY version DESC LIMIT 1;

-- name: TakeHeldDeliveries :many
-- In the order in which they came, and with where their streams stand. Index: held_deliveries_pkey, events_stream_version.
WITH taken AS (
    DELETE FROM held_deliveries h WHERE h.workspace_id = $1 AND h.shop_id = $2 AND h.position IN (
        SELECT n.position FROM held_deliveries n WHERE n.workspace_id = $1 AND n.shop_id = $2 ORDER BY n.position LIMIT @at_most
    )
    RETURNING h.position, h.delivery_id
)
SELECT t.delivery_id, s.version
FROM taken t
CROSS JOIN LATERAL (
    SELECT e.version FROM events e WHERE e.workspace_id = $1 AND e.stream = 'delivery/' || t.delivery_id
    ORDER BY e.version DESC LIMIT 1
) s
ORDER BY t.position;

-- name: RemoveShop :exec
DELETE FROM shops WHERE workspace_id = $1 AND shop_id = $2;

-- name: AddToken :exec
INSERT INTO api_tokens (id, workspace_id, name, role, token_hash, created_at) VALUES ($1, $2, $3, $4, $5, clock_timestamp());

-- name: RevokeToken :exec
UPDATE api_tokens SET revoked_at = clock_timestamp() WHERE id = $1 AND workspace_id = $2;

-- name: Tokens :many
-- Index: api_tokens_workspace.
SELECT id, name, role, created_at, last_used_at, revoked_at FROM api_tokens WHERE workspace_id = $1 ORDER BY id DESC;

-- name: CallerOf :one
-- A use is noted once a minute, so that reading does not mean writing. Index: api_tokens_token_hash_key.
SELECT id, workspace_id, name, role,
    (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')::boolean AS use_to_note
FROM api_tokens WHERE token_hash = $1 AND revoked_at IS NULL;

-- name: NoteTokenUse :exec
-- Of several requests at once one notes it.
UPDATE api_tokens SET last_used_at = clock_timestamp()
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute');

-- name: SecretKeyCheck :one
SELECT digest FROM secret_key_check;

-- name: SetSecretKeyCheck :exec
INSERT INTO secret_key_check (digest) VALUES ($1) ON CONFLICT DO NOTHING;
