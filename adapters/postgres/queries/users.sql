-- Staff: the directory that assignees are looked up in, and what is read of users and of the staff that nobody knows.

-- name: AddUsers :exec
INSERT INTO users (workspace_id, id, name, phone, email, active)
SELECT @workspace_id, unnest(@ids::uuid[]), unnest(@names::text[]), nullif(unnest(@phones::text[]), ''),
    nullif(unnest(@emails::text[]), ''), true;

-- name: SetUser :exec
-- Index: users_pkey.
UPDATE users SET name = @name, phone = nullif(@phone::text, ''), email = nullif(@email::text, ''), active = @active
WHERE workspace_id = @workspace_id AND id = @id;

-- name: UserExists :one
SELECT EXISTS (SELECT FROM users WHERE workspace_id = $1 AND id = $2 AND active);

-- name: ActiveUsers :many
SELECT id, name, coalesce(phone, '')::text AS phone, coalesce(email, '')::text AS email
FROM users WHERE workspace_id = $1 AND active
ORDER BY id;

-- name: UserWithPhone :one
-- Index: users_phone.
SELECT id, name FROM users WHERE workspace_id = $1 AND phone = @phone::text AND active AND id <> @other_than ORDER BY id LIMIT 1;

-- name: UserWithEmail :one
-- Index: users_email.
SELECT id, name FROM users WHERE workspace_id = $1 AND email = @email::text AND active AND id <> @other_than ORDER BY id LIMIT 1;

-- name: UserOfStaff :one
-- Index: staff_mappings_pkey, users_pkey.
SELECT u.id, u.name
FROM staff_mappings m
JOIN users u ON u.workspace_id = m.workspace_id AND u.id = m.user_id
WHERE m.workspace_id = $1 AND m.staff_key = $2;

-- name: AddStaffMapping :exec
INSERT INTO staff_mappings (workspace_id, staff_key, user_id) VALUES ($1, $2, $3);

-- name: RemoveStaffMapping :exec
-- Index: staff_mappings_pkey.
DELETE FROM staff_mappings WHERE workspace_id = $1 AND staff_key = $2 AND user_id = $3;

-- name: User :one
-- Index: crm_users_pkey.
SELECT * FROM crm_users WHERE workspace_id = $1 AND id = $2;

-- name: StaffOfUser :many
-- Index: crm_staff_user.
SELECT staff_key, name FROM crm_staff WHERE workspace_id = $1 AND user_id = $2 ORDER BY staff_key;

-- name: UsersPage :many
-- Index: crm_users_list. The text is looked for in lower case; a phone is given in E.164, or as some of its digits.
-- whole_contacts finds nobody by a part of a phone or an email.
SELECT * FROM crm_users
WHERE workspace_id = @workspace_id
    AND created_position < @before
    AND (sqlc.narg(active)::boolean IS NULL OR active = sqlc.narg(active))
    AND (@sought::text = '' OR email = @sought OR phone = @sought_phone::text
        OR strpos(lower(name), @sought) > 0 AND NOT (@whole_contacts::boolean AND @sought ~ '[0-9@]')
        OR NOT @whole_contacts
            AND (strpos(email, @sought) > 0 OR @sought_phone <> '' AND strpos(phone, @sought_phone) > 0))
ORDER BY created_position DESC
LIMIT @at_most;

