package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"

	"orderbridge/adapters/passwords"
	"orderbridge/adapters/postgres"
	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

const password = "mật khẩu đủ dài"

// quickPasswords are real ones that take no time. They count how many are looked at.
type quickPasswords struct {
	passwords.Argon2id

	looked *atomic.Int64
}

func (p quickPasswords) Verify(password, hash string) (bool, error) {
	p.looked.Add(1)
	return p.Argon2id.Verify(password, hash)
}

// accountsBundle is what an instance of the service knows of accounts.
type accountsBundle struct {
	*bundle

	read    postgres.ReadModel
	setUp   command.SetUpLinkHandler
	invite  command.InviteAccountHandler
	accept  command.AcceptInvitationHandler
	signIn  command.SignInHandler
	change  command.ChangePasswordHandler
	role    command.ChangeAccountRoleHandler
	remove  command.RemoveAccountHandler
	end     command.EndSessionsHandler
	reveal  command.RevealContactHandler
	looked  *atomic.Int64
	elapsed *atomic.Int64 // that the clocks of all instances have moved on
}

func setupAccounts(t *testing.T) *accountsBundle {
	t.Helper()
	b := &accountsBundle{bundle: setup(t), looked: &atomic.Int64{}, elapsed: &atomic.Int64{}}
	return b.instance(t, b.db)
}

var accountsKey = workspace.NewSecretKey()

// instance is another instance on the same database.
func (b *accountsBundle) instance(t *testing.T, db *postgres.Database) *accountsBundle {
	t.Helper()
	clock := func() time.Time { return time.Now().Add(time.Duration(b.elapsed.Load())) }
	hasher := quickPasswords{passwords.New(argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}), b.looked}
	store, workspaces, read := postgres.NewAccounts(db, accountsKey), postgres.NewWorkspaces(db), postgres.NewReadModel(db)
	limited := command.NewPasswords(hasher)
	return &accountsBundle{
		bundle: b.bundle, looked: b.looked, elapsed: b.elapsed, read: read,
		setUp: command.NewSetUpLinkHandler(store, clock), invite: command.NewInviteAccountHandler(workspaces, clock),
		accept: command.NewAcceptInvitationHandler(store, read, limited, clock),
		signIn: command.NewSignInHandler(store, read, limited, clock),
		change: command.NewChangePasswordHandler(workspaces, store, read, limited, clock),
		role:   command.NewChangeAccountRoleHandler(workspaces), remove: command.NewRemoveAccountHandler(workspaces),
		end: command.NewEndSessionsHandler(workspaces), reveal: command.NewRevealContactHandler(store, read),
	}
}

func (b *accountsBundle) later(d time.Duration) { b.elapsed.Add(int64(d)) }

// mustInvite makes a link for a new account.
func (b *accountsBundle) mustInvite(t *testing.T, name string, role workspace.Role) command.InvitedAccount {
	t.Helper()
	invited, err := b.invite.Handle(t.Context(), command.InviteAccount{By: b.by, Name: name, Role: role})
	if err != nil {
		t.Fatal("invite:", err)
	}
	return invited
}

func (b *accountsBundle) acceptAs(ctx context.Context, token, name, password string) (query.Account, error) {
	return b.accept.Handle(ctx, command.AcceptInvitation{WorkspaceID: b.workspaceID, Token: token, Name: name, Password: password})
}

// mustHave makes an account with the usual password.
func (b *accountsBundle) mustHave(t *testing.T, name string, role workspace.Role) query.Account {
	t.Helper()
	account, err := b.acceptAs(t.Context(), b.mustInvite(t, name, role).Token, "", password)
	if err != nil {
		t.Fatal("accept:", err)
	}
	return account
}

func (b *accountsBundle) signInAs(ctx context.Context, name, password string) (query.Account, error) {
	return b.signIn.Handle(ctx, command.SignIn{WorkspaceID: b.workspaceID, Name: name, Password: password})
}

// mustSignIn signs in with a password that has to be right.
func (b *accountsBundle) mustSignIn(t *testing.T, name, password string) query.Account {
	t.Helper()
	account, err := b.signInAs(t.Context(), name, password)
	if err != nil {
		t.Fatal("sign in:", err)
	}
	return account
}

