package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/customer"
	"orderbridge/domain/event"
)

// Customers stores customers.
type Customers interface {
	// Add stores a customer who is new, and returns where the last event of it stands in the log.
	Add(ctx context.Context, by By, c *customer.Customer) (position int64, err error)
	// Update loads a customer, lets decide change them, and stores the outcome; it may call decide again when another
	// writer came in between. It returns where the last event of the outcome stands in the log; 0 when nothing changed.
	// An unknown id is a problem of kind not found.
	Update(ctx context.Context, by By, id uuid.UUID, decide func(*customer.Customer) error) (position int64, err error)
	// UpdateBoth does the same with two customers, for both or neither.
	UpdateBoth(ctx context.Context, by By, one, other uuid.UUID, decide func(one, other *customer.Customer) error) (position int64, err error)
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
func (h AddCustomerHandler) Handle(ctx context.Context, cmd AddCustomer) (Stored[customer.State], error) {
	c, err := customer.Import(event.NewID(), cmd.Details, originOperator, h.now())
	if err != nil {
		return Stored[customer.State]{}, err
	}
	position, err := h.customers.Add(ctx, cmd.By, c)
	if err != nil {
		return Stored[customer.State]{}, err
	}
	return Stored[customer.State]{State: c.State(), Version: c.Version(), Position: position}, nil
}

// EditCustomer changes what the CRM has of a customer.
type EditCustomer struct {
	By        By
	ID        uuid.UUID
	IfVersion IfVersion
	Edit      customer.Edit
}

// EditCustomerHandler handles EditCustomer.
type EditCustomerHandler struct {
	customers Customers
	now       func() time.Time
}

// NewEditCustomerHandler makes the handler.
func NewEditCustomerHandler(customers Customers, now func() time.Time) EditCustomerHandler {
	return EditCustomerHandler{customers: customers, now: now}
}

// Handle changes the customer and returns them.
func (h EditCustomerHandler) Handle(ctx context.Context, cmd EditCustomer) (Stored[customer.State], error) {
	return changeCustomer(ctx, h.customers, cmd.By, cmd.ID, cmd.IfVersion, func(c *customer.Customer) error {
		return c.Edit(cmd.Edit, h.now())
	})
}

// ChangeCustomerStatus takes a customer out of use or back into it.
type ChangeCustomerStatus struct {
	By        By
	ID        uuid.UUID
	IfVersion IfVersion
	Status    customer.Status
}

// ChangeCustomerStatusHandler handles ChangeCustomerStatus.
type ChangeCustomerStatusHandler struct{ customers Customers }

// NewChangeCustomerStatusHandler makes the handler.
func NewChangeCustomerStatusHandler(customers Customers) ChangeCustomerStatusHandler {
	return ChangeCustomerStatusHandler{customers: customers}
}

// Handle archives or restores the customer and returns them.
func (h ChangeCustomerStatusHandler) Handle(ctx context.Context, cmd ChangeCustomerStatus) (Stored[customer.State], error) {
	return changeCustomer(ctx, h.customers, cmd.By, cmd.ID, cmd.IfVersion, func(c *customer.Customer) error {
		if cmd.Status == customer.StatusArchived {
			return c.Archive()
		}
		return c.Restore()
	})
}

// changeCustomer changes a customer who has the version that the change insists on.
func changeCustomer(
	ctx context.Context, customers Customers, by By, id uuid.UUID, ifVersion IfVersion, change func(*customer.Customer) error,
) (Stored[customer.State], error) {
	var stored Stored[customer.State]
	position, err := customers.Update(ctx, by, id, stateAfter(&stored, ifVersion, change))
	stored.Position = position
	return stored, err
}
