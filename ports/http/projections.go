package http

import (
	"context"

	"github.com/google/uuid"

	"orderbridge/app/projection"
	"orderbridge/app/query"
)

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
	state, err := c.projectionNamed(ctx, request.Name)
	if err != nil {
		return nil, err
	}
	return GetProjection200JSONResponse{ProjectionShownJSONResponse(state.SeenFrom(workspaceOf(ctx), seesContacts(ctx)))}, nil
}

func (c api) projectionNamed(ctx context.Context, name string) (projection.Status, error) {
	states, err := c.projections.List(ctx)
	if err != nil {
		return projection.Status{}, err
	}
	state, known := projection.Named(states, name)
	if !known {
		return projection.Status{}, projection.ErrUnknown
	}
	return state, nil
}

// GetProjectionTimeline tells what was decided about a projection.
func (c api) GetProjectionTimeline(ctx context.Context, request GetProjectionTimelineRequestObject) (GetProjectionTimelineResponseObject, error) {
	page, err := query.ParsePage(request.Params.Limit, given(request.Params.Cursor))
	if err != nil {
		return nil, err
	}
	state, err := c.projectionNamed(ctx, request.Name)
	if err != nil {
		return nil, err
	}
	told, err := c.queries.Timeline.OfProjection(ctx, uuid.NullUUID{UUID: workspaceOf(ctx), Valid: true}, state.Name, string(state.State), page)
	return GetProjectionTimeline200JSONResponse(seen(ctx, told)), err
}

// SkipEvent lets a projection pass over the event that it is stopped at.
func (c api) SkipEvent(ctx context.Context, request SkipEventRequestObject) (SkipEventResponseObject, error) {
	decision, err := c.projections.Skip(ctx, projection.SkipRequest{By: byOf(ctx), Name: request.Name, Position: request.Body.Position})
	if err != nil {
		return nil, err
	}
	return SkipEvent200JSONResponse{Position: decision}, nil
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
	return CancelRebuild204Response{}, c.projections.CancelRebuild(ctx, byOf(ctx), request.Name)
}

// DropPreviousVersion drops the version that was read before.
func (c api) DropPreviousVersion(ctx context.Context, request DropPreviousVersionRequestObject) (DropPreviousVersionResponseObject, error) {
	return DropPreviousVersion204Response{}, c.projections.DropPrevious(ctx, byOf(ctx), request.Name)
}