// since is what tells the sessions of an account from earlier ones.
func (b *accountsBundle) since(t *testing.T, id uuid.UUID) time.Time {
	t.Helper()
	account, err := b.read.Account(t.Context(), b.workspaceID, id)
	if err != nil {
		t.Fatal("read account:", err)
	}
	return account.SessionsSince
}

// named are the events of the log with a name.
func (b *accountsBundle) named(t *testing.T, name string) []event.Recorded {
	t.Helper()
	return slices.DeleteFunc(b.events(t), func(e event.Recorded) bool { return e.Payload.EventName() != name })
}

// atOnce lets many do something at the same moment, and returns what each got.
func atOnce(many int, do func(i int) error) []error {
	start, errs := make(chan struct{}), make([]error, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

func countIs(errs []error, target error) int {
	count := 0
	for _, err := range errs {
		if target == nil && err == nil || target != nil && errors.Is(err, target) {
			count++
		}
	}
	return count
}

func TestSetUpLink(t *testing.T) {
	t.Parallel()
	b := setupAccounts(t)
	token := func() string {
		token, needed, err := b.setUp.EnsureSetUpLink(t.Context(), b.workspaceID)
		if err != nil || !needed || !strings.HasPrefix(token, "obi_") {
			t.Fatalf("got %q, needed: %t, %v", token, needed, err)
		}
		return token
	}
	first, second := token(), token()
	found, err := b.read.Invitation(t.Context(), b.workspaceID, first)
	if err != nil || !found.SetUp || found.Role != workspace.RoleOwner || found.Name != "" {
		t.Errorf("the link is %+v, %v", found, err)
	}
	// Somebody who only reads does not end it: nobody could invite an owner then.
	b.mustHave(t, "reader", workspace.RoleViewer)
	third := token()

	_, err = b.acceptAs(t.Context(), first, "ha noi", "short")
	refusal, _ := problem.Of(err)
	if refusal == nil || len(refusal.Fields()) != 2 {
		t.Errorf("a name with a blank and a short password: %v", err)
	}
	_, err = b.acceptAs(t.Context(), first, "Reader", password)
	wantProblem(t, err, problem.KindConflict, "account-name-taken")

	// Ten who have the same link, and ten who have another, are one owner.
	errs := atOnce(20, func(i int) error {
		_, err := b.acceptAs(t.Context(), []string{first, second}[i%2], fmt.Sprintf("owner-%d", i), password)
		return err
	})
	if countIs(errs, nil) != 1 || countIs(errs, workspace.ErrInvitationUnknown)+countIs(errs, workspace.ErrSetUpDone) != 19 {
		t.Fatalf("got %v", errs)
	}
	if token, needed, err := b.setUp.EnsureSetUpLink(t.Context(), b.workspaceID); token != "" || needed || err != nil {
		t.Errorf("got %q, needed: %t, %v", token, needed, err)
	}
	_, err = b.acceptAs(t.Context(), third, "late", password)
	wantProblem(t, err, problem.KindNotFound, "invitation-unknown")

	owner := b.named(t, "AccountInvited")[1]
	name := owner.Payload.(workspace.AccountInvited).Name
	if owner.Actor != event.ActorAccount(name) || owner.Stream != event.WorkspaceStream {
		t.Errorf("the first owner was made by %s in %s", owner.Actor, owner.Stream)
	}
	if got := b.mustSignIn(t, name, password); got.Role != workspace.RoleOwner || got.Invited {
		t.Errorf("signed in as %+v", got)
	}
}

func TestASetUpLinkEnds(t *testing.T) {
	t.Parallel()
	b := setupAccounts(t)
	// The read model's clock is the machine's.
	b.later(-workspace.SetUpLinkTime)
	old, _, err := b.setUp.EnsureSetUpLink(t.Context(), b.workspaceID)
	if err != nil {
		t.Fatal(err)
	}
	b.later(workspace.SetUpLinkTime)
	_, err = b.acceptAs(t.Context(), old, "chu", password)
	wantProblem(t, err, problem.KindNotFound, "invitation-unknown")
	if _, _, err := b.setUp.EnsureSetUpLink(t.Context(), b.workspaceID); err != nil {
		t.Fatal(err)
	}
	if kept := scan[int64](t, b.bundle, "SELECT count(*) FROM invitations"); kept != 1 {
		t.Errorf("%d links are kept", kept)
	}
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	b := setupAccounts(t)
	invited := b.mustInvite(t, "Kho.Hue", workspace.RoleOperator)
	if stays := time.Until(invited.ExpiresAt); stays > workspace.InvitationTime || stays < workspace.InvitationTime-time.Minute {
		t.Errorf("the link stays good for %s", stays)
	}
	for _, column := range list[string](t, b.bundle, "SELECT payload::text FROM events UNION ALL SELECT encode(token_hash, 'escape') FROM invitations") {
		if strings.Contains(column, invited.Token) {
			t.Errorf("the link is kept: %s", column)
		}
	}
	_, err := b.invite.Handle(t.Context(), command.InviteAccount{By: b.by, Name: "kho.hue", Role: workspace.RoleViewer})
	wantProblem(t, err, problem.KindConflict, "account-name-taken")

	found, err := b.read.Invitation(t.Context(), b.workspaceID, invited.Token)
	if err != nil || found.SetUp || found.AccountID != invited.ID || found.Name != "Kho.Hue" || found.Role != workspace.RoleOperator {
		t.Errorf("the link is %+v, %v", found, err)
	}
	// It is good in its own workspace alone.
	other := b.addWorkspace(t, "other", customer.MatchByPhone)
	_, err = b.read.Invitation(t.Context(), other, invited.Token)
	wantProblem(t, err, problem.KindNotFound, "invitation-unknown")

	// What is refused does not use it up.
	_, err = b.acceptAs(t.Context(), invited.Token, "", "KHO.HUE")
	wantProblem(t, err, problem.KindInvalid, "account-invalid")
	_, err = b.signInAs(t.Context(), "kho.hue", password)
	wantProblem(t, err, problem.KindUnauthorized, "sign-in-refused")

	errs := atOnce(20, func(i int) error {
		_, err := b.acceptAs(t.Context(), invited.Token, "", fmt.Sprintf("mật khẩu số %d", i))
		return err
	})
	if countIs(errs, nil) != 1 || countIs(errs, workspace.ErrInvitationUnknown) != 19 {
		t.Fatalf("got %v", errs)
	}
	winner := slices.Index(errs, nil)
	account := b.mustSignIn(t, "KHO.hue", fmt.Sprintf("mật khẩu số %d", winner))
	if account.ID != invited.ID || account.Name != "Kho.Hue" || account.Invited || account.LastSignInAt == nil {
		t.Errorf("signed in as %+v", account)
	}
	if set := b.named(t, "AccountPasswordSet"); len(set) != 1 || set[0].Actor != event.ActorAccount("Kho.Hue") {
		t.Errorf("got %+v", set)
	}
	for _, payload := range list[string](t, b.bundle, "SELECT payload::text FROM events") {
		if strings.Contains(payload, "argon2id") || strings.Contains(payload, "mật khẩu") {
			t.Errorf("an event holds a secret: %s", payload)
		}
	}
}

// TestALinkThatSetsAPasswordAnew: the one before holds until it is used, and a new link ends the old one.
func TestALinkThatSetsAPasswordAnew(t *testing.T) {
	t.Parallel()
	b := setupAccounts(t)
	account := b.mustHave(t, "lan", workspace.RoleOwner)
	reset := func() string {
		t.Helper()
		link, err := b.invite.Reset(t.Context(), command.ResetPassword{By: b.by, AccountID: account.ID})
		if err != nil {
			t.Fatal(err)
		}
		return link.Token
	}
	first, second := reset(), reset()
	since := b.mustSignIn(t, "lan", password).SessionsSince
	_, err := b.acceptAs(t.Context(), first, "", "một mật khẩu khác")
	wantProblem(t, err, problem.KindNotFound, "invitation-unknown")
	changed, err := b.acceptAs(t.Context(), second, "", "một mật khẩu khác")
	if err != nil || changed.SessionsSince.Equal(since) {
		t.Fatalf("got %+v, %v", changed, err)
	}
	_, err = b.signInAs(t.Context(), "lan", password)
	wantProblem(t, err, problem.KindUnauthorized, "sign-in-refused")
	b.mustSignIn(t, "lan", "một mật khẩu khác")

	_, err = b.invite.Reset(t.Context(), command.ResetPassword{By: b.by, AccountID: event.NewID()})
	wantProblem(t, err, problem.KindNotFound, "account-not-found")
}

// TestLockOut: however many guess at once, on however many instances, no more guesses are looked at than may fail; whether or not
// somebody has the name.
func TestLockOut(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"lan", "nobody"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupAccounts(t)
			account := b.mustHave(t, "lan", workspace.RoleOwner)
			instances := []*accountsBundle{b, b.instance(t, connect(t, b.dsn))}
			errs := atOnce(60, func(i int) error {
				_, err := instances[i%2].signInAs(t.Context(), []string{name, strings.ToUpper(name)}[i/2%2], fmt.Sprintf("guess number %d", i))
				return err
			})
			locked := 0
			for _, err := range errs {
				if cause, ok := errors.AsType[command.LockedOutError](err); ok {
					locked++
					wantProblem(t, err, problem.KindForbidden, "sign-in-locked")
					if left := time.Until(cause.Until); left > workspace.LockOutTime || left < workspace.LockOutTime-time.Minute {
						t.Errorf("it is locked for %s", left)
					}
				}
			}
			if refused := countIs(errs, command.ErrSignInRefused); refused != 5 || locked != 55 || b.looked.Load() != 5 {
				t.Fatalf("%d were refused and %d found it locked; %d passwords were looked at", refused, locked, b.looked.Load())
			}
			_, err := b.signInAs(t.Context(), name, password) // the right one, if there is one
			wantProblem(t, err, problem.KindForbidden, "sign-in-locked")

			listed, err := b.read.Account(t.Context(), b.workspaceID, account.ID)
			if err != nil || (listed.LockedUntil != nil) != (name == "lan") {
				t.Errorf("got %+v, %v", listed, err)
			}
			events := b.named(t, "AccountLocked")
			if name == "nobody" {
				if len(events) != 0 {
					t.Errorf("got %+v", events)
				}
			} else if len(events) != 1 || events[0].Stream != event.AccountStream(account.ID) || events[0].Actor != event.ActorSystem ||
				!events[0].Payload.(workspace.AccountLocked).Until.Equal(*listed.LockedUntil) {
				t.Errorf("got %+v, locked until %v", events, listed.LockedUntil)
			}

			b.later(workspace.LockOutTime - time.Minute)
			_, err = b.signInAs(t.Context(), name, password)
			wantProblem(t, err, problem.KindForbidden, "sign-in-locked") // attempts meanwhile did not count, nor make it last longer
			b.later(time.Minute)
			_, err = b.signInAs(t.Context(), name, "another guess")
			wantProblem(t, err, problem.KindUnauthorized, "sign-in-refused")
			if name == "lan" {
				b.mustSignIn(t, name, password)
			}
			if kept := scan[string](t, b.bundle, "SELECT coalesce(string_agg(f::text, ' '), '') FROM sign_in_failures f"); strings.Contains(kept, name) {
				t.Errorf("a name is kept: %s", kept)
			}
		})
	}
}

