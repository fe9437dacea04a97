package command_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

// slowPasswords take a while, and know how many are under way together. Each that is "right" is.
type slowPasswords struct {
	takes time.Duration

	mu          sync.Mutex
	now, atMost int
}

func (p *slowPasswords) Hash(string) (string, error) { return "hash", nil }

func (p *slowPasswords) Verify(password, _ string) (bool, error) {
	p.mu.Lock()
	p.now++
	p.atMost = max(p.atMost, p.now)
	p.mu.Unlock()
	time.Sleep(p.takes)
	p.mu.Lock()
	p.now--
	p.mu.Unlock()
	return password == "right", nil
}

// oneAccount is the only one there is. It counts attempts, and locks nothing.
type oneAccount struct {
	command.Accounts
	command.AccountReader

	id uuid.UUID

	mu       sync.Mutex
	attempts int
}

func (a *oneAccount) CredentialsNamed(context.Context, uuid.UUID, string) (command.Credentials, error) {
	return command.Credentials{AccountID: a.id, Name: "lan", PasswordHash: "hash"}, nil
}

func (a *oneAccount) CountAttempt(context.Context, uuid.UUID, string, uuid.NullUUID, time.Time) (int, time.Time, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attempts++
	return 1, time.Time{}, nil
}

func (a *oneAccount) SignedIn(context.Context, command.By, command.Credentials, time.Time) (bool, error) {
	return true, nil
}

func (a *oneAccount) Account(context.Context, uuid.UUID, uuid.UUID) (query.Account, error) {
	return query.Account{ID: a.id, Name: "lan", Role: workspace.RoleOwner}, nil
}

// TestFewPasswordsAreLookedAtAtOnce: two, and the others wait their turn for five seconds. Whoever had no turn has tried nothing.
func TestFewPasswordsAreLookedAtAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		account, slow := &oneAccount{id: event.NewID()}, &slowPasswords{takes: 2 * time.Second}
		signIn := command.NewSignInHandler(account, account, command.NewPasswords(slow), time.Now)
		began := time.Now()
		var mu sync.Mutex
		var all sync.WaitGroup
		in, busy := 0, 0
		for range 10 {
			all.Go(func() {
				_, err := signIn.Handle(t.Context(), command.SignIn{Name: "lan", Password: "right"})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					in++
				case errors.Is(err, command.ErrPasswordsBusy) && time.Since(began) == 5*time.Second:
					busy++
				default:
					t.Errorf("after %s: %v", time.Since(began), err)
				}
			})
		}
		all.Wait()
		// Two began at once, two after 2 s, two after 4 s.
		if in != 6 || busy != 4 || slow.atMost != 2 || account.attempts != 6 {
			t.Errorf("%d signed in, %d were sent away, %d were looked at together, %d attempts were counted", in, busy, slow.atMost, account.attempts)
		}
	})
}

// TestWhoeverGoesAwayWaitsNoLonger for their turn.
func TestWhoeverGoesAwayWaitsNoLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		account := &oneAccount{id: event.NewID()}
		signIn := command.NewSignInHandler(account, account, command.NewPasswords(&slowPasswords{takes: 4 * time.Second}), time.Now)
		for range 2 {
			go func() { _, _ = signIn.Handle(t.Context(), command.SignIn{Name: "lan", Password: "wrong"}) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := signIn.Handle(ctx, command.SignIn{Name: "lan", Password: "right"})
		if !errors.Is(err, context.DeadlineExceeded) || account.attempts != 2 {
			t.Errorf("%v, and %d attempts were counted", err, account.attempts)
		}
		time.Sleep(4 * time.Second) // until the others are done
	})
}

// TestANameThatNobodyCanHave is refused as a wrong password is, and without any work.
func TestANameThatNobodyCanHave(t *testing.T) {
	t.Parallel()
	signIn := command.NewSignInHandler(nil, nil, command.NewPasswords(nil), time.Now)
	for _, name := range []string{"", "a", "phạm lan", "lan\x00", "lan'; --"} {
		if _, err := signIn.Handle(t.Context(), command.SignIn{Name: name, Password: "right"}); !errors.Is(err, command.ErrSignInRefused) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
