package http

import (
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"

	"orderbridge/app/command"
	"orderbridge/app/query"
	"orderbridge/domain/user"
)

// ListUsers lists users.
func (c api) ListUsers(ctx context.Context, request ListUsersRequestObject) (ListUsersResponseObject, error) {
	var check query.Parameters
	filter := query.UserFilter{
		Active: request.Params.Active, Text: text(&check, "q", request.Params.Q), WholeContacts: !seesContacts(ctx),
	}
	page := check.Page(request.Params.Limit, given(request.Params.Cursor))
	if err := check.Problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.Users(ctx, workspaceOf(ctx), filter, page)
	return ListUsers200JSONResponse(seenList(ctx, list)), err
}

// GetUser shows a user.
func (c api) GetUser(ctx context.Context, request GetUserRequestObject) (GetUserResponseObject, error) {
	found, err := c.queries.User(ctx, workspaceOf(ctx), request.ID)
	if err != nil {
		return nil, err
	}
	return GetUser200JSONResponse{Body: seen(ctx, found), Headers: GetUser200ResponseHeaders{ETag: etag(found.Version)}}, nil
}

// AddUser adds a user.
func (c api) AddUser(ctx context.Context, request AddUserRequestObject) (AddUserResponseObject, error) {
	stored, err := c.commands.AddUser.Handle(ctx, command.AddUser{
		By: byOf(ctx), Name: request.Body.Name, Phone: request.Body.Phone, Email: request.Body.Email,
	})
	answer, err := c.storedUser(ctx, stored, err)
	return AddUser201JSONResponse{
		Body: answer.Body,
		Headers: AddUser201ResponseHeaders{
			Location: "/api/v1/users/" + answer.Body.ID.String(), ETag: answer.Headers.ETag,
			OrderbridgePosition: answer.Headers.OrderbridgePosition,
		},
	}, err
}

// EditUser changes a user.
func (c api) EditUser(ctx context.Context, request EditUserRequestObject) (EditUserResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	stored, err := c.commands.EditUser.Handle(ctx, command.EditUser{
		By: byOf(ctx), ID: request.ID, IfVersion: version,
		Edit: user.Edit{Name: request.Body.Name, Phone: request.Body.Phone, Email: request.Body.Email},
	})
	answer, err := c.storedUser(ctx, stored, err)
	return EditUser200JSONResponse{answer}, err
}

// DeactivateUser takes a user out of use.
func (c api) DeactivateUser(ctx context.Context, request DeactivateUserRequestObject) (DeactivateUserResponseObject, error) {
	answer, err := c.setUserActive(ctx, request.ID, request.Params.IfMatch, false)
	return DeactivateUser200JSONResponse{answer}, err
}

// ReactivateUser brings a user back into use.
func (c api) ReactivateUser(ctx context.Context, request ReactivateUserRequestObject) (ReactivateUserResponseObject, error) {
	answer, err := c.setUserActive(ctx, request.ID, request.Params.IfMatch, true)
	return ReactivateUser200JSONResponse{answer}, err
}

func (c api) setUserActive(ctx context.Context, id uuid.UUID, ifMatch *string, active bool) (UserStoredJSONResponse, error) {
	version, err := ifVersion(ifMatch)
	if err != nil {
		return UserStoredJSONResponse{}, err
	}
	stored, err := c.commands.SetUserActive.Handle(ctx, command.SetUserActive{
		By: byOf(ctx), ID: id, IfVersion: version, Active: active,
	})
	return c.storedUser(ctx, stored, err)
}

// ImportUsers adds the users of a file.
func (c api) ImportUsers(ctx context.Context, request ImportUsersRequestObject) (ImportUsersResponseObject, error) {
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
func (c api) ListUnmappedStaff(ctx context.Context, request ListUnmappedStaffRequestObject) (ListUnmappedStaffResponseObject, error) {
	var check query.Parameters
	page := check.Page(request.Params.Limit, "")
	if err := check.Problem(); err != nil {
		return nil, err
	}
	list, err := c.queries.UnmappedStaff(ctx, workspaceOf(ctx), page.Limit)
	return ListUnmappedStaff200JSONResponse(seen(ctx, list)), err
}

// MapStaff says which user a member of a shop's staff is.
func (c api) MapStaff(ctx context.Context, request MapStaffRequestObject) (MapStaffResponseObject, error) {
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
func (c api) UnmapStaff(ctx context.Context, request UnmapStaffRequestObject) (UnmapStaffResponseObject, error) {
	version, err := ifVersion(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	stored, err := c.commands.UnmapStaff.Handle(ctx, command.UnmapStaff{
		By: byOf(ctx), UserID: maybe(&request.ID), IfVersion: version, StaffKey: request.Key,
	})
	answer, err := c.storedUser(ctx, stored, err)
	return UnmapStaff200JSONResponse{answer}, err
}

// storedUser answers a command with the user that it left behind.
func (c api) storedUser(ctx context.Context, stored command.Stored[user.State], err error) (UserStoredJSONResponse, error) {
	if err != nil {
		return UserStoredJSONResponse{}, err
	}
	c.settle(ctx, stored.Position)
	return UserStoredJSONResponse{
		Body:    query.UserOf(stored.State),
		Headers: UserStoredResponseHeaders{ETag: etag(stored.Version), OrderbridgePosition: stored.Position},
	}, nil
}