// TestFailuresInARow: a right password begins the count anew, and so does time.
func TestFailuresInARow(t *testing.T) {
	t.Parallel()
	b := setupAccounts(t)
	b.mustHave(t, "lan", workspace.RoleOwner)
	fail := func(times int) {
		t.Helper()
		for range times {
			_, err := b.signInAs(t.Context(), "lan", "a wrong password")
			wantProblem(t, err, problem.KindUnauthorized, "sign-in-refused")
		}
	}
	fail(4)
	b.mustSignIn(t, "lan", password)
	fail(4)
	b.later(workspace.LockOutTime)
	fail(4)
	b.mustSignIn(t, "lan", password)
	if signedIn := b.named(t, "AccountSignedIn"); len(signedIn) != 2 || signedIn[1].Version != 2 || signedIn[1].Actor != event.ActorAccount("lan") {
		t.Errorf("got %+v", signedIn)
	}
	// Old failures go as new ones come.
	for i := range 15 {
		_, _ = b.signInAs(t.Context(), fmt.Sprintf("name-%d", i), "a wrong password")
	}
	b.later(workspace.LockOutTime)
	for range 2 {
		_, _ = b.signInAs(t.Context(), "another", "a wrong password")
	}
	if kept := scan[int64](t, b.bundle, "SELECT count(*) FROM sign_in_failures"); kept != 1 {
		t.Errorf("%d names are kept", kept)
	}
}

