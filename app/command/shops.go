package command

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"orderbridge/domain/workspace"
)

// ConnectShop lets a Pancake shop deliver to a workspace.
type ConnectShop struct {
	By   By
	Shop workspace.Shop
	// HeaderValue is what the shop is to send; it is made up when it is empty.
	HeaderValue string
}

// StoredShop is what a command about a shop left behind. Its version is 0 when the shop is not connected any more.
type StoredShop struct {
	Stored[string] // the shop's id

	// HeaderValue is the value that was made up: the one time it is seen. It is empty when the caller chose it.
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

// Handle connects the shop. It is in force for the next delivery; what waited for the shop is brought in.
func (h ConnectShopHandler) Handle(ctx context.Context, cmd ConnectShop) (StoredShop, error) {
	assigneeKnown, err := isKnown(ctx, h.users, cmd.By.WorkspaceID, cmd.Shop.DefaultAssigneeID)
	if err != nil {
		return StoredShop{}, err
	}
	cmd.Shop.ID = workspace.ParseShopID(cmd.Shop.ID)
	value, madeUp := chosenOrMadeUp(cmd.HeaderValue)
	stored, err := changeShop(ctx, h.workspaces, cmd.By, 0, cmd.Shop.ID, func(w *workspace.Workspace) error {
		return w.ConnectShop(cmd.Shop, assigneeKnown, value, h.key)
	})
	if err == nil { // what waited when it was disconnected
		release(ctx, h.workspaces, cmd.By, &stored)
	}
	return StoredShop{Stored: stored, HeaderValue: madeUp}, err
}

// chosenOrMadeUp is a header value, and the same again if nobody chose it.
func chosenOrMadeUp(chosen string) (value, madeUp string) {
	if chosen != "" {
		return chosen, ""
	}
	madeUp = workspace.NewHeaderValue()
	return madeUp, madeUp
}

// isKnown tells whether a default assignee is an active user, or nobody.
func isKnown(ctx context.Context, users Users, workspaceID, assigneeID uuid.UUID) (bool, error) {
	if assigneeID == uuid.Nil {
		return true, nil
	}
	exists, err := users.Exists(ctx, workspaceID, assigneeID)
	if err != nil {
		return false, fmt.Errorf("look up default assignee: %w", err)
	}
	return exists, nil
}

// changeShop changes a shop that has the version which the change insists on.
func changeShop(
	ctx context.Context, workspaces Workspaces, by By, ifVersion IfVersion, shopID string, change func(*workspace.Workspace) error,
) (Stored[string], error) {
	stored := Stored[string]{State: shopID}
	position, err := workspaces.Update(ctx, by, func(w *workspace.Workspace) error {
		if version := w.ShopVersion(shopID); version > 0 {
			if err := ifVersion.Check(version); err != nil {
				return err
			}
		}
		if err := change(w); err != nil {
			return err
		}
		stored.Version = w.ShopVersion(shopID)
		return nil
	})
	stored.Position = position
	return stored, err
}

// UpdateShop changes what a shop is called and who gets its orders.
type UpdateShop struct {
	By        By
	IfVersion IfVersion
	ShopID    string
	Edit      workspace.ShopEdit
}

// UpdateShopHandler handles UpdateShop.
type UpdateShopHandler struct {
	workspaces Workspaces
	users      Users
}

// NewUpdateShopHandler makes the handler.
func NewUpdateShopHandler(workspaces Workspaces, users Users) UpdateShopHandler {
	return UpdateShopHandler{workspaces: workspaces, users: users}
}

// Handle changes the shop.
func (h UpdateShopHandler) Handle(ctx context.Context, cmd UpdateShop) (Stored[string], error) {
	assigneeKnown := true
	if cmd.Edit.DefaultAssigneeID != nil {
		var err error
		if assigneeKnown, err = isKnown(ctx, h.users, cmd.By.WorkspaceID, *cmd.Edit.DefaultAssigneeID); err != nil {
			return Stored[string]{}, err
		}
	}
	return changeShop(ctx, h.workspaces, cmd.By, cmd.IfVersion, cmd.ShopID, func(w *workspace.Workspace) error {
		return w.UpdateShop(cmd.ShopID, cmd.Edit, assigneeKnown)
	})
}

// RotateShopKey gives a shop a new header value.
type RotateShopKey struct {
	By        By
	IfVersion IfVersion
	ShopID    string
	// HeaderKey is the header's new name; empty to keep it.
	HeaderKey string
	// HeaderValue is the new value; it is made up when it is empty.
	HeaderValue string
	// Overlap is for how long the header before is taken too.
	Overlap time.Duration
}

// RotateShopKeyHandler handles RotateShopKey.
type RotateShopKeyHandler struct {
	workspaces Workspaces
	key        workspace.SecretKey
	now        func() time.Time
}

// NewRotateShopKeyHandler makes the handler.
func NewRotateShopKeyHandler(workspaces Workspaces, key workspace.SecretKey, now func() time.Time) RotateShopKeyHandler {
	return RotateShopKeyHandler{workspaces: workspaces, key: key, now: now}
}

// Handle rotates the key. The new one is in force for the next delivery.
func (h RotateShopKeyHandler) Handle(ctx context.Context, cmd RotateShopKey) (StoredShop, error) {
	value, madeUp := chosenOrMadeUp(cmd.HeaderValue)
	stored, err := changeShop(ctx, h.workspaces, cmd.By, cmd.IfVersion, cmd.ShopID, func(w *workspace.Workspace) error {
		return w.RotateShopKey(cmd.ShopID, cmd.HeaderKey, value, h.key, cmd.Overlap, h.now())
	})
	return StoredShop{Stored: stored, HeaderValue: madeUp}, err
}

// SetAPIKey keeps a shop's key of Pancake's API, or forgets it.
type SetAPIKey struct {
	By        By
	IfVersion IfVersion
	ShopID    string
	// Key is not looked at when it is to be forgotten.
	Key    string
	Remove bool
}

// SetAPIKeyHandler handles SetAPIKey.
type SetAPIKeyHandler struct {
	workspaces Workspaces
	key        workspace.SecretKey
}

// NewSetAPIKeyHandler makes the handler.
func NewSetAPIKeyHandler(workspaces Workspaces, key workspace.SecretKey) SetAPIKeyHandler {
	return SetAPIKeyHandler{workspaces: workspaces, key: key}
}

// Handle keeps the key.
func (h SetAPIKeyHandler) Handle(ctx context.Context, cmd SetAPIKey) (Stored[string], error) {
	return changeShop(ctx, h.workspaces, cmd.By, cmd.IfVersion, cmd.ShopID, func(w *workspace.Workspace) error {
		if cmd.Remove {
			return w.RemoveShopAPIKey(cmd.ShopID)
		}
		return w.SetShopAPIKey(cmd.ShopID, cmd.Key, APIKeyOf(cmd.By.WorkspaceID, cmd.ShopID), h.key)
	})
}

// APIKeyOf says whose a sealed key is.
func APIKeyOf(workspaceID uuid.UUID, shopID string) string {
	return "api key of " + workspaceID.String() + "/" + shopID
}

// PauseShop lets a shop's deliveries wait, or brings them in again.
type PauseShop struct {
	By        By
	IfVersion IfVersion
	ShopID    string
	Resume    bool
}

// PauseShopHandler handles PauseShop.
type PauseShopHandler struct{ workspaces Workspaces }

// NewPauseShopHandler makes the handler.
func NewPauseShopHandler(workspaces Workspaces) PauseShopHandler {
	return PauseShopHandler{workspaces: workspaces}
}

// Handle pauses or resumes the shop. What waited is brought in when it is resumed.
func (h PauseShopHandler) Handle(ctx context.Context, cmd PauseShop) (Stored[string], error) {
	stored, err := changeShop(ctx, h.workspaces, cmd.By, cmd.IfVersion, cmd.ShopID, func(w *workspace.Workspace) error {
		if cmd.Resume {
			return w.ResumeShop(cmd.ShopID)
		}
		return w.PauseShop(cmd.ShopID)
	})
	if err == nil && cmd.Resume {
		release(ctx, h.workspaces, cmd.By, &stored)
	}
	return stored, err
}

// release lets in what waited for a shop, in several transactions. The shop delivers already, so what is left when that
// fails or takes too long is no failure of the command: ReleaseHeld lets it in.
func release(ctx context.Context, workspaces Workspaces, by By, stored *Stored[string]) {
	for {
		released, position, err := workspaces.Release(ctx, by.WorkspaceID, stored.State)
		if err != nil || released == 0 {
			return
		}
		stored.Position = position
	}
}

// ReleaseHeldHandler lets in deliveries that wait and need not any more: what was left when a shop was resumed and the
// program died over it.
type ReleaseHeldHandler struct{ workspaces Workspaces }

// NewReleaseHeldHandler makes the handler.
func NewReleaseHeldHandler(workspaces Workspaces) ReleaseHeldHandler {
	return ReleaseHeldHandler{workspaces: workspaces}
}

// Handle lets them in, and returns how many there were.
func (h ReleaseHeldHandler) Handle(ctx context.Context) (int, error) {
	shops, err := h.workspaces.ToRelease(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for deliveries that wait: %w", err)
	}
	all := 0
	for _, shop := range shops {
		for {
			released, _, err := h.workspaces.Release(ctx, shop.WorkspaceID, shop.ShopID)
			if err != nil {
				return all, fmt.Errorf("let in what waited for shop %s: %w", shop.ShopID, err)
			}
			if released == 0 {
				break
			}
			all += released
		}
	}
	return all, nil
}

// DisconnectShop ends a shop's deliveries.
type DisconnectShop struct {
	By        By
	IfVersion IfVersion
	ShopID    string
}

// DisconnectShopHandler handles DisconnectShop.
type DisconnectShopHandler struct{ workspaces Workspaces }

// NewDisconnectShopHandler makes the handler.
func NewDisconnectShopHandler(workspaces Workspaces) DisconnectShopHandler {
	return DisconnectShopHandler{workspaces: workspaces}
}

// Handle disconnects the shop. What it delivered stays.
func (h DisconnectShopHandler) Handle(ctx context.Context, cmd DisconnectShop) (Stored[string], error) {
	return changeShop(ctx, h.workspaces, cmd.By, cmd.IfVersion, cmd.ShopID, func(w *workspace.Workspace) error {
		return w.DisconnectShop(cmd.ShopID)
	})
}
