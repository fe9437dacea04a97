package command

import (
	"context"

	"github.com/google/uuid"

	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

// Workspaces stores workspaces.
type Workspaces interface {
	// Create stores a workspace that is new, and returns where its first event stands in the log. A name or host that
	// another workspace has is a problem of kind conflict.
	Create(ctx context.Context, by By, w *workspace.Workspace) (position int64, err error)
	// Update loads a workspace, lets decide change it, and stores the outcome; it may call decide again when another
	// writer came in between. It returns where the last event of the outcome stands in the log; 0 when nothing changed.
	Update(ctx context.Context, by By, decide func(*workspace.Workspace) error) (position int64, err error)
	// Release lets some of the deliveries in that waited for a shop which is not paused any more: how many, and where the
	// last of these events stands. It returns 0 when none is left.
	Release(ctx context.Context, workspaceID uuid.UUID, shopID string) (released int, position int64, err error)
	// ToRelease are the shops whose deliveries wait and need not any more.
	ToRelease(ctx context.Context) ([]ShopKey, error)
}

// CreateWorkspace sets up a CRM domain.
type CreateWorkspace struct {
	Actor event.Actor
	Name  string
	Hosts []string
	// Default makes it the one that requests to hosts go to which nobody claims.
	Default bool
}

// CreateWorkspaceHandler handles CreateWorkspace.
type CreateWorkspaceHandler struct{ workspaces Workspaces }

// NewCreateWorkspaceHandler makes the handler.
func NewCreateWorkspaceHandler(workspaces Workspaces) CreateWorkspaceHandler {
	return CreateWorkspaceHandler{workspaces: workspaces}
}

// Handle sets the workspace up and returns its id.
func (h CreateWorkspaceHandler) Handle(ctx context.Context, cmd CreateWorkspace) (uuid.UUID, error) {
	w, err := workspace.Create(cmd.Name, cmd.Hosts, cmd.Default)
	if err != nil {
		return uuid.Nil, err
	}
	by := By{WorkspaceID: event.NewID(), Actor: cmd.Actor}
	_, err = h.workspaces.Create(ctx, by, w)
	return by.WorkspaceID, err
}

// UpdateWorkspace changes which hosts belong to a workspace.
type UpdateWorkspace struct {
	By                    By
	AddHosts, RemoveHosts []string
	// MakeDefault makes it the default one in place of another.
	MakeDefault bool
}

// UpdateWorkspaceHandler handles UpdateWorkspace.
type UpdateWorkspaceHandler struct{ workspaces Workspaces }

// NewUpdateWorkspaceHandler makes the handler.
func NewUpdateWorkspaceHandler(workspaces Workspaces) UpdateWorkspaceHandler {
	return UpdateWorkspaceHandler{workspaces: workspaces}
}

// Handle changes the workspace. It is in force for the next delivery.
func (h UpdateWorkspaceHandler) Handle(ctx context.Context, cmd UpdateWorkspace) error {
	_, err := h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) error {
		if cmd.MakeDefault {
			w.SetDefault(true)
		}
		return w.ChangeHosts(cmd.AddHosts, cmd.RemoveHosts)
	})
	return err
}

// ChangeSettings changes how a workspace takes orders in.
type ChangeSettings struct {
	By        By
	IfVersion IfVersion
	Edit      workspace.SettingsEdit
}

// ChangeSettingsHandler handles ChangeSettings.
type ChangeSettingsHandler struct{ workspaces Workspaces }

// NewChangeSettingsHandler makes the handler.
func NewChangeSettingsHandler(workspaces Workspaces) ChangeSettingsHandler {
	return ChangeSettingsHandler{workspaces: workspaces}
}

// Handle changes the settings and returns them. They are in force for every order that is decided on from now.
func (h ChangeSettingsHandler) Handle(ctx context.Context, cmd ChangeSettings) (Stored[workspace.Settings], error) {
	var stored Stored[workspace.Settings]
	position, err := h.workspaces.Update(ctx, cmd.By, func(w *workspace.Workspace) error {
		if err := cmd.IfVersion.Check(w.SettingsVersion()); err != nil {
			return err
		}
		if err := w.EditSettings(cmd.Edit); err != nil {
			return err
		}
		stored.State, stored.Version = w.Settings(), w.SettingsVersion()
		return nil
	})
	stored.Position = position
	return stored, err
}
