package http

import (
	"bytes"
	"context"
	"time"

	"orderbridge/app/command"
	"orderbridge/app/query"
)

// deliveryNarrowing is what deliveries are narrowed by, as it was sent.
type deliveryNarrowing struct {
	outcome, reason, shopID, orderCode, phone, q *string
	from, to                                     *time.Time
}

// filter reads it. Outcomes are those that may be meant.
func (n deliveryNarrowing) filter(ctx context.Context, check *query.Parameters, outcomes ...query.Outcome) query.DeliveryFilter {
	filter := query.DeliveryFilter{
		ShopID: check.ShopID(given(n.shopID)), Outcomes: check.Outcomes(given(n.outcome), outcomes...),
		Reason: check.Reason(given(n.reason)), ReceivedFrom: given(n.from), ReceivedTo: given(n.to),
		Phone: check.Phone(given(n.phone)), Search: query.ParseDeliverySearch(given(n.q)),
	}
	filter.OrderCode, filter.OrderCodePrefix = check.OrderCode(given(n.orderCode))
	if !seesContacts(ctx) {
		filter.Search = filter.Search.Masked()
	}
	return filter
}

// ListDeliveries lists deliveries.
func (c api) ListDeliveries(ctx context.Context, request ListDeliveriesRequestObject) (ListDeliveriesResponseObject, error) {
	var check query.Parameters
	params := request.Params
	filter := deliveryNarrowing{
		outcome: (*string)(params.Outcome), reason: params.Reason, shopID: params.ShopID, orderCode: params.OrderCode,
		phone: params.Phone, q: params.Q, from: params.ReceivedFrom, to: params.ReceivedTo,
	}.filter(ctx, &check, query.Outcomes()...)
	page := check.Page(params.Limit, given(params.Cursor))
	if err := check.Problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Deliveries(ctx, workspaceOf(ctx), filter, page)
	return ListDeliveries200JSONResponse(list), err
}

// CountDeliveries counts deliveries by outcome.
func (c api) CountDeliveries(ctx context.Context, request CountDeliveriesRequestObject) (CountDeliveriesResponseObject, error) {
	var check query.Parameters
	params := request.Params
	filter := deliveryNarrowing{
		outcome: (*string)(params.Outcome), reason: params.Reason, shopID: params.ShopID, orderCode: params.OrderCode,
		phone: params.Phone, q: params.Q, from: params.ReceivedFrom, to: params.ReceivedTo,
	}.filter(ctx, &check, query.Outcomes()...)
	if err := check.Problem(); err != nil {
		return nil, err
	}
	counts, err := c.queries.DeliveryCounts(ctx, workspaceOf(ctx), filter)
	return CountDeliveries200JSONResponse(counts), err
}

// GetDelivery shows a delivery with its steps. Its order and customer can be read from then on.
func (c api) GetDelivery(ctx context.Context, request GetDeliveryRequestObject) (GetDeliveryResponseObject, error) {
	found, err := c.queries.ExplainDelivery.Handle(ctx, workspaceOf(ctx), request.ID)
	told := int64(0) // what the steps tell of is read next
	for _, step := range found.Steps {
		told = max(told, step.Position)
	}
	c.settle(ctx, told)
	return GetDelivery200JSONResponse(seen(ctx, found)), err
}

// GetDeliveryBody gives the exact bytes that a delivery brought, as a file: no browser is to make anything else of them.
func (c api) GetDeliveryBody(ctx context.Context, request GetDeliveryBodyRequestObject) (GetDeliveryBodyResponseObject, error) {
	body, err := c.queries.DeliveryBody(ctx, workspaceOf(ctx), request.ID)
	return GetDeliveryBody200ApplicationOctetStreamResponse{
		Body: bytes.NewReader(body), ContentLength: int64(len(body)),
		Headers: GetDeliveryBody200ResponseHeaders{ContentDisposition: `attachment; filename="delivery-` + request.ID.String() + `"`},
	}, err
}

// RetryDelivery brings a delivery in once more.
func (c api) RetryDelivery(ctx context.Context, request RetryDeliveryRequestObject) (RetryDeliveryResponseObject, error) {
	position, err := c.commands.RetryDelivery.Handle(ctx, command.RetryDelivery{By: byOf(ctx), ID: request.ID})
	if err != nil {
		return nil, err
	}
	c.settle(ctx, position)
	found, err := c.queries.Delivery(ctx, workspaceOf(ctx), request.ID)
	return RetryDelivery200JSONResponse{
		Body: found, Headers: RetryDelivery200ResponseHeaders{OrderbridgePosition: position},
	}, err
}

// RetryDeliveries brings all deliveries in once more that match.
func (c api) RetryDeliveries(ctx context.Context, request RetryDeliveriesRequestObject) (RetryDeliveriesResponseObject, error) {
	var check query.Parameters
	body := request.Body
	filter := deliveryNarrowing{
		outcome: (*string)(body.Outcome), reason: body.Reason, shopID: body.ShopID, orderCode: body.OrderCode, phone: body.Phone,
		q: body.Q, from: body.ReceivedFrom, to: body.ReceivedTo,
	}.filter(ctx, &check, query.RetryableOutcomes()...)
	page := check.Page(nil, given(body.Cursor))
	if err := check.Problem(); err != nil {
		return nil, err
	}
	done, err := c.commands.RetryDeliveries.Handle(ctx, command.RetryDeliveries{
		By: byOf(ctx), Filter: filter, Before: page.Before, DryRun: given(body.DryRun),
	})
	if err != nil {
		return nil, err
	}
	c.settle(ctx, done.Position)
	return RetryDeliveries200JSONResponse{
		Body: done, Headers: RetryDeliveries200ResponseHeaders{OrderbridgePosition: done.Position},
	}, nil
}
