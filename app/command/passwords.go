package command

import (
	"context"
	"time"

	"orderbridge/domain/problem"
)

// PasswordHasher hashes passwords. It takes time and memory on purpose.
type PasswordHasher interface {
	// Hash makes the hash of a password, which holds its salt.
	Hash(password string) (string, error)
	// Verify tells whether a hash is that of a password. With the empty hash it takes as long, and the answer is no.
	Verify(password, hash string) (bool, error)
}

const (
	// maxPasswordsAtOnce bounds the memory that strangers can make the service take: some 20 MiB for each.
	maxPasswordsAtOnce = 2
	// passwordTurnTimeout is how long somebody waits for their turn.
	passwordTurnTimeout = 5 * time.Second
)

// ErrPasswordsBusy is the answer to whoever waited too long for their password to be looked at.
var ErrPasswordsBusy = problem.Unavailable("sign-in-busy", "too many people sign in at once; try again in some seconds")

// Passwords lets few be hashed at once, in a whole program.
type Passwords struct {
	hasher PasswordHasher
	turns  chan struct{}
}

// NewPasswords makes the one of a program.
func NewPasswords(hasher PasswordHasher) *Passwords {
	return &Passwords{hasher: hasher, turns: make(chan struct{}, maxPasswordsAtOnce)}
}

// inTurn does something with passwords when it is its turn.
func (p *Passwords) inTurn(ctx context.Context, work func(PasswordHasher) error) error {
	timeout := time.NewTimer(passwordTurnTimeout)
	defer timeout.Stop()
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
		return work(p.hasher)
	case <-timeout.C:
		return ErrPasswordsBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Passwords) hash(ctx context.Context, password string) (hash string, err error) {
	err = p.inTurn(ctx, func(hasher PasswordHasher) error {
		hash, err = hasher.Hash(password)
		return err
	})
	return hash, err
}