// TestANameThatNobodyHasTakesAsMuchWork as any other.
func TestANameThatNobodyHasTakesAsMuchWork(t *testing.T) {
	t.Parallel()
	b := setupAccounts(t)
	b.mustHave(t, "lan", workspace.RoleOwner)
	b.mustInvite(t, "mai", workspace.RoleViewer)
	removed := b.mustHave(t, "nam", workspace.RoleViewer)
	if err := b.remove.Handle(t.Context(), command.RemoveAccount{By: b.by, AccountID: removed.ID}); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"lan", "mai", "nam", "nobody"} {
		_, err := b.signInAs(t.Context(), name, "a wrong password")
		if !errors.Is(err, command.ErrSignInRefused) || b.looked.Load() != int64(i+1) {
			t.Errorf("%s: %v, and %d passwords were looked at", name, err, b.looked.Load())
		}
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	b := setupAccounts(t)
	account := b.mustHave(t, "lan", workspace.RoleOwner)
	other := b.mustHave(t, "mai", workspace.RoleViewer)
	by := command.By{WorkspaceID: b.workspaceID, Actor: account.Actor()}
	change := func(current, next string) (query.Account, error) {
		return b.change.Handle(t.Context(), command.ChangePassword{By: by, AccountID: account.ID, Current: current, New: next})
	}
	_, err := change(password, "short")
	wantProblem(t, err, problem.KindInvalid, "account-invalid")
	_, err = change("a wrong password", "một mật khẩu khác")
	wantProblem(t, err, problem.KindInvalid, "account-invalid")
	if got := b.since(t, account.ID); !got.Equal(account.SessionsSince) {
		t.Error("what was refused ended sessions")
	}
	changed, err := change(password, "một mật khẩu khác")
	if err != nil || changed.SessionsSince.Equal(account.SessionsSince) || !changed.SessionsSince.Equal(b.since(t, account.ID)) {
		t.Fatalf("got %+v, %v", changed, err)
	}
	if !b.since(t, other.ID).Equal(other.SessionsSince) {
		t.Error("it ended sessions of somebody else")
	}
	b.mustSignIn(t, "lan", "một mật khẩu khác")
	set := b.named(t, "AccountPasswordSet")
	if set[len(set)-1].Actor != account.Actor() {
		t.Errorf("it was set by %s", set[len(set)-1].Actor)
	}
	// Whoever has somebody's session cannot guess the password either.
	for range workspace.MaxSignInFailures {
		_, err = change("a wrong password", "một mật khẩu nữa")
		wantProblem(t, err, problem.KindInvalid, "account-invalid")
	}
	_, err = change("một mật khẩu khác", "một mật khẩu nữa")
	wantProblem(t, err, problem.KindForbidden, "sign-in-locked")
	_, err = b.change.Handle(t.Context(), command.ChangePassword{By: by, AccountID: event.NewID(), Current: password, New: password + "!"})
	wantProblem(t, err, problem.KindNotFound, "account-not-found")
	// A link that sets the password anew unlocks.
	link, err := b.invite.Reset(t.Context(), command.ResetPassword{By: b.by, AccountID: account.ID})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.acceptAs(t.Context(), link.Token, "", password); err != nil {
		t.Fatal(err)
	}
	b.mustSignIn(t, "lan", password)
}

