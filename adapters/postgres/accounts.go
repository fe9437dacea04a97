package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

// Accounts stores what is kept of accounts beside the log.
type Accounts struct {
	db  *Database
	key workspace.SecretKey
}

var _ command.Accounts = Accounts{}

// NewAccounts makes the store. Under the key it hashes the names that people try to sign in by.
func NewAccounts(db *Database, key workspace.SecretKey) Accounts { return Accounts{db: db, key: key} }

// changeAccounts changes the directory of accounts as an event says.
func changeAccounts(ctx context.Context, p *pipeline, w *workspace.Workspace, id uuid.UUID, payload event.Payload) error {
	switch e := payload.(type) {
	case workspace.AccountInvited:
		if err := queries.AddAccount(ctx, p, dbsqlc.AddAccountParams{
			WorkspaceID: id, ID: e.AccountID, Name: e.Name, Role: string(e.Role),
		}); err != nil {
			return err
		}
		return addInvitation(ctx, p, w, id, e.AccountID)
	case workspace.AccountResetIssued:
		if err := queries.EndInvitations(ctx, p, dbsqlc.EndInvitationsParams{WorkspaceID: id, AccountID: e.AccountID}); err != nil {
			return err
		}
		return addInvitation(ctx, p, w, id, e.AccountID)
	case workspace.AccountPasswordSet:
		hash := w.PasswordHash(e.AccountID)
		return errors.Join(
			queries.SetPassword(ctx, p, dbsqlc.SetPasswordParams{PasswordHash: &hash, WorkspaceID: id, ID: e.AccountID}),
			queries.EndInvitations(ctx, p, dbsqlc.EndInvitationsParams{WorkspaceID: id, AccountID: e.AccountID}),
			queries.Unlock(ctx, p, dbsqlc.UnlockParams{WorkspaceID: id, AccountID: e.AccountID}),
		)
	case workspace.AccountRoleChanged:
		return queries.SetAccountRole(ctx, p, dbsqlc.SetAccountRoleParams{Role: string(e.After), WorkspaceID: id, ID: e.AccountID})
	case workspace.AccountSessionsEnded:
		return queries.EndSessions(ctx, p, dbsqlc.EndSessionsParams{WorkspaceID: id, ID: e.AccountID})
	case workspace.AccountRemoved:
		return errors.Join(
			queries.RemoveAccount(ctx, p, dbsqlc.RemoveAccountParams{WorkspaceID: id, ID: e.AccountID}),
			queries.EndInvitations(ctx, p, dbsqlc.EndInvitationsParams{WorkspaceID: id, AccountID: e.AccountID}),
			queries.Unlock(ctx, p, dbsqlc.UnlockParams{WorkspaceID: id, AccountID: e.AccountID}), // somebody else may get the name
		)
	default:
		return nil
	}
}

// addInvitation keeps the link that was made for an account; the first owner has used theirs already.
func addInvitation(ctx context.Context, p *pipeline, w *workspace.Workspace, workspaceID, accountID uuid.UUID) error {
	link, made := w.Invitation(accountID)
	if !made {
		return nil
	}
	return queries.AddInvitation(ctx, p, dbsqlc.AddInvitationParams{
		TokenHash: link.TokenHash[:], WorkspaceID: workspaceID, AccountID: nullable(accountID), ExpiresAt: link.ExpiresAt,
	})
}

// AddSetUpLink keeps the link for a workspace's first owner.
func (s Accounts) AddSetUpLink(ctx context.Context, workspaceID uuid.UUID, link workspace.Invitation, now time.Time) (kept bool, err error) {
	_, err = s.db.update(ctx, command.By{WorkspaceID: workspaceID}, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		w, err := lockedWorkspace(ctx, tx, workspaceID)
		if kept = err == nil && !w.HasOwner(); !kept {
			return nil, err
		}
		return nil, errors.Join(
			queries.ForgetInvitations(ctx, p, dbsqlc.ForgetInvitationsParams{WorkspaceID: workspaceID, Now: now}),
			queries.AddInvitation(ctx, p, dbsqlc.AddInvitationParams{
				TokenHash: link.TokenHash[:], WorkspaceID: workspaceID, ExpiresAt: link.ExpiresAt,
			}),
		)
	})
	return kept && err == nil, err
}

// Accept uses a link up and stores what decide makes of its workspace.
func (s Accounts) Accept(
	ctx context.Context, by command.By, tokenHash [sha256.Size]byte, now time.Time, decide func(*workspace.Workspace) error,
) error {
	_, err := s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		w, err := lockedWorkspace(ctx, tx, by.WorkspaceID)
		if err != nil {
			return nil, err
		}
		_, err = queries.TakeInvitation(ctx, tx, dbsqlc.TakeInvitationParams{TokenHash: tokenHash[:], WorkspaceID: by.WorkspaceID, Now: now})
		if err != nil {
			return nil, found(err, workspace.ErrInvitationUnknown)
		}
		return changeWorkspace(ctx, tx, p, by, w, decide)
	})
	return err
}

// CredentialsOf finds an account by its id.
func (s Accounts) CredentialsOf(ctx context.Context, workspaceID, id uuid.UUID) (command.Credentials, error) {
	row, err := queries.Credentials(ctx, s.db.lookUps, dbsqlc.CredentialsParams{WorkspaceID: workspaceID, ID: id})
	return credentials(row, err)
}

// CredentialsNamed finds an account by its name.
func (s Accounts) CredentialsNamed(ctx context.Context, workspaceID uuid.UUID, name string) (command.Credentials, error) {
	row, err := queries.CredentialsByName(ctx, s.db.lookUps, dbsqlc.CredentialsByNameParams{WorkspaceID: workspaceID, Name: name})
	return credentials(dbsqlc.CredentialsRow(row), err)
}

