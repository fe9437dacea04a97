package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/contact"
	"orderbridge/domain/event"
	"orderbridge/domain/user"
)

// Users stores staff: their events, and the directories that assignees are looked up in.
type Users struct{ db *Database }

var _ command.Users = Users{}

// NewUsers makes the store.
func NewUsers(db *Database) Users { return Users{db: db} }

// Add stores a member of staff who is new.
func (s Users) Add(ctx context.Context, by command.By, added *user.User) (int64, error) {
	return s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		if err := queries.LockWorkspace(ctx, tx, by.WorkspaceID); err != nil {
			return nil, err
		}
		if err := checkFree(ctx, tx, by.WorkspaceID, added); err != nil {
			return nil, err
		}
		return queueNewUsers(ctx, p, by, []*user.User{added})
	})
}

// Import stores the new users that decide makes of the active ones that there are.
func (s Users) Import(ctx context.Context, by command.By, decide func([]user.State) ([]*user.User, error)) (int64, error) {
	return s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		if err := queries.LockWorkspace(ctx, tx, by.WorkspaceID); err != nil {
			return nil, err
		}
		active, err := activeUsers(ctx, tx, by.WorkspaceID)
		if err != nil {
			return nil, err
		}
		added, err := decide(active)
		if err != nil || len(added) == 0 {
			return nil, err
		}
		return queueNewUsers(ctx, p, by, added)
	})
}

// queueNewUsers adds users to the directory, and returns their events, which share a correlation.
func queueNewUsers(ctx context.Context, p *pipeline, by command.By, added []*user.User) ([]event.New, error) {
	rows := dbsqlc.AddUsersParams{WorkspaceID: by.WorkspaceID}
	var events []event.New
	for _, u := range added {
		state := u.State()
		rows.IDs = append(rows.IDs, state.ID)
		rows.Names = append(rows.Names, state.Name)
		rows.Phones = append(rows.Phones, state.Phone)
		rows.Emails = append(rows.Emails, state.Email)
		for _, e := range pendingEvents(by, event.UserStream(state.ID), u.Version(), u.Pending()) {
			if len(events) > 0 {
				e.CorrelationID = events[0].CorrelationID
			}
			events = append(events, e)
		}
	}
	return events, queries.AddUsers(ctx, p, rows)
}

// Update loads a user, lets decide change them, and stores the outcome.
func (s Users) Update(ctx context.Context, by command.By, id uuid.UUID, decide func(*user.User) error) (int64, error) {
	return s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		u, err := decideOnUser(ctx, tx, by, id, decide)
		if err != nil || len(u.Pending()) == 0 {
			return nil, err
		}
		if err := queueUser(ctx, p, by.WorkspaceID, u); err != nil {
			return nil, err
		}
		return pendingEvents(by, event.UserStream(id), u.Version(), u.Pending()), nil
	})
}

// Preview does what Update does, and stores nothing.
func (s Users) Preview(ctx context.Context, by command.By, id uuid.UUID, decide func(*user.User) error) error {
	err := pgx.BeginFunc(ctx, s.db.requests, func(tx pgx.Tx) error {
		if _, err := decideOnUser(ctx, tx, by, id, decide); err != nil {
			return err
		}
		return errPreviewed
	})
	if errors.Is(err, errPreviewed) {
		return nil
	}
	return unavailable(err)
}

// errPreviewed undoes the transaction of a preview.
var errPreviewed = errors.New("previewed")

// decideOnUser loads a user, lets decide change them, and checks that nobody is in the way of the outcome.
func decideOnUser(ctx context.Context, tx pgx.Tx, by command.By, id uuid.UUID, decide func(*user.User) error) (*user.User, error) {
	if err := queries.LockWorkspace(ctx, tx, by.WorkspaceID); err != nil {
		return nil, err
	}
	history, err := loadStream(ctx, tx, by.WorkspaceID, event.UserStream(id))
	if err != nil {
		return nil, fmt.Errorf("load user %s: %w", id, err)
	}
	if len(history) == 0 {
		return nil, user.ErrUnknown
	}
	u := user.Rehydrate(history)
	if err := decide(u); err != nil {
		return nil, err
	}
	return u, checkFree(ctx, tx, by.WorkspaceID, u)
}

