package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
)

// Customers stores customers: their events, and the directory of the keys that they are found by.
type Customers struct{ db *Database }

var _ command.Customers = Customers{}

// NewCustomers makes the store.
func NewCustomers(db *Database) Customers { return Customers{db: db} }

// Add stores a customer who is new.
func (s Customers) Add(ctx context.Context, by command.By, c *customer.Customer) (int64, error) {
	state := c.State()
	active := state.Status == customer.StatusActive
	return s.db.update(ctx, by, func(_ pgx.Tx, p *pipeline) ([]event.New, error) {
		if err := queries.AddCustomerHead(ctx, p, dbsqlc.AddCustomerHeadParams{
			WorkspaceID: by.WorkspaceID, ID: state.ID, Active: active,
		}); err != nil {
			return nil, err
		}
		held := state.Keys()
		slices.SortFunc(held, compareKeys) // so that two writers wait instead of deadlocking
		keys := dbsqlc.AddCustomerKeysParams{WorkspaceID: by.WorkspaceID, CustomerID: state.ID, Active: active}
		for _, key := range held {
			keys.Kinds = append(keys.Kinds, string(key.Kind))
			keys.Values = append(keys.Values, key.Value)
		}
		if err := queries.AddCustomerKeys(ctx, p, keys); err != nil {
			return nil, err
		}
		return pendingEvents(by, event.CustomerStream(state.ID), c.Version(), c.Pending()), nil
	})
}

// Update loads a customer, lets decide change them, and stores the outcome.
func (s Customers) Update(ctx context.Context, by command.By, id uuid.UUID, decide func(*customer.Customer) error) (int64, error) {
	stream := event.CustomerStream(id)
	return s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		history, err := loadStream(ctx, tx, by.WorkspaceID, stream)
		if err != nil {
			return nil, fmt.Errorf("load customer %s: %w", id, err)
		}
		if len(history) == 0 {
			return nil, errCustomerUnknown
		}
		c := customer.Rehydrate(history)
		if err := decide(c); err != nil {
			return nil, err
		}
		if len(c.Pending()) == 0 {
			return nil, nil
		}
		active := c.State().Status == customer.StatusActive
		if err := queries.SetCustomerActive(ctx, p, dbsqlc.SetCustomerActiveParams{
			WorkspaceID: by.WorkspaceID, ID: id, Active: active,
		}); err != nil {
			return nil, err
		}
		if err := queries.SetCustomerKeysActive(ctx, p, dbsqlc.SetCustomerKeysActiveParams{
			WorkspaceID: by.WorkspaceID, CustomerID: id, Active: active,
		}); err != nil {
			return nil, err
		}
		return pendingEvents(by, stream, c.Version(), c.Pending()), nil
	})
}

var errCustomerUnknown = problem.NotFound("customer-unknown", "no customer has this id")
