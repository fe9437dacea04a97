package command

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"orderbridge/domain/customer"
	"orderbridge/domain/event"
	"orderbridge/domain/problem"
	"orderbridge/domain/workspace"
)

// Workspaces stores workspaces.
type Workspaces interface {
	// Update loads a workspace, lets decide change it, and stores the outcome; it may call decide again when another
	// writer came in between. It returns where the last event of the outcome stands in the log; 0 when nothing changed.
	Update(ctx context.Context, by By, decide func(*workspace.Workspace) error) (position int64, err error)
}

// ConnectShop lets a Pancake shop deliver to a workspace.
type ConnectShop struct {
	By          By
	Shop        workspace.Shop
	HeaderValue string
}

// ConnectShopHandler handles ConnectShop.
type ConnectShopHandler struct {
	workspaces Workspaces
	users      Users
	key        workspace.SecretKey
}

// NewConnectShopHandler makes the handler.
func NewConnectShopHandler(workspaces Workspaces, users Users, key workspace.SecretKey) ConnectShopHandler {
	return ConnectShopHandler{workspaces: workspaces, users: users, key: key}
}

// Handle connects the shop. It is in force for the next delivery.
func (h ConnectShopHandler) Handle(ctx context.Context, cmd ConnectShop) error {
	if assignee := cmd.Shop.DefaultAssigneeID; assignee != uuid.Nil {
		exists, err := h.users.Exists(ctx, cmd.By.WorkspaceID, assignee)
		if err != nil {
			return fmt.Errorf("look up default assignee: %w", err)
		}
		if !exists {
			return problem.InvalidFields("shop-invalid", problem.Field{
				Path: "default_assignee_id", Message: "no user has this id; see the list of users",
			})
		}
	}
	_, err := h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) error {
		return w.ConnectShop(cmd.Shop, cmd.HeaderValue, h.key)
	})
	return err
}

// DisconnectShop ends a shop's deliveries.
type DisconnectShop struct {
	By     By
	ShopID string
}

// DisconnectShopHandler handles DisconnectShop.
type DisconnectShopHandler struct{ workspaces Workspaces }

// NewDisconnectShopHandler makes the handler.
func NewDisconnectShopHandler(workspaces Workspaces) DisconnectShopHandler {
	return DisconnectShopHandler{workspaces: workspaces}
}

// Handle disconnects the shop. What it delivered stays.
func (h DisconnectShopHandler) Handle(ctx context.Context, cmd DisconnectShop) error {
	_, err := h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) error {
		return w.DisconnectShop(cmd.ShopID)
	})
	return err
}

// SetMatchRule chooses what buyers are recognised by.
type SetMatchRule struct {
	By   By
	Rule customer.MatchRule
}

// SetMatchRuleHandler handles SetMatchRule.
type SetMatchRuleHandler struct{ workspaces Workspaces }

// NewSetMatchRuleHandler makes the handler.
func NewSetMatchRuleHandler(workspaces Workspaces) SetMatchRuleHandler {
	return SetMatchRuleHandler{workspaces: workspaces}
}

// Handle sets the rule. It is in force for every order that is decided on from now.
func (h SetMatchRuleHandler) Handle(ctx context.Context, cmd SetMatchRule) error {
	_, err := h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) error {
		w.SetMatchRule(cmd.Rule)
		return nil
	})
	return err
}

// CreateToken makes a token for the API.
type CreateToken struct {
	By   By
	Name string
	Role workspace.Role
}

// CreateTokenHandler handles CreateToken.
type CreateTokenHandler struct{ workspaces Workspaces }

// NewCreateTokenHandler makes the handler.
func NewCreateTokenHandler(workspaces Workspaces) CreateTokenHandler {
	return CreateTokenHandler{workspaces: workspaces}
}

// Handle makes the token and returns it: the only time that it is seen.
func (h CreateTokenHandler) Handle(ctx context.Context, cmd CreateToken) (string, error) {
	var token string
	_, err := h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) error {
		var err error
		token, err = w.CreateToken(event.NewID(), cmd.Name, cmd.Role)
		return err
	})
	if err != nil {
		return "", err
	}
	return token, nil
}
