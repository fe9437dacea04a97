package user

import "orderbridge/domain/event"

// UserAdded: a member of staff was added. Orders whose creator has their phone or email are assigned to them.
type UserAdded struct {
	User State `json:"user"`
}

func (UserAdded) EventName() string        { return "UserAdded" }
func (UserAdded) EventVersion() int        { return 1 }
func (UserAdded) PersonalFields() []string { return personalFields }

// UserUpdated: a member of staff has another name, phone or email. It carries the new state whole, beside what changed.
type UserUpdated struct {
	User    State          `json:"user"`
	Changes []event.Change `json:"changes"`
}

func (UserUpdated) EventName() string        { return "UserUpdated" }
func (UserUpdated) EventVersion() int        { return 1 }
func (UserUpdated) PersonalFields() []string { return append([]string{"changes"}, personalFields...) }

// UserDeactivated: the user is no longer in use, and no new order is assigned to them.
type UserDeactivated struct {
	User State `json:"user"`
}

func (UserDeactivated) EventName() string        { return "UserDeactivated" }
func (UserDeactivated) EventVersion() int        { return 1 }
func (UserDeactivated) PersonalFields() []string { return personalFields }

// UserReactivated: the user is in use again.
type UserReactivated struct {
	User State `json:"user"`
}

func (UserReactivated) EventName() string        { return "UserReactivated" }
func (UserReactivated) EventVersion() int        { return 1 }
func (UserReactivated) PersonalFields() []string { return personalFields }

// StaffMapped: a member of a shop's staff is this user. Orders that they create are assigned to the user.
type StaffMapped struct {
	User  State `json:"user"`
	Staff Staff `json:"staff"`
}

func (StaffMapped) EventName() string        { return "StaffMapped" }
func (StaffMapped) EventVersion() int        { return 1 }
func (StaffMapped) PersonalFields() []string { return append([]string{"staff"}, personalFields...) }

// StaffUnmapped: a member of a shop's staff is no longer taken for this user.
type StaffUnmapped struct {
	User  State `json:"user"`
	Staff Staff `json:"staff"`
}

func (StaffUnmapped) EventName() string        { return "StaffUnmapped" }
func (StaffUnmapped) EventVersion() int        { return 1 }
func (StaffUnmapped) PersonalFields() []string { return append([]string{"staff"}, personalFields...) }

// personalFields of a user's state.
var personalFields = []string{"user.name", "user.phone", "user.email"}

// changesOf lists what differs between two states, always in the same order of fields. Whether the user is active has
// events of its own.
func changesOf(before, after State) []event.Change {
	var changes []event.Change
	text := func(field, was, is string) {
		if was != is {
			changes = append(changes, event.ChangeOf(field, event.OrNothing(was), event.OrNothing(is)))
		}
	}
	text("name", before.Name, after.Name)
	text("phone", before.Phone, after.Phone)
	text("email", before.Email, after.Email)
	return changes
}
