package command

import (
	"context"

	"github.com/google/uuid"

	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

// CreateToken makes a token for the API.
type CreateToken struct {
	By   By
	Name string
	Role workspace.Role
}

// CreatedToken is a token that was made.
type CreatedToken struct {
	workspace.Token

	// Secret is what its holder sends: the one time it is seen.
	Secret   string
	Position int64
}

// CreateTokenHandler handles CreateToken.
type CreateTokenHandler struct{ workspaces Workspaces }

// NewCreateTokenHandler makes the handler.
func NewCreateTokenHandler(workspaces Workspaces) CreateTokenHandler {
	return CreateTokenHandler{workspaces: workspaces}
}

// Handle makes the token.
func (h CreateTokenHandler) Handle(ctx context.Context, cmd CreateToken) (CreatedToken, error) {
	var created CreatedToken
	id := event.NewID()
	position, err := h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) error {
		var err error
		created.Token, created.Secret, err = w.CreateToken(id, cmd.Name, cmd.Role)
		return err
	})
	if err != nil {
		return CreatedToken{}, err
	}
	created.Position = position
	return created, nil
}

// RevokeToken ends a token.
type RevokeToken struct {
	By By
	ID uuid.UUID
}

// RevokeTokenHandler handles RevokeToken.
type RevokeTokenHandler struct{ workspaces Workspaces }

// NewRevokeTokenHandler makes the handler.
func NewRevokeTokenHandler(workspaces Workspaces) RevokeTokenHandler {
	return RevokeTokenHandler{workspaces: workspaces}
}

// Handle revokes the token, and returns where that stands in the log. It is in force for the next request.
func (h RevokeTokenHandler) Handle(ctx context.Context, cmd RevokeToken) (position int64, err error) {
	return h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) error { return w.RevokeToken(cmd.ID) })
}