-- name: UnmappedStaff :many
-- Members of shops' staff whose orders went to nobody, or to the shop's default assignee, and whom no active user is by
-- now. What is known of each is what their last order says. It goes from one of them to the next, and counts no more than so many orders
-- of each, so that it takes no longer the more orders there are. Index: crm_orders_unmapped.
WITH RECURSIVE makers AS (
    (
        SELECT o.staff_key FROM crm_orders o
        WHERE o.workspace_id = @workspace_id AND o.assignee_reason IN ('shop_default', 'none') AND o.staff_key IS NOT NULL
        ORDER BY o.staff_key LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT o.staff_key FROM crm_orders o
        WHERE o.workspace_id = @workspace_id AND o.assignee_reason IN ('shop_default', 'none') AND o.staff_key > m.staff_key
        ORDER BY o.staff_key LIMIT 1
    )
    FROM makers m WHERE m.staff_key IS NOT NULL
)
SELECT m.staff_key, c.orders, first.ordered_at AS oldest, p.ordered_at AS newest, p.name, p.email, p.phone, s.codes, count(*) OVER () AS total
FROM makers m
CROSS JOIN LATERAL (
    SELECT o.ordered_at, coalesce(o.staff_name, '')::text AS name, coalesce(coalesce(o.creator, o.first_editor) ->> 'email', '')::text AS email,
        coalesce(coalesce(o.creator, o.first_editor) ->> 'phone', '')::text AS phone
    FROM crm_orders o
    WHERE o.workspace_id = @workspace_id AND o.assignee_reason IN ('shop_default', 'none') AND o.staff_key = m.staff_key
    ORDER BY o.created_position DESC LIMIT 1
) p
CROSS JOIN LATERAL (
    SELECT o.ordered_at FROM crm_orders o
    WHERE o.workspace_id = @workspace_id AND o.assignee_reason IN ('shop_default', 'none') AND o.staff_key = m.staff_key
    ORDER BY o.created_position LIMIT 1
) first
CROSS JOIN LATERAL (
    SELECT count(*) AS orders FROM (
        SELECT FROM crm_orders o
        WHERE o.workspace_id = @workspace_id AND o.assignee_reason IN ('shop_default', 'none') AND o.staff_key = m.staff_key
        LIMIT @at_most_counted
    ) n
) c
CROSS JOIN LATERAL (
    SELECT array_agg(n.code ORDER BY n.created_position DESC)::text[] AS codes
    FROM (
        SELECT o.code, o.created_position FROM crm_orders o
        WHERE o.workspace_id = @workspace_id AND o.assignee_reason IN ('shop_default', 'none') AND o.staff_key = m.staff_key
        ORDER BY o.created_position DESC LIMIT @samples
    ) n
) s
WHERE m.staff_key IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM crm_staff c
        JOIN crm_users u ON u.workspace_id = c.workspace_id AND u.id = c.user_id AND u.active
        WHERE c.workspace_id = @workspace_id AND c.staff_key = m.staff_key
    )
    AND NOT EXISTS (
        SELECT FROM crm_users u WHERE u.workspace_id = @workspace_id AND u.active AND (u.phone = p.phone OR u.email = p.email)
    )
ORDER BY c.orders DESC, m.staff_key
LIMIT @at_most;

-- name: CountPastOrders :one
-- Index: crm_orders_unmapped.
SELECT count(*) FROM crm_orders
WHERE workspace_id = $1 AND assignee_reason IN ('shop_default', 'none') AND staff_key = @staff_key::text;

-- name: PastOrders :many
-- Index: crm_orders_unmapped.
SELECT shop_id, external_id, created_position FROM crm_orders
WHERE workspace_id = @workspace_id AND assignee_reason IN ('shop_default', 'none') AND staff_key = @staff_key::text
    AND created_position > @after
ORDER BY created_position
LIMIT @at_most;

-- name: OrdersAfter :many
-- Index: crm_orders_list.
SELECT shop_id, external_id, created_position FROM crm_orders
WHERE workspace_id = @workspace_id AND created_position > @after
ORDER BY created_position
LIMIT @at_most;

-- name: LockOrderHeads :many
-- In the order in which they are given, which is that of every other writer. Index: order_heads_pkey.
SELECT h.order_id
FROM (
    SELECT unnest(@workspace_ids::uuid[]) AS workspace_id, unnest(@shop_ids::text[]) AS shop_id,
        unnest(@order_ids::text[]) AS order_id
) q
CROSS JOIN LATERAL (
    SELECT o.order_id FROM order_heads o
    WHERE o.workspace_id = q.workspace_id AND o.shop_id = q.shop_id AND o.order_id = q.order_id
    FOR UPDATE
) h;
