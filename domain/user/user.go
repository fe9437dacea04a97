// Package user is about the CRM's staff: the people whom orders are assigned to, and which members of a shop's staff
// they are.
package user

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"orderbridge/domain/contact"
	"orderbridge/domain/event"
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

// Keys are all that orders find the user by without a mapping.
func (s State) Keys() []contact.Key {
	var keys []contact.Key
	if s.Phone != "" {
		keys = append(keys, contact.Key{Kind: contact.KindPhone, Value: s.Phone})
	}
	if s.Email != "" {
		keys = append(keys, contact.Key{Kind: contact.KindEmail, Value: s.Email})
	}
	return keys
}

// Staff is a member of a shop's staff, as the shop's system names them.
type Staff struct {
	// Key is what they are told apart by: see order.Person.StaffKey.
	Key  string `json:"key"`
	Name string `json:"name,omitempty"`
}

// maxStaffKeyRunes is above the longest key that an order can have: an email, or "name:", a shop's id and a name.
const maxStaffKeyRunes = 300

// ParseStaff reads what an operator entered of a member of a shop's staff. The name may be empty.
func ParseStaff(key, name string) (Staff, error) {
	staff := Staff{Key: norm.NFC.String(strings.TrimSpace(key))}
	var invalid []problem.Field
	if staff.Key == "" || utf8.RuneCountInString(staff.Key) > maxStaffKeyRunes || !isVisible(staff.Key) {
		invalid = append(invalid, problem.Field{
			Path: "staff_key", Message: "a staff key is 1 to 300 visible characters, as the list of unmapped staff shows it",
		})
	}
	if name = strings.TrimSpace(name); name != "" {
		var err error
		if staff.Name, err = contact.ParseName(name); err != nil {
			invalid = append(invalid, problem.Field{Path: "staff_name", Message: err.Error()})
		}
	}
	if len(invalid) > 0 {
		return Staff{}, problem.InvalidFields("staff-invalid", invalid...)
	}
	return staff, nil
}

