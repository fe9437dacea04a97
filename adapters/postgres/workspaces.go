package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderbridge/adapters/postgres/internal/dbsqlc"
	"orderbridge/app/command"
	"orderbridge/domain/event"
	"orderbridge/domain/workspace"
)

// Workspaces stores workspaces: their events, and the directories of shops, rules and tokens.
type Workspaces struct{ db *Database }

var _ command.Workspaces = Workspaces{}

// NewWorkspaces makes the store.
func NewWorkspaces(db *Database) Workspaces { return Workspaces{db: db} }

// Update loads a workspace, lets decide change it, and stores the outcome.
func (s Workspaces) Update(ctx context.Context, by command.By, decide func(*workspace.Workspace) error) (int64, error) {
	return s.db.update(ctx, by, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		history, err := loadStream(ctx, tx, by.WorkspaceID, event.WorkspaceStream)
		if err != nil {
			return nil, fmt.Errorf("load workspace %s: %w", by.WorkspaceID, err)
		}
		w := workspace.Rehydrate(history)
		if err := decide(w); err != nil {
			return nil, err
		}
		if err := queueWorkspace(ctx, p, by.WorkspaceID, w); err != nil {
			return nil, err
		}
		return pendingEvents(by, event.WorkspaceStream, w.Version(), w.Pending()), nil
	})
}

// queueWorkspace changes the directories as the pending events say.
func queueWorkspace(ctx context.Context, p *pipeline, id uuid.UUID, w *workspace.Workspace) error {
	for _, payload := range w.Pending() {
		var err error
		switch e := payload.(type) {
		case workspace.ShopConnected:
			hash := w.HeaderHash(e.Shop.ID)
			err = queries.AddShop(ctx, p, dbsqlc.AddShopParams{
				WorkspaceID: id, ShopID: e.Shop.ID, Name: e.Shop.Name, HeaderKey: e.Shop.HeaderKey, HeaderHash: hash[:],
				DefaultAssigneeID: nullable(e.Shop.DefaultAssigneeID),
			})
		case workspace.ShopDisconnected:
			err = queries.RemoveShop(ctx, p, dbsqlc.RemoveShopParams{WorkspaceID: id, ShopID: e.ShopID})
		case workspace.MatchRuleChanged:
			err = queries.SetMatchRule(ctx, p, dbsqlc.SetMatchRuleParams{ID: id, MatchRule: string(e.After)})
		case workspace.TokenCreated:
			hash := w.TokenHash(e.TokenID)
			err = queries.AddToken(ctx, p, dbsqlc.AddTokenParams{
				ID: e.TokenID, WorkspaceID: id, Name: e.Name, Role: string(e.Role), TokenHash: hash[:],
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ensureDefaultWorkspace makes the first workspace of an empty database.
func (db *Database) ensureDefaultWorkspace(ctx context.Context) error {
	_, err := db.update(ctx, command.By{}, func(tx pgx.Tx, p *pipeline) ([]event.New, error) {
		exists, err := queries.AnyWorkspace(ctx, tx)
		if err != nil || exists {
			return nil, err
		}
		by := command.By{WorkspaceID: event.NewID(), Actor: event.ActorSystem}
		w := workspace.Create(DefaultWorkspace)
		if err := queries.AddWorkspace(ctx, p, dbsqlc.AddWorkspaceParams{
			ID: by.WorkspaceID, Name: w.Name(), IsDefault: true, MatchRule: string(w.MatchRule()),
		}); err != nil {
			return nil, err
		}
		return pendingEvents(by, event.WorkspaceStream, w.Version(), w.Pending()), nil
	})
	return err
}

// DefaultWorkspace is the name of the workspace that a new database starts with.
const DefaultWorkspace = "default"

func nullable(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }
