package command

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

// Accounts stores what is kept of accounts beside the log: links, failed attempts to sign in, and hashes of passwords. Each problem
// that names an account that is not there is workspace.ErrAccountUnknown.
type Accounts interface {
	// AddSetUpLink keeps the link for a workspace's first owner. When an owner can sign in it keeps none, and returns false.
	AddSetUpLink(ctx context.Context, workspaceID uuid.UUID, link workspace.Invitation, now time.Time) (kept bool, err error)
	// Accept uses a link up and stores what decide makes of its workspace, both or neither: of many who have the same link one comes
	// through, and the others get workspace.ErrInvitationUnknown. Decide may be called again when another writer came in between.
	Accept(ctx context.Context, by By, tokenHash [sha256.Size]byte, now time.Time, decide func(*workspace.Workspace) error) error

	// CredentialsOf finds an account by its id, CredentialsNamed by its name in any case: the zero Credentials when there is none.
	CredentialsOf(ctx context.Context, workspaceID, id uuid.UUID) (Credentials, error)
	CredentialsNamed(ctx context.Context, workspaceID uuid.UUID, name string) (Credentials, error)
	// CountAttempt counts an attempt to sign in under a name, whether or not somebody has it, before it is known what comes of it: the
	// first in a row is 1. Those beyond workspace.MaxSignInFailures find the name locked until the time that it returns.
	CountAttempt(
		ctx context.Context, workspaceID uuid.UUID, name string, accountID uuid.NullUUID, now time.Time,
	) (attempt int, until time.Time, err error)
	// SignedIn notes that the password was right, and forgets what failed before. When the account has another one by now, or is
	// gone, it returns false.
	SignedIn(ctx context.Context, by By, found Credentials, now time.Time) (still bool, err error)
	// Note appends to a stream something that an account did or that was done to it.
	Note(ctx context.Context, by By, accountID uuid.UUID, stream event.Stream, payload event.Payload) error
}

// Credentials are what somebody signs in with.
type Credentials struct {
	AccountID uuid.UUID
	Name      string
	// PasswordHash is empty for an account that has no password yet.
	PasswordHash string
}

// AccountReader reads accounts. It is a part of query.ReadModel.
type AccountReader interface {
	Account(ctx context.Context, workspaceID, id uuid.UUID) (query.Account, error)
	Invitation(ctx context.Context, workspaceID uuid.UUID, token string) (query.Invitation, error)
}

// SetUpLinkHandler makes links for first owners.
type SetUpLinkHandler struct {
	accounts Accounts
	now      func() time.Time
}

// NewSetUpLinkHandler makes the handler.
func NewSetUpLinkHandler(accounts Accounts, now func() time.Time) SetUpLinkHandler {
	return SetUpLinkHandler{accounts: accounts, now: now}
}

// EnsureSetUpLink makes a link by which a workspace's first owner makes their account, and returns the token in it. It makes none, and
// needed is false, when an owner can sign in. Earlier links stay good until one is used or their time is over.
func (h SetUpLinkHandler) EnsureSetUpLink(ctx context.Context, workspaceID uuid.UUID) (token string, needed bool, err error) {
	now := h.now()
	link, token := workspace.NewInvitation(now.Add(workspace.SetUpLinkTime))
	kept, err := h.accounts.AddSetUpLink(ctx, workspaceID, link, now)
	if err != nil || !kept {
		return "", false, err
	}
	return token, true, nil
}

// InviteAccount makes an account for somebody who sets its password by a link.
type InviteAccount struct {
	By   By
	Name string
	Role workspace.Role
}

// InvitedAccount is an account for which a link was made.
type InvitedAccount struct {
	workspace.Account

	// Token is what stands in the link: the one time it is seen. It can be used until ExpiresAt.
	Token     string
	ExpiresAt time.Time
}

// InviteAccountHandler handles InviteAccount.
type InviteAccountHandler struct {
	workspaces Workspaces
	now        func() time.Time
}

// NewInviteAccountHandler makes the handler.
func NewInviteAccountHandler(workspaces Workspaces, now func() time.Time) InviteAccountHandler {
	return InviteAccountHandler{workspaces: workspaces, now: now}
}

// Handle makes the account and its link.
func (h InviteAccountHandler) Handle(ctx context.Context, cmd InviteAccount) (InvitedAccount, error) {
	id := event.NewID()
	return h.withLink(ctx, cmd.By, func(w *workspace.Workspace, link workspace.Invitation) (workspace.Account, error) {
		return w.InviteAccount(id, cmd.Name, cmd.Role, link)
	})
}

// ResetPassword makes a link by which an account's password is set anew, in place of the links that it had. What the password was holds
// until the link is used. It is also how somebody who was invited gets another link.
type ResetPassword struct {
	By        By
	AccountID uuid.UUID
}

// Reset handles ResetPassword.
func (h InviteAccountHandler) Reset(ctx context.Context, cmd ResetPassword) (InvitedAccount, error) {
	return h.withLink(ctx, cmd.By, func(w *workspace.Workspace, link workspace.Invitation) (workspace.Account, error) {
		return w.ResetPassword(cmd.AccountID, link)
	})
}

