package http

import (
	"context"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

// ListTokens lists the tokens.
func (c api) ListTokens(ctx context.Context, _ ListTokensRequestObject) (ListTokensResponseObject, error) {
	tokens, err := c.queries.Tokens(ctx, workspaceOf(ctx))
	return ListTokens200JSONResponse(query.List[query.Token]{Items: tokens}), err
}

// CreateToken makes a token.
func (c api) CreateToken(ctx context.Context, request CreateTokenRequestObject) (CreateTokenResponseObject, error) {
	created, err := c.commands.CreateToken.Handle(ctx, command.CreateToken{
		By: byOf(ctx), Name: request.Body.Name, Role: workspace.Role(request.Body.Role),
	})
	if err != nil {
		return nil, err
	}
	c.settle(ctx, created.Position)
	exchangeOf(ctx).shownOnce = true
	return CreateToken201JSONResponse{TokenShownJSONResponse{
		Body:    query.ShownToken{ID: created.ID, Name: created.Name, Role: created.Role, Secret: created.Secret},
		Headers: TokenShownResponseHeaders{OrderbridgePosition: created.Position},
	}}, nil
}

// RevokeToken ends a token.
func (c api) RevokeToken(ctx context.Context, request RevokeTokenRequestObject) (RevokeTokenResponseObject, error) {
	position, err := c.commands.RevokeToken.Handle(ctx, command.RevokeToken{By: byOf(ctx), ID: request.ID})
	if err != nil {
		return nil, err
	}
	c.settle(ctx, position)
	return RevokeToken204Response{Headers: DoneResponseHeaders{OrderbridgePosition: position}}, nil
}
