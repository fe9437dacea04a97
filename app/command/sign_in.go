package command

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// ErrSignInRefused is the one answer to a name that nobody has, a wrong password, and an account without one.
var ErrSignInRefused = problem.Unauthorized("sign-in-refused", "the name or the password is wrong")

// LockedOutError is the cause of the problem "sign-in-locked": no password is looked at under a name before a time, right or wrong. Names that
// nobody has are locked as any other.
type LockedOutError struct{ Until time.Time }

func (l LockedOutError) Error() string { return "locked until " + l.Until.Format(time.RFC3339) }

func errLockedOut(until time.Time) error {
	return problem.Forbidden("sign-in-locked", "too many attempts to sign in under this name failed; try again at %s UTC",
		until.UTC().Format("15:04")).Because(LockedOutError{Until: until.UTC()})
}

// doorkeeper looks at passwords, and at no more of them than may fail.
type doorkeeper struct {
	accounts  Accounts
	passwords *Passwords
	now       func() time.Time
}

// check tells whether a password is that of an account, which is the zero Credentials when nobody has the name. When the name is locked
// it does not look. It takes as long whether somebody has the name or not.
func (d doorkeeper) check(ctx context.Context, workspaceID uuid.UUID, name string, found Credentials, password string) (right bool, err error) {
	var attempt int
	var until time.Time
	err = d.passwords.inTurn(ctx, func(hasher PasswordHasher) error {
		id := uuid.NullUUID{UUID: found.AccountID, Valid: found.AccountID != uuid.Nil}
		// Counted first, so that many at once are no more than they may be, and in turn, so that none is counted that is not looked at.
		if attempt, until, err = d.accounts.CountAttempt(ctx, workspaceID, name, id, d.now()); err != nil {
			return err
		}
		if attempt > workspace.MaxSignInFailures {
			return errLockedOut(until)
		}
		right, err = hasher.Verify(password, found.PasswordHash)
		return err
	})
	if err != nil || right || attempt < workspace.MaxSignInFailures || found.AccountID == uuid.Nil {
		return right, err
	}
	err = d.accounts.Note(ctx, By{WorkspaceID: workspaceID, Actor: event.ActorSystem}, found.AccountID, event.AccountStream(found.AccountID),
		workspace.AccountLocked{AccountID: found.AccountID, Name: found.Name, Until: until.UTC()})
	if errors.Is(err, workspace.ErrAccountUnknown) { // it was removed meanwhile, which is nobody's business
		err = nil
	}
	return false, err
}

// SignIn lets somebody in who has a name and its password.
type SignIn struct {
	WorkspaceID    uuid.UUID
	Name, Password string
}

// SignInHandler handles SignIn.
type SignInHandler struct {
	doorkeeper

	read AccountReader
}

// NewSignInHandler makes the handler.
func NewSignInHandler(accounts Accounts, read AccountReader, passwords *Passwords, now func() time.Time) SignInHandler {
	return SignInHandler{doorkeeper: doorkeeper{accounts: accounts, passwords: passwords, now: now}, read: read}
}

// Handle returns the account. A wrong name or password is ErrSignInRefused; after workspace.MaxSignInFailures of them in a row the problem is
// "sign-in-locked", with LockedOutError as its cause, and whatever is sent until then is not looked at.
func (h SignInHandler) Handle(ctx context.Context, cmd SignIn) (query.Account, error) {
	if !workspace.IsAccountName(cmd.Name) { // nobody has it, and whoever typed it knows
		return query.Account{}, ErrSignInRefused
	}
	found, err := h.accounts.CredentialsNamed(ctx, cmd.WorkspaceID, cmd.Name)
	if err != nil {
		return query.Account{}, err
	}
	right, err := h.check(ctx, cmd.WorkspaceID, cmd.Name, found, cmd.Password)
	if err != nil {
		return query.Account{}, err
	}
	if !right {
		return query.Account{}, ErrSignInRefused
	}
	by := By{WorkspaceID: cmd.WorkspaceID, Actor: event.ActorAccount(found.Name)}
	still, err := h.accounts.SignedIn(ctx, by, found, h.now())
	if err != nil {
		return query.Account{}, err
	}
	if !still {
		return query.Account{}, ErrSignInRefused
	}
	return h.read.Account(ctx, cmd.WorkspaceID, found.AccountID)
}

// ChangePassword gives an account another password, by whoever knows the one that it has.
type ChangePassword struct {
	By           By
	AccountID    uuid.UUID
	Current, New string
}

var errCurrentWrong = problem.InvalidFields("account-invalid",
	problem.Field{Path: "current", Message: "this is not the password of your account"})

// ChangePasswordHandler handles ChangePassword.
type ChangePasswordHandler struct {
	doorkeeper

	workspaces Workspaces
	read       AccountReader
}

// NewChangePasswordHandler makes the handler.
func NewChangePasswordHandler(
	workspaces Workspaces, accounts Accounts, read AccountReader, passwords *Passwords, now func() time.Time,
) ChangePasswordHandler {
	return ChangePasswordHandler{
		doorkeeper: doorkeeper{accounts: accounts, passwords: passwords, now: now}, workspaces: workspaces, read: read,
	}
}

// Handle changes the password and returns the account. All of its sessions end; the one that this was done in goes on when it remembers
// the account's new SessionsSince. Wrong current passwords are counted as attempts to sign in are.
func (h ChangePasswordHandler) Handle(ctx context.Context, cmd ChangePassword) (query.Account, error) {
	found, err := h.accounts.CredentialsOf(ctx, cmd.By.WorkspaceID, cmd.AccountID)
	if err != nil {
		return query.Account{}, err
	}
	if found.AccountID == uuid.Nil {
		return query.Account{}, workspace.ErrAccountUnknown
	}
	if err := workspace.CheckNewPassword(found.Name, cmd.New); err != nil {
		return query.Account{}, err
	}
	right, err := h.check(ctx, cmd.By.WorkspaceID, found.Name, found, cmd.Current)
	if err != nil {
		return query.Account{}, err
	}
	if !right {
		return query.Account{}, errCurrentWrong
	}
	hash, err := h.passwords.hash(ctx, cmd.New)
	if err != nil {
		return query.Account{}, err
	}
	if _, err := h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) error {
		return w.SetPassword(cmd.AccountID, hash)
	}); err != nil {
		return query.Account{}, err
	}
	return h.read.Account(ctx, cmd.By.WorkspaceID, cmd.AccountID)
}
