package http

import (
	"context"

	"orderbridge/app/query"
	"orderbridge/domain/problem"
)

// ListOrders lists orders.
func (c api) ListOrders(ctx context.Context, request ListOrdersRequestObject) (ListOrdersResponseObject, error) {
	var check query.Parameters
	filter := query.OrderFilter{
		ShopID: check.ShopID(given(request.Params.ShopID)), CustomerID: maybe(request.Params.CustomerID),
		Status: check.OrderStatus(given(request.Params.Status)), AssigneeID: maybe(request.Params.AssigneeID),
		OrderedFrom: given(request.Params.OrderedFrom), OrderedTo: given(request.Params.OrderedTo),
	}
	page := check.Page(request.Params.Limit, given(request.Params.Cursor))
	if err := check.Problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Orders(ctx, workspaceOf(ctx), filter, page)
	return ListOrders200JSONResponse(seenList(ctx, list)), err
}

// GetOrder shows an order, as it is or as it was.
func (c api) GetOrder(ctx context.Context, request GetOrderRequestObject) (GetOrderResponseObject, error) {
	if !isPrintable(request.Code) { // no order has such a code, and the database would call it an error
		return nil, errOrderUnknown
	}
	if at := request.Params.At; at != nil {
		found, err := c.queries.AsOf.Order(ctx, workspaceOf(ctx), request.Code, *at)
		return GetOrder200JSONResponse(seen(ctx, found)), err
	}
	found, err := c.queries.Order(ctx, workspaceOf(ctx), request.Code)
	return GetOrder200JSONResponse(seen(ctx, found)), err
}

var errOrderUnknown = problem.NotFound("order-unknown", "no order has this code")
