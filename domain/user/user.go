// Package user is about the CRM's staff: the people whom orders are assigned to.
package user

import (
	"strings"

	"github.com/google/uuid"

	"orderbridge/domain/contact"
	"orderbridge/domain/problem"
)

// State is a member of staff at one moment, stored whole in every event that changes them.
type State struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
	// Phone is E.164; empty when there is none.
	Phone string `json:"phone,omitempty"`
	// Email is lower case; empty when there is none.
	Email  string `json:"email,omitempty"`
	Active bool   `json:"active"`
}

// UserAdded: a member of staff was added. Orders whose creator has their phone or email are assigned to them.
type UserAdded struct {
	User State `json:"user"`
}

func (UserAdded) EventName() string        { return "UserAdded" }
func (UserAdded) EventVersion() int        { return 1 }
func (UserAdded) PersonalFields() []string { return []string{"user.name", "user.phone", "user.email"} }

// Add makes a member of staff of what an operator entered. All invalid fields are reported at once.
func Add(id uuid.UUID, name, phone, email string) (UserAdded, error) {
	state := State{ID: id, Active: true}
	var invalid []problem.Field
	var err error
	if state.Name, err = contact.ParseName(name); err != nil {
		invalid = append(invalid, problem.Field{Path: "name", Message: err.Error()})
	}
	if phone = strings.TrimSpace(phone); phone != "" {
		parsed, err := contact.ParsePhone(phone)
		if err != nil {
			invalid = append(invalid, problem.Field{Path: "phone", Message: err.Error()})
		}
		state.Phone = parsed.E164()
	}
	if email = strings.TrimSpace(email); email != "" {
		parsed, err := contact.ParseEmail(email)
		if err != nil {
			invalid = append(invalid, problem.Field{Path: "email", Message: err.Error()})
		}
		state.Email = parsed.String()
	}
	if len(invalid) > 0 {
		return UserAdded{}, problem.InvalidFields("user-invalid", invalid...)
	}
	return UserAdded{User: state}, nil
}
