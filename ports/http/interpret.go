package http

import (
	"context"

	"orderbridge/app/query"
	"orderbridge/domain/customer"
)

// InterpretOrder tells what a body would do. It changes nothing, so that it needs no settling.
func (c api) InterpretOrder(ctx context.Context, request InterpretOrderRequestObject) (InterpretOrderResponseObject, error) {
	var check query.Parameters
	rule := oneOf(&check, "match_by", request.Params.MatchBy, string(customer.MatchByPhone), string(customer.MatchByEmail),
		string(customer.MatchByPhoneOrEmail))
	if err := check.Problem(); err != nil {
		return nil, err
	}
	told, err := c.queries.Interpret.Body(ctx, workspaceOf(ctx), *request.Body, customer.MatchRule(rule))
	return InterpretOrder200JSONResponse(told), err
}
