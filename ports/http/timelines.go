package http

import (
	"context"

	"orderbridge/app/query"
)

// GetOrderTimeline tells all that concerns an order.
func (c api) GetOrderTimeline(ctx context.Context, request GetOrderTimelineRequestObject) (GetOrderTimelineResponseObject, error) {
	if !isPrintable(request.Code) { // no order has such a code, and the database would call it an error
		return nil, query.ErrOrderNeverHeardOf
	}
	page, err := query.ParsePage(request.Params.Limit, given(request.Params.Cursor))
	if err != nil {
		return nil, err
	}
	told, err := c.queries.Timeline.OfOrder(ctx, workspaceOf(ctx), request.Code, page)
	return GetOrderTimeline200JSONResponse(seen(ctx, told)), err
}

// GetCustomerTimeline tells what happened to a customer.
func (c api) GetCustomerTimeline(ctx context.Context, request GetCustomerTimelineRequestObject) (GetCustomerTimelineResponseObject, error) {
	page, err := query.ParsePage(request.Params.Limit, given(request.Params.Cursor))
	if err != nil {
		return nil, err
	}
	told, err := c.queries.Timeline.OfCustomer(ctx, workspaceOf(ctx), request.ID, page)
	return GetCustomerTimeline200JSONResponse(seen(ctx, told)), err
}

// GetDeliveryTimeline tells what came of a delivery.
func (c api) GetDeliveryTimeline(ctx context.Context, request GetDeliveryTimelineRequestObject) (GetDeliveryTimelineResponseObject, error) {
	page, err := query.ParsePage(request.Params.Limit, given(request.Params.Cursor))
	if err != nil {
		return nil, err
	}
	told, err := c.queries.Timeline.OfDelivery(ctx, workspaceOf(ctx), request.ID, page)
	return GetDeliveryTimeline200JSONResponse(seen(ctx, told)), err
}

// GetUserTimeline tells what happened to a user.
func (c api) GetUserTimeline(ctx context.Context, request GetUserTimelineRequestObject) (GetUserTimelineResponseObject, error) {
	page, err := query.ParsePage(request.Params.Limit, given(request.Params.Cursor))
	if err != nil {
		return nil, err
	}
	told, err := c.queries.Timeline.OfUser(ctx, workspaceOf(ctx), request.ID, page)
	return GetUserTimeline200JSONResponse(seen(ctx, told)), err
}

// GetSettingsTimeline tells what happened to the settings, shops and tokens.
func (c api) GetSettingsTimeline(ctx context.Context, request GetSettingsTimelineRequestObject) (GetSettingsTimelineResponseObject, error) {
	page, err := query.ParsePage(request.Params.Limit, given(request.Params.Cursor))
	if err != nil {
		return nil, err
	}
	told, err := c.queries.Timeline.OfSettings(ctx, workspaceOf(ctx), page)
	return GetSettingsTimeline200JSONResponse(seen(ctx, told)), err
}
