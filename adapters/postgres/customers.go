package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/contact"
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
		if err := queueKeys(ctx, p, by.WorkspaceID, customer.State{}, state); err != nil {
			return nil, err
		}
		return pendingEvents(by, event.CustomerStream(state.ID), c.Version(), c.Pending()), nil
	})
}

// Update loads a customer, lets decide change them, and stores the outcome.
func (s Customers) Update(ctx context.Context, by command.By, id uuid.UUID, decide func(*customer.Customer) error) (int64, error) {
	stream := event.CustomerStream(id)
	return s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		if err := queries.LockCustomer(ctx, tx, dbsqlc.LockCustomerParams{WorkspaceID: by.WorkspaceID, ID: id}); err != nil {
			return nil, err
		}
		history, err := loadStream(ctx, tx, by.WorkspaceID, stream)
		if err != nil {
			return nil, fmt.Errorf("load customer %s: %w", id, err)
		}
		if len(history) == 0 {
			return nil, errCustomerUnknown
		}
		c := customer.Rehydrate(history)
		before := c.State()
		if err := decide(c); err != nil {
			return nil, err
		}
		if len(c.Pending()) == 0 {
			return nil, nil
		}
		after := c.State()
		active := after.Status == customer.StatusActive
		if err := queries.SetCustomerActive(ctx, p, dbsqlc.SetCustomerActiveParams{
			WorkspaceID: by.WorkspaceID, ID: id, Active: active,
		}); err != nil {
			return nil, err
		}
		if before.Status != after.Status {
			if err := queries.SetCustomerKeysActive(ctx, p, dbsqlc.SetCustomerKeysActiveParams{
				WorkspaceID: by.WorkspaceID, CustomerID: id, Active: active,
			}); err != nil {
				return nil, err
			}
		}
		if err := queueKeys(ctx, p, by.WorkspaceID, before, after); err != nil {
			return nil, err
		}
		return pendingEvents(by, stream, c.Version(), c.Pending()), nil
	})
}

// queueKeys brings the directory of keys from one state of a customer to another. Keys that stay are left alone, claims
// and all.
func queueKeys(ctx context.Context, p *pipeline, workspaceID uuid.UUID, before, after customer.State) error {
	if gone := missingIn(after.Keys(), before.Keys()); len(gone) > 0 {
		params := dbsqlc.RemoveCustomerKeysParams{WorkspaceID: workspaceID, CustomerID: after.ID}
		params.Kinds, params.Values = keyColumns(gone)
		if err := queries.RemoveCustomerKeys(ctx, p, params); err != nil {
			return err
		}
	}
	if come := missingIn(before.Keys(), after.Keys()); len(come) > 0 {
		params := dbsqlc.AddCustomerKeysParams{
			WorkspaceID: workspaceID, CustomerID: after.ID, Active: after.Status == customer.StatusActive,
		}
		params.Kinds, params.Values = keyColumns(come)
		return queries.AddCustomerKeys(ctx, p, params)
	}
	return nil
}

// missingIn are the keys that others lack, sorted, so that two writers wait instead of deadlocking.
func missingIn(others, keys []contact.Key) []contact.Key {
	missing := slices.DeleteFunc(keys, func(key contact.Key) bool { return slices.Contains(others, key) })
	slices.SortFunc(missing, compareKeys)
	return missing
}

func keyColumns(keys []contact.Key) (kinds, values []string) {
	for _, key := range keys {
		kinds = append(kinds, string(key.Kind))
		values = append(values, key.Value)
	}
	return kinds, values
}

var errCustomerUnknown = problem.NotFound("customer-unknown", "no customer has this id")
