package http

import (
	"context"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
)

// customerNarrowing is what customers are narrowed by, as it was sent.
type customerNarrowing struct {
	phone, email, tag, q *string
	status               *customer.Status
}

// filter reads it.
func (n customerNarrowing) filter(ctx context.Context, check *query.Parameters) query.CustomerFilter {
	return query.CustomerFilter{
		Phone:  check.Phone(given(n.phone)),
		Email:  check.Email(given(n.email)),
		Status: string(oneOf(check, "status", n.status, customer.StatusActive, customer.StatusArchived, customer.StatusMerged)),
		Tag:    check.Tag(given(n.tag)),
		Search: seen(ctx, query.ParseCustomerSearch(given(n.q))),
	}
}

// ListCustomers lists customers.
func (c api) ListCustomers(ctx context.Context, request ListCustomersRequestObject) (ListCustomersResponseObject, error) {
	var check query.Parameters
	p := request.Params
	filter := customerNarrowing{phone: p.Phone, email: p.Email, status: p.Status, tag: p.Tag, q: p.Q}.filter(ctx, &check)
	page := check.Page(request.Params.Limit, given(request.Params.Cursor))
	if err := check.Problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Customers(ctx, workspaceOf(ctx), filter, page)
	return ListCustomers200JSONResponse(seenList(ctx, list)), err
}

// AddCustomer adds a customer.
func (c api) AddCustomer(ctx context.Context, request AddCustomerRequestObject) (AddCustomerResponseObject, error) {
	stored, err := c.commands.AddCustomer.Handle(ctx, command.AddCustomer{By: byOf(ctx), Details: *request.Body})
	answer, err := c.storedCustomer(ctx, stored, err)
	return AddCustomer201JSONResponse{
		Body: answer.Body,
		Headers: AddCustomer201ResponseHeaders{
			Location: "/api/v1/customers/" + answer.Body.ID.String(), ETag: answer.Headers.ETag,
			OrderbridgePosition: answer.Headers.OrderbridgePosition,
		},
	}, err
}

// GetCustomer shows a customer, as they are or as they were.
func (c api) GetCustomer(ctx context.Context, request GetCustomerRequestObject) (GetCustomerResponseObject, error) {
	read := c.queries.Customer
	if at := request.Params.At; at != nil {
		read = func(ctx context.Context, workspaceID, id uuid.UUID) (query.Customer, error) {
			return c.queries.AsOf.Customer(ctx, workspaceID, id, *at)
		}
	}
	found, err := read(ctx, workspaceOf(ctx), request.ID)
	return GetCustomer200JSONResponse{
		Body: seen(ctx, found), Headers: GetCustomer200ResponseHeaders{ETag: etag(found.Version)},
	}, err
}

// EditCustomer changes a customer.
func (c api) EditCustomer(ctx context.Context, request EditCustomerRequestObject) (EditCustomerResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	stored, err := c.commands.EditCustomer.Handle(ctx, command.EditCustomer{
		By: byOf(ctx), ID: request.ID, IfVersion: version, Edit: *request.Body,
	})
	answer, err := c.storedCustomer(ctx, stored, err)
	return EditCustomer200JSONResponse{answer}, err
}

// ArchiveCustomer takes a customer out of use.
func (c api) ArchiveCustomer(ctx context.Context, request ArchiveCustomerRequestObject) (ArchiveCustomerResponseObject, error) {
	answer, err := c.setCustomerStatus(ctx, request.ID, request.Params.IfMatch, customer.StatusArchived)
	return ArchiveCustomer200JSONResponse{answer}, err
}

// RestoreCustomer brings a customer back into use.
func (c api) RestoreCustomer(ctx context.Context, request RestoreCustomerRequestObject) (RestoreCustomerResponseObject, error) {
	answer, err := c.setCustomerStatus(ctx, request.ID, request.Params.IfMatch, customer.StatusActive)
	return RestoreCustomer200JSONResponse{answer}, err
}

func (c api) setCustomerStatus(
	ctx context.Context, id uuid.UUID, ifMatch *string, status customer.Status,
) (CustomerStoredJSONResponse, error) {
	version, err := ifVersion(ifMatch)
	if err != nil {
		return CustomerStoredJSONResponse{}, err
	}
	stored, err := c.commands.ChangeCustomerStatus.Handle(ctx, command.ChangeCustomerStatus{
		By: byOf(ctx), ID: id, IfVersion: version, Status: status,
	})
	return c.storedCustomer(ctx, stored, err)
}

// ListDuplicates lists what customers share.
func (c api) ListDuplicates(ctx context.Context, request ListDuplicatesRequestObject) (ListDuplicatesResponseObject, error) {
	var check query.Parameters
	page := check.Page(request.Params.Limit, "")
	if err := check.Problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Duplicates.Handle(ctx, workspaceOf(ctx), given(request.Params.Cursor), page.Limit)
	return ListDuplicates200JSONResponse(seenList(ctx, list)), err
}

type mergeRequest struct {
	MergedID uuid.UUID `json:"merged_id"`
	Take     []string  `json:"take"`
	DryRun   bool      `json:"dry_run"`
}

type unmergeRequest struct {
	DryRun bool `json:"dry_run"`
}

// MergeCustomers merges one customer into another, or shows what that would do.
func (c api) MergeCustomers(ctx context.Context, request MergeCustomersRequestObject) (MergeCustomersResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	done, err := c.commands.MergeCustomers.Handle(ctx, command.MergeCustomers{
		By: byOf(ctx), IfVersion: version, Survivor: request.ID, Merged: request.Body.MergedID, Take: request.Body.Take, DryRun: request.Body.DryRun,
	})
	answer, err := c.merged(ctx, done, done.Survivor, request.Body.DryRun, err)
	return MergeCustomers200JSONResponse{answer}, err
}

// UnmergeCustomer takes a merge back, or shows what that would do.
func (c api) UnmergeCustomer(ctx context.Context, request UnmergeCustomerRequestObject) (UnmergeCustomerResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	done, err := c.commands.MergeCustomers.Unmerge(ctx, command.UnmergeCustomer{
		By: byOf(ctx), IfVersion: version, Merged: request.ID, DryRun: request.Body.DryRun,
	})
	answer, err := c.merged(ctx, done, done.Other, request.Body.DryRun, err)
	return UnmergeCustomer200JSONResponse{answer}, err
}

// merged answers with who both are. Tagged is the one whom the request is about.
func (c api) merged(
	ctx context.Context, done command.MergedCustomers, tagged customer.Snapshot, dryRun bool, err error,
) (MergedJSONResponse, error) {
	if err != nil {
		return MergedJSONResponse{}, err
	}
	c.settle(ctx, done.Position)
	return MergedJSONResponse{
		Body:    query.MergeOf(done.Before, done.Survivor, done.Other, dryRun),
		Headers: MergedResponseHeaders{ETag: etag(tagged.Version), OrderbridgePosition: done.Position},
	}, nil
}

// storedCustomer answers a command with the customer that it left behind.
func (c api) storedCustomer(ctx context.Context, stored command.Stored[customer.State], err error) (CustomerStoredJSONResponse, error) {
	if err != nil {
		return CustomerStoredJSONResponse{}, err
	}
	c.settle(ctx, stored.Position)
	return CustomerStoredJSONResponse{
		Body:    seen(ctx, query.CustomerOf(stored.State, stored.Version)),
		Headers: CustomerStoredResponseHeaders{ETag: etag(stored.Version), OrderbridgePosition: stored.Position},
	}, nil
}
