package workspace

import (
	"crypto/sha256"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"orderbridge/domain/problem"
)

// Account lets a person sign in to the console. Neither password nor sessions are part of it.
type Account struct {
	ID uuid.UUID
	// Name is what they sign in by, in the spelling that it was given. It names them in events.
	Name string
	Role Role
	// HasPassword tells that they can sign in. Whoever was invited and has not used the link cannot.
	HasPassword bool
	Removed     bool
}

// Invitation is a link that can be used once, to set a password by. What is kept of its token is a hash.
type Invitation struct {
	TokenHash [sha256.Size]byte
	ExpiresAt time.Time
}

// NewInvitation makes a link that can be used until then, and the token in it: the one time that this is seen.
func NewInvitation(until time.Time) (Invitation, string) {
	token := newInvitationToken()
	return Invitation{TokenHash: TokenHash(token), ExpiresAt: until}, token
}

const (
	// SetUpLinkTime is how long the link for the first owner can be used.
	SetUpLinkTime = 24 * time.Hour
	// InvitationTime is how long any other link can be used.
	InvitationTime = 72 * time.Hour

	// MaxSignInFailures in a row lock a name for LockOutTime.
	MaxSignInFailures = 5
	// LockOutTime is also for how long failures are remembered: those are in a row between which no more time lies.
	LockOutTime = 15 * time.Minute

	minPasswordRunes = 10
	maxPasswordRunes = 128
)

// Errors about accounts.
var (
	ErrAccountUnknown = problem.NotFound("account-not-found", "no account has this id; see the list of accounts")
	// ErrInvitationUnknown is the one answer to a link that was used, is past its time, or never was one.
	ErrInvitationUnknown = problem.NotFound("invitation-unknown",
		"this link was used, has expired or is not whole; have an owner make another one")
	ErrSetUpDone = problem.Conflict("setup-done", "an owner can sign in already; sign in, or have them invite you")

	errLastOwner = problem.Conflict("account-last-owner",
		"nobody else can sign in as an owner; give another account this role first, and see that its password is set")
)

var accountName = regexp.MustCompile(`^[A-Za-z0-9._@-]{2,64}$`)

func checkAccountName(name string) []problem.Field {
	if accountName.MatchString(name) {
		return nil
	}
	return []problem.Field{{Path: "name", Message: "a name has 2 to 64 of these: letters from a to z, digits, and . _ - @"}}
}

func checkPassword(path, name, password string) []problem.Field {
	var message string
	switch length := utf8.RuneCountInString(password); {
	case length < minPasswordRunes:
		message = "a password has at least 10 characters"
	case length > maxPasswordRunes:
		message = "a password has at most 128 characters"
	case strings.EqualFold(name, password):
		message = "a password is not the name that you sign in by"
	default:
		return nil
	}
	return []problem.Field{{Path: path, Message: message}}
}

// CheckSignIn refuses a name or a password that nobody may have. All invalid fields are reported at once.
func CheckSignIn(name, password string) error {
	if invalid := append(checkAccountName(name), checkPassword("password", name, password)...); len(invalid) > 0 {
		return problem.InvalidFields("account-invalid", invalid...)
	}
	return nil
}

// CheckNewPassword refuses a password that the account of a name may not have.
func CheckNewPassword(name, password string) error {
	if invalid := checkPassword("new", name, password); len(invalid) > 0 {
		return problem.InvalidFields("account-invalid", invalid...)
	}
	return nil
}

// IsAccountName tells that an account could have this name.
func IsAccountName(name string) bool { return accountName.MatchString(name) }

// InviteAccount makes an account without a password, for whoever has the link. A name belongs to one account at a time, in
// whatever case it is spelt.
func (w *Workspace) InviteAccount(id uuid.UUID, name string, role Role, link Invitation) (Account, error) {
	invalid := checkAccountName(name)
	role, err := ParseRole(string(role))
	if err != nil {
		invalid = append(invalid, problem.Field{Path: "role", Message: err.Error()})
	}
	if len(invalid) > 0 {
		return Account{}, problem.InvalidFields("account-invalid", invalid...)
	}
	if err := w.refuseTakenName(name); err != nil {
		return Account{}, err
	}
	w.invitations[id] = link
	w.record(AccountInvited{AccountID: id, Name: name, Role: role})
	return w.accounts[id], nil
}