func isVisible(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// Details are what an operator enters of a user. Phone and email may be empty.
type Details struct{ Name, Phone, Email string }

// Edit is what an operator changes of a user: nil leaves a field as it is, an empty phone or email takes it away.
type Edit struct{ Name, Phone, Email *string }

// User decides what may happen to one member of staff, and remembers what was decided until it is stored.
type User struct {
	state   State
	mapped  map[string]Staff
	version int
	// stored is the state before anything was decided; the zero State of a user who is new.
	stored  State
	pending []event.Payload
}

// Add makes a member of staff of what an operator entered. All invalid fields are reported at once.
func Add(id uuid.UUID, details Details) (*User, error) {
	state, err := State{ID: id, Active: true}.with(Edit{Name: &details.Name, Phone: &details.Phone, Email: &details.Email})
	if err != nil {
		return nil, err
	}
	u := &User{mapped: map[string]Staff{}}
	u.record(UserAdded{User: state})
	return u, nil
}

// with is the state with some fields as an operator entered them.
func (s State) with(edit Edit) (State, error) {
	var invalid []problem.Field
	refuse := func(path string, err error) {
		invalid = append(invalid, problem.Field{Path: path, Message: err.Error()})
	}
	if edit.Name != nil {
		name, err := contact.ParseName(*edit.Name)
		if err != nil {
			refuse("name", err)
		}
		s.Name = name
	}
	if edit.Phone != nil {
		s.Phone = ""
		if raw := strings.TrimSpace(*edit.Phone); raw != "" {
			phone, err := contact.ParsePhone(raw)
			if err != nil {
				refuse("phone", err)
			}
			s.Phone = phone.E164()
		}
	}
	if edit.Email != nil {
		s.Email = ""
		if raw := strings.TrimSpace(*edit.Email); raw != "" {
			email, err := contact.ParseEmail(raw)
			if err != nil {
				refuse("email", err)
			}
			s.Email = email.String()
		}
	}
	if len(invalid) > 0 {
		return State{}, problem.InvalidFields("user-invalid", invalid...)
	}
	return s, nil
}

// Rehydrate folds what happened to a user into who they are now. Only the event log calls it: it trusts the facts, and
// refuses nothing that an older rule allowed.
func Rehydrate(history []event.Recorded) *User {
	u := &User{mapped: map[string]Staff{}}
	for _, recorded := range history {
		u.apply(recorded.Payload)
		u.version = recorded.Version
	}
	u.stored = u.state
	return u
}

// Edit changes what is given. All invalid fields are reported at once; what is as it was says nothing new.
func (u *User) Edit(edit Edit) error {
	state, err := u.state.with(edit)
	if err != nil {
		return err
	}
	if changes := changesOf(u.state, state); len(changes) > 0 {
		u.record(UserUpdated{User: state, Changes: changes})
	}
	return nil
}

// Deactivate takes the user out of use: no new order is assigned to them. They keep their orders and, for the day on
// which they come back, their mappings. Deactivating twice says nothing new.
func (u *User) Deactivate() {
	if !u.state.Active {
		return
	}
	state := u.state
	state.Active = false
	u.record(UserDeactivated{User: state})
}

// Reactivate brings the user back into use. Reactivating twice says nothing new.
func (u *User) Reactivate() {
	if u.state.Active {
		return
	}
	state := u.state
	state.Active = true
	u.record(UserReactivated{User: state})
}

// Map notes that the user is a member of a shop's staff whom neither phone nor email tells. Mapping twice says nothing
// new.
func (u *User) Map(staff Staff) error {
	if !u.state.Active {
		return errInactive
	}
	if _, mapped := u.mapped[staff.Key]; mapped {
		return nil
	}
	u.record(StaffMapped{User: u.state, Staff: staff})
	return nil
}

// Unmap takes a mapping back. New orders go to whom they would have gone to without it; those that it assigned stay.
func (u *User) Unmap(key string) error {
	staff, mapped := u.mapped[key]
	if !mapped {
		return errNotMapped
	}
	u.record(StaffUnmapped{User: u.state, Staff: staff})
	return nil
}

var (
	errInactive  = problem.Invalid("user-inactive", "the user is not active, so no order can go to them; reactivate them first")
	errNotMapped = problem.NotFound("staff-not-mapped", "this staff key is not mapped to this user; show the user to see which are")
)

// ErrStaffUnmapped: a staff key is mapped to no user.
var ErrStaffUnmapped = problem.NotFound("staff-not-mapped", "this staff key is mapped to no user; show a user to see theirs")

// ErrUnknown: a workspace has no such user.
var ErrUnknown = problem.NotFound("user-unknown", "no user has this id; see the list of users")

// Claims are the keys that orders will find the user by and did not before. No other active user may have them, or it
// would be chance who gets an order.
func (u *User) Claims() []contact.Key {
	if !u.state.Active {
		return nil
	}
	keys := u.state.Keys()
	if !u.stored.Active {
		return keys
	}
	held := u.stored.Keys()
	return slices.DeleteFunc(keys, func(key contact.Key) bool { return slices.Contains(held, key) })
}

// KeyTaken refuses a phone or email that another active user has.
func KeyTaken(kind contact.KeyKind, holder State) error {
	return problem.Conflict("user-"+string(kind)+"-taken",
		"another active user has this %s: %s (%s); change or deactivate that one first", kind, holder.Name, holder.ID)
}

// StaffKeyTaken refuses a staff key that is mapped to another user.
func StaffKeyTaken(holder State) error {
	return problem.Conflict("staff-key-mapped", "this staff key is mapped to %s (%s); unmap it first", holder.Name, holder.ID)
}

// State is the user as decided so far.
func (u *User) State() State { return u.state }

// Version is that of the last event of the user's stream, those included that are not stored yet.
func (u *User) Version() int { return u.version + len(u.pending) }

// Pending is what was decided and is not stored yet.
func (u *User) Pending() []event.Payload { return u.pending }

func (u *User) record(payload event.Payload) {
	u.apply(payload)
	u.pending = append(u.pending, payload)
}

func (u *User) apply(payload event.Payload) {
	switch e := payload.(type) {
	case UserAdded:
		u.state = e.User
	case UserUpdated:
		u.state = e.User
	case UserDeactivated:
		u.state = e.User
	case UserReactivated:
		u.state = e.User
	case StaffMapped:
		u.state = e.User
		u.mapped[e.Staff.Key] = e.Staff
	case StaffUnmapped:
		u.state = e.User
		delete(u.mapped, e.Staff.Key)
	}
}