func (h InviteAccountHandler) withLink(
	ctx context.Context, by By, decide func(*workspace.Workspace, workspace.Invitation) (workspace.Account, error),
) (InvitedAccount, error) {
	var invited InvitedAccount
	var link workspace.Invitation
	link, invited.Token = workspace.NewInvitation(h.now().Add(workspace.InvitationTime))
	invited.ExpiresAt = link.ExpiresAt
	_, err := h.workspaces.Update(ctx, by, func(w *workspace.Workspace) (err error) {
		invited.Account, err = decide(w, link)
		return err
	})
	if err != nil {
		return InvitedAccount{}, err
	}
	return invited, nil
}

// AcceptInvitation sets an account's password by a link.
type AcceptInvitation struct {
	WorkspaceID uuid.UUID
	// Token is what stands in the link.
	Token string
	// Name is for the first owner, whose link has none.
	Name     string
	Password string
}

// AcceptInvitationHandler handles AcceptInvitation.
type AcceptInvitationHandler struct {
	accounts  Accounts
	read      AccountReader
	passwords *Passwords
	now       func() time.Time
}

// NewAcceptInvitationHandler makes the handler.
func NewAcceptInvitationHandler(accounts Accounts, read AccountReader, passwords *Passwords, now func() time.Time) AcceptInvitationHandler {
	return AcceptInvitationHandler{accounts: accounts, read: read, passwords: passwords, now: now}
}

// Handle sets the password and returns the account. The link is used up then, and stays good when anything was refused.
func (h AcceptInvitationHandler) Handle(ctx context.Context, cmd AcceptInvitation) (query.Account, error) {
	// First, so that whoever has no link cannot make the service work on passwords.
	invitation, err := h.read.Invitation(ctx, cmd.WorkspaceID, cmd.Token)
	if err != nil {
		return query.Account{}, err
	}
	id, name := invitation.AccountID, invitation.Name
	if invitation.SetUp {
		id, name = event.NewID(), cmd.Name
	}
	if err := workspace.CheckSignIn(name, cmd.Password); err != nil {
		return query.Account{}, err
	}
	hash, err := h.passwords.hash(ctx, cmd.Password)
	if err != nil {
		return query.Account{}, err
	}
	by := By{WorkspaceID: cmd.WorkspaceID, Actor: event.ActorAccount(name)}
	err = h.accounts.Accept(ctx, by, workspace.TokenHash(cmd.Token), h.now(), func(w *workspace.Workspace) error {
		if invitation.SetUp {
			return w.SetUpOwner(id, name, hash)
		}
		return w.SetPassword(id, hash)
	})
	if err != nil {
		return query.Account{}, err
	}
	return h.read.Account(ctx, cmd.WorkspaceID, id)
}

// ChangeAccountRole gives an account another role.
type ChangeAccountRole struct {
	By        By
	AccountID uuid.UUID
	Role      workspace.Role
}

// ChangeAccountRoleHandler handles ChangeAccountRole.
type ChangeAccountRoleHandler struct{ workspaces Workspaces }

// NewChangeAccountRoleHandler makes the handler.
func NewChangeAccountRoleHandler(workspaces Workspaces) ChangeAccountRoleHandler {
	return ChangeAccountRoleHandler{workspaces: workspaces}
}

// Handle changes the role. It is in force for whatever the account asks for next.
func (h ChangeAccountRoleHandler) Handle(ctx context.Context, cmd ChangeAccountRole) (workspace.Account, error) {
	var changed workspace.Account
	_, err := h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) (err error) {
		changed, err = w.ChangeAccountRole(cmd.AccountID, cmd.Role)
		return err
	})
	return changed, err
}

// RemoveAccount ends an account.
type RemoveAccount struct {
	By        By
	AccountID uuid.UUID
}

// RemoveAccountHandler handles RemoveAccount.
type RemoveAccountHandler struct{ workspaces Workspaces }

// NewRemoveAccountHandler makes the handler.
func NewRemoveAccountHandler(workspaces Workspaces) RemoveAccountHandler {
	return RemoveAccountHandler{workspaces: workspaces}
}

// Handle removes the account, with its sessions and links.
func (h RemoveAccountHandler) Handle(ctx context.Context, cmd RemoveAccount) error {
	_, err := h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) error { return w.RemoveAccount(cmd.AccountID) })
	return err
}

// EndSessions ends all sessions of an account.
type EndSessions struct {
	By        By
	AccountID uuid.UUID
}

// EndSessionsHandler handles EndSessions.
type EndSessionsHandler struct{ workspaces Workspaces }

// NewEndSessionsHandler makes the handler.
func NewEndSessionsHandler(workspaces Workspaces) EndSessionsHandler {
	return EndSessionsHandler{workspaces: workspaces}
}

// Handle ends the sessions, on every instance: query.Account.SessionsSince is another one from now on.
func (h EndSessionsHandler) Handle(ctx context.Context, cmd EndSessions) error {
	_, err := h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) error { return w.EndSessions(cmd.AccountID) })
	return err
}