func (w *Workspace) refuseTakenName(name string) error {
	for _, other := range w.accounts {
		if !other.Removed && strings.EqualFold(other.Name, name) {
			return problem.Conflict("account-name-taken",
				"account %s has the name %q already; choose another, or remove that one first", other.ID, other.Name)
		}
	}
	return nil
}

// SetUpOwner makes the first account that can sign in as an owner, with the hash of its password.
func (w *Workspace) SetUpOwner(id uuid.UUID, name, passwordHash string) error {
	if w.HasOwner() {
		return ErrSetUpDone
	}
	if invalid := checkAccountName(name); len(invalid) > 0 {
		return problem.InvalidFields("account-invalid", invalid...)
	}
	if err := w.refuseTakenName(name); err != nil {
		return err
	}
	w.record(AccountInvited{AccountID: id, Name: name, Role: RoleOwner})
	return w.SetPassword(id, passwordHash)
}

// HasOwner tells that somebody can sign in as an owner.
func (w *Workspace) HasOwner() bool { return w.owners(uuid.Nil) > 0 }

// owners counts those who can sign in as one, without somebody.
func (w *Workspace) owners(but uuid.UUID) int {
	count := 0
	for id, account := range w.accounts {
		if id != but && account.Role == RoleOwner && account.HasPassword && !account.Removed {
			count++
		}
	}
	return count
}

// isLastOwner tells that without this account nobody could sign in as an owner.
func (w *Workspace) isLastOwner(id uuid.UUID) bool { return w.HasOwner() && w.owners(id) == 0 }

// account finds one that was not removed.
func (w *Workspace) account(id uuid.UUID) (Account, error) {
	account, known := w.accounts[id]
	if !known || account.Removed {
		return Account{}, ErrAccountUnknown
	}
	return account, nil
}

// SetPassword gives an account the password of this hash, which is in no event. It ends its sessions, its links, and what
// locked it.
func (w *Workspace) SetPassword(id uuid.UUID, hash string) error {
	account, err := w.account(id)
	if err != nil {
		return err
	}
	w.passwordHashes[id] = hash
	w.record(AccountPasswordSet{AccountID: id, Name: account.Name})
	return nil
}

// ResetPassword makes a link by which an account's password is set anew, in place of earlier links. Until it is used the
// password before holds, so that no reset keeps anybody out.
func (w *Workspace) ResetPassword(id uuid.UUID, link Invitation) (Account, error) {
	account, err := w.account(id)
	if err != nil {
		return Account{}, err
	}
	w.invitations[id] = link
	w.record(AccountResetIssued{AccountID: id, Name: account.Name})
	return account, nil
}

// ChangeAccountRole gives an account another role. It is in force for the next page of its sessions.
func (w *Workspace) ChangeAccountRole(id uuid.UUID, role Role) (Account, error) {
	account, err := w.account(id)
	if err != nil {
		return Account{}, err
	}
	if role, err = ParseRole(string(role)); err != nil {
		return Account{}, problem.InvalidFields("account-invalid", problem.Field{Path: "role", Message: err.Error()})
	}
	if role == account.Role {
		return account, nil
	}
	if w.isLastOwner(id) {
		return Account{}, errLastOwner
	}
	w.record(AccountRoleChanged{AccountID: id, Name: account.Name, Before: account.Role, After: role})
	return w.accounts[id], nil
}

// RemoveAccount ends an account with its sessions and links. Removing twice says nothing new.
func (w *Workspace) RemoveAccount(id uuid.UUID) error {
	account, known := w.accounts[id]
	switch {
	case !known:
		return ErrAccountUnknown
	case account.Removed:
		return nil
	case w.isLastOwner(id):
		return errLastOwner
	}
	w.record(AccountRemoved{AccountID: id, Name: account.Name})
	return nil
}

// EndSessions ends all sessions of an account: whoever has one signs in again.
func (w *Workspace) EndSessions(id uuid.UUID) error {
	account, err := w.account(id)
	if err != nil {
		return err
	}
	w.record(AccountSessionsEnded{AccountID: id, Name: account.Name})
	return nil
}

// PasswordHash is the hash of a password that was set just now.
func (w *Workspace) PasswordHash(id uuid.UUID) string { return w.passwordHashes[id] }

// Invitation is the link that was made for an account just now; ok is false when none was.
func (w *Workspace) Invitation(id uuid.UUID) (link Invitation, ok bool) {
	link, ok = w.invitations[id]
	return link, ok
}
