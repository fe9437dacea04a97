package http

import (
	"context"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/customer"
)

// ListCustomers lists customers.
func (c api) ListCustomers(ctx context.Context, request ListCustomersRequestObject) (ListCustomersResponseObject, error) {
	var check query.Parameters
	filter := query.CustomerFilter{
		Phone:  check.Phone(given(request.Params.Phone)),
		Email:  check.Email(given(request.Params.Email)),
		Status: string(oneOf(&check, "status", request.Params.Status, customer.StatusActive, customer.StatusArchived)),
		Tag:    check.Tag(given(request.Params.Tag)),
		Search: seen(ctx, query.ParseCustomerSearch(given(request.Params.Q))),
	}
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
