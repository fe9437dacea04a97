-- name: WorkspaceByName :one
SELECT id FROM workspaces WHERE name = @name OR (is_default AND @name = '');

-- name: AddWorkspace :exec
INSERT INTO workspaces (id, name, is_default, match_rule) VALUES ($1, $2, $3, $4);

-- name: AnyWorkspace :one
SELECT EXISTS (SELECT FROM workspaces);

-- name: SetMatchRule :exec
UPDATE workspaces SET match_rule = $2 WHERE id = $1;

-- name: Settings :one
SELECT w.name, w.match_rule, (SELECT count(*) FROM shops s WHERE s.workspace_id = w.id) AS shops
FROM workspaces w
WHERE w.id = $1;

-- name: Connections :many
-- The shops of the workspace that a host belongs to, else of the default one.
SELECT w.id AS workspace_id, s.shop_id, s.header_key, s.header_hash
FROM workspaces w
LEFT JOIN shops s ON s.workspace_id = w.id
WHERE w.id = coalesce(
    (SELECT h.workspace_id FROM workspace_hosts h WHERE h.host = @host),
    (SELECT d.id FROM workspaces d WHERE d.is_default)
)
ORDER BY s.shop_id;

-- name: Shops :many
SELECT s.shop_id, s.name, s.header_key, s.default_assignee_id, u.name AS default_assignee_name, s.connected_at
FROM shops s
LEFT JOIN users u ON u.workspace_id = s.workspace_id AND u.id = s.default_assignee_id
WHERE s.workspace_id = $1
ORDER BY s.connected_at, s.shop_id;

-- name: AddShop :exec
INSERT INTO shops (workspace_id, shop_id, name, header_key, header_hash, default_assignee_id, connected_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp());

-- name: RemoveShop :exec
DELETE FROM shops WHERE workspace_id = $1 AND shop_id = $2;

-- name: AddToken :exec
INSERT INTO api_tokens (id, workspace_id, name, role, token_hash, created_at) VALUES ($1, $2, $3, $4, $5, clock_timestamp());

-- name: CallerOf :one
-- A use is noted once a minute, so that reading does not mean writing. Index: api_tokens_token_hash_key.
SELECT id, workspace_id, name, role,
    (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')::boolean AS use_to_note
FROM api_tokens WHERE token_hash = $1 AND revoked_at IS NULL;

-- name: NoteTokenUse :exec
UPDATE api_tokens SET last_used_at = clock_timestamp() WHERE id = $1;

-- name: AddUser :exec
INSERT INTO users (workspace_id, id, name, phone, email, active)
VALUES ($1, $2, $3, nullif(@phone::text, ''), nullif(@email::text, ''), $4);

-- name: UserExists :one
SELECT EXISTS (SELECT FROM users WHERE workspace_id = $1 AND id = $2 AND active);

-- name: SecretKeyCheck :one
SELECT digest FROM secret_key_check;

-- name: SetSecretKeyCheck :exec
INSERT INTO secret_key_check (digest) VALUES ($1) ON CONFLICT DO NOTHING;
