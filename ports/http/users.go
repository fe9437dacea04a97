package http

import (
	"context"
	"fmt"
	"io"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/user"
)

// ListUsers lists users.
func (c crm) ListUsers(ctx context.Context, request ListUsersRequestObject) (ListUsersResponseObject, error) {
	var check parameters
	filter := query.UserFilter{Active: request.Params.Active, Text: check.text("q", request.Params.Q)}
	page := check.page(request.Params.Limit, request.Params.Cursor)
	if err := check.problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Users(ctx, workspaceOf(ctx), filter, page)
	return ListUsers200JSONResponse(list), err
}

// maxTextRunes is how long a text may be that is looked for.
const maxTextRunes = 200

func (p *parameters) text(path string, raw *string) string {
	text := given(raw)
	if len([]rune(text)) > maxTextRunes || !isPrintable(text) {
		p.refuse(path, "this is at most 200 visible characters")
	}
	return text
}

// GetUser shows a user.
func (c crm) GetUser(ctx context.Context, request GetUserRequestObject) (GetUserResponseObject, error) {
	found, err := c.queries.User(ctx, workspaceOf(ctx), request.ID)
	if err != nil {
		return nil, err
	}
	return GetUser200JSONResponse{Body: found, Headers: GetUser200ResponseHeaders{ETag: etag(found.Version)}}, nil
}

// AddUser adds a user.
func (c crm) AddUser(ctx context.Context, request AddUserRequestObject) (AddUserResponseObject, error) {
	stored, err := c.commands.AddUser.Handle(ctx, command.AddUser{
		By: byOf(ctx), Name: request.Body.Name, Phone: request.Body.Phone, Email: request.Body.Email,
	})
	if err != nil {
		return nil, err
	}
	c.settle(ctx, stored.Position)
	return AddUser201JSONResponse{Body: query.UserOf(stored.State), Headers: AddUser201ResponseHeaders{
		ETag: etag(stored.Version), OrderbridgePosition: stored.Position, Location: "/api/v1/users/" + stored.State.ID.String(),
	}}, nil
}

// EditUser changes a user.
func (c crm) EditUser(ctx context.Context, request EditUserRequestObject) (EditUserResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	stored, err := c.storedUser(ctx)(c.commands.EditUser.Handle(ctx, command.EditUser{
		By: byOf(ctx), ID: request.ID, IfVersion: version,
		Edit: user.Edit{Name: request.Body.Name, Phone: request.Body.Phone, Email: request.Body.Email},
	}))
	return EditUser200JSONResponse{stored}, err
}

// DeactivateUser takes a user out of use.
func (c crm) DeactivateUser(ctx context.Context, request DeactivateUserRequestObject) (DeactivateUserResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	stored, err := c.storedUser(ctx)(c.commands.SetUserActive.Handle(ctx, command.SetUserActive{
		By: byOf(ctx), ID: request.ID, IfVersion: version, Active: false,
	}))
	return DeactivateUser200JSONResponse{stored}, err
}

// ReactivateUser brings a user back into use.
func (c crm) ReactivateUser(ctx context.Context, request ReactivateUserRequestObject) (ReactivateUserResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	stored, err := c.storedUser(ctx)(c.commands.SetUserActive.Handle(ctx, command.SetUserActive{
		By: byOf(ctx), ID: request.ID, IfVersion: version, Active: true,
	}))
	return ReactivateUser200JSONResponse{stored}, err
}

// ImportUsers adds the users of a file.
func (c crm) ImportUsers(ctx context.Context, request ImportUsersRequestObject) (ImportUsersResponseObject, error) {
	file, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, fmt.Errorf("read file of users: %w", err)
	}
	dryRun := given(request.Params.DryRun)
	imported, err := c.commands.ImportUsers.Handle(ctx, command.ImportUsers{By: byOf(ctx), File: file, DryRun: dryRun})
	if err != nil {
		return nil, err
	}
	c.settle(ctx, imported.Position)
	return ImportUsers200JSONResponse{
		Body:    query.UserImportOf(imported.Added, imported.Unchanged, dryRun),
		Headers: ImportUsers200ResponseHeaders{OrderbridgePosition: imported.Position},
	}, nil
}

// ListUnmappedStaff lists the members of shops' staff whom no user is.
func (c crm) ListUnmappedStaff(ctx context.Context, request ListUnmappedStaffRequestObject) (ListUnmappedStaffResponseObject, error) {
	var check parameters
	page := check.page(request.Params.Limit, nil)
	if err := check.problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.UnmappedStaff(ctx, workspaceOf(ctx), page.Limit)
	return ListUnmappedStaff200JSONResponse(list), err
}

// MapStaff says which user a member of a shop's staff is.
func (c crm) MapStaff(ctx context.Context, request MapStaffRequestObject) (MapStaffResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	mapped, err := c.commands.MapStaff.Handle(ctx, command.MapStaff{
		By: byOf(ctx), UserID: request.ID, IfVersion: version, StaffKey: request.Body.StaffKey,
		StaffName: request.Body.StaffName, Past: request.Body.Past, DryRun: request.Body.DryRun,
	})
	if err != nil {
		return nil, err
	}
	c.settle(ctx, mapped.User.Position)
	past := query.PastOrders{Found: mapped.Found, Changed: mapped.Changed, Remaining: mapped.Remaining}
	return MapStaff200JSONResponse{
		Body:    query.MappedStaffOf(mapped.User.State, mapped.Staff, request.Body.DryRun, past),
		Headers: MapStaff200ResponseHeaders{ETag: etag(mapped.User.Version), OrderbridgePosition: mapped.User.Position},
	}, nil
}

// UnmapStaff takes a mapping back.
func (c crm) UnmapStaff(ctx context.Context, request UnmapStaffRequestObject) (UnmapStaffResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	stored, err := c.storedUser(ctx)(c.commands.UnmapStaff.Handle(ctx, command.UnmapStaff{
		By: byOf(ctx), UserID: request.ID, IfVersion: version, StaffKey: request.Key,
	}))
	return UnmapStaff200JSONResponse{stored}, err
}

// storedUser answers a command with the user that it left behind.
func (c crm) storedUser(ctx context.Context) func(command.Stored[user.State], error) (UserStoredJSONResponse, error) {
	return func(stored command.Stored[user.State], err error) (UserStoredJSONResponse, error) {
		if err != nil {
			return UserStoredJSONResponse{}, err
		}
		c.settle(ctx, stored.Position)
		return UserStoredJSONResponse{
			Body:    query.UserOf(stored.State),
			Headers: UserStoredResponseHeaders{ETag: etag(stored.Version), OrderbridgePosition: stored.Position},
		}, nil
	}
}