func TestAccountsAreLookedAfter(t *testing.T) {
	t.Parallel()
	b := setupAccounts(t)
	owner := b.mustHave(t, "Lan", workspace.RoleOwner)
	mai := b.mustHave(t, "mai", workspace.RoleViewer)
	waiting := b.mustInvite(t, "An", workspace.RoleOwner)
	names := func() (names []string) {
		t.Helper()
		accounts, err := b.read.Accounts(t.Context(), b.workspaceID)
		if err != nil {
			t.Fatal(err)
		}
		for _, account := range accounts {
			names = append(names, fmt.Sprintf("%s %s %t", account.Name, account.Role, account.Invited))
		}
		return names
	}
	if got := names(); !slices.Equal(got, []string{"An owner true", "Lan owner false", "mai viewer false"}) {
		t.Errorf("got %q", got)
	}
	other := b.addWorkspace(t, "other", customer.MatchByPhone)
	_, err := b.read.Account(t.Context(), other, mai.ID)
	wantProblem(t, err, problem.KindNotFound, "account-not-found")

	// Somebody who has not come yet is no owner to rely on.
	wantProblem(t, b.remove.Handle(t.Context(), command.RemoveAccount{By: b.by, AccountID: owner.ID}), problem.KindConflict, "account-last-owner")
	_, err = b.role.Handle(t.Context(), command.ChangeAccountRole{By: b.by, AccountID: owner.ID, Role: workspace.RoleViewer})
	wantProblem(t, err, problem.KindConflict, "account-last-owner")

	changed, err := b.role.Handle(t.Context(), command.ChangeAccountRole{By: b.by, AccountID: mai.ID, Role: workspace.RoleOwner})
	if err != nil || changed.Role != workspace.RoleOwner {
		t.Fatalf("got %+v, %v", changed, err)
	}
	if !b.since(t, mai.ID).Equal(mai.SessionsSince) {
		t.Error("another role ended sessions")
	}
	for range 2 { // each ends those from before
		before := b.since(t, mai.ID)
		if err := b.end.Handle(t.Context(), command.EndSessions{By: b.by, AccountID: mai.ID}); err != nil || b.since(t, mai.ID).Equal(before) {
			t.Errorf("sessions did not end: %v", err)
		}
	}
	for range 2 { // the second says nothing new
		if err := b.remove.Handle(t.Context(), command.RemoveAccount{By: b.by, AccountID: owner.ID}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = b.read.Account(t.Context(), b.workspaceID, owner.ID)
	wantProblem(t, err, problem.KindNotFound, "account-not-found")
	_, err = b.signInAs(t.Context(), "Lan", password)
	wantProblem(t, err, problem.KindUnauthorized, "sign-in-refused")
	if err := b.remove.Handle(t.Context(), command.RemoveAccount{By: b.by, AccountID: waiting.ID}); err != nil {
		t.Fatal(err)
	}
	_, err = b.acceptAs(t.Context(), waiting.Token, "", password)
	wantProblem(t, err, problem.KindNotFound, "invitation-unknown")
	b.mustHave(t, "LAN", workspace.RoleViewer) // the name is free again
	if got := names(); !slices.Equal(got, []string{"LAN viewer false", "mai owner false"}) {
		t.Errorf("got %q", got)
	}
}

// TestARemovedAccountDoesNotSignInAnyMore also when it was removed, or got another password, while its password was looked at.
func TestARemovedAccountDoesNotSignInAnyMore(t *testing.T) {
	t.Parallel()
	b := setupAccounts(t)
	account := b.mustHave(t, "lan", workspace.RoleViewer)
	store := postgres.NewAccounts(b.db, accountsKey)
	found, err := store.CredentialsNamed(t.Context(), b.workspaceID, "lan")
	if err != nil || found.AccountID != account.ID {
		t.Fatalf("got %+v, %v", found, err)
	}
	changed := found
	changed.PasswordHash += "x"
	if still, err := store.SignedIn(t.Context(), b.by, changed, now()); still || err != nil {
		t.Errorf("with another password: %t, %v", still, err)
	}
	if err := b.remove.Handle(t.Context(), command.RemoveAccount{By: b.by, AccountID: account.ID}); err != nil {
		t.Fatal(err)
	}
	if still, err := store.SignedIn(t.Context(), b.by, found, now()); still || err != nil {
		t.Errorf("removed: %t, %v", still, err)
	}
	err = store.Note(t.Context(), b.by, account.ID, event.AccountStream(account.ID), workspace.AccountSignedIn{AccountID: account.ID})
	wantProblem(t, err, problem.KindNotFound, "account-not-found")
	if signedIn := b.named(t, "AccountSignedIn"); len(signedIn) != 0 {
		t.Errorf("got %+v", signedIn)
	}
}

// TestRevealContact: who saw whose phone is in the customer's timeline and in what the account did, and the customer did not change.
func TestRevealContact(t *testing.T) {
	t.Parallel()
	b := setupAccounts(t)
	log := b.newLog(t)
	b.ingestNew(t, log, anOrder("1"))
	b.foldAll(t)
	viewer := b.mustHave(t, "lan@kho", workspace.RoleViewer)
	orders, err := b.read.Orders(t.Context(), b.workspaceID, query.OrderFilter{}, query.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	code, buyer := orders.Items[0].Code, orders.Items[0].Customer.ID
	before, err := b.read.Customer(t.Context(), b.workspaceID, buyer)
	if err != nil {
		t.Fatal(err)
	}
	by := command.By{WorkspaceID: b.workspaceID, Actor: viewer.Actor()}
	reveal := func(cmd command.RevealContact) error {
		cmd.By, cmd.AccountID = by, viewer.ID
		return b.reveal.Handle(t.Context(), cmd)
	}
	errs := atOnce(4, func(i int) error {
		if i%2 == 0 {
			return reveal(command.RevealContact{CustomerID: buyer})
		}
		return reveal(command.RevealContact{OrderCode: code})
	})
	if countIs(errs, nil) != 4 {
		t.Fatal(errs)
	}
	wantProblem(t, reveal(command.RevealContact{OrderCode: "Pancake_1_1"}), problem.KindNotFound, "order-unknown")
	wantProblem(t, reveal(command.RevealContact{CustomerID: event.NewID()}), problem.KindNotFound, "customer-unknown")
	wantProblem(t, b.reveal.Handle(t.Context(), command.RevealContact{By: by, AccountID: event.NewID(), CustomerID: buyer}),
		problem.KindNotFound, "account-not-found")

	b.foldAll(t)
	if after, err := b.read.Customer(t.Context(), b.workspaceID, buyer); err != nil || after.Version != before.Version {
		t.Errorf("the customer has the version %d, and had %d; %v", after.Version, before.Version, err)
	}
	timeline := query.NewTimelineHandler(b.read, postgres.NewHistory(b.db), now)
	told, err := timeline.OfCustomer(t.Context(), b.workspaceID, buyer, query.Page{Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	told = told.Masked()
	last := told.Items[len(told.Items)-4:]
	for _, step := range last {
		if step.Event != "ContactRevealed" || step.Stream != event.ContactStream(buyer) || strings.Contains(step.Summary, "phones of order") {
			t.Errorf("got %+v", step)
		}
	}

	for page, want := range map[query.Page]int{{Limit: 50}: 5, {Limit: 3}: 3, {Limit: 50, Before: last[1].Position}: 2} {
		did, err := timeline.OfActor(t.Context(), b.workspaceID, viewer.Actor(), page)
		if err != nil || len(did.Items) != want || (did.NextCursor != nil) != (page.Limit == 3) {
			t.Errorf("%+v: %d acts, %v", page, len(did.Items), err)
		}
		if !slices.IsSortedFunc(did.Items, func(a, b query.Step) int { return int(b.Position - a.Position) }) {
			t.Errorf("%+v: not the latest first", page)
		}
	}
	if did, err := timeline.OfActor(t.Context(), b.workspaceID, event.ActorPolicy, query.Page{Limit: 50}); err != nil || len(did.Items) != 0 {
		t.Errorf("of Orderbridge itself: %+v, %v", did, err)
	}
}

// TestEventsOfAnActor are found however far apart they are.
func TestEventsOfAnActor(t *testing.T) {
	t.Parallel()
	b := setupAccounts(t)
	other := b.addWorkspace(t, "other", customer.MatchByPhone)
	b.exec(t, `INSERT INTO events (position, workspace_id, stream, version, id, type, schema_version, recorded_at, correlation_id, actor, payload, digest)
		SELECT (SELECT max(position) FROM events) + n, CASE WHEN n % 10000 = 1 THEN $2::uuid ELSE $1::uuid END, 'test/' || n, 1, gen_random_uuid(),
			'ShopDisconnected', 1, now(), gen_random_uuid(), CASE WHEN n % 7500 = 1 THEN 'account:lan' ELSE 'webhook' END, '{"shop_id":"1"}', sha256('x')
		FROM generate_series(1, 30001) n`, b.workspaceID, other)
	page, err := b.read.Events(t.Context(), b.workspaceID, query.EventFilter{Actor: "account:lan", Limit: 10})
	if err != nil || len(page.Items) != 3 || page.NextAfter != page.Head { // of five, of which two are in the other workspace
		t.Errorf("got %d events up to %d of %d, %v", len(page.Items), page.NextAfter, page.Head, err)
	}
	first, err := b.read.Events(t.Context(), b.workspaceID, query.EventFilter{Actor: "account:lan", Limit: 1})
	if err != nil || len(first.Items) != 1 || first.NextAfter != first.Items[0].Position {
		t.Errorf("got %+v, %v", first, err)
	}
	rest, err := b.read.Events(t.Context(), b.workspaceID, query.EventFilter{Actor: "account:lan", After: first.NextAfter, Limit: 10, Types: []string{"ShopDisconnected"}})
	if err != nil || len(rest.Items) != 2 || rest.Items[0].Position != page.Items[1].Position {
		t.Errorf("got %+v, %v", rest, err)
	}
	if none, err := b.read.Events(t.Context(), b.workspaceID, query.EventFilter{Actor: "account:lan", Limit: 10, Types: []string{"OrderCreated"}}); err != nil || len(none.Items) != 0 {
		t.Errorf("got %+v, %v", none, err)
	}
	shops, err := b.read.Events(t.Context(), b.workspaceID, query.EventFilter{Actor: event.ActorWebhook, Limit: 10})
	if err != nil || len(shops.Items) != 10 || shops.Items[0].Actor != event.ActorWebhook {
		t.Errorf("of shops: %+v, %v", shops, err)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sessions := postgres.NewSessions(b.db)
	another := postgres.NewSessions(connect(t, b.dsn))
	ctx := t.Context()
	if data, ok, err := sessions.Find("nobody's"); ok || err != nil {
		t.Errorf("found %q, %v", data, err)
	}
	for _, data := range []string{"one", "two"} {
		if err := sessions.Commit("token-of-a-session", []byte(data), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if data, ok, err := another.Find("token-of-a-session"); !ok || string(data) != "two" || err != nil {
		t.Errorf("found %q: %t, %v", data, ok, err)
	}
	if kept := scan[string](t, b, "SELECT s::text FROM sessions s"); strings.Contains(kept, "token-of-a-session") {
		t.Errorf("the token is kept: %s", kept)
	}
	if err := sessions.CommitCtx(ctx, "old", []byte("old"), time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if data, ok, err := sessions.FindCtx(ctx, "old"); ok || err != nil {
		t.Errorf("one whose time is over: %q, %v", data, err)
	}
	for range 2 { // one that is not there is ended already
		if err := another.Delete("token-of-a-session"); err != nil {
			t.Fatal(err)
		}
	}
	if data, ok, err := sessions.FindCtx(ctx, "token-of-a-session"); ok || err != nil {
		t.Errorf("one that was ended: %q, %v", data, err)
	}
	// What is over goes as others are kept.
	if err := sessions.CommitCtx(ctx, "new", []byte("new"), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if kept := scan[int64](t, b, "SELECT count(*) FROM sessions"); kept != 1 {
		t.Errorf("%d sessions are kept", kept)
	}

	// As scs uses it.
	manager := scs.New()
	manager.Store = sessions
	loaded, err := manager.Load(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	manager.Put(loaded, "account", "lan")
	token, _, err := manager.Commit(loaded)
	if err != nil {
		t.Fatal(err)
	}
	if loaded, err = manager.Load(ctx, token); err != nil || manager.GetString(loaded, "account") != "lan" {
		t.Errorf("loaded %q, %v", manager.GetString(loaded, "account"), err)
	}
	if err := manager.Destroy(loaded); err != nil {
		t.Fatal(err)
	}
	if loaded, err = manager.Load(ctx, token); err != nil || manager.GetString(loaded, "account") != "" {
		t.Errorf("after it was destroyed: %q, %v", manager.GetString(loaded, "account"), err)
	}
}

func TestWorkspaceAt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	read := postgres.NewReadModel(b.db)
	other := b.addWorkspace(t, "other", customer.MatchByPhone)
	b.exec(t, "INSERT INTO workspace_hosts (host, workspace_id) VALUES ('b.example.com', $1)", other)
	for host, want := range map[string]uuid.UUID{"b.example.com": other, "127.0.0.1": b.workspaceID, "": b.workspaceID} {
		if id, err := read.WorkspaceAt(t.Context(), host); id != want || err != nil {
			t.Errorf("%q: %s, %v", host, id, err)
		}
	}
	b.exec(t, "UPDATE workspaces SET is_default = false")
	_, err := read.WorkspaceAt(t.Context(), "127.0.0.1")
	wantProblem(t, err, problem.KindNotFound, "workspace-unknown")
}
