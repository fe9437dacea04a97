package http

import (
	"context"
	"slices"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/workspace"
)

// GetWorkspace shows the caller's workspace.
func (c api) GetWorkspace(ctx context.Context, _ GetWorkspaceRequestObject) (GetWorkspaceResponseObject, error) {
	all, err := c.queries.Workspaces(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(w query.Workspace) bool { return w.ID == workspaceOf(ctx) })
	if at < 0 {
		return nil, errTokenUnknown
	}
	return GetWorkspace200JSONResponse(all[at]), nil
}

// GetSettings shows the settings.
func (c api) GetSettings(ctx context.Context, _ GetSettingsRequestObject) (GetSettingsResponseObject, error) {
	settings, err := c.queries.Settings(ctx, workspaceOf(ctx))
	return GetSettings200JSONResponse{SettingsShownJSONResponse{
		Body: settings, Headers: SettingsShownResponseHeaders{ETag: etag(settings.Version)},
	}}, err
}

// ChangeSettings changes settings.
func (c api) ChangeSettings(ctx context.Context, request ChangeSettingsRequestObject) (ChangeSettingsResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	stored, err := c.commands.ChangeSettings.Handle(ctx, command.ChangeSettings{
		By: byOf(ctx), IfVersion: version, Edit: workspace.SettingsEdit{
			MatchRule: request.Body.MatchBy, OrderCodeTemplate: request.Body.OrderCodeTemplate, TimeZone: request.Body.TimeZone,
			SkipCancelled: request.Body.SkipCancelled, ShopLimit: request.Body.ShopLimit,
		},
	})
	if err != nil {
		return nil, err
	}
	c.settle(ctx, stored.Position)
	settings, err := c.queries.Settings(ctx, workspaceOf(ctx))
	return ChangeSettings200JSONResponse{SettingsStoredJSONResponse{
		Body: settings, Headers: SettingsStoredResponseHeaders{ETag: etag(stored.Version), OrderbridgePosition: stored.Position},
	}}, err
}
