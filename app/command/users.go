package command

import (
	"context"

	"github.com/google/uuid"

	"orderbridge/domain/event"
	"orderbridge/domain/user"
)

// Users stores staff. What it stores keeps two rules that no user alone can keep, however many writers there are: no two
// active users have one phone or email, and no staff key is mapped to two users. What breaks one is a problem of kind
// conflict that names who is in the way.
type Users interface {
	// Add stores a user who is new, and returns where the last event of it stands in the log.
	Add(ctx context.Context, by By, added *user.User) (position int64, err error)
	// Import stores the new users that decide makes, all or none. It is given all active users, and nobody comes or goes
	// until the outcome is stored. It returns 0 when there are no new ones.
	Import(ctx context.Context, by By, decide func(active []user.State) ([]*user.User, error)) (position int64, err error)
	// Update loads a user, lets decide change them, and stores the outcome; it may call decide again when another writer
	// came in between. It returns where the last event of the outcome stands in the log; 0 when nothing changed. An
	// unknown id is a problem of kind not found.
	Update(ctx context.Context, by By, id uuid.UUID, decide func(*user.User) error) (position int64, err error)
	// Preview does what Update does, and stores nothing.
	Preview(ctx context.Context, by By, id uuid.UUID, decide func(*user.User) error) error
	// Active lists all active users.
	Active(ctx context.Context, workspaceID uuid.UUID) ([]user.State, error)
	// Mapped finds the user whom a staff key is mapped to; none is a problem of kind not found.
	Mapped(ctx context.Context, workspaceID uuid.UUID, staffKey string) (uuid.UUID, error)
	// Exists tells whether a workspace has an active user with this id.
	Exists(ctx context.Context, workspaceID, id uuid.UUID) (bool, error)
}

// AddUser adds a member of staff.
type AddUser struct {
	By                 By
	Name, Phone, Email string
}

// AddUserHandler handles AddUser.
type AddUserHandler struct{ users Users }

// NewAddUserHandler makes the handler.
func NewAddUserHandler(users Users) AddUserHandler { return AddUserHandler{users: users} }

// Handle adds the user and returns them.
func (h AddUserHandler) Handle(ctx context.Context, cmd AddUser) (Stored[user.State], error) {
	u, err := user.Add(event.NewID(), user.Details{Name: cmd.Name, Phone: cmd.Phone, Email: cmd.Email})
	if err != nil {
		return Stored[user.State]{}, err
	}
	position, err := h.users.Add(ctx, cmd.By, u)
	if err != nil {
		return Stored[user.State]{}, err
	}
	return Stored[user.State]{State: u.State(), Version: u.Version(), Position: position}, nil
}

// EditUser changes a member of staff.
type EditUser struct {
	By        By
	ID        uuid.UUID
	IfVersion IfVersion
	Edit      user.Edit
}

// EditUserHandler handles EditUser.
type EditUserHandler struct{ users Users }

// NewEditUserHandler makes the handler.
func NewEditUserHandler(users Users) EditUserHandler { return EditUserHandler{users: users} }

// Handle changes the user and returns them. Orders that were assigned to them keep the name that they had.
func (h EditUserHandler) Handle(ctx context.Context, cmd EditUser) (Stored[user.State], error) {
	return changeUser(ctx, h.users, cmd.By, cmd.ID, cmd.IfVersion, func(u *user.User) error { return u.Edit(cmd.Edit) })
}

// SetUserActive takes a member of staff out of use or back into it.
type SetUserActive struct {
	By        By
	ID        uuid.UUID
	IfVersion IfVersion
	Active    bool
}

// SetUserActiveHandler handles SetUserActive.
type SetUserActiveHandler struct{ users Users }

// NewSetUserActiveHandler makes the handler.
func NewSetUserActiveHandler(users Users) SetUserActiveHandler {
	return SetUserActiveHandler{users: users}
}

// Handle deactivates or reactivates the user and returns them.
func (h SetUserActiveHandler) Handle(ctx context.Context, cmd SetUserActive) (Stored[user.State], error) {
	return changeUser(ctx, h.users, cmd.By, cmd.ID, cmd.IfVersion, func(u *user.User) error {
		if cmd.Active {
			u.Reactivate()
		} else {
			u.Deactivate()
		}
		return nil
	})
}

// UnmapStaff takes the mapping of a member of a shop's staff back.
type UnmapStaff struct {
	By By
	// UserID is whose mapping it is; when it is not given, whosever it is.
	UserID    uuid.NullUUID
	IfVersion IfVersion
	StaffKey  string
}

// UnmapStaffHandler handles UnmapStaff.
type UnmapStaffHandler struct{ users Users }

// NewUnmapStaffHandler makes the handler.
func NewUnmapStaffHandler(users Users) UnmapStaffHandler { return UnmapStaffHandler{users: users} }

// Handle takes the mapping back and returns the user whose it was. Orders that were assigned by it stay theirs.
func (h UnmapStaffHandler) Handle(ctx context.Context, cmd UnmapStaff) (Stored[user.State], error) {
	staff, err := user.ParseStaff(cmd.StaffKey, "")
	if err != nil {
		return Stored[user.State]{}, err
	}
	id := cmd.UserID.UUID
	if !cmd.UserID.Valid {
		if id, err = h.users.Mapped(ctx, cmd.By.WorkspaceID, staff.Key); err != nil {
			return Stored[user.State]{}, err
		}
	}
	return changeUser(ctx, h.users, cmd.By, id, cmd.IfVersion, func(u *user.User) error { return u.Unmap(staff.Key) })
}

// changeUser changes a user who has the version that the change insists on.
func changeUser(
	ctx context.Context, users Users, by By, id uuid.UUID, ifVersion IfVersion, change func(*user.User) error,
) (Stored[user.State], error) {
	var stored Stored[user.State]
	position, err := users.Update(ctx, by, id, stateAfter(&stored, ifVersion, change))
	stored.Position = position
	return stored, err
}
