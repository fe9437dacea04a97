package http

import (
	"context"

	"orderbridge/app/query"
)

// ListDeliveries lists deliveries.
func (c api) ListDeliveries(ctx context.Context, request ListDeliveriesRequestObject) (ListDeliveriesResponseObject, error) {
	var check query.Parameters
	filter := query.DeliveryFilter{
		ShopID: check.ShopID(given(request.Params.ShopID)),
		Outcome: oneOf(&check, "outcome", request.Params.Outcome, query.OutcomePending, query.OutcomeCreated, query.OutcomeUpdated,
			query.OutcomeUnchanged, query.OutcomeSkipped, query.OutcomeHeld, query.OutcomeFailed, query.OutcomeRejected),
	}
	page := check.Page(request.Params.Limit, given(request.Params.Cursor))
	if err := check.Problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Deliveries(ctx, workspaceOf(ctx), filter, page)
	return ListDeliveries200JSONResponse(list), err
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
