package command

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/order"
	"orderbridge/domain/user"
)

// PastOrders finds orders that were brought in before it was known who made them, and assigns them.
type PastOrders interface {
	// CatchUp brings the read tables, in which Of looks, up to what is in the log now and what is on its way there: every
	// order that was decided on without knowing of the mapping. It fails when that takes too long.
	CatchUp(ctx context.Context) error
	// Count is how many orders of a member of a shop's staff are assigned to nobody, or to the shop's default assignee.
	Count(ctx context.Context, workspaceID uuid.UUID, staffKey string) (int, error)
	// Of lists these orders, at most so many of those behind a position, in the order in which they came to the CRM.
	Of(ctx context.Context, workspaceID uuid.UUID, staffKey string, after int64, atMost int) ([]PastOrder, error)
	// Reassign lets decide look at each order as the log has it now, and stores the outcome, all or none. It returns how many
	// changed, and where the last change stands in the log; 0 when none did.
	Reassign(
		ctx context.Context, by By, orders []PastOrder, decide func(order.Record) (order.OrderReassigned, bool),
	) (changed int, position int64, err error)
}

// PastOrder is an order that is in the CRM already, and where it first stands in the log.
type PastOrder struct {
	Key      OrderKey
	Position int64
}

// MapStaff says which user a member of a shop's staff is.
type MapStaff struct {
	By        By
	UserID    uuid.UUID
	IfVersion IfVersion
	// StaffKey is what the member of staff is told apart by, StaffName what the shop calls them, for people to read.
	StaffKey, StaffName string
	// Past gives the user the orders, too, that were brought in before.
	Past bool
	// DryRun changes nothing and tells what would change.
	DryRun bool
}

// MappedStaff is what MapStaff left behind.
type MappedStaff struct {
	// User is who the member of staff is. Its position is that of the last change, orders included; its version after a dry
	// run is the one that there is.
	User  Stored[user.State]
	Staff user.Staff
	// Found are the past orders that the mapping fits, Changed those that were given to the user, and Remaining those
	// that nobody looked at: because it was not asked for, or because time ran out. Asking again goes on with them.
	Found, Changed, Remaining int
}

// MapStaffHandler handles MapStaff.
type MapStaffHandler struct {
	users  Users
	orders PastOrders
}

// NewMapStaffHandler makes the handler.
func NewMapStaffHandler(users Users, orders PastOrders) MapStaffHandler {
	return MapStaffHandler{users: users, orders: orders}
}

const (
	// pastChunk is how many past orders are changed in one transaction: deliveries wait for it at the append lock.
	pastChunk = 200
	// pastReserve is how much of the caller's time is left for the last chunk and the answer.
	pastReserve = 5 * time.Second
)

// Handle maps the member of staff. The mapping is in force for every order that is decided on from now; past orders
// follow in chunks, so that a command that is interrupted leaves nothing half done, and giving it again finishes it.
func (h MapStaffHandler) Handle(ctx context.Context, cmd MapStaff) (MappedStaff, error) {
	staff, err := user.ParseStaff(cmd.StaffKey, cmd.StaffName)
	if err != nil {
		return MappedStaff{}, err
	}
	// Giving the command again goes on with it, so it may be given twice: a name that is claimed by its first step would
	// keep the others from being made up for.
	cmd.By.Once = nil
	mapped := MappedStaff{Staff: staff}
	decide := stateAfter(&mapped.User, cmd.IfVersion, func(u *user.User) error { return u.Map(staff) })
	if cmd.DryRun {
		err = h.users.Preview(ctx, cmd.By, cmd.UserID, func(u *user.User) error {
			version := u.Version()
			err := decide(u)
			mapped.User.Version = version
			return err
		})
	} else {
		mapped.User.Position, err = h.users.Update(ctx, cmd.By, cmd.UserID, decide)
	}
	if err != nil {
		return MappedStaff{}, err
	}
	if !cmd.Past && !cmd.DryRun {
		// What was asked for is done. How many orders it leaves alone is worth telling, and no reason to fail.
		mapped.Found, _ = h.orders.Count(ctx, cmd.By.WorkspaceID, staff.Key)
		mapped.Remaining = mapped.Found
		return mapped, nil
	}
	if err := h.orders.CatchUp(ctx); err != nil {
		return MappedStaff{}, fmt.Errorf("wait for the read tables: %w", err)
	}
	if mapped.Found, err = h.orders.Count(ctx, cmd.By.WorkspaceID, staff.Key); err != nil {
		return MappedStaff{}, fmt.Errorf("count past orders: %w", err)
	}
	mapped.Remaining = mapped.Found
	if cmd.DryRun {
		return mapped, nil
	}
	err = h.reassign(ctx, cmd.By, &mapped)
	return mapped, err
}

// reassign gives the past orders to the user.
func (h MapStaffHandler) reassign(ctx context.Context, by By, mapped *MappedStaff) error {
	to := order.Staff{ID: mapped.User.State.ID, Name: mapped.User.State.Name}
	after := int64(0)
	for hasTime(ctx) {
		orders, err := h.orders.Of(ctx, by.WorkspaceID, mapped.Staff.Key, after, pastChunk)
		if err != nil {
			return fmt.Errorf("find past orders: %w", err)
		}
		if len(orders) == 0 {
			mapped.Remaining = 0
			return nil
		}
		changed, position, err := h.orders.Reassign(ctx, by, orders, func(record order.Record) (order.OrderReassigned, bool) {
			return record.AssignMapped(mapped.Staff.Key, to)
		})
		if err != nil {
			return fmt.Errorf("assign %d past orders: %w", len(orders), err)
		}
		mapped.Changed += changed
		mapped.Remaining = max(0, mapped.Remaining-len(orders))
		mapped.User.Position = max(mapped.User.Position, position)
		after = orders[len(orders)-1].Position
	}
	return nil
}

// hasTime tells whether the caller can wait for another chunk.
func hasTime(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	return !bounded || time.Until(deadline) > pastReserve
}