func credentials(row dbsqlc.CredentialsRow, err error) (command.Credentials, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return command.Credentials{}, nil
	}
	return command.Credentials{AccountID: row.ID, Name: row.Name, PasswordHash: row.PasswordHash}, unavailable(err)
}

// CountAttempt counts an attempt to sign in under a name. People type passwords where their name belongs, so what is kept of it is a hash
// that cannot be guessed without the key.
func (s Accounts) CountAttempt(
	ctx context.Context, workspaceID uuid.UUID, name string, accountID uuid.NullUUID, now time.Time,
) (attempt int, until time.Time, err error) {
	hash := s.key.Hash("sign-in " + strings.ToLower(name))
	counted, err := queries.CountSignIn(ctx, s.db.requests, dbsqlc.CountSignInParams{
		WorkspaceID: workspaceID, NameHash: hash[:], AccountID: accountID, Now: now, ForgottenAt: now.Add(workspace.LockOutTime),
		Locking: workspace.MaxSignInFailures,
	})
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("count an attempt to sign in: %w", unavailable(err))
	}
	if err := queries.ForgetSignInFailures(ctx, s.db.requests, now); err != nil {
		return 0, time.Time{}, fmt.Errorf("forget old attempts to sign in: %w", unavailable(err))
	}
	return int(counted.Failures), counted.ForgottenAt, nil
}

// SignedIn notes that the password was right.
func (s Accounts) SignedIn(ctx context.Context, by command.By, found command.Credentials, now time.Time) (still bool, err error) {
	_, err = s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		noted, err := queries.NoteSignIn(ctx, tx, dbsqlc.NoteSignInParams{
			Now: now, WorkspaceID: by.WorkspaceID, ID: found.AccountID, PasswordHash: found.PasswordHash,
		})
		if still = noted == 1; err != nil || !still {
			return nil, err
		}
		if err := queries.Unlock(ctx, p, dbsqlc.UnlockParams{WorkspaceID: by.WorkspaceID, AccountID: found.AccountID}); err != nil {
			return nil, err
		}
		return nextOf(ctx, tx, by, event.AccountStream(found.AccountID),
			workspace.AccountSignedIn{AccountID: found.AccountID, Name: found.Name})
	})
	return still, err
}

// Note appends to a stream something that an account did or that was done to it.
func (s Accounts) Note(ctx context.Context, by command.By, accountID uuid.UUID, stream event.Stream, payload event.Payload) error {
	_, err := s.db.update(ctx, by, func(tx pgx.Tx, _ *pipeline) ([]event.New, error) {
		_, err := queries.LockAccount(ctx, tx, dbsqlc.LockAccountParams{WorkspaceID: by.WorkspaceID, ID: accountID})
		if err != nil {
			return nil, found(err, workspace.ErrAccountUnknown)
		}
		return nextOf(ctx, tx, by, stream, payload)
	})
	return err
}

// Accounts returns a workspace's accounts.
func (r ReadModel) Accounts(ctx context.Context, workspaceID uuid.UUID) ([]query.Account, error) {
	rows, err := queries.Accounts(ctx, r.db.requests, dbsqlc.AccountsParams{
		WorkspaceID: workspaceID, Locking: workspace.MaxSignInFailures, Now: time.Now(),
	})
	if err != nil {
		return nil, unavailable(err)
	}
	accounts := make([]query.Account, 0, len(rows))
	for _, row := range rows {
		accounts = append(accounts, account(dbsqlc.AccountRow(row)))
	}
	return accounts, nil
}

// Account returns one of them.
func (r ReadModel) Account(ctx context.Context, workspaceID, id uuid.UUID) (query.Account, error) {
	row, err := queries.Account(ctx, r.db.lookUps, dbsqlc.AccountParams{
		WorkspaceID: workspaceID, ID: id, Locking: workspace.MaxSignInFailures, Now: time.Now(),
	})
	if err != nil {
		return query.Account{}, found(err, workspace.ErrAccountUnknown)
	}
	return account(row), nil
}

func account(row dbsqlc.AccountRow) query.Account {
	return query.Account{
		ID: row.ID, Name: row.Name, Role: workspace.Role(row.Role), Invited: row.Invited, CreatedAt: row.CreatedAt.In(time.UTC),
		LastSignInAt: utc(row.LastSignInAt), LockedUntil: utc(row.LockedUntil), SessionsSince: row.SessionsSince.In(time.UTC),
	}
}

// Invitation finds a link by the token in it.
func (r ReadModel) Invitation(ctx context.Context, workspaceID uuid.UUID, token string) (query.Invitation, error) {
	hash := workspace.TokenHash(token)
	row, err := queries.Invitation(ctx, r.db.lookUps, dbsqlc.InvitationParams{TokenHash: hash[:], WorkspaceID: workspaceID, Now: time.Now()})
	if err != nil {
		return query.Invitation{}, found(err, workspace.ErrInvitationUnknown)
	}
	return query.Invitation{
		SetUp: !row.AccountID.Valid, AccountID: row.AccountID.UUID, Name: row.Name, Role: workspace.Role(row.Role),
		ExpiresAt: row.ExpiresAt.In(time.UTC),
	}, nil
}

// WorkspaceAt finds the workspace that answers to a host.
func (r ReadModel) WorkspaceAt(ctx context.Context, host string) (uuid.UUID, error) {
	id, err := queries.WorkspaceOfHost(ctx, r.db.lookUps, host)
	return id, found(err, errHostUnknown)
}
