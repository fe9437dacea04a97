package postgres

import (
	"bytes"
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
	return s.updateAll(ctx, by, []uuid.UUID{id}, func(all []*customer.Customer) error { return decide(all[0]) })
}

// UpdateBoth loads two customers, lets decide change them, and stores the outcome for both or neither.
func (s Customers) UpdateBoth(
	ctx context.Context, by command.By, one, other uuid.UUID, decide func(one, other *customer.Customer) error,
) (int64, error) {
	return s.updateAll(ctx, by, []uuid.UUID{one, other}, func(all []*customer.Customer) error { return decide(all[0], all[1]) })
}

func (s Customers) updateAll(ctx context.Context, by command.By, ids []uuid.UUID, decide func([]*customer.Customer) error) (int64, error) {
	return s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		locked := slices.SortedFunc(slices.Values(ids), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
		for _, id := range slices.Compact(locked) { // always in this order, so that two writers wait instead of deadlocking
			if err := queries.LockCustomer(ctx, tx, dbsqlc.LockCustomerParams{WorkspaceID: by.WorkspaceID, ID: id}); err != nil {
				return nil, err
			}
		}
		all := make([]*customer.Customer, 0, len(ids))
		before := make([]customer.State, 0, len(ids))
		for _, id := range ids {
			history, err := loadStream(ctx, tx, by.WorkspaceID, event.CustomerStream(id))
			if err != nil {
				return nil, fmt.Errorf("load customer %s: %w", id, err)
			}
			if len(history) == 0 {
				return nil, errCustomerUnknown
			}
			c := customer.Rehydrate(history)
			all, before = append(all, c), append(before, c.State())
		}
		if err := decide(all); err != nil {
			return nil, err
		}
		var events []event.New
		correlation := event.NewID()
		// Those who go out of use first: a key that nobody in use has any more can be claimed by the other.
		for _, inUse := range []bool{false, true} {
			for i, c := range all {
				if len(c.Pending()) == 0 || (c.State().Status == customer.StatusActive) != inUse {
					continue
				}
				if err := queueCustomer(ctx, p, by.WorkspaceID, before[i], c); err != nil {
					return nil, err
				}
				events = append(events, correlated(pendingEvents(by, event.CustomerStream(c.State().ID), c.Version(), c.Pending()), correlation)...)
			}
		}
		return events, nil
	})
}

// correlated says of events that they came of one decision.
func correlated(events []event.New, correlation uuid.UUID) []event.New {
	for i := range events {
		events[i].CorrelationID = correlation
	}
	return events
}

// queueCustomer brings the directory from one state of a customer to another.
func queueCustomer(ctx context.Context, p *pipeline, workspaceID uuid.UUID, before customer.State, c *customer.Customer) error {
	after := c.State()
	active := after.Status == customer.StatusActive
	if err := queries.SetCustomerHead(ctx, p, dbsqlc.SetCustomerHeadParams{
		WorkspaceID: workspaceID, ID: after.ID, Active: active,
		MergedInto: nullable(c.MergedInto()),
	}); err != nil {
		return err
	}
	if before.Status != after.Status {
		if err := queries.SetCustomerKeysActive(ctx, p, dbsqlc.SetCustomerKeysActiveParams{
			WorkspaceID: workspaceID, CustomerID: after.ID, Active: active,
		}); err != nil {
			return err
		}
	}
	return queueKeys(ctx, p, workspaceID, before, after)
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
