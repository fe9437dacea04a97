package http

import (
	"context"

	"orderbridge/app/query"
)

// ListSources lists order sources.
func (c api) ListSources(ctx context.Context, request ListSourcesRequestObject) (ListSourcesResponseObject, error) {
	var check query.Parameters
	page := check.Page(request.Params.Limit, given(request.Params.Cursor))
	if err := check.Problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Sources(ctx, workspaceOf(ctx), page)
	return ListSources200JSONResponse(list), err
}
