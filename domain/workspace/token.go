package workspace

import (
	"crypto/sha256"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/problem"
)

// Token lets a program or a person call the API. The token itself is not part of it.
type Token struct {
	ID      uuid.UUID
	Name    string
	Role    Role
	Revoked bool
}

// CreateToken makes an API token. Only its hash is kept, and that in no event: this is the one time it is seen. A name
// belongs to one token at a time, so that the actor of an event says which one it was.
func (w *Workspace) CreateToken(id uuid.UUID, name string, role Role) (Token, string, error) {
	var invalid []problem.Field
	name, err := contact.ParseName(name)
	if err != nil {
		invalid = append(invalid, problem.Field{Path: "name", Message: err.Error()})
	}
	role, err = ParseRole(string(role))
	if err != nil {
		invalid = append(invalid, problem.Field{Path: "role", Message: err.Error()})
	}
	if len(invalid) > 0 {
		return Token{}, "", problem.InvalidFields("token-invalid", invalid...)
	}
	for _, other := range w.tokens {
		if other.Name == name && !other.Revoked {
			return Token{}, "", problem.Conflict("token-name-taken",
				"token %s has the name %q already; choose another, or revoke that one first", other.ID, other.Name)
		}
	}
	secret := NewToken()
	w.tokenHashes[id] = TokenHash(secret)
	w.record(TokenCreated{TokenID: id, Name: name, Role: role})
	return w.tokens[id], secret, nil
}

// RevokeToken ends a token. Revoking twice says nothing new.
func (w *Workspace) RevokeToken(id uuid.UUID) error {
	token, known := w.tokens[id]
	if !known {
		return problem.NotFound("token-not-found", "no token has this id; see the list of tokens")
	}
	if !token.Revoked {
		w.record(TokenRevoked{TokenID: id, Name: token.Name})
	}
	return nil
}

// TokenHash is the hash of a token that was made just now.
func (w *Workspace) TokenHash(id uuid.UUID) [sha256.Size]byte { return w.tokenHashes[id] }
