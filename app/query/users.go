package query

import (
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/user"
)

// User is a member of staff.
type User struct {
	ID     uuid.UUID `json:"id"`
	Name   string    `json:"name"`
	Phone  *string   `json:"phone"`
	Email  *string   `json:"email"`
	Active bool      `json:"active"`
}

// UserDetail is a user with the members of shops' staff who they are.
type UserDetail struct {
	User
	Staff []Staff `json:"staff"`
	// Version is that of the last change, which another change may insist on.
	Version int `json:"-"`
}

// Staff is a member of a shop's staff, as the shop names them.
type Staff struct {
	Key  string  `json:"key"`
	Name *string `json:"name"`
}

// UserFilter narrows a list of users; empty fields do not.
type UserFilter struct {
	// Active is whether they are in use; nil for all.
	Active *bool
	// Text is a part of a name, a phone or an email.
	Text string
	// WholeContacts finds nobody by a part of a phone or an email, nor by digits in a name: by parts one could be guessed.
	WholeContacts bool
}

// UnmappedStaff is a member of a shop's staff who made orders that went to nobody, or to the shop's default assignee,
// because no active user is them.
type UnmappedStaff struct {
	Key   string  `json:"key"`
	Name  *string `json:"name"`
	Phone *string `json:"phone"`
	Email *string `json:"email"`
	// Orders is how many these are, at most MaxCountedOrders; MoreOrders tells that there are more.
	Orders     int  `json:"orders"`
	MoreOrders bool `json:"more_orders"`
	// OldestAt and NewestAt are when the first and the last of these orders to arrive were made.
	OldestAt time.Time `json:"oldest_at"`
	NewestAt time.Time `json:"newest_at"`
	// SampleOrders are codes of the last of them, at most MaxSampleOrders.
	SampleOrders []string `json:"sample_orders"`
}

// MaxCountedOrders is how far the orders of each member of a shop's staff are counted, so that counting takes no longer the more there are.
const MaxCountedOrders = 1000

// MaxSampleOrders is how many orders are named of each member of a shop's staff.
const MaxSampleOrders = 5

// UnmappedStaffList is the beginning of the list of unmapped staff. Whoever is mapped leaves the list, so what follows
// moves up.
type UnmappedStaffList struct {
	Items []UnmappedStaff `json:"items"`
	// Total is how many there are, those included that are not listed.
	Total int `json:"total"`
}

// MappedStaff is what a mapping did.
type MappedStaff struct {
	User       Reference  `json:"user"`
	Staff      Staff      `json:"staff"`
	DryRun     bool       `json:"dry_run"`
	PastOrders PastOrders `json:"past_orders"`
}

// PastOrders are the orders that were brought in before a mapping and that it fits.
type PastOrders struct {
	Found int `json:"found"`
	// Changed were given to the user; Remaining were not looked at.
	Changed   int `json:"changed"`
	Remaining int `json:"remaining"`
}

// UserImport is what an import of users did.
type UserImport struct {
	DryRun bool `json:"dry_run"`
	Added  int  `json:"added"`
	// Unchanged were there already.
	Unchanged int `json:"unchanged"`
	// Users are those who were added.
	Users []ImportedUser `json:"users"`
}

// ImportedUser is a user of a file.
type ImportedUser struct {
	// ID is nil when nothing was stored.
	ID    *uuid.UUID `json:"id"`
	Name  string     `json:"name"`
	Phone *string    `json:"phone"`
	Email *string    `json:"email"`
}

// UserOf is a user's state.
func UserOf(state user.State) User {
	return User{ID: state.ID, Name: state.Name, Phone: OrNull(state.Phone), Email: OrNull(state.Email), Active: state.Active}
}

// StaffOf is a member of a shop's staff.
func StaffOf(staff user.Staff) Staff { return Staff{Key: staff.Key, Name: OrNull(staff.Name)} }

// MappedStaffOf is what a mapping did, or would do.
func MappedStaffOf(to user.State, staff user.Staff, dryRun bool, past PastOrders) MappedStaff {
	return MappedStaff{User: Reference{ID: to.ID, Name: to.Name}, Staff: StaffOf(staff), DryRun: dryRun, PastOrders: past}
}

// UserImportOf is what an import added, or would add.
func UserImportOf(added []user.State, unchanged int, dryRun bool) UserImport {
	result := UserImport{DryRun: dryRun, Added: len(added), Unchanged: unchanged, Users: make([]ImportedUser, 0, len(added))}
	for _, state := range added {
		imported := ImportedUser{Name: state.Name, Phone: OrNull(state.Phone), Email: OrNull(state.Email)}
		if !dryRun {
			imported.ID = &state.ID
		}
		result.Users = append(result.Users, imported)
	}
	return result
}
