package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/user"
)

// Customers stores customers.
type Customers interface {
	// Add stores a customer who is new.
	Add(ctx context.Context, by By, c *customer.Customer) error
	// Update loads a customer, lets decide change them, and stores the outcome; it may call decide again when another
	// writer came in between. An unknown id is a problem of kind not found.
	Update(ctx context.Context, by By, id uuid.UUID, decide func(*customer.Customer) error) error
}

// AddCustomer brings a customer into the CRM by hand.
type AddCustomer struct {
	By      By
	Details customer.Details
}

// AddCustomerHandler handles AddCustomer.
type AddCustomerHandler struct {
	customers Customers
	now       func() time.Time
}

// NewAddCustomerHandler makes the handler.
func NewAddCustomerHandler(customers Customers, now func() time.Time) AddCustomerHandler {
	return AddCustomerHandler{customers: customers, now: now}
}

// originOperator is where a customer comes from whom an operator entered by hand.
const originOperator = "operator"

// Handle adds the customer and returns them.
func (h AddCustomerHandler) Handle(ctx context.Context, cmd AddCustomer) (customer.State, error) {
	c, err := customer.Import(event.NewID(), cmd.Details, originOperator, h.now())
	if err != nil {
		return customer.State{}, err
	}
	if err := h.customers.Add(ctx, cmd.By, c); err != nil {
		return customer.State{}, err
	}
	return c.State(), nil
}

// ChangeCustomerStatus takes a customer out of use or back into it.
type ChangeCustomerStatus struct {
	By     By
	ID     uuid.UUID
	Status customer.Status
}

// ChangeCustomerStatusHandler handles ChangeCustomerStatus.
type ChangeCustomerStatusHandler struct{ customers Customers }

// NewChangeCustomerStatusHandler makes the handler.
func NewChangeCustomerStatusHandler(customers Customers) ChangeCustomerStatusHandler {
	return ChangeCustomerStatusHandler{customers: customers}
}

// Handle archives or restores the customer and returns them.
func (h ChangeCustomerStatusHandler) Handle(ctx context.Context, cmd ChangeCustomerStatus) (customer.State, error) {
	var state customer.State
	err := h.customers.Update(ctx, cmd.By, cmd.ID, func(c *customer.Customer) error {
		if cmd.Status == customer.StatusArchived {
			c.Archive()
		} else {
			c.Restore()
		}
		state = c.State()
		return nil
	})
	return state, err
}

// Users stores staff.
type Users interface {
	Add(ctx context.Context, by By, added user.UserAdded) error
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
func (h AddUserHandler) Handle(ctx context.Context, cmd AddUser) (user.State, error) {
	added, err := user.Add(event.NewID(), cmd.Name, cmd.Phone, cmd.Email)
	if err != nil {
		return user.State{}, err
	}
	if err := h.users.Add(ctx, cmd.By, added); err != nil {
		return user.State{}, err
	}
	return added.User, nil
}
