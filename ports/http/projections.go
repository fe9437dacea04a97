package http

import (
	"context"

	"orderbridge/app/projection"
	"orderbridge/app/query"
	"orderbridge/domain/problem"
)

// errProjectionUnknown is the answer to a name that no projection has.
var errProjectionUnknown = problem.NotFound("projection-unknown", "no projection has this name; see /api/v1/projections")

// ListProjections tells where all projections stand.
func (c api) ListProjections(ctx context.Context, _ ListProjectionsRequestObject) (ListProjectionsResponseObject, error) {
	states, err := c.projections.List(ctx)
	for i, state := range states {
		states[i] = state.SeenFrom(workspaceOf(ctx), seesContacts(ctx))
	}
	return ListProjections200JSONResponse(query.List[projection.Status]{Items: states}), err
}

// GetProjection tells where a projection stands.
func (c api) GetProjection(ctx context.Context, request GetProjectionRequestObject) (GetProjectionResponseObject, error) {
	states, err := c.projections.List(ctx)
	if err != nil {
		return nil, err
	}
	state, known := projection.Named(states, request.Name)
	if !known {
		return nil, errProjectionUnknown
	}
	return GetProjection200JSONResponse{ProjectionShownJSONResponse(state.SeenFrom(workspaceOf(ctx), seesContacts(ctx)))}, nil
}

// StartRebuild starts to make read tables anew.
func (c api) StartRebuild(ctx context.Context, request StartRebuildRequestObject) (StartRebuildResponseObject, error) {
	cmd := projection.RebuildRequest{By: byOf(ctx), Name: request.Name}
	if request.Body != nil {
		cmd.Rollback = given(request.Body.Rollback)
	}
	state, err := c.projections.StartRebuild(ctx, cmd)
	if err != nil {
		return nil, err
	}
	return StartRebuild202JSONResponse{ProjectionShownJSONResponse(state.SeenFrom(workspaceOf(ctx), seesContacts(ctx)))}, nil
}

// CancelRebuild ends a rebuild and drops what it built.
func (c api) CancelRebuild(ctx context.Context, request CancelRebuildRequestObject) (CancelRebuildResponseObject, error) {
	return CancelRebuild204Response{}, c.projections.CancelRebuild(ctx, request.Name)
}

// DropPreviousVersion drops the version that was read before.
func (c api) DropPreviousVersion(ctx context.Context, request DropPreviousVersionRequestObject) (DropPreviousVersionResponseObject, error) {
	return DropPreviousVersion204Response{}, c.projections.DropPrevious(ctx, byOf(ctx), request.Name)
}
