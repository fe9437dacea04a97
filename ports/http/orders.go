package http

import (
	"context"
	"time"

	"github.com/google/uuid"

	"orderbridge/app/query"
	"orderbridge/domain/problem"
)

// orderNarrowing is what orders are narrowed by, as it was sent.
type orderNarrowing struct {
	shopID, status         *string
	customerID, assigneeID *uuid.UUID
	from, to               *time.Time
}

// filter reads it.
func (n orderNarrowing) filter(check *query.Parameters) query.OrderFilter {
	return query.OrderFilter{
		ShopID: check.ShopID(given(n.shopID)), CustomerID: maybe(n.customerID), Status: check.OrderStatus(given(n.status)),
		AssigneeID: maybe(n.assigneeID), OrderedFrom: given(n.from), OrderedTo: given(n.to),
	}
}

// ListOrders lists orders.
func (c api) ListOrders(ctx context.Context, request ListOrdersRequestObject) (ListOrdersResponseObject, error) {
	var check query.Parameters
	p := request.Params
	filter := orderNarrowing{
		shopID: p.ShopID, customerID: p.CustomerID, status: p.Status, assigneeID: p.AssigneeID, from: p.OrderedFrom, to: p.OrderedTo,
	}.filter(&check)
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