// checkFree refuses a user who would have a phone, an email or a staff key that another one has. The caller holds the
// lock of LockWorkspace, so that nobody else takes one before the outcome is stored.
func checkFree(ctx context.Context, tx pgx.Tx, workspaceID uuid.UUID, u *user.User) error {
	id := u.State().ID
	for _, key := range u.Claims() {
		holder, err := holderOf(ctx, tx, workspaceID, id, key)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("look up who has a %s: %w", key.Kind, err)
		}
		if err == nil {
			return user.KeyTaken(key.Kind, holder)
		}
	}
	for _, payload := range u.Pending() {
		mapped, ok := payload.(user.StaffMapped)
		if !ok {
			continue
		}
		holder, err := queries.UserOfStaff(ctx, tx, dbsqlc.UserOfStaffParams{WorkspaceID: workspaceID, StaffKey: mapped.Staff.Key})
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("look up a staff mapping: %w", err)
		}
		if err == nil {
			return user.StaffKeyTaken(user.State{ID: holder.ID, Name: holder.Name})
		}
	}
	return nil
}

func holderOf(ctx context.Context, tx pgx.Tx, workspaceID, otherThan uuid.UUID, key contact.Key) (user.State, error) {
	if key.Kind == contact.KindEmail {
		row, err := queries.UserWithEmail(ctx, tx, dbsqlc.UserWithEmailParams{
			WorkspaceID: workspaceID, Email: key.Value, OtherThan: otherThan,
		})
		return user.State{ID: row.ID, Name: row.Name}, err
	}
	row, err := queries.UserWithPhone(ctx, tx, dbsqlc.UserWithPhoneParams{
		WorkspaceID: workspaceID, Phone: key.Value, OtherThan: otherThan,
	})
	return user.State{ID: row.ID, Name: row.Name}, err
}

// queueUser changes the directories as the pending events say.
func queueUser(ctx context.Context, p *pipeline, workspaceID uuid.UUID, u *user.User) error {
	state := u.State()
	if err := queries.SetUser(ctx, p, dbsqlc.SetUserParams{
		WorkspaceID: workspaceID, ID: state.ID, Name: state.Name, Phone: state.Phone, Email: state.Email, Active: state.Active,
	}); err != nil {
		return err
	}
	for _, payload := range u.Pending() {
		var err error
		switch e := payload.(type) {
		case user.StaffMapped:
			err = queries.AddStaffMapping(ctx, p, dbsqlc.AddStaffMappingParams{
				WorkspaceID: workspaceID, StaffKey: e.Staff.Key, UserID: state.ID,
			})
		case user.StaffUnmapped:
			err = queries.RemoveStaffMapping(ctx, p, dbsqlc.RemoveStaffMappingParams{
				WorkspaceID: workspaceID, StaffKey: e.Staff.Key, UserID: state.ID,
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Active lists all active users.
func (s Users) Active(ctx context.Context, workspaceID uuid.UUID) ([]user.State, error) {
	active, err := activeUsers(ctx, s.db.requests, workspaceID)
	return active, unavailable(err)
}

func activeUsers(ctx context.Context, db dbsqlc.DBTX, workspaceID uuid.UUID) ([]user.State, error) {
	rows, err := queries.ActiveUsers(ctx, db, workspaceID)
	if err != nil {
		return nil, err
	}
	active := make([]user.State, 0, len(rows))
	for _, row := range rows {
		active = append(active, user.State{ID: row.ID, Name: row.Name, Phone: row.Phone, Email: row.Email, Active: true})
	}
	return active, nil
}

// Mapped finds the user whom a staff key is mapped to.
func (s Users) Mapped(ctx context.Context, workspaceID uuid.UUID, staffKey string) (uuid.UUID, error) {
	row, err := queries.UserOfStaff(ctx, s.db.requests, dbsqlc.UserOfStaffParams{WorkspaceID: workspaceID, StaffKey: staffKey})
	return row.ID, found(err, user.ErrStaffUnmapped)
}

// Exists tells whether a workspace has an active user with this id.
func (s Users) Exists(ctx context.Context, workspaceID, id uuid.UUID) (bool, error) {
	exists, err := queries.UserExists(ctx, s.db.requests, dbsqlc.UserExistsParams{WorkspaceID: workspaceID, ID: id})
	return exists, unavailable(err)
}
