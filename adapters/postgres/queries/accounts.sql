-- Who may sign in to the console: the directory, links, failed attempts, and sessions.

-- name: AddAccount :exec
INSERT INTO accounts (workspace_id, id, name, role) VALUES ($1, $2, $3, $4);

-- name: SetAccountRole :exec
-- Index: accounts_pkey.
UPDATE accounts SET role = @role WHERE workspace_id = @workspace_id AND id = @id;

-- name: SetPassword :exec
-- Index: accounts_pkey.
UPDATE accounts SET password_hash = @password_hash, sessions_since = greatest(clock_timestamp(), sessions_since + interval '1 microsecond')
WHERE workspace_id = @workspace_id AND id = @id;

-- name: EndSessions :exec
-- Index: accounts_pkey.
UPDATE accounts SET sessions_since = greatest(clock_timestamp(), sessions_since + interval '1 microsecond')
WHERE workspace_id = @workspace_id AND id = @id;

-- name: RemoveAccount :exec
-- Index: accounts_pkey.
UPDATE accounts SET removed_at = clock_timestamp(), password_hash = NULL WHERE workspace_id = @workspace_id AND id = @id;

-- name: Accounts :many
-- By name, without those that were removed. Index: accounts_name.
SELECT a.id, a.name, a.role, (a.password_hash IS NULL)::boolean AS invited, a.created_at, a.last_sign_in_at, a.sessions_since,
    f.forgotten_at AS locked_until
FROM accounts a
LEFT JOIN sign_in_failures f ON f.workspace_id = a.workspace_id AND f.account_id = a.id
    AND f.failures >= @locking::integer AND f.forgotten_at > @now
WHERE a.workspace_id = @workspace_id AND a.removed_at IS NULL
ORDER BY lower(a.name);

-- name: Account :one
-- Index: accounts_pkey, sign_in_failures_account.
SELECT a.id, a.name, a.role, (a.password_hash IS NULL)::boolean AS invited, a.created_at, a.last_sign_in_at, a.sessions_since,
    f.forgotten_at AS locked_until
FROM accounts a
LEFT JOIN sign_in_failures f ON f.workspace_id = a.workspace_id AND f.account_id = a.id
    AND f.failures >= @locking::integer AND f.forgotten_at > @now
WHERE a.workspace_id = @workspace_id AND a.id = @id AND a.removed_at IS NULL;

-- name: CredentialsByName :one
-- Index: accounts_name.
SELECT id, name, coalesce(password_hash, '')::text AS password_hash FROM accounts
WHERE workspace_id = @workspace_id AND lower(name) = lower(@name::text) AND removed_at IS NULL;

-- name: Credentials :one
-- Index: accounts_pkey.
SELECT id, name, coalesce(password_hash, '')::text AS password_hash FROM accounts
WHERE workspace_id = @workspace_id AND id = @id AND removed_at IS NULL;

-- name: LockAccount :one
-- Who notes something about an account waits for whoever is at it. Index: accounts_pkey.
SELECT id FROM accounts WHERE workspace_id = @workspace_id AND id = @id AND removed_at IS NULL FOR NO KEY UPDATE;

-- name: NoteSignIn :execrows
-- Unless the password that was right is another one by now. Index: accounts_pkey.
UPDATE accounts SET last_sign_in_at = @now::timestamptz
WHERE workspace_id = @workspace_id AND id = @id AND removed_at IS NULL AND password_hash = @password_hash::text;

-- name: AddInvitation :exec
INSERT INTO invitations (token_hash, workspace_id, account_id, expires_at) VALUES ($1, $2, $3, $4);

-- name: EndInvitations :exec
-- Index: invitations_account.
DELETE FROM invitations WHERE workspace_id = @workspace_id AND account_id = @account_id::uuid;

-- name: ForgetInvitations :exec
-- Set-up links that nobody used: each start of the service makes one. Index: invitations_account.
DELETE FROM invitations WHERE workspace_id = @workspace_id AND account_id IS NULL AND expires_at <= @now;

-- name: Invitation :one
-- The link that makes the first owner is none any more once there is one. Index: invitations_pkey, accounts_pkey.
SELECT i.account_id, coalesce(a.name, '')::text AS name, coalesce(a.role, 'owner')::text AS role, i.expires_at
FROM invitations i
LEFT JOIN accounts a ON a.workspace_id = i.workspace_id AND a.id = i.account_id
WHERE i.token_hash = @token_hash AND i.workspace_id = @workspace_id AND i.expires_at > @now
    AND (i.account_id IS NOT NULL OR NOT EXISTS (
        SELECT FROM accounts o
        WHERE o.workspace_id = i.workspace_id AND o.role = 'owner' AND o.password_hash IS NOT NULL AND o.removed_at IS NULL
    ));

-- name: TakeInvitation :one
-- Index: invitations_pkey.
DELETE FROM invitations WHERE token_hash = @token_hash AND workspace_id = @workspace_id AND expires_at > @now RETURNING account_id;

-- name: CountSignIn :one
-- Counts an attempt before it is known what comes of it, so that however many are made at once, no more than may fail are looked at.
-- One that finds the name locked does not make that last longer. Index: sign_in_failures_pkey.
INSERT INTO sign_in_failures AS f (workspace_id, name_hash, account_id, failures, forgotten_at)
VALUES (@workspace_id, @name_hash, sqlc.narg(account_id)::uuid, 1, @forgotten_at)
ON CONFLICT (workspace_id, name_hash) DO UPDATE SET
    account_id = excluded.account_id,
    failures = CASE WHEN f.forgotten_at <= @now::timestamptz THEN 1 ELSE f.failures + 1 END,
    forgotten_at = CASE WHEN f.forgotten_at > @now::timestamptz AND f.failures >= @locking::integer THEN f.forgotten_at ELSE excluded.forgotten_at END
RETURNING failures, forgotten_at;

-- name: ForgetSignInFailures :exec
-- Some at a time, oldest first, passing over those that another request forgets at the moment. Index: sign_in_failures_age.
DELETE FROM sign_in_failures WHERE (workspace_id, name_hash) IN (
    SELECT o.workspace_id, o.name_hash FROM sign_in_failures o
    WHERE o.forgotten_at <= @now
    ORDER BY o.forgotten_at LIMIT 10 FOR UPDATE SKIP LOCKED
);

-- name: Unlock :exec
-- Index: sign_in_failures_account.
DELETE FROM sign_in_failures WHERE workspace_id = @workspace_id AND account_id = @account_id::uuid;

-- name: WorkspaceOfHost :one
-- The workspace that a host belongs to, else the default one.
SELECT id FROM workspaces
WHERE id = coalesce(
    (SELECT h.workspace_id FROM workspace_hosts h WHERE h.host = @host),
    (SELECT d.id FROM workspaces d WHERE d.is_default)
);

-- name: Session :one
-- Index: sessions_pkey.
SELECT data FROM sessions WHERE token_hash = $1 AND expires_at > clock_timestamp();

-- name: KeepSession :exec
INSERT INTO sessions (token_hash, data, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (token_hash) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at;

-- name: EndSession :exec
-- Index: sessions_pkey.
DELETE FROM sessions WHERE token_hash = $1;

-- name: ForgetSessions :exec
-- As ForgetSignInFailures. Index: sessions_age.
DELETE FROM sessions WHERE token_hash IN (
    SELECT o.token_hash FROM sessions o WHERE o.expires_at <= clock_timestamp() ORDER BY o.expires_at LIMIT 10 FOR UPDATE SKIP LOCKED
);
