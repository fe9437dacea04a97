package command

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"orderbridge/domain/customer"
)

// MergeCustomers merges one record of a person into another.
type MergeCustomers struct {
	By By
	// IfVersion is that of the survivor.
	IfVersion IfVersion
	// Survivor stays, Merged leads to them from then on.
	Survivor, Merged uuid.UUID
	// Take are the fields with one value of which the merged customer's wins.
	Take []string
	// DryRun changes nothing, and tells who the survivor would be.
	DryRun bool
}

// MergedCustomers is what a merge, or taking one back, left behind.
type MergedCustomers struct {
	// Before is who the survivor was, Survivor who they are, and Other the other one.
	Before, Survivor, Other customer.Snapshot
	// Position is where the last event stands in the log; 0 for a dry run.
	Position int64
}

// MergeCustomersHandler handles MergeCustomers and UnmergeCustomers.
type MergeCustomersHandler struct{ customers Customers }

// NewMergeCustomersHandler makes the handler.
func NewMergeCustomersHandler(customers Customers) MergeCustomersHandler {
	return MergeCustomersHandler{customers: customers}
}

// errDryRun undoes what was decided.
var errDryRun = errors.New("dry run")

// Handle merges them.
func (h MergeCustomersHandler) Handle(ctx context.Context, cmd MergeCustomers) (MergedCustomers, error) {
	return h.decide(ctx, cmd.By, cmd.Survivor, cmd.Merged, cmd.DryRun, func(survivor, merged *customer.Customer) error {
		if err := cmd.IfVersion.Check(survivor.Version()); err != nil {
			return err
		}
		return survivor.Merge(merged, cmd.Take)
	})
}

// UnmergeCustomer takes a merge back.
type UnmergeCustomer struct {
	By By
	// IfVersion is that of the merged customer.
	IfVersion IfVersion
	// Merged is who leads to another customer.
	Merged uuid.UUID
	DryRun bool
}

// Unmerge takes the merge back.
func (h MergeCustomersHandler) Unmerge(ctx context.Context, cmd UnmergeCustomer) (MergedCustomers, error) {
	var into uuid.UUID
	asking := cmd.By
	asking.Once = nil // it is what follows that is done once
	// Whom they were merged into stands in their own events.
	if _, err := h.customers.Update(ctx, asking, cmd.Merged, func(c *customer.Customer) error {
		into = c.MergedInto()
		return cmd.IfVersion.Check(c.Version())
	}); err != nil {
		return MergedCustomers{}, err
	}
	if into == uuid.Nil {
		return MergedCustomers{}, customer.ErrNotMerged
	}
	return h.decide(ctx, cmd.By, into, cmd.Merged, cmd.DryRun, (*customer.Customer).Unmerge)
}

func (h MergeCustomersHandler) decide(
	ctx context.Context, by By, survivor, other uuid.UUID, dryRun bool, change func(survivor, other *customer.Customer) error,
) (done MergedCustomers, err error) {
	done.Position, err = h.customers.UpdateBoth(ctx, by, survivor, other, func(survivor, other *customer.Customer) error {
		done.Before = survivor.Snapshot()
		if err := change(survivor, other); err != nil {
			return err
		}
		done.Survivor, done.Other = survivor.Snapshot(), other.Snapshot()
		if dryRun {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		return done, nil
	}
	return done, err
}
