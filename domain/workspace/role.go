package workspace

import (
	"slices"

	"orderbridge/domain/problem"
)

// Role says what the holder of an API token, or whoever is signed in to an account, may do.
type Role string

// The roles. They are stored data.
const (
	// RoleViewer reads, and sees phones and emails masked.
	RoleViewer Role = "viewer"
	// RoleOperator reads everything, and looks after customers and staff.
	RoleOperator Role = "operator"
	// RoleOwner does everything: settings, shops, tokens and accounts too.
	RoleOwner Role = "owner"
)

// roles from the one that may least to the one that may most.
var roles = []Role{RoleViewer, RoleOperator, RoleOwner}

// ParseRole reads a role from what an operator typed.
func ParseRole(raw string) (Role, error) {
	role := Role(raw)
	if !slices.Contains(roles, role) {
		return "", problem.Invalid("role-unknown", "the role is one of owner, operator, viewer")
	}
	return role, nil
}

// Includes tells that whoever has this role may do all that the other role may do.
func (r Role) Includes(other Role) bool { return slices.Index(roles, r) >= slices.Index(roles, other) }
