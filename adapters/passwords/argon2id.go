// Package passwords hashes passwords with Argon2id (RFC 9106). A hash is text that holds its own parameters and salt, so that other
// parameters can be chosen later without anybody losing their password.
package passwords

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"orderbridge/app/command"
)

// Usual are the parameters of a running service: what OWASP's Password Storage Cheat Sheet asks for at least, which is as hard to break as
// its variants with more memory and less time. The service is to live in 128 MiB, so that two at once with 64 MiB each are too much.
func Usual() argon2id.Params {
	return argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: saltBytes, KeyLength: keyBytes}
}

const (
	saltBytes = 16
	keyBytes  = 32

	// version is that of Argon2 which everybody has: 1.3, as hashes write it.
	version = 0x13
)

// Argon2id hashes passwords.
type Argon2id struct {
	params argon2id.Params
	nobody string
}

var _ command.PasswordHasher = Argon2id{}

// New makes a hasher. Tests may use parameters that take less time than the usual ones.
func New(params argon2id.Params) Argon2id {
	// As costly to compare with as any other, and nobody knows a password for it.
	random := make([]byte, saltBytes+keyBytes)
	_, _ = rand.Read(random) // never fails: crypto/rand ends the program instead
	encode := base64.RawStdEncoding.EncodeToString
	return Argon2id{params: params, nobody: fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", version, params.Memory, params.Iterations,
		params.Parallelism, encode(random[:saltBytes]), encode(random[saltBytes:]))}
}

// Hash makes the hash of a password, with a salt of its own.
func (a Argon2id) Hash(password string) (string, error) {
	hash, err := argon2id.CreateHash(normalised(password), &a.params)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// Verify tells whether a hash is that of a password. With the empty hash, of somebody who has no password or is not there, it takes as long
// and the answer is no.
func (a Argon2id) Verify(password, hash string) (bool, error) {
	if hash == "" {
		hash = a.nobody
	}
	right, err := argon2id.ComparePasswordAndHash(normalised(password), hash)
	if err != nil {
		return false, fmt.Errorf("read the hash of a password: %w", err)
	}
	return right, nil
}

// normalised gives a password one spelling: Vietnamese letters can be typed as one character or as several (NIST SP 800-63B, 3.1.1.2).
func normalised(password string) string { return norm.NFKC.String(password) }
